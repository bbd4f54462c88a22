"""What a report is asked for: names looked up, dates resolved, all that is wrong told at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, tzinfo
from itertools import islice
from typing import Any

from segconnect.account.metrics import (
    METRICS,
    AnyMetric,
    Dimension,
    Fact,
    Family,
    Measure,
    Metric,
    find_dimension,
    parts,
)
from segconnect.account.metrics.facts import LINES, SALES
from segconnect.account.owner.choices import Switches
from segconnect.account.reports import special
from segconnect.account.reports.crediting import DEFAULT, Crediting, find_model
from segconnect.account.reports.dates import MAX_PARTS, Period, read_period
from segconnect.account.reports.filters import (
    Condition,
    Filters,
    Group,
    conditions,
    read_filters,
)
from segconnect.account.reports.problems import Problems
from segconnect.account.reports.steps import Step, read_steps, read_window
from segconnect.account.reports.types import (
    COHORT,
    FUNNEL,
    PATH_METRICS,
    PATHS,
    TYPES,
    VIEWS,
    ReportType,
)
from segconnect.errors import UsageError, unknown_name
from segconnect.types import shown

MAX_DIMENSIONS = 6
MAX_METRICS = 60
OPTIONS = ("attribution_model", "include_source", "view", "window", *special.OPTIONS)
PREVIOUS, LAST_YEAR = "previous", "last_year"


@dataclass(frozen=True)
class Query:
    """A report as it is asked for, in names and texts."""

    type: str
    dimensions: Sequence[str] | None = None  # None: those of the type
    metrics: Sequence[str] | None = None
    start: str | None = None
    end: str | None = None
    scale: str | None = None
    filters: object = ()
    steps: object = ()  # of a funnel
    options: Mapping[str, Any] = field(default_factory=dict)
    compare: object = None  # previous, last_year, or an object with start and end
    sort: str | None = None  # a metric or dimension, after a minus for the largest first
    limit: int | None = None


@dataclass(frozen=True)
class Settings:
    """What an account says about its reports, and what time it is there."""

    now: datetime
    zone: tzinfo
    currency: str
    week_start: str = "monday"
    model: str = DEFAULT
    switches: Switches = field(default_factory=Switches)

    @property
    def today(self) -> date:
        """The account's day."""
        return self.now.astimezone(self.zone).date()


@dataclass(frozen=True)
class Plan:
    """A report that can be run."""

    type: ReportType
    dimensions: tuple[Dimension, ...]
    metrics: tuple[AnyMetric, ...]
    period: Period
    compared: Period | None
    filters: Filters
    model: Crediting
    view: str  # cohort or period
    switches: Switches
    settings: Settings
    steps: tuple[Step, ...] = ()  # of a funnel
    window: int | None = None  # the days that people have for them
    models: tuple[Crediting, ...] = ()  # of a comparison
    conversion: str = "order"  # that paths lead to: an order, or a lead
    repeats: bool = False  # whether paths tell steps that are the same as the one before
    sort: tuple[AnyMetric | Dimension, bool] | None = None  # what by, and whether largest first
    limit: int | None = None

    @property
    def is_cohort(self) -> bool:
        """Whether orders are those of the leads of the range, whenever they were placed."""
        return self.view == COHORT

    @property
    def time(self) -> Dimension | None:
        """The dimension of time, if figures are told by it."""
        return next((each for each in self.dimensions if each.family is Family.TIME), None)

    @property
    def filtered(self) -> list[Dimension]:
        """The dimensions that are filtered by."""
        fields = [each.field for each in conditions(self.filters.before)]
        return [each for each in fields if isinstance(each, Dimension)]

    @property
    def knows_products(self) -> bool:
        """Whether products are told apart or filtered by, so that orders are looked into."""
        return any(each.family is Family.PRODUCT for each in (*self.dimensions, *self.filtered))

    def fact_of(self, metric: Metric) -> Fact:
        """The fact that a metric is summed over."""
        return LINES if metric.fact is SALES and self.knows_products else metric.fact

    def for_period(self, period: Period) -> Plan:
        """The same report over another range."""
        return replace(self, period=period.told_by(self.period.scale), compared=None)

    def by_model(self, model: Crediting) -> Plan:
        """The same report by another model."""
        return replace(self, model=model)

    def with_dimensions(self, dimensions: Iterable[Dimension]) -> Plan:
        """The same report, told by something else."""
        made = replace(self, dimensions=tuple(dimensions), sort=None)
        scale = made.time.key if made.time else ""
        return replace(made, period=self.period.told_by(scale))

    def can_tell(self, measure: Measure, dimensions: Iterable[Dimension]) -> bool:
        """Tells whether all that a metric is computed from is known by these dimensions."""
        return all(can_tell(measure, each) for each in dimensions)


