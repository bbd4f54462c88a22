"""Names for what a figure is made of: people by their contacts, and orders, ads and visits."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import NamedTuple

from segconnect.account.metrics import Fact, Metric, Number
from segconnect.account.metrics.facts import (
    LINES,
    MOVEMENTS,
    PAGE_VIEWS,
    SALES,
    SPEND,
    STATES,
    VISITS,
)
from segconnect.account.replica import Facts
from segconnect.account.reports.plan import Plan

OF_ORDERS = ("order_key", "refunded_key")
"""The columns of which orders are counted; of others that are counted, people are."""


class Part(NamedTuple):
    """A row of a fact, and what of a figure it is."""

    person: int | None
    key: tuple[object, ...]  # of the fact's row: of an order its pk
    part: Number


class Named(NamedTuple):
    """Who and what a part is, as people know them."""

    contact_id: str  # "" where there is no contact
    email: str
    of: str  # the order, the ad and its day, the visit and so on; "" where somebody is counted
    at: int | None  # when: seconds since 1970, UTC


class Thing(NamedTuple):
    """What a part is, apart from whose."""

    of: str = ""
    email: str = ""
    at: int | None = None


def named(facts: Facts, plan: Plan, metric: Metric, listed: Sequence[Part]) -> list[Named]:
    """Tells who and what the parts of a metric are."""
    people = _people(facts, {each.person for each in listed if each.person is not None})
    is_people = metric.is_distinct and metric.column not in OF_ORDERS
    tell = None if is_people else THINGS.get(plan.fact_of(metric))
    things = [Thing()] * len(listed) if tell is None else tell(facts, listed)
    told = []
    for part, thing in zip(listed, things, strict=True):
        contact_id, email, joined = people.get(part.person, ("", "", None))
        at = joined if tell is None else thing.at
        told.append(Named(contact_id, email or thing.email, thing.of, at))
    return told


def _people(facts: Facts, people: Collection[int]) -> dict[int | None, tuple[str, str, int]]:
    """Their contact, email and when they became a lead; of who is none, the email of an order."""
    rows = facts.connection.execute(
        "select l.person, c.contact_id, coalesce(c.email, ''), l.moment from leads l"
        " join contacts c on c.pk = l.contact_pk where l.person in (select unnest(?))"
        " union all select p.person, '', coalesce(min(o.email), ''), min(o.date_created)"
        " from people p join orders o on o.pk = p.pk where p.kind = 'order'"
        " and p.person in (select unnest(?)) and p.person not in (select person from leads)"
        " group by p.person",
        [sorted(people)] * 2,
    ).fetchall()
    return {person: (contact_id, email, at) for person, contact_id, email, at in rows}


def _orders(facts: Facts, listed: Sequence[Part]) -> list[Thing]:
    rows = facts.connection.execute(
        "select pk, order_id, coalesce(email, ''), date_created from orders"
        " where pk in (select unnest(?))",
        [list({each.key[0] for each in listed})],
    ).fetchall()
    found = {pk: Thing(*told) for pk, *told in rows}
    return [found.get(each.key[0], Thing()) for each in listed]


def _ads(facts: Facts, listed: Sequence[Part]) -> list[Thing]:
    rows = facts.connection.execute(
        "select integration_pk, ad_id, name from ads where ad_id in (select unnest(?))",
        [list({each.key[1] for each in listed})],
    ).fetchall()
    names = {(integration, ad): name for integration, ad, name in rows}
    keys = [each.key[:3] for each in listed]
    return [Thing(f"{names.get((of, ad)) or ad}, {day}") for of, ad, day in keys]


def _visits(facts: Facts, listed: Sequence[Part]) -> list[Thing]:
    rows = facts.connection.execute(
        "select person, number, concat_ws(', ', channel, landing_page), moment from touches"
        " where person in (select unnest(?))",
        [list({each.person for each in listed})],
    ).fetchall()
    found = {(person, number): Thing(of, "", at) for person, number, of, at in rows}
    return [found.get((each.person, each.key[0]), Thing()) for each in listed]


def _views(facts: Facts, listed: Sequence[Part]) -> list[Thing]:
    rows = facts.connection.execute(
        "select visitor_pk, date_created, hit, host || path from page_views"
        " where visitor_pk in (select unnest(?))",
        [list({each.key[0] for each in listed})],
    ).fetchall()
    found: dict[tuple[object, ...], Thing] = {
        (visitor, moment, hit): Thing(page, "", moment) for visitor, moment, hit, page in rows
    }
    return [found.get(each.key, Thing()) for each in listed]


def _subscriptions(facts: Facts, listed: Sequence[Part]) -> list[Thing]:
    rows = facts.connection.execute(
        "select pk, subscription_id, '', start_date from subscriptions"
        " where pk in (select unnest(?))",
        [list({each.key[0] for each in listed})],
    ).fetchall()
    found = {pk: Thing(*told) for pk, *told in rows}
    return [found.get(each.key[0], Thing()) for each in listed]


def _days(_: Facts, listed: Sequence[Part]) -> list[Thing]:
    return [Thing(str(each.key[0])) for each in listed]


THINGS: dict[Fact, Callable[[Facts, Sequence[Part]], list[Thing]]] = {
    SALES: _orders, LINES: _orders, SPEND: _ads, VISITS: _visits, PAGE_VIEWS: _views,
    STATES: _subscriptions, MOVEMENTS: _days,
}  # fmt: skip
