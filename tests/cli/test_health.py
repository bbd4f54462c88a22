"""`segconnect health`: what is wrong with an account's data, in words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.cli import test_report

shop = test_report.shop


def test_each_check_tells_what_it_found_and_what_mends_it(segconnect: Any, shop: Path) -> None:
    ran = segconnect("health", "--start", "2026-02-01", "--end", "2026-03-31", "--data", shop)

    lines = ran.out.splitlines()
    assert (ran.code, ran.err) == (0, "")
    assert "Orders that came twice: 0 of 3 orders" in lines
    assert "Visits from nowhere: 0 of 2 visits, 5.00 USD" in lines
    assert lines[-1] == "2026-02-01 to 2026-03-31"


def test_programs_get_json(segconnect: Any, shop: Path) -> None:
    told = segconnect("health", "--json", "--start", "2026-03-01", "--data", shop).json

    assert {"date_range", "currency", "change", "as_of", "definitions", "checks"} == set(told)
    assert all(check["mend"] and check["help"] for check in told["checks"])
