"""From a row of a report to what is within it: narrowed to the row, and told by the next thing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from segconnect.account.metrics import DIMENSIONS, METRICS, Dimension, Family, find_dimension, parts
from segconnect.account.metrics.facts import LINES, SALES
from segconnect.account.reports.answering import NONE
from segconnect.account.reports.dates import Bucket
from segconnect.account.reports.plan import is_known
from segconnect.account.reports.types import TYPES
from segconnect.errors import UsageError
from segconnect.web.pages.reports.conditions import ALL, EMPTY, Condition
from segconnect.web.pages.reports.view import CUSTOM_RANGE, View

HIERARCHIES = (
    ("clicks.channel", "clicks.utm_source", "clicks.utm_campaign", "clicks.utm_content"),
    ("ads.account", "ads.campaign", "ads.adset", "ads.ad"),
    ("clicks.country_code", "clicks.region", "clicks.city"),
    ("orders.product", "subscriptions.plan"),
    ("date.year", "date.quarter", "date.month", "date.day"),
    ("date.week", "date.day"),
)
"""What is within what."""

OFTEN = (
    "clicks.channel", "clicks.utm_source", "clicks.utm_campaign", "ads.campaign", "orders.product",
    "subscriptions.plan", "contacts.tag", "clicks.country_code", "clicks.device",
    "clicks.landing_page", "orders.kind", "date.month",
)  # fmt: skip
"""What reports are split by most."""


def can_tell(metric: str, dimension: Dimension) -> bool:
    """Whether a metric is known by a dimension; of what is unknown, it is not said that not."""
    if metric not in METRICS:
        return True
    facts = [part.fact for part in parts(METRICS[metric])]
    return all(is_known(LINES if fact is SALES else fact, dimension) for fact in facts)


def within(dimension: str) -> str:
    """Answers what is within a dimension; "" where nothing is."""
    for levels in HIERARCHIES:
        if dimension in levels[:-1]:
            return levels[levels.index(dimension) + 1]
    return ""


def down(view: View, place: int, cell: str, buckets: Mapping[str, Bucket]) -> View | None:
    """Narrows a view to a value of a dimension, and tells it by what is within.

    Args:
        view: The view.
        place: Of the dimension in it.
        cell: The value, as its row tells it.
        buckets: The parts of the range, by their names.

    Returns:
        The view; None where there is no such part of the range.
    """
    names = view.asked_dimensions
    dimension = find_dimension(names[place])
    following = within(dimension.slug)
    is_new = following and following not in names
    if is_new and all(can_tell(each, DIMENSIONS[following]) for each in view.asked_metrics):
        left = (*names[:place], following, *names[place + 1 :])
    else:
        left = (*names[:place], *names[place + 1 :])
    is_gone = view.sort.removeprefix("-") in (dimension.key, dimension.slug)
    narrowed = replace(view, dimensions=left, sort="" if is_gone else view.sort)
    if dimension.family is Family.TIME:
        bucket = buckets.get(cell)
        if bucket is None:
            return None
        first, last = bucket.first.isoformat(), bucket.last.isoformat()
        return replace(narrowed, range=CUSTOM_RANGE, start=first, end=last)
    row = Condition(ALL, dimension.slug, *((EMPTY, "") if cell == NONE else ("is", cell)))
    rows = view.conditions
    return replace(narrowed, conditions=rows if row in rows else (*rows, row))


def splits(view: View) -> Sequence[tuple[str, View]]:
    """What a view that is told by nothing may be split by: the name, and the view."""
    filtered = {each.field for each in view.conditions}
    return [
        (DIMENSIONS[slug].name, replace(view, dimensions=(slug,)))
        for slug in OFTEN
        if slug not in filtered
        and all(can_tell(each, DIMENSIONS[slug]) for each in view.asked_metrics)
    ]


def elsewhere(view: View) -> Sequence[tuple[str, View]]:
    """The types whose first column knows a view's dimensions, of which its own know nothing."""
    try:
        known = [find_dimension(each) for each in view.asked_dimensions]
    except UsageError:
        return []
    asked = view.asked_metrics
    if not asked or any(all(can_tell(each, one) for one in known) for each in asked):
        return []
    return [
        (type_.name, replace(view, type=slug, metrics=None, sort=""))
        for slug, type_ in TYPES.items()
        if type_.dimensions and all(can_tell(type_.metrics[0], one) for one in known)
    ]


def fitted(view: View) -> tuple[View, list[str]]:
    """Leaves out the columns that its dimensions do not know, where others are left.

    Returns:
        The view, and the names of these columns.
    """
    known = [find_dimension(each) for each in view.asked_dimensions]
    asked = view.asked_metrics
    told = tuple(each for each in asked if all(can_tell(each, one) for one in known))
    if not told or told == asked:
        return view, []
    by = view.sort.removeprefix("-")
    gone = [each for each in asked if each not in told]
    return (
        replace(view, metrics=told, sort="" if by in gone else view.sort),
        [METRICS[each].name for each in gone],
    )
