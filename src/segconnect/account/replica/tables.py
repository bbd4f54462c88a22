"""Which tables are copied, how their rows are read, and what is computed of them on the way in."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any

from sqlalchemy import BigInteger, Boolean, Connection, Float, Integer, Select, select, tuple_

from segconnect.account.replica.origins import UTM
from segconnect.account.store import schema
from segconnect.account.store.changes import KEYS

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

CHUNK = 50_000  # rows that are held in memory at a time
KEYS_AT_ONCE = 5000  # in one query
LEFT_OUT = "account_pk"  # a copy is of one account

HOST = r"'^(?:(?:[a-z][a-z0-9+.-]*:)?//)?(?:[^/?#@]*@)?([^/?#:]+)'"


@dataclass(frozen=True)
class Copied:
    """A table of the store, as it is copied."""

    name: str
    computed: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    """Columns that the store has not, or has in another form: type, and SQL over a row."""
    noted_as: str = ""
    """The table under whose keys its changes are noted, if not its own."""
    key: tuple[str, ...] = ()
    """The columns of those keys, if they are called otherwise here."""
    kind: str = ""
    """What `people` calls those who are in it."""
    essence: str = ""
    """The columns that people, touches and credits are computed from; the others change nothing."""
    types: Mapping[str, str] = field(default_factory=dict)
    """Types of columns, where they are not the store's."""

    @property
    def noted(self) -> str:
        """The name that changes are noted under."""
        return self.noted_as or self.name

    @property
    def keys(self) -> tuple[str, ...]:
        """The columns that changes are noted by."""
        return self.key or KEYS[self.noted]

    @property
    def columns(self) -> dict[str, str]:
        """The columns that are read from the store, and their types."""
        table = schema.metadata.tables[self.name]
        types = {c.name: _type(c.type) for c in table.columns if c.name != LEFT_OUT}
        return {**types, **self.types}

    def statements(self) -> Iterator[str]:
        """Makes the table."""
        computed = {name: type_ for name, (type_, _) in self.computed.items()}
        yield _create(f"create table {self.name}", self.columns | computed)

    def prepare(self, copy: DuckDBPyConnection) -> None:
        """Makes the place where rows arrive, and the one of keys."""
        columns = self.columns
        copy.execute(_create(f"create temp table if not exists new_{self.name}", columns))
        keys = {name: columns[name] for name in self.keys}
        copy.execute(_create(f"create temp table if not exists keys_{self.name}", keys))

    def insert(self, zone: str) -> str:
        """Takes over the rows that arrived."""
        values = {name: f"n.{name}" for name in self.columns}
        for name, (_, sql) in self.computed.items():
            values[name] = sql.replace("{zone}", zone)
        return (
            f"insert into {self.name} ({', '.join(values)})"
            f" select {', '.join(values.values())} from new_{self.name} n"
        )

    def delete(self) -> str:
        """Deletes the rows of the keys."""
        where = " and ".join(f"t.{name} = k.{name}" for name in self.keys)
        return f"delete from {self.name} t using keys_{self.name} k where {where}"

    def remember(self) -> str:
        """Keeps what is essential of the rows of the keys, before they are deleted.

        Answers how many there are.
        """
        return f"create or replace temp table old_{self.name} as {self._essential()}"

    def compare(self) -> str:
        """Notes those rows as changed that are not what they were."""
        old, new = f"from old_{self.name}", self._essential()
        return (
            f"insert into changed select distinct '{self.kind}', pk from"
            f" (({old} except {new}) union all ({new} except {old}))"
        )

    def arrived(self) -> str:
        """Notes the rows of the keys as changed, of which there were none before."""
        return (
            f"insert into changed select '{self.kind}', pk from {self.name}"
            f" semi join keys_{self.name} using (pk)"
        )

    def _essential(self) -> str:
        return f"select pk, {self.essence} from {self.name} semi join keys_{self.name} using (pk)"

    # -- reading from the store ------------------------------------------------------------------

    def everything(self, connection: Connection, account_pk: int) -> Iterator[list[Any]]:
        """Reads all rows of an account, some at a time, in the order of their keys."""
        table = schema.metadata.tables[self.name]
        query = self._query()
        owner = next((name for name in OWNERS if name in table.c), "")
        owned = table if LEFT_OUT in table.c else OWNERS[owner]
        if owned is not table:
            query = query.join(owned, owned.c.pk == table.c[owner])
        if connection.dialect.name == "sqlite":
            # + 0: it would walk an index and look every row up, out of order
            query = query.where(owned.c[LEFT_OUT] + 0 == account_pk)
            query = query.order_by(*table.primary_key)
        else:
            query = query.where(owned.c[LEFT_OUT] == account_pk)
        yield from _rows(connection, query)

    def of_keys(self, connection: Connection, keys: Collection[Any]) -> Iterator[list[Any]]:
        """Reads the rows of some keys."""
        table = schema.metadata.tables[self.name]
        columns = [table.c[name] for name in self.keys]
        left = iter(sorted(keys))
        while some := list(islice(left, KEYS_AT_ONCE)):
            wanted = (
                columns[0].in_(some)
                if len(columns) == 1
                else tuple_(*columns).in_([tuple(key) for key in some])
            )
            yield from _rows(connection, self._query().where(wanted))

    def _query(self) -> Select[Any]:
        table = schema.metadata.tables[self.name]
        return select(*(table.c[name] for name in self.columns))


