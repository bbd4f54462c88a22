"""One account's copy: made from the store, and brought up to date from it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import Connection, Engine, select

from segconnect.account.channels import Rules
from segconnect.account.owner import preferences
from segconnect.account.owner import tracking_settings as tracking
from segconnect.account.replica import crediting, derived, selling, sorting
from segconnect.account.replica.crediting import Kept
from segconnect.account.replica.files import Slot, remove
from segconnect.account.replica.origins import origins
from segconnect.account.replica.tables import COPIED, Copied
from segconnect.account.store import changes, schema
from segconnect.account.store.changes import Changes
from segconnect.database import snapshot
from segconnect.errors import StoreError

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

LAYOUT = 4  # to be counted up with every change of what is copied or computed
QUIET = "set enable_progress_bar = false"  # or it is printed between what a command says
LOG = "256MB"  # written before it is copied into the file, which takes a second where it is much
MEMORY = "1GB"  # that DuckDB takes at most; what does not fit goes to disk

BY_NAME = {table.name: table for table in COPIED}


class World(NamedTuple):
    """What all rows of an account are read by; the copy is made anew when it changes."""

    zone: str
    rules: Rules
    own_hosts: tuple[str, ...]
    fingerprint: str

    @classmethod
    def read(cls, connection: Connection, account_pk: int) -> World:
        """Reads it from the store."""
        import duckdb

        table = schema.accounts.c
        query = select(table.account_id, table.timezone).where(table.pk == account_pk)
        account = connection.execute(query).one()
        rules = preferences.channel_rules(connection, account_pk)
        hosts = tracking.read(preferences.get(connection, account_pk, tracking.NAME)).own_hosts
        parts = (LAYOUT, duckdb.__version__, *account, rules.text, rules.strict, hosts)
        return cls(account.timezone, rules, tuple(hosts), _digest(repr(parts)))

    @property
    def zone_literal(self) -> str:
        """The time zone as SQL."""
        return "'{}'".format(self.zone.replace("'", "''"))


def _digest(text: str) -> str:
    return blake2b(text.encode(), digest_size=16).hexdigest()


def _mark(connection: Connection, account_pk: int, number: int) -> str:
    """Tells a number's note from that of another history, such as before a backup was put back."""
    table = schema.changes.c
    query = select(table.noted).where(table.account_pk == account_pk, table.number == number)
    return _digest(connection.scalar(query) or "")


class Held(NamedTuple):
    """What a copy says of itself."""

    fingerprint: str  # of the world that it was made by
    number: int
    mark: str
    integrations: list[tuple[Any, ...]]
    models: set[str]  # whose credits are kept


