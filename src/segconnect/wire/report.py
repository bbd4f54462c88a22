"""Reports on the wire: what is asked for."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, StringConstraints

from segconnect.wire.shape import Shape

Word = Annotated[str, StringConstraints(max_length=300)]


class DateRange(Shape):
    """A range of days: ISO dates, or relative ones as PHP reads them; 30 days up to now."""

    start: Word | None = None
    end: Word | None = None
    scale: Word | None = None


class ReportQuery(Shape):
    """POST /v2/{account_id}/data/query."""

    type: Word
    dimensions: list[Word] | None = None
    metrics: list[Word] | None = None
    date_range: DateRange | None = None
    filters: list[Any] | None = None
    steps: list[Any] | None = None
    options: dict[str, Any] | None = None
    compare: DateRange | Word | None = Field(None, union_mode="left_to_right")
    sort: Word | None = None
    limit: int | None = Field(None, ge=1, le=100_000)
    as_of: Annotated[int, Field(ge=0, lt=10**18)] | Word | None = Field(
        None, union_mode="left_to_right"
    )
