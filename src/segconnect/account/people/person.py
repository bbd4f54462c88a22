"""Reads the person behind a contact: its other contacts, its emails, and what it saw."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from enum import StrEnum
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

from pydantic import TypeAdapter, ValidationError
from sqlalchemy import ColumnElement, Connection, RowMapping, Table, select

from segconnect.account.channels import split
from segconnect.account.store import schema
from segconnect.account.writing.identities import CONTACT, EMAIL, VISITOR
from segconnect.errors import UsageError
from segconnect.types import Email, Id
from segconnect.wire.shape import utc_text

identities, page_views, contacts = schema.identities, schema.page_views, schema.contacts


class Person(NamedTuple):
    """One person, in however many integrations and under however many emails."""

    account_pk: int
    names: frozenset[int]  # of the person among identities; empty if nothing is known but contacts
    emails: frozenset[str]
    contacts: dict[int, str]  # the ids of its contacts, by pk

    def owns(self, table: Table) -> Iterator[ColumnElement[bool]]:
        """Answers conditions for orders or subscriptions, each answered by an index of its own."""
        yield table.c.contact_pk.in_(self.contacts)
        if self.emails:  # of those, what waits because nobody was imported with the email
            yield (
                (table.c.account_pk == self.account_pk)
                & table.c.email.in_(self.emails)
                & table.c.contact_pk.is_(None)
            )


def person_of(connection: Connection, contact: RowMapping) -> Person:
    """Finds the person that a contact is."""
    account = contact["account_pk"]
    names = {
        name
        for kind, value in ((EMAIL, contact["email"]), (CONTACT, contact["contact_id"]))
        if value is not None
        for name in connection.scalars(
            select(identities.c.person).where(
                identities.c.account_pk == account,
                identities.c.kind == kind,
                identities.c.value == value,
            )
        )
    }
    emails = {contact["email"]} - {None}
    ids: set[str] = set()
    if names:
        members = select(identities.c.kind, identities.c.value).where(
            identities.c.person.in_(names), identities.c.kind != VISITOR
        )
        for kind, value in connection.execute(members):
            (emails if kind == EMAIL else ids).add(value)
    own = {contact["pk"]: contact["contact_id"]}
    for column, values in ((contacts.c.email, emails), (contacts.c.contact_id, ids)):
        if values:
            query = select(contacts.c.pk, contacts.c.contact_id).where(
                contacts.c.account_pk == account, column.in_(values)
            )
            own.update((pk, contact_id) for pk, contact_id in connection.execute(query))
    return Person(account, frozenset(names), frozenset(emails), own)


def events(connection: Connection, person: Person, contact_id: str) -> list[dict[str, Any]]:
    """Answers what a person saw, the oldest first; what bots and shared devices saw is nobody's."""
    if not person.names:
        return []
    query = (
        select(page_views, identities.c.value.label("uid"))
        .join(identities, identities.c.pk == page_views.c.visitor_pk)
        .where(
            identities.c.person.in_(person.names),
            identities.c.kind == VISITOR,
            identities.c.is_shared.is_(False),
            page_views.c.device != "bot",
        )
        .order_by(page_views.c.date_created, page_views.c.visitor_pk, page_views.c.hit)
    )
    return [_event(row._mapping, contact_id) for row in connection.execute(query)]


def _event(view: RowMapping, contact_id: str) -> dict[str, Any]:
    """A page view as the reporting API shows it."""
    url = f"{'https' if view['is_secure'] else 'http'}://{view['host']}{view['path']}"
    return {
        "type": "page_view",
        "contact_id": contact_id,
        "uid": view["uid"],
        "fingerprint": None,  # none is ever made
        "date_created": utc_text(view["date_created"]),
        "ip_address": view["ip_address"],
        "country_code": view["country_code"],
        "region": view["region"],
        "city": view["city"],
        "postal_code": view["postal_code"],
        "latitude": None if view["latitude"] is None else str(view["latitude"]),
        "longitude": None if view["longitude"] is None else str(view["longitude"]),
        "url": url,
        "full_url": f"{url}?{view['query']}" if view["query"] else url,
        "referrer": split(view["referrer"] or "").host or None,
        "host": view["host"],
        "path": view["path"],
        "args": dict(parse_qsl(view["query"], keep_blank_values=True)),
        "meta": {"device": view["device"], "referrer_url": view["referrer"]},
        "channel": view["channel"],
        **{name: view[name] for name in UTM},
        "ad_id": view["ad_id"],
    }


UTM = ("utm_source", "utm_medium", "utm_campaign", "utm_term", "utm_content")


# -- for review ----------------------------------------------------------------------------------


class Link(NamedTuple):
    """Why two identities are one person, or were."""

    number: int
    one: str  # such as "visitor v1" or "email joey@bloggs.com"
    other: str
    reason: str
    date_created: int
    undone_at: int | None
    undone_reason: str | None
    made_by: str | None  # None: by itself
    undone_by: str | None

    def shown(self) -> dict[str, Any]:
        """The link with its times as texts."""
        undone = None if self.undone_at is None else utc_text(self.undone_at)
        return {
            **self._asdict(), "date_created": utc_text(self.date_created), "undone_at": undone
        }  # fmt: skip

    @property
    def ends(self) -> list[tuple[str, str]]:
        """The two, as a merge takes them."""
        return [(kind, value) for kind, _, value in (e.partition(" ") for e in self[1:3])]


