"""`segconnect forecast`: the value of each month's people, and how far it can be relied on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.cli import test_report

shop = test_report.shop


def test_the_table_says_how_good_it_is(segconnect: Any, shop: Path) -> None:
    ran = segconnect("forecast", "leads", "--months", "2", "--data", shop)

    lines = [line.split() for line in ran.out.splitlines()]
    assert (ran.code, ran.err) == (0, "")
    # two leads brought 30.45 and, before they were leads, 5.00
    assert ["2026-03", "2", "7", "17.73", "17.73", "–", "–", "–"] in lines
    assert "The forecast cannot be tested yet" in ran.out


def test_programs_get_json(segconnect: Any, shop: Path) -> None:
    told = segconnect("forecast", "customers", "--json", "--data", shop).json

    assert [(row["month"], row["customers"]) for row in told["rows"]] == [
        ("2026-02", 1), ("2026-03", 1),
    ]  # fmt: skip
    refused = segconnect("forecast", "leeds", "--data", shop)
    assert (refused.code, "did you mean 'leads'" in refused.err) == (2, True)
