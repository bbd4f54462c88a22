"""`segconnect export`: what an account holds, for other tools."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.cli import test_report

shop = test_report.shop  # the same account


@pytest.fixture
def export(segconnect: Any, shop: Path, tmp_path: Path) -> Any:
    """Runs `segconnect export parquet` on the shop."""
    return lambda *arguments: segconnect(
        "export", "parquet", tmp_path / "out", *arguments, "--data", shop
    )


def test_a_warehouse_finds_the_figures_that_a_report_tells(
    segconnect: Any, export: Any, shop: Path, tmp_path: Path
) -> None:  # fmt: skip
    ran = export("--model", "linear")

    assert (ran.code, ran.err) == (0, "")
    assert "credits by any, linear" in ran.out
    total = f"select sum(amount) from '{tmp_path}/out/orders/*/*/*.parquet'"
    assert duckdb.execute(total).fetchall() == [(3545,)]
    told = segconnect("report", "revenue", "--start", "2026-02-01", "--end", "2026-03-31",
                      "--metric", "revenue", "--json", "--data", shop).json  # fmt: skip
    assert told["totals"] == [35.45]


def test_models_that_were_asked_for_once_stay_in_the_export(export: Any) -> None:
    export("--model", "linear")
    told = export("--json").json

    assert (told["models"], told["written"], told["removed"]) == (["any", "linear"], 0, 0)


def test_a_model_whose_credits_are_not_kept_is_refused(export: Any) -> None:
    ran = export("--model", "shapley")

    assert ran.code == 2
    assert "credits by the model shapley are not kept" in ran.err


def test_a_place_that_cannot_be_written_is_told(segconnect: Any, shop: Path) -> None:
    (shop / "file").write_text("")
    ran = segconnect("export", "parquet", shop / "file" / "out", "--data", shop)

    assert ran.code == 2
    assert f"{shop}/file/out: cannot be written: Not a directory" in ran.err
