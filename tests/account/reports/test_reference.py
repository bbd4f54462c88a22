"""The reference page of metrics is what the declarations say."""

from __future__ import annotations

from datetime import UTC
from pathlib import Path

from segconnect.account.metrics import DIMENSIONS, METRICS
from segconnect.account.reports.plan import Query, Settings, plan
from segconnect.account.reports.reference import COMMAND, PAGE, page
from segconnect.account.reports.types import TYPES
from tests.account.reports.world import NOW

ROOT = Path(__file__).parents[3]


def test_the_committed_page_is_what_the_declarations_say() -> None:
    committed = (ROOT / PAGE).read_text("utf-8")

    assert committed == page(), f"{PAGE} is not what the declarations say; run: {COMMAND}"


def test_the_page_names_every_type_metric_and_dimension() -> None:
    text = page()

    assert all(f"| `{name}` |" in text for name in (*TYPES, *METRICS, *DIMENSIONS))


def test_everything_that_is_declared_says_what_it_is_and_who_says_so() -> None:
    for each in (*METRICS.values(), *DIMENSIONS.values()):
        assert each.help.endswith("."), each
        assert each.source, each


def test_every_type_can_be_asked_for_as_it_is() -> None:

    for type_ in TYPES:
        steps = [{"event": "lead"}] if type_ == "funnel" else []
        planned = plan(Query(type_, steps=steps), Settings(NOW, UTC, "USD"))

        assert planned.metrics
