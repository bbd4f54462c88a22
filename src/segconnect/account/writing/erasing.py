"""Erases a person: everything that the store holds of somebody, as if they had never been known.

Who is erased is who reports count as one: all contacts, emails and devices that links join. What is
shared stays: products, tags and campaigns that other people may have, and what was seen on devices
that are nobody's in particular. An address that is sent again later is somebody new.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any, NamedTuple, Protocol

from sqlalchemy import Engine, Table, func, select, tuple_, update

from segconnect.account.store import schema
from segconnect.account.store.transaction import Key, Row
from segconnect.account.writing.identities import CONTACT, EMAIL, VISITOR
from segconnect.account.writing.work import WAITING, Operation, RefusalError, Work
from segconnect.database import snapshot

NOBODY = -1  # to whom what awaits an email belongs while it is erased
SHORTEST = 8  # characters of an id that is looked for in what runs left behind


class Reads(Protocol):
    """What finding a person needs of a store."""

    def select(self, table: Table, columns: tuple[str, ...], keys: Sequence[Key]) -> list[Row]:
        """Answers the rows whose columns equal one of the keys."""


class Known(NamedTuple):
    """By what a person is known."""

    account_pk: int
    identities: list[Row]
    contacts: list[Row]
    emails: list[str]

    @property
    def names(self) -> list[tuple[str, str]]:
        """Its emails, contact ids and devices: kind and value."""
        names = {(EMAIL, each): None for each in self.emails}
        names |= {(CONTACT, each["contact_id"]): None for each in self.contacts}
        names |= {(each["kind"], each["value"]): None for each in self.identities}
        return list(names)

    def of(self, kind: str) -> list[Row]:
        """Its identities of a kind."""
        return [each for each in self.identities if each["kind"] == kind]


def find(reads: Reads, account_pk: int, kind: str, value: str) -> Known | None:
    """Finds a person by an email, a contact id or a device; None: nobody is known by it."""

    def select(table: Table, columns: tuple[str, ...], keys: Sequence[Key]) -> list[Row]:
        return reads.select(table, columns, keys) if keys else []

    def named(kind: str, values: Sequence[str]) -> list[Row]:
        keys = [(account_pk, kind, each) for each in sorted(set(values))]
        return select(schema.identities, ("account_pk", "kind", "value"), keys)

    def contacts(column: str, values: Sequence[str]) -> list[Row]:
        keys = [(account_pk, each) for each in sorted(set(values))]
        return select(schema.contacts, ("account_pk", column), keys)

    of_value = named(kind, [value])
    column = {EMAIL: "email", CONTACT: "contact_id"}.get(kind)
    first = contacts(column, [value]) if column else []
    if kind == CONTACT and not of_value:  # a contact is who its email is
        of_value = named(EMAIL, [row["email"] for row in first[:1] if row["email"]])
    persons = sorted({row["person"] for row in of_value if not row["is_shared"]})
    identities = select(schema.identities, ("person",), [(each,) for each in persons])
    emails = [row["value"] for row in identities if row["kind"] == EMAIL]
    if kind == EMAIL:
        emails.append(value)
    elif not identities:
        emails += [row["email"] for row in first[:1] if row["email"]]
    ids = [row["value"] for row in identities if row["kind"] == CONTACT]
    by_id = contacts("contact_id", ids) + (first if kind == CONTACT else [])
    others = {row["email"] for row in by_id if row["email"]} - set(emails)
    elsewhere = {row["value"] for row in named(EMAIL, list(others))}
    own = {row["pk"]: row for row in contacts("email", emails)}
    if identities:  # of a contact with an email of its own the email says who it is
        own.update({row["pk"]: row for row in by_id if row["email"] not in elsewhere})
    else:
        own.update({row["pk"]: row for row in by_id if row["email"] is None})
    if not identities and not own and kind != EMAIL:
        return None
    emails += [row["email"] for row in own.values() if row["email"]]
    return Known(account_pk, identities, list(own.values()), list(dict.fromkeys(emails)))


def told(counts: Mapping[str, int]) -> str:
    """Says how much there was of each, as in "1 contact, 2 orders"; what there was none of, not."""
    words = {name: name.replace("_", " ") for name in counts}
    some = [
        f"{count:,} {words[name].removesuffix('s') if count == 1 else words[name]}"
        for name, count in counts.items()
        if count
    ]
    return ", ".join(some) or "nothing"


# -- before it is done ---------------------------------------------------------------------------


class Goes(NamedTuple):
    """What goes if somebody is erased."""

    names: list[tuple[str, str]]
    contacts: int
    orders: int
    subscriptions: int
    page_views: int
    tags: int

    @property
    def texts(self) -> list[str]:
        """By what the person is found in what runs left behind."""
        return texts(self.names)


def texts(names: Sequence[tuple[str, str]]) -> list[str]:
    """Answers emails, and ids in quotes that are long enough to be nothing else."""
    return [
        value if kind == EMAIL else f'"{value}"'
        for kind, value in names
        if kind == EMAIL or len(value) >= SHORTEST
    ]


class _Reader:
    """Reads without writing, where a group's transaction would hold others up."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def select(self, table: Table, columns: tuple[str, ...], keys: Sequence[Key]) -> list[Row]:
        """See `Reads`."""
        found = select(table).where(tuple_(*(table.c[name] for name in columns)).in_(keys))
        return [dict(row._mapping) for row in self._connection.execute(found)]