def _rows(connection: Connection, query: Select[Any]) -> Iterator[list[Any]]:
    """Reads rows some at a time, as the driver answers them: SQLAlchemy's take as long again."""
    text = str(query.compile(connection, compile_kwargs={"literal_binds": True}))
    driver: Any = connection.connection
    cursor = driver.cursor() if connection.dialect.name == "sqlite" else driver.cursor("replica")
    try:
        cursor.execute(text)
        while rows := cursor.fetchmany(CHUNK):
            yield rows
    finally:
        cursor.close()


OWNERS = {
    "integration_pk": schema.integrations,
    "contact_pk": schema.contacts,
    "order_pk": schema.orders,
}


def _type(type_: Any) -> str:
    if isinstance(type_, Boolean):
        return "boolean"
    if isinstance(type_, (BigInteger, Integer)):
        return "bigint"
    return "double" if isinstance(type_, Float) else "varchar"


def _create(what: str, columns: Mapping[str, str]) -> str:
    return f"{what} ({', '.join(f'{name} {type_}' for name, type_ in columns.items())})"


def local_day(column: str) -> tuple[str, str]:
    """The day of a time in the account's zone."""
    return "date", f"cast(timezone({{zone}}, to_timestamp(n.{column})) as date)"


COPIED = [
    Copied(
        "contacts",
        {"day": local_day("date_created")},
        kind="contact",
        essence=f"contact_id, email, date_created, {', '.join(UTM)}, referring_url, optin_url",
    ),
    Copied("contact_tags", {"day": local_day("date_created")}),
    Copied("tags"),
    Copied("products"),
    Copied(
        "orders",
        {"day": local_day("date_created")},
        kind="order",
        essence="contact_pk, email, amount, paid, date_created",
    ),
    Copied("order_items", noted_as="orders", key=("order_pk",)),
    Copied(
        "subscriptions",
        {
            "day": local_day("start_date"),
            "last_bill_day": local_day("last_bill_date"),
            "trial_end_day": local_day("trial_end_date"),
            "end_day": local_day("end_date"),
            "canceled_day": local_day("canceled_date"),
        },
        kind="subscription",
        essence="contact_pk, email",
    ),
    Copied("adcampaigns"),
    Copied("adsets"),
    Copied("ads"),
    Copied("ad_performance", types={"day": "date"}),
    Copied("identities"),
    Copied(
        "page_views",
        {
            "day": local_day("date_created"),
            "referrer_host": (
                "varchar", f"nullif(regexp_extract(lower(n.referrer), {HOST}, 1), '')"
            ),
        },
    ),
]  # fmt: skip