def can_tell(measure: Measure, dimension: Dimension) -> bool:
    """Tells whether all that a metric is computed from is known by a dimension."""
    return all(
        is_known(LINES if metric.fact is SALES else metric.fact, dimension)
        for metric in parts(measure)
    )


def is_known(fact: Fact, dimension: Dimension) -> bool:
    """Tells whether a fact knows a dimension."""
    return dimension.family in fact.knows or dimension.slug in fact.also


def plan(query: Query, settings: Settings) -> Plan:
    """Plans a report.

    Raises:
        UsageError: A name is unknown, a date or filter cannot be read, or a metric is not known
            by a dimension; all of it is told.
    """
    type_ = TYPES.get(query.type)
    if type_ is None:
        raise UsageError(unknown_name("report type", query.type[:100], TYPES))
    wrong = Problems()
    options = _options(query.options, wrong)
    names = type_.dimensions if query.dimensions is None else query.dimensions
    dimensions = _found(names, find_dimension, wrong, "dimensions", MAX_DIMENSIONS)
    conversion = options.get("conversion", "order")
    usual = PATH_METRICS[conversion] if type_.slug == PATHS else type_.metrics
    names = usual if query.metrics is None else query.metrics
    metrics = _found(names, METRICS.find, wrong, "metrics", MAX_METRICS)
    if query.metrics is None:  # of the usual ones those that the dimensions know
        told = [m for m in metrics if all(can_tell(m, each) for each in dimensions)]
        metrics = told or metrics
    times = [each for each in dimensions if each.family is Family.TIME]
    if len(times) > 1:
        wrong.add(f"{times[0].slug} and {times[1].slug} are both times; give one of them")
    period = wrong.read(
        read_period, query.start, query.end, query.scale,
        now=settings.now, zone=settings.zone, week_start=settings.week_start,
        default=Period(settings.today, settings.today),
    )  # fmt: skip
    period = period.told_by(times[0].key if times else "")
    if times:
        wrong.read(_check_parts, period)
    filters = wrong.read(read_filters, query.filters, default=Filters(_ALL, _ALL))
    is_funnel = type_.slug == FUNNEL
    if is_funnel and (query.filters or query.compare):
        wrong.add("a funnel has steps, and neither filters nor a comparison")
    made = Plan(
        type=type_,
        dimensions=tuple(dimensions),
        metrics=tuple(metrics),
        period=period,
        compared=wrong.read(_compared, query.compare, period, settings),
        filters=filters,
        model=wrong.read(find_model, options.get("attribution_model", settings.model)),
        view=options.get("view", type_.view),
        switches=Switches(
            **{
                name: options.get(name, getattr(settings.switches, name))
                for name in Switches.__dataclass_fields__
            }
        ),
        settings=settings,
        steps=tuple(wrong.read(read_steps, query.steps, default=())) if is_funnel else (),
        window=wrong.read(read_window, options.get("window")),
        sort=wrong.read(_sort, query.sort),
        limit=query.limit,
        models=wrong.read(special.read_models, type_.slug, options.get("models"), default=()),
        conversion=conversion,
        repeats=options.get("repeats", False),
    )
    if type_.slug == PATHS and made.model is not None:
        view = COHORT if conversion == "lead" else made.view
        made = replace(made, model=made.model.of_each_visit(), view=view)
    for problem in special.problems(made, query):
        wrong.add(problem)
    _check(made, wrong)
    is_asked = bool(made.models) or options.get("attribution_model") is not None
    for model in made.models or (made.model,):
        if model is not None and model.together is not None:
            for problem in _untellable(replace(made, model=model), is_asked=is_asked):
                wrong.add(problem)
    wrong.tell()
    return made


_ALL = Group(False, ())


def _found(
    names: Sequence[str], find: Any, wrong: Problems, what: str, most: int
) -> list[Any]:  # fmt: skip
    if len(names) > most:
        wrong.add(f"{what}: {len(names)}; at most {most}")
        return []
    found = [wrong.read(find, name) for name in names]
    known = [each for each in found if each is not None]
    keys = [each.key for each in known]
    for key in dict.fromkeys(keys):
        if keys.count(key) > 1:
            wrong.add(f"{what}: {key} is given twice")
    return known


def _check_parts(period: Period) -> None:
    count = sum(1 for _ in islice(period.buckets(), MAX_PARTS + 1))
    if count > MAX_PARTS:
        raise UsageError(f"the range has more than {MAX_PARTS} {period.scale}s; take a coarser one")


