"""A view of a report: what the address says, what is asked of the account, what is kept of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlencode

from starlette.datastructures import QueryParams

from segconnect.account.metrics import METRICS, find_dimension
from segconnect.account.owner.choices import Switches
from segconnect.account.reports.plan import LAST_YEAR, PREVIOUS, Query
from segconnect.account.reports.saved import Saved
from segconnect.account.reports.steps import asked_first
from segconnect.account.reports.types import COMPARISON, FUNNEL, PATHS, TYPES
from segconnect.errors import UsageError
from segconnect.web.pages.reports.conditions import (
    ALL,
    ANY,
    WORDS,
    Condition,
    from_filters,
    to_filters,
)

USUAL = "leads"
CUSTOM_RANGE = "custom"
USUAL_RANGE = "last_30"
RANGES = {
    "last_7": ("Last 7 days", "-6 day", "now"),
    "last_30": ("Last 30 days", "-29 day", "now"),
    "last_90": ("Last 90 days", "-89 day", "now"),
    "this_month": ("This month", "first day of this month", "now"),
    "last_month": ("Last month", "first day of last month", "last day of last month"),
    "this_year": ("This year", "first day of january", "now"),
}
"""Ranges that move on with the days: their names, and both ends as the account reads them."""

NO_COMPARISON = "none"
COMPARISONS = {PREVIOUS: "The time before", LAST_YEAR: "A year before", NO_COMPARISON: "Nothing"}
REPEATS = "repeats"  # of paths: steps like the one before are told
SWITCHES = (*Switches.__dataclass_fields__, REPEATS)
STEPS = (("visit", ""), ("lead", ""), ("order", ""))  # of a funnel that nobody has asked yet


TEXTS = ("also", "model", "conversion", "view", "scale", "sort", "window", "limit", "account",
         "saved")  # fmt: skip
"""What the address says as it is."""


@dataclass(frozen=True)
class View:
    """A report as the form asks for it."""

    type: str
    dimensions: tuple[str, ...] | None = None  # None: those of the type
    metrics: tuple[str, ...] | None = None
    range: str = USUAL_RANGE
    start: str = ""  # of a range of their own
    end: str = ""
    conditions: tuple[Condition, ...] = ()
    also: str = ""  # filters that no row of the form can say, as JSON
    steps: tuple[tuple[str, str], ...] = ()  # of a funnel: an event, and what is asked of it
    model: str = ""
    beside: tuple[str, ...] = ()  # models of a comparison
    conversion: str = ""  # what paths lead to
    view: str = ""
    compare: str = PREVIOUS
    scale: str = ""  # of the chart; "" takes the one that suits the range
    sort: str = ""
    switches: tuple[str, ...] = ()
    window: str = ""
    limit: str = ""
    account: str = ""
    saved: str = ""  # the id of the report that it was opened from
    unread: tuple[str, ...] = field(default=(), compare=False)  # what cannot be asked, told

    # what the address says

    def parameters(self) -> list[tuple[str, str]]:
        """The address, as pairs; what is as usual is left out."""
        type_ = TYPES.get(self.type)
        told: list[tuple[str, str]] = [("type", self.type)]
        if self.dimensions is not None and (type_ is None or self.dimensions != type_.dimensions):
            told += [("by", each) for each in self.dimensions or ("",)]
        if self.metrics and (type_ is None or self.metrics != type_.metrics):
            told += [("metric", each) for each in self.metrics]
        for row in self.conditions:
            told += zip(("join", "field", "op", "value"), row, strict=True)
        for event, of in self.steps:
            told += [("event", event), ("of", of)]
        if self.range == CUSTOM_RANGE:
            told += [("start", self.start), ("end", self.end)]
        elif self.range != USUAL_RANGE:
            told.append(("range", self.range))
        told += [("with", each) for each in self.switches]
        told += [("beside", each) for each in self.beside]
        if self.compare != PREVIOUS:
            told.append(("compare", self.compare))
        told += [(name, text) for name in TEXTS if (text := getattr(self, name))]
        return told

    def address(self, **changed: Any) -> str:
        """The query of an address that asks the same but for what is changed."""
        return urlencode(replace(self, **changed).parameters())

    def without(self, place: int) -> View:
        """The same without one of its conditions."""
        rows = self.conditions
        return replace(self, conditions=(*rows[:place], *rows[place + 1 :]))

    # what is asked of the account

    @property
    def asked_dimensions(self) -> tuple[str, ...]:
        """The dimensions that it is told by."""
        if self.dimensions is not None or self.type not in TYPES:
            return self.dimensions or ()
        return TYPES[self.type].dimensions

    @property
    def asked_metrics(self) -> tuple[str, ...]:
        """The metrics that are its columns."""
        return self.metrics or (TYPES[self.type].metrics if self.type in TYPES else ())

    @property
    def ends(self) -> tuple[str, str]:
        """Both ends of its range, as the account reads them."""
        if self.range in RANGES:
            return RANGES[self.range][1:]
        return self.start, self.end

    def query(self) -> Query:
        """The question, in the words of the account.

        Raises:
            UsageError: Some of it is none.
        """
        if self.unread:
            raise UsageError("; ".join(self.unread))
        is_compared, is_paths = self.type == COMPARISON, self.type == PATHS
        options: dict[str, Any] = {
            each: True for each in self.switches if each != REPEATS or is_paths
        }
        told = {
            "attribution_model": "" if is_compared else self.model,
            "view": self.view,
            "models": list(self.beside) if is_compared else [],
            "conversion": self.conversion if is_paths else "",
        }
        options |= {name: each for name, each in told.items() if each}
        if self.window:
            options["window"] = _whole("days for all steps", self.window)
        is_funnel = self.type == FUNNEL
        start, end = self.ends
        return Query(
            self.type,
            dimensions=None if self.dimensions is None else list(self.dimensions),
            metrics=list(self.metrics) if self.metrics else None,
            start=start or None,
            end=end or None,
            filters=[] if is_funnel else [*to_filters(self.conditions), *self._other_filters()],
            steps=[step_of(*each) for each in self.steps or STEPS] if is_funnel else (),
            options=options,
            compare=False if is_funnel else self._compared(),
            sort=self.sort or None,
            limit=_whole("rows at most", self.limit) if self.limit else None,
        )

    def _other_filters(self) -> list[Any]:
        try:
            read = json.loads(self.also) if self.also else []
        except ValueError:
            raise UsageError("also: expected filters as JSON") from None
        return read if isinstance(read, list) else [read]

    def _compared(self) -> object:
        start, dots, end = self.compare.partition("..")
        if dots:
            return {"start": start or None, "end": end or None}
        return False if self.compare == NO_COMPARISON else self.compare

    def body(self) -> dict[str, Any]:
        """The same as what a program sends.

        Raises:
            UsageError: Some of it cannot be asked.
        """
        return body_of(self.query())


def body_of(query: Query) -> dict[str, Any]:
    """Answers what a program sends to ask the same."""
    given = {
        "type": query.type, "dimensions": query.dimensions, "metrics": query.metrics,
        "date_range": {name: text for name, text in (("start", query.start), ("end", query.end))
                       if text},
        "filters": query.filters or None, "steps": query.steps or None,
        "options": query.options or None, "compare": query.compare or None, "sort": query.sort,
        "limit": query.limit,
    }  # fmt: skip
    return {name: value for name, value in given.items() if value not in (None, {})}


def step_of(event: str, of: str) -> dict[str, str]:
    """Answers a step of a funnel, of which something is asked, as text or as JSON."""
    if of.startswith("{"):
        try:
            return {"event": event, **json.loads(of)}
        except ValueError:
            raise UsageError(f"step {event}: {of[:60]!r} is no JSON") from None
    return {"event": event, **({asked_first(event): of} if of else {})}


def _whole(what: str, text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 9:
        raise UsageError(f"{what}: expected a whole number, found {text[:20]!r}")
    return int(text)


# reading


def read(given: QueryParams) -> View:
    """Reads an address, or a form: what is not there is as usual."""
    type_ = given.get("type") or USUAL
    is_other = given.get("was", type_) != type_  # columns of a type mean nothing to the next one
    by = _several(given, "by") if "by" in given and not is_other else None
    start, end = given.get("start", ""), given.get("end", "")
    usual = CUSTOM_RANGE if start or end else USUAL_RANGE
    range_ = given.get("range") or usual
    unread = [] if range_ in (*RANGES, CUSTOM_RANGE) else [f"range: {range_[:40]!r} is none"]
    rows = _rows(given, "join", "field", "op", "value")
    conditions = tuple(Condition(*row) for row in rows if row[1])
    unread += [
        f"filter on {each.field[:40]}: {each.operator[:40]!r} is no operator"
        for each in conditions
        if each.operator not in WORDS or each.join not in (ALL, ANY)
    ]
    steps = [(event, of.strip()) for event, of in _rows(given, "event", "of") if event]
    is_custom = range_ == CUSTOM_RANGE
    return View(
        type=type_,
        dimensions=by and tuple(map(dimension_named, by)),
        metrics=None if is_other else tuple(map(metric_named, _several(given, "metric"))) or None,
        range=range_ if not unread else USUAL_RANGE,
        start=start if is_custom else "",
        end=end if is_custom else "",
        conditions=conditions,
        steps=tuple(steps) if type_ == FUNNEL else (),
        compare=given.get("compare") or PREVIOUS,
        sort="" if is_other else given.get("sort", ""),
        switches=tuple(each for each in _several(given, "with") if each in SWITCHES),
        unread=tuple(unread),
        beside=_several(given, "beside"),
        **{name: given.get(name, "").strip() for name in TEXTS if name != "sort"},
    )


def dimension_named(name: str) -> str:
    """Answers how a dimension is written; what is unknown stays as it is, and is told later."""
    try:
        return find_dimension(name).slug
    except UsageError:
        return name


def metric_named(name: str) -> str:
    """Answers how a metric is written; what is unknown stays as it is, and is told later."""
    try:
        return METRICS.find(name).key
    except UsageError:
        return name


def _several(given: QueryParams, name: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(each for each in given.getlist(name) if each))


def _rows(given: QueryParams, *names: str) -> list[tuple[str, ...]]:
    """Rows of a form, of which each field is given as often as there are rows."""
    columns = [given.getlist(name) for name in names]
    return list(zip(*columns, strict=False))


def of_saved(kept: Saved, account: str = "") -> View:
    """Reads a report that is kept."""
    query = kept.query
    by = query.dimensions
    conditions, also = from_filters(query.filters)
    options = query.options or {}
    range_ = next(
        (slug for slug, (_, *ends) in RANGES.items() if ends == [query.start, query.end]),
        CUSTOM_RANGE if query.start or query.end else USUAL_RANGE,
    )
    is_custom = range_ == CUSTOM_RANGE
    return View(
        type=query.type,
        dimensions=None if by is None else tuple(map(dimension_named, by)),
        metrics=tuple(map(metric_named, query.metrics or ())) or None,
        range=range_,
        start=query.start or "" if is_custom else "",
        end=query.end or "" if is_custom else "",
        conditions=conditions,
        also=also,
        steps=tuple(map(_step, query.steps if isinstance(query.steps, (list, tuple)) else ())),
        model=str(options.get("attribution_model") or ""),
        beside=tuple(map(str, options.get("models") or ())),
        conversion=str(options.get("conversion") or ""),
        view=str(options.get("view") or ""),
        compare=_comparison(query.compare),
        sort=query.sort or "",
        switches=tuple(each for each in SWITCHES if options.get(each)),
        window=str(options.get("window") or ""),
        limit=str(query.limit or ""),
        account=account,
        saved=kept.id,
    )


def _comparison(given: object) -> str:
    if isinstance(given, Mapping):
        return f"{given.get('start') or ''}..{given.get('end') or ''}"
    return NO_COMPARISON if given is False else str(given or PREVIOUS)


def _step(given: Mapping[str, str]) -> tuple[str, str]:
    event, asked = given["event"], {key: of for key, of in given.items() if key != "event"}
    plain = asked.get(asked_first(event), "")
    return event, plain if len(asked) == bool(plain) else json.dumps(asked)
