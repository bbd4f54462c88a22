"""Small tables of paths, by hand and by chance."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from segconnect.account.attribution import Path, Touch
from segconnect.account.attribution.models import Model

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)

CHANNELS = ["ad", "direct", "email", "search"]


def at(minutes: float, channel: str = "ad", **facts: Any) -> Touch:
    """A touch so many minutes after noon."""
    moment = NOON + timedelta(minutes=minutes)
    return Touch(moment, channel, is_direct=channel == "direct", **facts)


@st.composite
def paths(draw: st.DrawFn) -> Path:
    """A row of a table."""
    steps = draw(st.lists(st.sampled_from(CHANNELS), min_size=1, max_size=5))
    opt_in = draw(st.none() | st.integers(0, len(steps) - 1))
    conversions = draw(st.integers(0, 9))
    value = draw(st.integers(0, 10_000)) / 100 if conversions else 0
    return Path(tuple(steps), conversions, value, draw(st.integers(0, 9)), opt_in)


tables = st.lists(paths(), min_size=1, max_size=7, unique_by=lambda path: (path.steps, path.opt_in))


def settings_of(model: Model) -> st.SearchStrategy[dict[str, Any]]:
    """Any of a model's parameters."""
    chosen: dict[str, st.SearchStrategy[Any]] = {}
    for each in model.parameters:
        if each.takes.choices:
            chosen[each.name] = st.sampled_from(each.takes.choices)
        elif each.type is float:
            numbers = st.floats(each.takes.least, min(each.takes.most, 100))
            chosen[each.name] = numbers.map(lambda number: round(number, 2))
        elif each.name == "order":
            chosen[each.name] = st.integers(int(each.takes.least), int(each.takes.most))
    return st.fixed_dictionaries(chosen)
