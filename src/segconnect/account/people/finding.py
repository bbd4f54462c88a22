"""Finds contacts: by what somebody types, by filters, and a page after another.

What is typed is looked for as the beginning of an email, and as an ID: that the store's indexes
answer at once, however many contacts there are. Everything else is asked of the replica.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from enum import StrEnum
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Engine, func, literal_column, select, tuple_

from segconnect.account.store import schema
from segconnect.clock import now
from segconnect.errors import UsageError, unknown_name

if TYPE_CHECKING:
    from segconnect.account.reports.run import Reading

MOST_WORDS = 6  # of what was typed
END = chr(0x10FFFF)  # after every character
PAGE = 50
MAX_TAGS = 500  # that are offered


class Status(StrEnum):
    """Where somebody stands: of the whole person, whatever contact of it is looked at."""

    LEAD = "lead"  # has paid nothing yet
    CUSTOMER = "customer"  # has paid for an order
    SUBSCRIBER = "subscriber"  # has a subscription that runs now


class Asked(NamedTuple):
    """Which contacts are looked for."""

    typed: str = ""
    tag: str = ""  # its name
    status: str = ""
    integration: str = ""  # its id
    channel: str = ""  # of the first visit
    start: str = ""  # days of the contact's creation, ISO
    end: str = ""
    several: bool = False  # with more than one email or contact
    after: str = ""  # Found.after of the page before

    @property
    def is_filtered(self) -> bool:
        """Whether anything but words is asked for."""
        return any(self[1:-1])


class Row(NamedTuple):
    """A contact as a list shows it."""

    pk: int
    contact_id: str
    email: str | None
    first_name: str | None
    last_name: str | None
    status: str
    date_created: int
    integration_pk: int
    paid: int = 0  # cents, of the orders that are this contact's own


class Origin(NamedTuple):
    """How somebody came first."""

    channel: str
    source: str | None  # as the link said it, else the site that had it


class Found(NamedTuple):
    """A page of contacts."""

    rows: list[Row]
    total: int | None  # None: was not counted
    after: str  # asks for the next page; "": there is none


COLUMNS = Row._fields[:-1]


def find(engine: Engine, facts: Reading, account_pk: int, asked: Asked, most: int = PAGE) -> Found:
    """Finds a page of contacts; those that came last are first, but emails in their own order.

    Raises:
        UsageError: A filter cannot be used.
    """
    typed = asked.typed.strip()
    conditions = list(_conditions(asked))
    is_email_page = " " in asked.after
    found = None
    if not conditions and not (asked.after and typed and not is_email_page):
        found = _indexed(engine, account_pk, typed.lower(), asked.after, most)
    if found is None or (typed and not found.rows and not asked.after):
        found = _scanned(facts, account_pk, typed, conditions, asked.after, most)
    with engine.connect() as connection:
        paid = _paid(connection, [row.pk for row in found.rows])
    return found._replace(rows=[row._replace(paid=paid.get(row.pk, 0)) for row in found.rows])


def _paid(connection: Connection, pks: list[int]) -> dict[int, int]:
    orders = schema.orders.c
    query = select(orders.contact_pk, func.sum(orders.paid)).where(orders.contact_pk.in_(pks))
    return {pk: int(paid) for pk, paid in connection.execute(query.group_by(orders.contact_pk))}


# -- by the store's indexes ----------------------------------------------------------------------


def _indexed(engine: Engine, account_pk: int, typed: str, after: str, most: int) -> Found:
    """Finds contacts whose email begins with what was typed, or whose id it is; or the last."""
    table = schema.contacts.c
    number, _, email = after.partition(" ")
    query = select(*(table[name] for name in COLUMNS)).limit(most + 1)
    if not typed:
        # + 0: SQLite would read the whole account by an index, and sort it
        query = query.where(table.account_pk + 0 == account_pk).order_by(table.pk.desc())
        if after:
            query = query.where(table.pk < _number(number))
        with engine.connect() as connection:
            return _page([Row(*row) for row in connection.execute(query)], most)
    own = table.account_pk == account_pk
    key: ColumnElement[Any] = table.email
    if engine.dialect.name == "postgresql":  # whose own order of texts leaves out punctuation
        key = literal_column('email collate "C"', table.email.type)
    begins = query.where(own, key >= (email or typed), key < typed + END).order_by(key, table.pk)
    if after:
        begins = begins.where(tuple_(key, table.pk) > tuple_(email, _number(number)))
    with engine.connect() as connection:
        named = select(*(table[name] for name in COLUMNS)).where(own, table.contact_id == typed)
        of_id = [] if after else [Row(*row) for row in connection.execute(named)]
        known = {row.pk for row in of_id}
        rows = [Row(*row) for row in connection.execute(begins)]
    page = _page([row for row in rows if row.pk not in known], most, by_email=True)
    return page._replace(rows=of_id + page.rows)


MAX_NUMBER = 10**18


def _number(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 18:
        raise UsageError("the list does not go on from there; load it anew")
    return int(text)


def _page(rows: list[Row], most: int, total: int | None = None, *, by_email: bool = False) -> Found:
    shown, after = rows[:most], ""
    if len(rows) > most:
        last = shown[-1]
        after = f"{last.pk} {last.email}" if by_email else str(last.pk)
    return Found(shown, total, after)


# -- in the replica ------------------------------------------------------------------------------

PERSON = "p.person"
Condition = tuple[str, list[Any]]  # over a contact c, and its PERSON

BOUGHT = (
    "(select o.person from people o join orders on orders.pk = o.pk"
    " where o.kind = 'order' and orders.paid > 0)"
)
RUNNING = """(
  select o.person from people o join subscriptions s on s.pk = o.pk
  where o.kind = 'subscription'
  and coalesce(least(s.end_date, s.canceled_date), s.end_date, s.canceled_date, ?) >= ?)"""
SEVERAL = """(
  select person from people where kind = 'contact' group by person having count(*) > 1
  union all
  select person from identities where kind = 'email' group by person having count(*) > 1)"""


def _conditions(asked: Asked) -> Iterator[Condition]:
    if asked.tag:
        tagged = "c.pk in (select contact_pk from contact_tags join tags on tags.pk = tag_pk"
        yield f"{tagged} where tags.name = ?)", [asked.tag]
    if asked.status:
        if asked.status not in list(Status):
            raise UsageError(unknown_name("status", asked.status[:100], list(Status)))
        if asked.status == Status.SUBSCRIBER:
            moment = int(now().timestamp())
            yield f"{PERSON} in {RUNNING}", [moment, moment]
        else:
            yield f"{PERSON} {'not' if asked.status == Status.LEAD else ''} in {BOUGHT}", []
    if asked.integration:
        own = "(select pk from integrations where integration_id = ?)"
        yield f"c.integration_pk in {own}", [asked.integration]
    if asked.channel:
        first = "(select person from touches where number = 1 and channel = ?)"
        yield f"{PERSON} in {first}", [asked.channel]
    for name, sign in (("start", ">="), ("end", "<=")):
        if text := getattr(asked, name):
            try:
                yield f"c.day {sign} ?", [date.fromisoformat(text)]
            except ValueError:
                raise UsageError(
                    f"{name}: {text[:30]!r} is no day; give one as 2026-02-01"
                ) from None
    if asked.several:
        yield f"{PERSON} in {SEVERAL}", []


WORD = (
    "(contains(c.email, ?) or contains(lower(c.first_name), ?) or contains(lower(c.last_name), ?))"
)
FIND = """
with every as materialized (select c.pk from contacts c {joined} where {where}),
page as (select pk from every where pk < ? order by pk desc limit {limit})
select (select count(*) from every), {columns} from page join contacts c using (pk)
order by c.pk desc
"""


def _scanned(
    facts: Reading, account_pk: int, typed: str, conditions: list[Condition], after: str, most: int
) -> Found:
    """Finds contacts whose email or name holds every word that was typed."""
    words = typed.lower().split()[:MOST_WORDS]
    if words:
        held = " and ".join([WORD] * len(words))
        given = [word for word in words for _ in range(WORD.count("?"))]
        conditions = [*conditions, (f"(({held}) or c.contact_id = ?)", [*given, typed])]
    where = " and ".join(sql for sql, _ in conditions)
    values = [value for _, given in conditions for value in given]
    joined = "join people p on p.kind = 'contact' and p.pk = c.pk" if PERSON in where else ""
    columns = ", ".join(f"c.{name}" for name in COLUMNS)
    query = FIND.format(joined=joined, where=where, limit=most + 1, columns=columns)
    before = _number(after) if after else MAX_NUMBER
    with facts(account_pk, ()) as found:
        rows = found.connection.execute(query, [*values, before]).fetchall()
    total = rows[0][0] if rows else 0
    return _page([Row(*row[1:]) for row in rows], most, None if after else total)


FIRST = """
select p.pk, t.channel, coalesce(nullif(t.utm_source, ''), nullif(t.referrer_host, ''))
from people p join touches t on t.person = p.person and t.number = 1
where p.kind = 'contact' and p.pk in (select unnest(?::bigint[]))
"""


def origins(facts: Reading, account_pk: int, pks: Sequence[int]) -> dict[int, Origin]:
    """Answers how those behind contacts came first; of whom no visit is known, nothing."""
    with facts(account_pk, ()) as found:
        rows = found.connection.execute(FIRST, [pks]).fetchall()
    return {pk: Origin(channel, source) for pk, channel, source in rows}


# -- what can be chosen --------------------------------------------------------------------------


def tags(engine: Engine, account_pk: int) -> list[str]:
    """Answers the names of an account's tags."""
    names, places = schema.tags.c.name, schema.integrations.c
    query = (
        select(names)
        .join(schema.integrations, places.pk == schema.tags.c.integration_pk)
        .where(places.account_pk == account_pk)
        .distinct()
        .order_by(names)
        .limit(MAX_TAGS)
    )
    with engine.connect() as connection:
        return list(connection.scalars(query))