def look(engine: Engine, account_pk: int, who: tuple[str, str]) -> Goes | None:
    """Answers what would go if somebody were erased; None: nothing is known of them."""
    with snapshot(engine) as connection:
        known = find(_Reader(connection), account_pk, *who)
        if known is None:
            return None
        pks = [row["pk"] for row in known.contacts]
        counts = {}
        for table in WAITING:
            own = table.c.contact_pk.in_(pks)
            waits = (
                (table.c.account_pk == account_pk)
                & table.c.email.in_(known.emails)
                & table.c.contact_pk.is_(None)
            )
            counts[table.name] = sum(
                int(connection.scalar(select(func.count()).select_from(table).where(each)) or 0)
                for each in (own, waits)
            )
        views, tags = schema.page_views, schema.contact_tags
        seen = views.c.visitor_pk.in_([row["pk"] for row in known.of(VISITOR)])
        counts["page_views"] = int(
            connection.scalar(select(func.count()).select_from(views).where(seen)) or 0
        )
        counts["tags"] = int(
            connection.scalar(
                select(func.count()).select_from(tags).where(tags.c.contact_pk.in_(pks))
            ) or 0
        )  # fmt: skip
    found = Goes(known.names, len(pks), **counts)
    return found if known.identities or any(found[1:]) else None


def erase_errors(engine: Engine, account_pk: int, texts: Sequence[str]) -> None:
    """Takes out what integrations keep of the last call that was refused, if it names somebody."""
    uses, own = schema.integration_uses, schema.integrations.c
    told = func.lower(uses.c.last_error)
    ours = uses.c.integration_pk.in_(select(own.pk).where(own.account_pk == account_pk))
    with engine.begin() as connection:
        for text in texts:
            held = ours & told.contains(text.lower().strip('"'), autoescape=True)
            connection.execute(
                update(uses).where(held).values(last_error=None, last_error_at=None)
            )  # fmt: skip


# -- doing it ------------------------------------------------------------------------------------


def erase(work: Work, operation: Operation) -> dict[str, Any]:
    """Erases somebody, named by an email, a contact id or a device."""
    kind, value = operation.fields["named"]
    account, store = operation.account_pk, work.transaction
    known = find(store, account, kind, value)
    if known is None:
        raise RefusalError(f"nothing is known of {kind} '{value}'")
    store.overwrite()
    pks = [row["pk"] for row in known.contacts]
    owners = [{"pk": NOBODY, "account_pk": account, "email": each} for each in known.emails]
    if owners:
        store.link(WAITING, owners)
    counts = {"contacts": len(pks)}
    for table in WAITING:
        rows = store.select(table, ("contact_pk",), [(pk,) for pk in (*pks, NOBODY)])
        counts[table.name] = len(rows)
        work.erase(account, table.name, [row["pk"] for row in rows])
    visitors = [row["pk"] for row in known.of(VISITOR)]
    counts["page_views"] = sum(
        len(store.select(schema.page_views, ("visitor_pk",), [(pk,)])) for pk in visitors
    )
    identities = [row["pk"] for row in known.identities]
    for table, columns in ((schema.links, ("one_pk", "other_pk")),
                           (schema.devices, ("identity_pk",))):  # fmt: skip
        for column, pk in product(columns, identities):
            store.delete(table, (column,), [(pk,)])
    for name, keys in (("page_views", visitors), ("identities", identities),
                       ("contact_tags", pks), ("contacts", pks)):  # fmt: skip
        work.erase(account, name, keys)
    if not identities and not any(counts.values()):
        raise RefusalError(f"nothing is known of {kind} '{value}'")
    return {"erased": counts, "known_as": known.names}