def _options(given: Mapping[str, Any], wrong: Problems) -> dict[str, Any]:
    """Reads what is set for the whole report. What clients send and nobody explains is let be."""
    known = (*OPTIONS, *Switches.__dataclass_fields__)
    options = {name: value for name, value in given.items() if value is not None}
    for name, value in list(options.items()):
        if name not in known:
            wrong.add(unknown_name("option", name[:100], known))
        elif name == "view" and value not in VIEWS:
            wrong.add(f"option view: expected {' or '.join(VIEWS)}, found {shown(value)}")
        elif name == "attribution_model" and not isinstance(value, str):
            wrong.add(f"option attribution_model: expected a text, found {shown(value)}")
        elif name == "conversion" and value not in special.CONVERSIONS:
            wrong.add(
                f"option conversion: expected {' or '.join(special.CONVERSIONS)},"
                f" found {shown(value)}"
            )
        elif name in (*Switches.__dataclass_fields__, "repeats") and not isinstance(value, bool):
            wrong.add(f"option {name}: expected true or false, found {shown(value)}")
        else:
            continue
        del options[name]
    return options


def _compared(given: object, period: Period, settings: Settings) -> Period | None:
    if given in (None, False, "", [], {}):
        return None
    if given == PREVIOUS:
        return period.before()
    if given == LAST_YEAR:
        return period.year_before()
    if isinstance(given, Mapping) and all(
        value is None or isinstance(value, str) for value in given.values()
    ):
        found = read_period(
            given.get("start"), given.get("end"), None,
            now=settings.now, zone=settings.zone, week_start=settings.week_start,
        )  # fmt: skip
        return found.told_by(period.scale)
    raise UsageError(
        f"compare: expected {PREVIOUS}, {LAST_YEAR} or an object with start and end,"
        f" found {shown(given)}"
    )


def _sort(given: str | None) -> tuple[AnyMetric | Dimension, bool] | None:
    if not given:
        return None
    name = given.removeprefix("-")
    try:
        return METRICS.find(name), given.startswith("-")
    except UsageError as error:
        try:
            return find_dimension(name), given.startswith("-")
        except UsageError:
            raise error from None


def _check(made: Plan, wrong: Problems) -> None:
    """Refuses what could be added up only in a way that misleads."""
    for measure in made.metrics:
        for dimension in made.dimensions:
            if not made.can_tell(measure, [dimension]):
                wrong.add(f"{measure.key} is not known by {dimension.slug}; leave one of them out")
    facts = {made.fact_of(metric) for measure in made.metrics for metric in parts(measure)}
    for group in made.filters.before.members:
        fields = {each.field.slug: each.field for each in _dimensions(group)}
        if not isinstance(group, Group) or not any(_any_groups(group)):
            continue
        for fact in facts:
            known = {slug for slug, each in fields.items() if is_known(fact, each)}
            if known and known != fields.keys():
                wrong.add(
                    f"filters: an 'any' mixes {', '.join(sorted(known))} with"
                    f" {', '.join(sorted(fields.keys() - known))}, by which {fact} are not known;"
                    " give them filters of their own"
                )
    if made.sort is not None and made.sort[0] not in (*made.metrics, *made.dimensions):
        wrong.add(f"sort: {made.sort[0]} is not in the report")
    if made.limit is not None and made.limit < 1:
        wrong.add("limit: expected at least 1")


def _untellable(made: Plan, *, is_asked: bool) -> Iterator[str]:
    """Says what a report asks that a model which looks at all journeys together cannot tell.

    Args:
        made: The report.
        is_asked: Whether the model is asked for, and is not only the account's.
    """
    facts = {made.fact_of(metric) for measure in made.metrics for metric in parts(measure)}
    if not any(fact.conversion for fact in facts):
        return
    visited = [each for each in made.dimensions if each.family in special.VISITED]
    others = [each for each in made.dimensions if each.family not in special.VISITED]
    whole = f"model {made.model.slug} looks at all journeys together"
    if others and (visited or (is_asked and others[0].family is not Family.TIME)):
        yield (
            f"{whole}, and shares them out over visits: it tells nothing by"
            f" {', '.join(each.slug for each in others)}; take another model, or dimensions of"
            " visits such as clicks.channel"
        )
    if any(each.family in special.VISITED for each in made.filtered):
        yield f"{whole}: a filter on visits would cut them; take another model, or leave it out"
    elif visited and made.model.together and made.model.together.with_null and made.filtered:
        yield (
            f"{whole}, those that did not convert too, of which nobody knows"
            f" {', '.join(each.slug for each in made.filtered)}; leave out the filter, or null"
        )


def _dimensions(group: Group | Condition) -> list[Any]:
    return [each for each in conditions(group) if isinstance(each.field, Dimension)]


def _any_groups(group: Group | Condition) -> Iterable[bool]:
    if isinstance(group, Group):
        yield group.is_any and len(group.members) > 1
        for each in group.members:
            yield from _any_groups(each)
