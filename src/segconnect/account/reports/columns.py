"""How rows of one fact are told and filtered: the SQL of its columns and conditions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from segconnect.account.metrics import CUSTOM, Dimension, Fact, Family, Metric
from segconnect.account.metrics.facts import LINES, SALES
from segconnect.account.reports.dates import Period
from segconnect.account.reports.filters import Condition, Filter, Group, conditions, to_sql
from segconnect.account.reports.plan import Plan, is_known
from segconnect.account.reports.texts import Parameters, custom_field, pointer
from segconnect.account.reports.views import bucket_of

TOUCHES = (Family.TOUCH, Family.AD)


@dataclass
class FactColumns:
    """The columns of a fact, f, and of what is joined to it for them."""

    plan: Plan
    fact: Fact
    metrics: Sequence[Metric]
    dimensions: Sequence[Dimension]
    period: Period
    as_of: int
    _parameters: Parameters = field(default_factory=Parameters)
    _joins: dict[str, str] = field(default_factory=dict)
    _columns: dict[str, str] = field(default_factory=dict)  # of the first step, by their SQL

    def _day(self) -> str:
        return "f.lead_day" if self.plan.is_cohort and self.fact in (SALES, LINES) else "f.day"

    def _column(self, dimension: Dimension) -> str:
        """The SQL of a dimension in the first step; joins what it needs."""
        if dimension.family is Family.TIME:
            if not self.fact.is_timed:
                return "f.bucket"
            timed = self._day()
            if self._is_day(dimension):
                return timed
            return bucket_of(timed, list(self.period.buckets()))
        if dimension.family is Family.LEAD:
            self._joins["contacts"] = "left join first_contacts d on d.person = f.person"
            if dimension.slug.startswith(CUSTOM):
                return custom_field(self._parameters.bind(pointer(dimension.name)))
        elif dimension.family is Family.TAG:
            self._joins["tags"] = "left join lead_tags g on g.person = f.person"
        elif dimension.family in TOUCHES:
            return dimension.sql.replace("t.", "f.", 1)
        return dimension.sql

    def _is_day(self, dimension: Dimension) -> bool:
        """Whether rows are told by the day itself, which is written out once they are summed."""
        is_day = dimension.family is Family.TIME and self.period.scale == "day"
        return is_day and self.fact.is_timed

    def _cell(self, name: str, dimension: Dimension, cell: str) -> str:
        """The condition that a row is in a group."""
        told = f"cast({name} as varchar)" if self._is_day(dimension) else name
        return f"{told} = {self._parameters.bind(cell)}"

    def _known_conditions(self) -> list[Condition]:
        return [
            each
            for each in conditions(self.plan.filters.before)
            if isinstance(each.field, Dimension) and is_known(self.fact, each.field)
        ]

    def _filtered(self) -> list[Dimension]:
        """The dimensions that rows are filtered by."""
        fields = [each.field for each in self._known_conditions()]
        return [each for each in fields if isinstance(each, Dimension)]

    def _where(self, *, credited: bool | None) -> str:
        """The filters that are looked at before rows are shared out, or after; None: at once."""
        texts = []
        for each in self.plan.filters.before.members:
            touched = bool(self.fact.conversion) and any(
                isinstance(one.field, Dimension) and one.field.family in TOUCHES
                for one in conditions(each)
            )
            if credited is None or touched == credited:
                text = self._condition(each, late=bool(credited))
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
