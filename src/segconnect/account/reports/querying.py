"""Writes the SQL by which one fact is summed.

In three steps, so that no join fans out: rows of the fact with all that is told of them apart from
visits; each shared out over the visits that its conversion is credited to; and the sums. Where a
model credits visits in full, a row is counted once in each group, however many visits it has there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from segconnect.account.metrics import CUSTOM, Dimension, Fact, Family, Metric
from segconnect.account.metrics.facts import LEADS, LINES, SALES
from segconnect.account.owner.choices import Switches
from segconnect.account.replica.crediting import EVERY_TOUCH, FIRST
from segconnect.account.reports.dates import Period
from segconnect.account.reports.filters import Condition, Filter, Group, conditions, to_sql
from segconnect.account.reports.plan import Plan, is_known
from segconnect.account.reports.texts import Parameters, custom_field, pointer
from segconnect.account.reports.views import day, views, with_views

Cells: TypeAlias = tuple[str | None, ...]
"""The group of a row: what each dimension is there."""

TOUCHES = (Family.TOUCH, Family.AD)
CREDITED = {"one", "amount", "paid", "order_key", "buyer"}  # of sales: credits of orders hold them
ORDER_KEYS = ("order_key", "refunded_key")  # of sales: each is in one row of a group


@dataclass
class FactQuery:
    """How one fact is summed for a report."""

    plan: Plan
    fact: Fact
    metrics: Sequence[Metric]
    dimensions: Sequence[Dimension]
    period: Period
    as_of: int
    _parameters: Parameters = field(default_factory=Parameters)
    _joins: dict[str, str] = field(default_factory=dict)
    _columns: dict[str, str] = field(default_factory=dict)  # of the first step, by their SQL

    @property
    def is_credited(self) -> bool:
        """Whether rows are shared out over visits."""
        asked = [*self.dimensions, *(each.field for each in self._known_conditions())]
        return bool(self.fact.conversion) and any(
            isinstance(each, Dimension) and each.family in TOUCHES for each in asked
        )

    @property
    def is_fractional(self) -> bool:
        """Whether what rows are shared out by are fractions."""
        return self.is_credited and self.plan.model.is_fractional

    @property
    def is_parted(self) -> bool:
        """Whether each row is in one group exactly, so that groups add up to the total."""
        return bool(self.dimensions) and not (
            self.is_credited
            or any(metric.is_distinct for metric in self.metrics)
            or any(each.is_multiple for each in self.dimensions)
            or (self.plan.time is not None and not self.fact.is_timed)
        )

    def sums(self) -> tuple[str, list[object]]:
        """Answers the SQL of the sums: the dimensions, then the metrics; and its values."""
        inner, names = self._rows()
        figures = []
        for place, metric in enumerate(self.metrics):
            if not metric.is_distinct:
                figures.append(f"sum({metric.column} * credit) as m{place}")
            elif self.is_fractional:
                figures.append(f"sum(w_{metric.column} * credit) as m{place}")
            elif self.fact is SALES and metric.column in ORDER_KEYS:
                figures.append(f"count({metric.column}) as m{place}")
            else:
                figures.append(f"count(distinct {metric.column}) as m{place}")
        return self._grouped(inner, names, figures)

    def figures(self, figures: Sequence[str]) -> tuple[str, list[object]]:
        """Answers the SQL of other figures by group: aggregates over the metrics' columns."""
        inner, names = self._rows()
        return self._grouped(inner, names, figures)

    def _grouped(
        self, inner: str, names: Sequence[str], figures: Sequence[str]
    ) -> tuple[str, list[object]]:
        group = f"\ngroup by {', '.join(names)}" if names else ""
        return self._finish(f"select {', '.join([*names, *figures])}\nfrom ({inner}) x{group}")

    def behind(self, cells: Sequence[str | None]) -> tuple[str, list[object]]:
        """Answers the SQL of the rows behind one figure: the first metric, in one group.

        Its columns: the person, the key of the fact's row, or what is counted, and what of the
        figure it is.
        """
        inner, names = self._rows()
        metric = self.metrics[0]
        where = [
            f"{name} is null" if cell is None else f"{name} = {self._parameters.bind(cell)}"
            for name, cell in zip(names, cells, strict=True)
        ]
        rows = (metric.column,) if metric.is_distinct else self.fact.key
        is_known = Family.LEAD in self.fact.knows  # who it was: of spend, nobody
        person = "person" if is_known else "cast(null as bigint) as person"
        others = [each for each in rows if each != "person"]
        key = ", ".join(["person", *others] if is_known else others)
        part = f"{metric.column} * credit"
        if metric.is_distinct:
            where.append(f"{metric.column} is not null")
            part = f"w_{metric.column} * credit" if self.is_fractional else "1"
        condition = f"\nwhere {' and '.join(where)}" if where else ""
        summed = f"sum({part})" if not metric.is_distinct or self.is_fractional else "1"
        return self._finish(
            f"select {', '.join([person, *others])}, {summed} as part\n"
            f"from ({inner}) x{condition}\ngroup by {key}"
            f"\nhaving {summed} <> 0\norder by {key}"
        )

    # -- journeys --------------------------------------------------------------------------------

    def journeys(self, step: str) -> tuple[str, list[object]]:
        """Answers the SQL of the visits that conversions are credited to.

        Its columns: the conversion, the visit's number and step, told over t, and what the
        conversion is of each metric, as m0 and so on. One without visits has a row of no number.
        """
        told = f"case when t.number is not null then {step} end as step"
        if self._is_in_credits(is_first=False):
            figures = [
                f"{self._weight_in_credits(metric) if metric.is_distinct else f't.{metric.column}'}"
                f" as m{place}"
                for place, metric in enumerate(self.metrics)
            ]
            return self._finish(
                f"select {', '.join(['t.pk as conversion', 't.number', told, *figures])}\n"
                f"from credited_sales t where {self._days_in_credits()}"
            )
        figures = [
            f"coalesce(sum({'w_' if metric.is_distinct else ''}{metric.column}), 0) as m{place}"
            for place, metric in enumerate(self.metrics)
        ]
        credited, first = self.fact.credited, self._first([], self._where(credited=False))
        names = ", ".join(f"a.m{place}" for place in range(len(self.metrics)))
        return self._finish(
            f"select a.conversion, t.number, {told}, {names}\nfrom (\n"
            f"select {', '.join([f'x.{credited} as conversion', *figures])}\n"
            f"from ({first}) x\ngroup by x.{credited}) a\n"
            f"left join {self._credits()} t on t.conversion = a.conversion"
        )

    def converted(self) -> tuple[str, list[object]]:
        """Answers the SQL of the conversions that filters let through, those on visits too.

        Its columns: the key of each, the person, and what it is of each metric: a sum, or what is
        counted.
        """
        late, early = self._where(credited=True), self._where(credited=False)
        first = self._first([f"{sql} as {name}" for sql, name in self._columns.items()], early)
        key = self.fact.credited
        figures = [
            f"{'max' if metric.is_distinct else 'sum'}(x.{metric.column}) as m{place}"
            for place, metric in enumerate(self.metrics)
        ]
        visited = (
            f"\nwhere x.{key} in (select b.{key} from ({first}) b left join {self._credits()} t"
            f" on t.conversion = b.{key} where {late})"
        )
        return self._finish(
            f"select {', '.join([f'x.{key} as conversion', 'min(x.person) as person', *figures])}\n"
            f"from ({first}) x{visited if late else ''}\ngroup by x.{key}"
        )

    def of_people(self) -> tuple[str, list[object]]:
        """Answers the SQL of what each person has of each metric, whatever visits they made."""
        figures = [
            f"{'count(distinct ' if metric.is_distinct else 'sum('}x.{metric.column}) as m{place}"
            for place, metric in enumerate(self.metrics)
        ]
        first = self._first([], self._where(credited=False))
        return self._finish(
            f"select {', '.join(['x.person', *figures])}\nfrom ({first}) x\ngroup by x.person"
        )

    def visits(self, step: str, conversions: str, also: str = "") -> str:
        """Writes the SQL of the visits of conversions: its key, the visit's number, and a step.

        Args:
            step: What is told of the visit, over t.
            conversions: The table that the conversions are in.
            also: More columns, over t.
        """
        return with_views(
            f"select t.conversion, t.number, {step} as step{also} from {self._credits()} t"
            f" semi join {conversions} a on a.conversion = t.conversion where t.number is not null",
            self._views(),
        )

    def steps(self, step: str) -> tuple[str, list[object]]:
        """Answers the SQL of the steps of all visits that there may be in journeys."""
        return self._finish(
            f"select distinct {step} as step from {self._credits()} t where t.number is not null"
        )

    def lost_visits(self, step: str) -> tuple[str, list[object]]:
        """Answers the same as `journeys` of people who visited in the range and never converted.

        Of no metric. With a window, only the visits within it before the last one of the range.
        """
        of = "visit_facts" if self._needs_ads() else "touches"
        kind = "order" if self.fact.conversion == "order" else "contact"
        days = f"between {day(self.period.first)} and {day(self.period.last)}"
        window = join = ""
        if self.plan.model.days is not None:
            join = (
                f" join (select person, max(moment) as last from touches where day {days}"
                " group by person) w on w.person = t.person"
            )
            window = f" and t.moment >= w.last - {self.plan.model.days * 86400}"
        return self._finish(
            f"select t.person as conversion, t.number, {step} as step from {of} t{join}"
            f" where t.day {days}{window}"
            f" and t.person not in (select person from people where kind = '{kind}')"
        )

    def _credits(self) -> str:
        """The view of what visits are credited with."""
        return f"{self.fact.conversion}_shares{'_ads' if self._needs_ads() else ''}"

    # -- steps -----------------------------------------------------------------------------------

    def _finish(self, body: str) -> tuple[str, list[object]]:
        return self._parameters.finish(with_views(body, self._views()))

    def _rows(self) -> tuple[str, list[str]]:
        """Rows of the fact with their dimensions and credit; and the names of the dimensions."""
        names = [f"d{place}" for place in range(len(self.dimensions))]
        if not self.is_credited:
            chosen = [
                f"{self._column(each)} as {name}"
                for name, each in zip(names, self.dimensions, strict=True)
            ]
            where = self._where(credited=False)
            return self._first([*chosen, "1 as credit"], where), names
        first = self._first_of_group()
        if self._is_in_credits(is_first=bool(first)):
            return self._from_credits(names, first), names
        told, outer = [], []
        for name, each in zip(names, self.dimensions, strict=True):
            if each.family in TOUCHES:
                outer.append(f"{each.sql} as {name}")
            else:
                told.append(f"{self._column(each)} as {name}")
                outer.append(f"b.{name}")
        late = self._where(credited=True)
        early = self._where(credited=False)
        extra = [f"{sql} as {name}" for sql, name in self._columns.items()]
        rows = self._first([*told, *extra], early)
        share = "coalesce(cast(t.share as double precision), 1)" if self.is_fractional else "1"
        distinct = "" if self.is_fractional or first else "distinct "
        exported = ", ".join(f"b.{each}" for each in self._exported())
        return (
            f"select {distinct}{', '.join([*outer, exported])}, {share} as credit\n"
            f"from ({rows}) b left join {self._credits()} t"
            f" on t.conversion = b.{self.fact.credited}{first and f' and t.{first}'}"
            + (f"\nwhere {late}" if late else "")
        ), names

    def _first_of_group(self) -> str:
        """The column that tells a conversion's first visit of each group; "" if it is not kept."""
        touched = [each.slug for each in self.dimensions if each.family in TOUCHES]
        is_kept = self.plan.model.kept == EVERY_TOUCH and touched == ["clicks.channel"]
        filtered = [each.field for each in self._known_conditions()]
        is_cut = any(isinstance(each, Dimension) and each.family in TOUCHES for each in filtered)
        return FIRST if is_kept and not is_cut else ""

    def _is_in_credits(self, *, is_first: bool) -> bool:
        """Whether credits of orders hold all that is asked: then nothing is joined to them."""
        columns = {metric.column for metric in self.metrics}
        return (
            self.fact is SALES
            and columns <= CREDITED
            and (is_first or self.is_fractional)
            and (is_first or self.plan.is_cohort or "buyer" not in columns)
            and all(each.family is Family.TOUCH for each in self.dimensions)
            and not self.plan.filters.before.members
            and self.plan.switches == Switches()
        )

    def _from_credits(self, names: Sequence[str], first: str) -> str:
        """The rows of orders, each shared out over visits, as credits hold them."""
        chosen = [
            f"{each.sql} as {name}" for name, each in zip(names, self.dimensions, strict=True)
        ]
        chosen += [f"t.{each}" for each in self._own()]
        share = "1"
        if self.is_fractional:
            share = "cast(t.share as double precision)"
            chosen += [
                f"{self._weight_in_credits(each)} as w_{each.column}" for each in self._distinct()
            ]
        return (
            f"select {', '.join([*chosen, f'{share} as credit'])}\nfrom credited_sales t"
            f" where {self._days_in_credits()}" + (f" and t.{first}" if first else "")
        )

    def _days_in_credits(self) -> str:
        column = "lead_day" if self.plan.is_cohort else "day"
        return f"t.{column} between {day(self.period.first)} and {day(self.period.last)}"

    def _weight_in_credits(self, metric: Metric) -> str:
        """An order's part of what is counted once: of a cohort's buyers, all orders are there."""
        return (
            f"cast(1 as double precision) / {'t.person_orders' if metric.column == 'buyer' else 1}"
        )

    def _first(self, chosen: Sequence[str], where: str) -> str:
        """The rows of the fact with all but visits."""
        timed = self._day()
        conditions_ = [where] if where else []
        if self.fact.is_timed:
            first, last = day(self.period.first), day(self.period.last)
            conditions_.append(f"{timed} between {first} and {last}")
        columns = [f"f.{each}" for each in self._own()]
        if self.is_fractional:
            columns += [self._weight(metric) for metric in self._distinct()]
        joins = "".join(f"\n{each}" for each in self._joins.values())
        condition = f"\nwhere {' and '.join(conditions_)}" if conditions_ else ""
        return f"select {', '.join([*chosen, *columns])}\nfrom {self.fact.view} f{joins}{condition}"

    def _weight(self, metric: Metric) -> str:
        """Shares what is counted once out over its rows, so that credits of them add up to 1."""
        is_repeated = any(each.is_multiple for each in self.dimensions)
        if self.fact is SALES and metric.column in ORDER_KEYS and not is_repeated:
            return (
                f"case when f.{metric.column} is null then cast(0 as double precision)"
                f" else cast(1 as double precision) end as w_{metric.column}"
            )
        by = ", ".join([f"f.{metric.column}", *self._untouched()])
        return (
            f"case when f.{metric.column} is null then 0 else"
            f" cast(1 as double precision) / count(*) over (partition by {by}) end"
            f" as w_{metric.column}"
        )

    def _untouched(self) -> list[str]:
        return [self._column(each) for each in self.dimensions if each.family not in TOUCHES]

    def _own(self) -> list[str]:
        """The columns of the fact that are needed."""
        names = dict.fromkeys(self.fact.key)
        if "person" not in names and Family.LEAD in self.fact.knows:
            names["person"] = None
        if self.fact.credited:
            names[self.fact.credited] = None
        names.update(dict.fromkeys(metric.column for metric in self.metrics))
        return list(names)

    def _distinct(self) -> list[Metric]:
        found = {metric.column: metric for metric in self.metrics if metric.is_distinct}
        return list(found.values())

    def _exported(self) -> list[str]:
        weighed = self._distinct() if self.is_fractional else []
        return [*self._own(), *(f"w_{each.column}" for each in weighed)]

    # -- columns and conditions ------------------------------------------------------------------

    def _day(self) -> str:
        return "f.lead_day" if self.plan.is_cohort and self.fact in (SALES, LINES) else "f.day"

    def _join_leads(self) -> None:
        self._joins["leads"] = "left join leads l on l.person = f.person"

    def _column(self, dimension: Dimension) -> str:
        """The SQL of a dimension in the first step; joins what it needs."""
        if dimension.family is Family.TIME:
            if not self.fact.is_timed:
                return "f.bucket"
            timed = self._day()
            if self.period.scale == "day":
                return f"cast({timed} as varchar)"
            self._joins["calendar"] = f"join calendar k on k.day = {timed}"
        elif dimension.family is Family.AGE:
            self._join_leads()
        elif dimension.family is Family.LEAD:
            self._joins["contacts"] = "left join first_contacts d on d.person = f.person"
            if dimension.slug.startswith(CUSTOM):
                return custom_field(self._parameters.bind(pointer(dimension.name)))
        elif dimension.family is Family.TAG:
            self._joins["tags"] = "left join lead_tags g on g.person = f.person"
        elif dimension.family in TOUCHES:
            return dimension.sql.replace("t.", "f.", 1)
        return dimension.sql

    def _known_conditions(self) -> list[Condition]:
        return [
            each
            for each in conditions(self.plan.filters.before)
            if isinstance(each.field, Dimension) and is_known(self.fact, each.field)
        ]

    def _needs_ads(self) -> bool:
        asked = [*self.dimensions, *(each.field for each in self._known_conditions())]
        return any(isinstance(each, Dimension) and each.family is Family.AD for each in asked)

    def _where(self, *, credited: bool) -> str:
        """The filters that are looked at before rows are shared out, or after."""
        texts = []
        for each in self.plan.filters.before.members:
            touched = bool(self.fact.conversion) and any(
                isinstance(one.field, Dimension) and one.field.family in TOUCHES
                for one in conditions(each)
            )
            if touched == credited:
                text = self._condition(each, late=credited)
                texts += [text] if text else []
        return " and ".join(texts)

    def _condition(self, filter_: Filter, *, late: bool) -> str:
        if isinstance(filter_, Group):
            found = [self._condition(each, late=late) for each in filter_.members]
            known = [each for each in found if each]
            word = " or " if filter_.is_any else " and "
            return f"({word.join(known)})" if known else ""
        dimension = filter_.field
        assert isinstance(dimension, Dimension)
        if not is_known(self.fact, dimension):
            return ""
        row = "b" if late else "f"
        if dimension.family is Family.TAG:
            return self._tagged(filter_, row)
        if not late:
            return to_sql(filter_, self._column(dimension), self._parameters.bind)
        if dimension.family in TOUCHES:
            return to_sql(filter_, dimension.sql, self._parameters.bind)
        sql = self._column(dimension)
        name = self._columns.setdefault(sql, f"c{len(self._columns)}")
        return to_sql(filter_, f"b.{name}", self._parameters.bind)

    def _tagged(self, filter_: Condition, row: str) -> str:
        """Whether the person has a tag: asked, and not joined, so that nobody is there twice."""
        operator, value = filter_.operator, filter_.value
        found = "select g.person from lead_tags g"
        if operator == "is_empty":
            return f"({row}.person {'not in' if value else 'in'} ({found}))"
        negative = operator == "is_not"
        asked = Condition(filter_.field, "is" if negative else operator, value)
        where = to_sql(asked, "g.name", self._parameters.bind)
        return f"({row}.person {'not in' if negative else 'in'} ({found} where {where}))"

    def _views(self) -> dict[str, str]:
        plan = self.plan
        of = "lines" if plan.knows_products else "sales"
        buyers = FactQuery(
            plan, LINES if plan.knows_products else SALES, (), (), self.period, self.as_of,
            self._parameters,
        )  # fmt: skip
        return views(
            self.period,
            today=plan.settings.today,
            as_of=self.as_of,
            model=plan.model,
            switches=plan.switches,
            buyers_where=buyers.purchases() if self.fact is LEADS else "true",
            buyers_of=of,
            of_range=self.fact is LEADS or (plan.is_cohort and self.fact in (SALES, LINES)),
            is_by_order=not plan.is_cohort and self.fact in (SALES, LINES),
            is_ranked=self._is_ranked(),
            is_matched=self._is_matched(),
            has_ads=self._needs_ads(),
        )

    def purchases(self) -> str:
        """The condition on what was bought that makes a lead a customer."""
        texts = []
        for each in self.plan.filters.before.members:
            families = {
                one.field.family for one in conditions(each) if isinstance(one.field, Dimension)
            }
            if families <= {Family.PRODUCT, Family.ORDER}:
                texts.append(self._condition(each, late=False))
        return " and ".join(texts) or "true"

    def _is_ranked(self) -> bool:
        asked = [*self.dimensions, *(each.field for each in conditions(self.plan.filters.before))]
        return any(metric.column == "new_buyer" for metric in self.metrics) or any(
            isinstance(each, Dimension) and each.slug == "orders.kind" for each in asked
        )

    def _is_matched(self) -> bool:
        asked = [*self.dimensions, *(each.field for each in self._known_conditions())]
        return any(metric.column == "unmatched_spend" for metric in self.metrics) or any(
            isinstance(each, Dimension) and each.slug == "ads.match" for each in asked
        )