class Copy:
    """The copy of one account. One thread at a time may refresh it; any number may read."""

    def __init__(self, engine: Engine, slot: Slot, account_pk: int) -> None:
        self._engine, self._slot, self._account_pk = engine, slot, account_pk
        self._copy: DuckDBPyConnection | None = None
        self._held: Held

    def refresh(self, models: Sequence[Kept]) -> int:
        """Brings the copy up to the store as it is now; answers the store's change number.

        Raises:
            StoreError: The store cannot be read, or the copy not be written.
        """
        import duckdb

        try:
            try:
                number = self._refreshed()
            except duckdb.Error:  # broken, whatever it is: the store has everything
                number = None
            if number is None:
                number = self._built()
            self._keep(models)
        except duckdb.Error as error:
            self.close()
            first = str(error).partition("\n")[0]
            raise StoreError(f"the replica cannot be written: {first}") from None
        return number

    def keeps(self, models: Sequence[Kept]) -> bool:
        """Whether the credits of these models are in a copy that is open."""
        return self._copy is not None and self._held.models.issuperset(map(str, models))

    def cursor(self) -> DuckDBPyConnection:
        """Opens a connection that reads what there is now, whatever is written meanwhile."""
        assert self._copy is not None
        cursor = self._copy.cursor()
        cursor.execute(QUIET)
        cursor.execute("begin")
        cursor.execute("select count(*) from state")  # a transaction sees what its first query sees
        return cursor

    def close(self) -> None:
        """Closes the file."""
        if self._copy is not None:
            self._copy.close()
            self._copy = None

    # -- making ----------------------------------------------------------------------------------

    def _built(self) -> int:
        """Makes the copy anew."""
        self.close()
        with self._slot.alone():
            remove(self._slot.building)
            copy = _open(self._slot.building)
            try:
                with _transaction(copy):
                    number = self._fill(copy)
                copy.execute("checkpoint")
            finally:
                copy.close()
            self._slot.put()
        self._opened()
        return number

    def _fill(self, copy: DuckDBPyConnection) -> int:
        statements = [each for table in COPIED for each in table.statements()]
        for statement in (*statements, *STATE, *derived.tables(), *crediting.tables()):
            copy.execute(statement)
        with snapshot(self._engine) as store:
            world = World.read(store, self._account_pk)
            number = changes.newest(store, self._account_pk)
            mark = _mark(store, self._account_pk, number)
            for table in COPIED:
                table.prepare(copy)
                self._arrive(copy, table, table.everything(store, self._account_pk), world)
            _append(copy, "integrations", _integrations(store, self._account_pk))
        sorting.sort(copy, "page_views")
        derived.everybody(copy)
        derived.all_touches(copy)
        derived.all_leads(copy)
        selling.everything(copy)
        copy.execute("insert into state values (?, ?, ?)", [world.fingerprint, number, mark])
        return number

    def _arrive(
        self, copy: DuckDBPyConnection, table: Copied, parts: Iterable[Sequence[Any]], world: World
    ) -> int:
        """Puts rows into a table; answers how many they were."""
        count = 0
        for rows in parts:
            _append(copy, f"new_{table.name}", rows)
            copy.execute(table.insert(world.zone_literal))
            copy.execute(f"truncate new_{table.name}")
            if table.name == "contacts":
                named = (dict(zip(table.columns, row, strict=True)) for row in rows)
                _append(copy, "origins", list(origins(named, world.rules, world.own_hosts)))
            count += len(rows)
        return count

    # -- refreshing ------------------------------------------------------------------------------

    def _refreshed(self) -> int | None:
        """Brings an existing copy up to date; None: there is none of this store and version."""
        if self._copy is None and not self._opened():
            return None
        copy, held = self._copy, self._held
        assert copy is not None
        with snapshot(self._engine) as store:
            world = World.read(store, self._account_pk)
            if (world.fingerprint, held.mark) != (
                held.fingerprint, _mark(store, self._account_pk, held.number)
            ):  # fmt: skip
                return None
            found = changes.since(store, self._account_pk, held.number)
            if found is None:
                return None
            integrations = _integrations(store, self._account_pk)
            if found.keys or integrations != held.integrations:
                mark = _mark(store, self._account_pk, found.number)
                with _transaction(copy):
                    if integrations != held.integrations:
                        copy.execute("delete from integrations")
                        _append(copy, "integrations", integrations)
                    self._apply(copy, store, found, world)
                    copy.execute("update state set number = ?, mark = ?", [found.number, mark])
                self._held = held._replace(
                    number=found.number, mark=mark, integrations=integrations
                )
        return found.number

    def _opened(self) -> bool:
        """Opens the file that there is, if there is one."""
        path = self._slot.current()
        if path is None:
            return False
        copy = self._copy = _open(path)
        ((fingerprint, number, mark),) = copy.execute(
            "select fingerprint, number, mark from state"
        ).fetchall()
        integrations = copy.execute("select * from integrations order by pk").fetchall()
        models = {name for (name,) in copy.execute("select model from models").fetchall()}
        self._held = Held(fingerprint, number, mark, integrations, models)
        return True

    def _apply(
        self, copy: DuckDBPyConnection, store: Connection, found: Changes, world: World
    ) -> None:
        if not found.keys:
            return
        derived.begin(copy)
        added = dict.fromkeys(sorting.ORDER, 0)
        for table in COPIED:
            keys = found.keys.get(table.noted)
            if not keys:
                continue
            table.prepare(copy)
            copy.execute(f"truncate keys_{table.name}")
            listed = [key if isinstance(key, tuple) else (key,) for key in keys]
            _append(copy, f"keys_{table.name}", listed)
            are_known = True
            if table.essence:
                are_known = copy.execute(table.remember()).fetchall() != [(0,)]
            if are_known:
                copy.execute(table.delete())
            if are_known and table.name == "contacts":
                copy.execute(
                    "delete from origins o using keys_contacts k where o.contact_pk = k.pk"
                )
            added[table.name] = self._arrive(copy, table, table.of_keys(store, keys), world)
            if table.essence:
                copy.execute(table.compare() if are_known else table.arrived())
        derived.note_tracked(copy, found.keys)
        kinds = derived.changed_people(copy, are_renamed="identities" in found.keys)
        if kinds:
            added["touches"], are_touched = derived.changed_touches(copy, kinds)
            if "contact" in kinds:
                added["leads"] = derived.changed_leads(copy)
            added.update(crediting.changed_credits(copy, kinds, are_touched=are_touched))
        are_orders = "orders" in found.keys
        added.update(selling.changed(copy, are_orders=are_orders, are_bought="order" in kinds))
        sorting.sort_where_needed(copy, added)

    def _keep(self, models: Sequence[Kept]) -> None:
        assert self._copy is not None
        missing = [model for model in models if str(model) not in self._held.models]
        if missing:
            with _transaction(self._copy):
                crediting.keep(self._copy, missing)
            self._held.models.update(map(str, missing))


def _integrations(store: Connection, account_pk: int) -> list[tuple[Any, ...]]:
    """Reads the integrations, which are few and have no change numbers."""
    table = schema.integrations.c
    query = select(table.pk, table.integration_id, table.kind, table.name, table.created_at)
    query = query.where(table.account_pk == account_pk).order_by(table.pk)
    return [tuple(row) for row in store.execute(query)]


STATE = (
    "create table state (fingerprint varchar, number bigint, mark varchar)",
    "create table integrations (pk bigint, integration_id varchar, kind varchar, name varchar,"
    " created_at bigint)",
    "create table appended (name varchar, rows bigint)",
)


def _open(path: Path) -> DuckDBPyConnection:
    import duckdb

    copy = duckdb.connect(
        str(path),
        config={
            "memory_limit": MEMORY,
            "checkpoint_threshold": LOG,
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
        },
    )
    copy.execute(QUIET)
    return copy


@contextmanager
def _transaction(copy: DuckDBPyConnection) -> Iterator[None]:
    copy.execute("begin")
    try:
        yield
    except BaseException:
        copy.execute("rollback")
        raise
    copy.execute("commit")


def _append(copy: DuckDBPyConnection, table: str, rows: Sequence[Any]) -> None:
    if rows:
        appender = copy.appender(table)
        appender.append_rows(rows)
        appender.flush()
