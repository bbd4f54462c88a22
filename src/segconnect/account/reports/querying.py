"""Writes the SQL by which one fact is summed.

In three steps, so that no join fans out: rows of the fact with all that is told of them apart from
visits; each shared out over the visits that its conversion is credited to; and the sums. Where a
model credits visits in full, a row is counted once in each group, however many visits it has there.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from segconnect.account.metrics import Family, Metric
from segconnect.account.metrics.facts import LEADS, LINES, SALES
from segconnect.account.owner.choices import Switches
from segconnect.account.replica.crediting import EVERY_TOUCH, FIRST
from segconnect.account.reports.columns import TOUCHES, FactColumns
from segconnect.account.reports.cte import Views, with_views
from segconnect.account.reports.views import day, is_counting_all, views

Cells: TypeAlias = tuple[str | None, ...]
"""The group of a row: what each dimension is there."""

ONE = "one"  # the column of facts that has the same in every row: rows are counted by it
CREDITED = {ONE, "amount", "paid", "order_key", "buyer"}  # of sales: credits of orders hold them
ORDER_KEYS = ("order_key", "refunded_key", "new_buyer")  # of sales: each is in one row of a group
OF_PERSONS = (Family.TIME, Family.LEAD, Family.TAG)  # of a cohort: the same for all orders of one
IN_CREDITS = {Family.TOUCH, Family.AD, *OF_PERSONS}


class FactQuery(FactColumns):
    """How one fact is summed for a report."""

    @property
    def is_credited(self) -> bool:
        """Whether rows are shared out over visits."""
        asked = [*self.dimensions, *self._filtered()]
        return bool(self.fact.conversion) and any(each.family in TOUCHES for each in asked)

    @property
    def is_fractional(self) -> bool:
        """Whether what rows are shared out by are fractions."""
        return self.is_credited and self.plan.model.is_fractional

    @property
    def is_parted(self) -> bool:
        """Whether each row is in one group exactly, so that groups add up to the total."""
        return bool(self.dimensions) and not (
            self.is_credited
            or any(each.is_distinct and not self._counted(each) for each in self.metrics)
            or any(each.is_multiple for each in self.dimensions)
            or (self.plan.time is not None and not self.fact.is_timed)
        )

    def sums(self) -> tuple[str, list[object]]:
        """Answers the SQL of the sums: the dimensions, then the metrics; and its values."""
        inner, names = self._rows()
        figures = [f"{self._sum(each)} as m{place}" for place, each in enumerate(self.metrics)]
        return self._grouped(inner, names, figures)

    def _sum(self, metric: Metric) -> str:
        """The SQL of a figure."""
        if counted := self._counted(metric):
            return f"count({counted})"
        if metric.is_distinct and not self.is_fractional:
            return f"count(distinct {metric.column})"
        if self.is_fractional:
            return f"sum({self._part(metric)})"
        return "count(*)" if metric.column == ONE else f"sum({metric.column})"

    def _part(self, metric: Metric) -> str:
        """What one row is of a figure that is a sum."""
        if not self.is_fractional:
            return metric.column
        if metric.is_distinct:
            return f"w_{metric.column} * credit"
        return "credit" if metric.column == ONE else f"{metric.column} * credit"

    def _counted(self, metric: Metric) -> str:
        """The column to count in place of different values; "" where they have to be told apart.

        An order is in one row of a group. A buyer in a cohort, of which all orders are there, is
        counted by the first one; of those that a channel has, by the last one, which has all visits
        that the others have.
        """
        if not metric.is_distinct or self.is_fractional or self.fact is not SALES:
            return ""
        if metric.column in ORDER_KEYS:
            return metric.column
        is_whole = (
            self.plan.is_cohort
            and metric.column == "buyer"
            and is_counting_all(self.plan.switches)
            and {each.family for each in self._filtered()} <= set(OF_PERSONS)
        )
        if is_whole and {each.family for each in self.dimensions} <= set(OF_PERSONS):
            return "new_buyer"
        is_first = is_whole and self._first_of_group() and self._is_in_credits()
        return "last_buyer" if is_first and len(self.dimensions) == 1 else ""

    def figures(self, figures: Sequence[str]) -> tuple[str, list[object]]:
        """Answers the SQL of other figures by group: aggregates over the metrics' columns."""
        inner, names = self._rows()
        return self._grouped(inner, names, figures)

    def _grouped(
        self, inner: str, names: Sequence[str], figures: Sequence[str]
    ) -> tuple[str, list[object]]:
        group = f"\ngroup by {', '.join(names)}" if names else ""
        told = [
            f"cast({name} as varchar) as {name}" if self._is_day(each) else name
            for name, each in zip(names, self.dimensions, strict=True)
        ]
        return self._finish(f"select {', '.join([*told, *figures])}\nfrom ({inner}) x{group}")

    def behind(self, cells: Sequence[str | None]) -> tuple[str, list[object]]:
        """Answers the SQL of the rows behind one figure: the first metric, in one group.

        Its columns: the person, the key of the fact's row, or what is counted, and what of the
        figure it is.
        """
        inner, names = self._rows(is_keyed=True)
        metric = self.metrics[0]
        where = [
            f"{name} is null" if cell is None else self._cell(name, each, cell)
            for name, each, cell in zip(names, self.dimensions, cells, strict=True)
        ]
        rows = (metric.column,) if metric.is_distinct else self.fact.key
        is_known = Family.LEAD in self.fact.knows  # who it was: of spend, nobody
        person = "person" if is_known else "cast(null as bigint) as person"
        others = [each for each in rows if each != "person"]
        key = ", ".join(["person", *others] if is_known else others)
        part = self._part(metric)
        if metric.is_distinct:
            where.append(f"{metric.column} is not null")
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
        visits = {each.family for each in self.dimensions}
        if (
            self.fact is SALES
            and visits <= set(TOUCHES)
            and not self._filtered()
            and self._is_in_credits()
        ):
            figures = [
                f"{self._weight_in_credits(each) if each.is_distinct else f'f.{each.column}'}"
                f" as m{place}"
                for place, each in enumerate(self.metrics)
            ]
            chosen = ", ".join(
                ["f.pk as conversion", "f.number", told.replace("t.", "f."), *figures]
            )
            return self._finish(f"select {chosen}\nfrom credited_sales f where {self._in_range()}")
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
            f"select t.person as conversion, t.number, {step} as step from visit_facts t{join}"
            f" where t.day {days}{window}"
            f" and t.person not in (select person from people where kind = '{kind}')"
        )

    def _credits(self) -> str:
        """The view of what visits are credited with."""
        return f"{self.fact.conversion}_shares"

    # -- steps -----------------------------------------------------------------------------------

    def _finish(self, body: str) -> tuple[str, list[object]]:
        return self._parameters.finish(with_views(body, self._views()))

    def _rows(self, *, is_keyed: bool = False) -> tuple[str, list[str]]:
        """Rows of the fact with their dimensions and credit; and the names of the dimensions.

        Args:
            is_keyed: Whether it is asked which rows they are, and whose, and not only for sums.
        """
        names = [f"d{place}" for place in range(len(self.dimensions))]
        first = self._first_of_group() if self.is_credited else ""
        if not self.is_credited or self._is_in_credits():
            return self._told_rows(names, first, is_keyed=is_keyed), names
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
        is_distinct = not self.is_fractional and not first
        outer += [f"b.{each}" for each in self._own(is_keyed=is_keyed, is_distinct=is_distinct)]
        if self.is_fractional:
            outer += [f"b.w_{each.column}" for each in self._distinct()]
            outer.append("coalesce(cast(t.share as double precision), 1) as credit")
        return (
            f"select {'distinct ' if is_distinct else ''}{', '.join(outer)}\n"
            f"from ({rows}) b left join {self._credits()} t"
            f" on t.conversion = b.{self.fact.credited}{first and f' and t.{first}'}"
            + (f"\nwhere {late}" if late else "")
        ), names

    def _told_rows(self, names: Sequence[str], first: str, *, is_keyed: bool) -> str:
        """The rows of a fact that has all that is asked, visits that it is credited to as well."""
        is_distinct = self.is_credited and not self.is_fractional and not first
        view = f"credited_{self.fact.name}" if self.is_credited else self.fact.view
        chosen = [
            f"{self._column(each)} as {name}"
            for name, each in zip(names, self.dimensions, strict=True)
        ]
        own = self._own(is_keyed=is_keyed, is_distinct=is_distinct)
        chosen += [f"f.{each}" for each in own]
        if self.is_fractional:
            chosen.append("cast(f.share as double precision) as credit")
            chosen += [
                f"{self._weight_in_credits(each)} as w_{each.column}" for each in self._distinct()
            ]
        where = [self._where(credited=None), f"f.{first}" if first else ""]
        return self._selected(chosen, view, where, is_distinct=is_distinct)

    def _first_of_group(self) -> str:
        """The column that tells a conversion's first visit of each group; "" if it is not kept."""
        touched = [each.slug for each in self.dimensions if each.family in TOUCHES]
        is_kept = self.plan.model.kept == EVERY_TOUCH and touched == ["clicks.channel"]
        is_cut = any(each.family in TOUCHES for each in self._filtered())
        return FIRST if is_kept and not is_cut else ""

    def _is_in_credits(self) -> bool:
        """Whether credits hold all that is asked: then nothing is joined to them."""
        if self.fact is LEADS:
            return True
        columns = {metric.column for metric in self.metrics}
        asked = {each.family for each in (*self.dimensions, *self._filtered())}
        return (
            self.fact is SALES
            and columns <= CREDITED
            and asked <= IN_CREDITS
            and self.plan.switches == Switches()
            and (
                not self.is_fractional
                or "buyer" not in columns
                or (self.plan.is_cohort and not self._filtered())
            )
        )

    def _weight_in_credits(self, metric: Metric) -> str:
        """An order's part of what is counted once: of a cohort's buyers, all orders are there."""
        return (
            f"cast(1 as double precision) / {'f.person_orders' if metric.column == 'buyer' else 1}"
        )

    def _first(self, chosen: Sequence[str], where: str) -> str:
        """The rows of the fact with all but visits."""
        columns = [f"f.{each}" for each in self._own(is_keyed=True)]
        if self.is_fractional:
            columns += [self._weight(metric) for metric in self._distinct()]
        return self._selected([*chosen, *columns], self.fact.view, [where])

    def _selected(
        self, chosen: Sequence[str], view: str, where: Sequence[str], *, is_distinct: bool = False
    ) -> str:
        """Writes what is chosen of a view of the fact, joined with what tells of it."""
        conditions_ = [each for each in where if each]
        if self.fact.is_timed:
            conditions_.append(self._in_range())
        joins = "".join(f"\n{each}" for each in self._joins.values())
        condition = f"\nwhere {' and '.join(conditions_)}" if conditions_ else ""
        columns = ", ".join(chosen) or "1 as one"
        return (
            f"select {'distinct ' if is_distinct else ''}{columns}\nfrom {view} f{joins}{condition}"
        )

    def _in_range(self) -> str:
        return f"{self._day()} between {day(self.period.first)} and {day(self.period.last)}"

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

    def _own(self, *, is_keyed: bool = False, is_distinct: bool = False) -> list[str]:
        """The columns of the fact that are needed.

        Args:
            is_keyed: Whether it matters which rows they are, and whose.
            is_distinct: Whether rows of the fact must be told apart, but not whose they are.
        """
        names: dict[str, None] = {}
        if is_keyed or is_distinct:
            names.update(dict.fromkeys(self.fact.key))
        if is_keyed:
            if Family.LEAD in self.fact.knows:
                names["person"] = None
            if self.fact.credited:
                names[self.fact.credited] = None
            names.update(dict.fromkeys(each.column for each in self.metrics))
        else:
            told = [self._counted(each) or each.column for each in self.metrics]
            names.update(dict.fromkeys(each for each in told if each != ONE))
        return list(names)

    def _distinct(self) -> list[Metric]:
        found = {metric.column: metric for metric in self.metrics if metric.is_distinct}
        return list(found.values())

    def _views(self) -> Views:
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
        )
