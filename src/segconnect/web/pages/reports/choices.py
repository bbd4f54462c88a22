"""What the form of a report offers: metrics and dimensions by what they are about."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from segconnect.account.metrics import DIMENSIONS, METRICS, Family, find_dimension, parts
from segconnect.account.metrics.facts import (
    BASE,
    LEADS,
    LINES,
    MOVEMENTS,
    PAGE_VIEWS,
    SALES,
    SPEND,
    STATES,
    VISITS,
)
from segconnect.errors import UsageError
from segconnect.web.pages.reports.conditions import name_of

FAMILIES = {
    Family.TOUCH: "Visits", Family.AD: "Ads", Family.LEAD: "Contacts", Family.TAG: "Contacts",
    Family.PRODUCT: "Orders", Family.ORDER: "Orders", Family.AGE: "Orders",
    Family.SUBSCRIPTION: "Subscriptions", Family.TIME: "Time", Family.PAGE: "Page views",
}  # fmt: skip
FACTS = {
    LEADS: "People", SALES: "Orders and revenue", LINES: "Orders and revenue", SPEND: "Ads",
    VISITS: "Visits", PAGE_VIEWS: "Page views", BASE: "People", STATES: "Subscriptions",
    MOVEMENTS: "Recurring revenue",
}  # fmt: skip


class Choice(NamedTuple):
    """One thing to choose."""

    key: str
    name: str
    help: str


Choices = dict[str, list[Choice]]


def metrics() -> Choices:
    """All metrics, by what they are about."""
    found: Choices = {}
    for key, metric in METRICS.items():
        group = FACTS[next(iter(parts(metric))).fact]
        found.setdefault(group, []).append(Choice(key, metric.name, metric.help))
    return found


def dimensions(also: Iterable[str] = ()) -> Choices:
    """All dimensions, by what they are about, and these custom fields."""
    found: Choices = {}
    for slug, each in DIMENSIONS.items():
        found.setdefault(FAMILIES[each.family], []).append(Choice(slug, each.name, each.help))
    customs = [each for each in dict.fromkeys(also) if each not in DIMENSIONS and _is_one(each)]
    if customs:
        found["Custom fields"] = [Choice(each, name_of(each), "") for each in customs]
    return found


def of_visits() -> Choices:
    """The dimensions of visits, by which paths and comparisons are told."""
    found = dimensions()
    return {name: found[name] for name in (FAMILIES[Family.TOUCH], FAMILIES[Family.AD])}


def times() -> Choices:
    """The dimensions of time."""
    name = FAMILIES[Family.TIME]
    return {name: dimensions()[name]}


def _is_one(name: str) -> bool:
    try:
        find_dimension(name)
    except UsageError:
        return False
    return True


def in_order(chosen: Sequence[str], all_: Choices) -> Choices:
    """The same, with those that are chosen first, in their order."""
    by_key = {each.key: each for group in all_.values() for each in group}
    first = [by_key[key] for key in chosen if key in by_key]
    others = {name: [each for each in group if each not in first] for name, group in all_.items()}
    return {"Shown": first, **{name: group for name, group in others.items() if group}}