class Device(NamedTuple):
    """What was said of a visitor's device, and the emails that were given on it."""

    uid: str
    is_shared: bool
    reason: str
    who: str | None  # None: it was marked by itself
    date_created: int
    emails: list[str]


class Links(StrEnum):
    """Which links are listed."""

    ALL = "all"
    BY_HAND = "by hand"
    UNDONE = "undone"


def identity_named(text: str) -> tuple[str, str]:
    """Reads how people name somebody: an email, a contact ID, or `visitor:UID`.

    Raises:
        UsageError: It is no email, or the name is empty.
    """
    kind, colon, value = text.partition(":")
    if not colon or kind not in (VISITOR, EMAIL, CONTACT):
        kind, value = (EMAIL if "@" in text else CONTACT), text
    try:
        return kind, (EMAILS if kind == EMAIL else IDS).validate_python(value)
    except ValidationError as error:
        message = str(error.errors()[0]["msg"]).removeprefix("Value error, ")
        raise UsageError(f"{text!r}: {message}") from None


def links(
    connection: Connection,
    account_pk: int,
    who: tuple[str, str] | None,
    limit: int,
    *,
    which: Links = Links.ALL,
    before: int | None = None,
) -> list[Link]:
    """Lists links of an account, the newest first: all, or those of one person, undone or not.

    Args:
        connection: To the store.
        account_pk: The account.
        who: Somebody; None is everybody.
        limit: The most to list.
        which: All, or some.
        before: The number of a link, after which the list goes on.

    Raises:
        UsageError: There is nobody of this name.
    """
    table = schema.links.c
    one, other = identities.alias("one"), identities.alias("other")
    query = (
        select(table.pk, one.c.kind, one.c.value, other.c.kind, other.c.value, table.reason,
               table.date_created, table.undone_at, table.undone_reason, table.made_by,
               table.undone_by)
        .join(one, one.c.pk == table.one_pk)
        .join(other, other.c.pk == table.other_pk)
        .where(table.account_pk == account_pk)
        .order_by(table.pk.desc())
        .limit(limit)
    )  # fmt: skip
    if which is Links.BY_HAND:
        query = query.where(table.made_by.is_not(None) | table.undone_by.is_not(None))
    elif which is Links.UNDONE:
        query = query.where(table.undone_at.is_not(None))
    if before is not None:
        query = query.where(table.pk < before)
    if who is not None:
        members = select(identities.c.pk).where(
            identities.c.person.in_(_named(connection, account_pk, who))
        )
        query = query.where(table.one_pk.in_(members) | table.other_pk.in_(members))
    return [
        Link(row[0], f"{row[1]} {row[2]}", f"{row[3]} {row[4]}", *row[5:])
        for row in connection.execute(query)
    ]


def devices(connection: Connection, account_pk: int, limit: int) -> list[Device]:
    """Lists the devices of an account that are shared, or were said not to be: the newest first."""
    table, links = schema.devices.c, schema.links.c
    query = (
        select(schema.devices, identities.c.value)
        .join(identities, identities.c.pk == table.identity_pk)
        .where(table.account_pk == account_pk)
        .order_by(table.date_created.desc(), table.identity_pk.desc())
        .limit(limit)
    )
    rows = connection.execute(query).all()
    emails: dict[int, list[str]] = defaultdict(list)
    given = (
        select(links.one_pk, identities.c.value)
        .join(identities, identities.c.pk == links.other_pk)
        .where(links.one_pk.in_([row.identity_pk for row in rows]), identities.c.kind == EMAIL)
        .order_by(links.pk)
    )
    for pk, email in connection.execute(given):
        emails[pk].append(email)
    return [
        Device(row.value, bool(row.is_shared), row.reason, row.who, row.date_created,
               emails[row.identity_pk])
        for row in rows
    ]  # fmt: skip


def members(connection: Connection, account_pk: int, who: tuple[str, str]) -> list[tuple[str, str]]:
    """Lists all by which one person is known: kind and value; a device that is shared says so.

    Raises:
        UsageError: There is nobody of this name.
    """
    query = (
        select(identities.c.kind, identities.c.value, identities.c.is_shared)
        .where(identities.c.person.in_(_named(connection, account_pk, who)))
        .order_by(identities.c.kind, identities.c.first_seen, identities.c.pk)
    )
    return [
        (f"{kind}, shared" if is_shared else kind, value)
        for kind, value, is_shared in connection.execute(query)
    ]


def _named(connection: Connection, account_pk: int, who: tuple[str, str]) -> list[int]:
    kind, value = who
    found = connection.scalars(
        select(identities.c.person).where(
            identities.c.account_pk == account_pk,
            identities.c.kind == kind,
            identities.c.value == value,
        )
    ).all()
    if not found:
        raise UsageError(f"nothing is known of {kind} {value!r} but what was imported")
    return list(found)


EMAILS: TypeAdapter[str] = TypeAdapter(Email)
IDS: TypeAdapter[str] = TypeAdapter(Id)
