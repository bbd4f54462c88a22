"""The steps of a funnel, as they are asked for.

    {"event": "page", "page": "/webinar*"}     a page view, of a path or of all that begin so
    {"event": "visit", "channel": "paid"}      a visit that can earn credit
    {"event": "lead"}                          the first contact
    {"event": "tag", "tag": "Webinar"}         a tag was given
    {"event": "order", "product": "tea"}       an order, of anything or with a product
    {"event": "subscription"}                  a subscription began

Steps are taken in order: each at or after the one before, and within the window of the first one.
The first is taken within the range of the report. Source: ours; the shape of the hosted service is
not published.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from segconnect.account.reports.problems import Problems
from segconnect.errors import UsageError, unknown_name
from segconnect.types import shown

MAX_STEPS = 20
MAX_WINDOW = 3650  # days

_OF = "join people p on p.kind = '{kind}' and p.pk = e.{pk}"
EVENTS = {
    "page": "select p.person, e.date_created as moment, e.day from page_views e "
    + _OF.format(kind="visitor", pk="visitor_pk"),
    "visit": "select e.person, e.moment, e.day from touches e",
    "lead": "select e.person, e.moment, e.day from leads e",
    "tag": "select p.person, e.date_created as moment, e.day from contact_tags e "
    + _OF.format(kind="contact", pk="contact_pk"),
    "order": "select e.person, e.moment, e.day from sold e",
    "subscription": "select p.person, e.start_date as moment, e.day from subscriptions e "
    + _OF.format(kind="subscription", pk="pk"),
}
"""Each event: the person, when, and on which day."""

CONDITIONS = {
    ("page", "page"): "e.path",
    ("page", "host"): "e.host",
    ("visit", "channel"): "e.channel",
    ("visit", "utm_campaign"): "e.utm_campaign",
    ("visit", "page"): "e.landing_page",
    ("tag", "tag"): "(select t.name from tags t where t.pk = e.tag_pk)",
    ("subscription", "product"): "(select d.name from products d where"
    " d.integration_pk = e.integration_pk and d.product_id = e.product_id)",
}
"""What of an event may be asked for. A * at the end of a value stands for anything."""

BOUGHT = (
    "e.pk in (select i.order_pk from order_items i join orders o on o.pk = i.order_pk"
    " join products d on d.integration_pk = o.integration_pk and d.product_id = i.product_id"
    " where {})"
)


class Step(NamedTuple):
    """A step of a funnel."""

    name: str
    event: str
    asked: Mapping[str, str]


def read_steps(given: object) -> list[Step]:
    """Reads the `steps` of a query.

    Raises:
        UsageError: They are not of the published shape; each place that is wrong is named.
    """
    if not isinstance(given, Sequence) or isinstance(given, str) or not given:
        raise UsageError(f"steps: a funnel needs an array of steps, found {shown(given)}")
    if len(given) > MAX_STEPS:
        raise UsageError(f"steps: {len(given)}; at most {MAX_STEPS}")
    wrong = Problems()
    steps = [wrong.read(_read, each, f"steps.{place}") for place, each in enumerate(given)]
    wrong.tell()
    return [_told_apart(step, steps[:place]) for place, step in enumerate(steps)]


def _told_apart(step: Step, before: Sequence[Step]) -> Step:
    """Numbers a step that is called as one before it: order, order (2)."""
    same = sum(1 for each in before if each.name == step.name)
    return step._replace(name=f"{step.name} ({same + 1})") if same else step


def _read(given: object, place: str) -> Step:
    if not isinstance(given, Mapping):
        raise UsageError(f"{place}: expected an object, found {shown(given)}")
    event = given.get("event")
    if event not in EVENTS:
        raise UsageError(f"{place}: {unknown_name('event', str(event)[:100], EVENTS)}")
    known = [name for of, name in CONDITIONS if of == event]
    known += ["product"] if event == "order" else []
    asked = {name: text for name, text in given.items() if name not in ("event", "name")}
    for name, text in asked.items():
        if name not in known:
            told = unknown_name("condition", str(name)[:100], known) if known else "takes nothing"
            raise UsageError(f"{place}: {event}: {told}")
        if not isinstance(text, str) or not text or "\0" in text:
            raise UsageError(f"{place}: {name}: expected a text, found {shown(text)}")
    name = given.get("name") or " ".join([str(event), *asked.values()])
    return Step(str(name)[:200], str(event), asked)


def asked_first(event: str) -> str:
    """The condition that a value beside an event is for; "product" where there is none."""
    return next((name for of, name in CONDITIONS if of == event), "product")


def read_window(given: object) -> int | None:
    """Reads the days that people have for all steps; None gives them all the time there is.

    Raises:
        UsageError: It is no number of days.
    """
    if given is None:
        return None
    if isinstance(given, bool) or not isinstance(given, int) or not 1 <= given <= MAX_WINDOW:
        raise UsageError(f"window: expected days from 1 to {MAX_WINDOW}, found {shown(given)}")
    return given
