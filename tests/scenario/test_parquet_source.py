"""Parquet, row group by row group, and what a run without pyarrow is told."""

from __future__ import annotations

import builtins
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow
import pytest
from pyarrow import parquet

from segconnect.errors import SourceError
from segconnect.scenario.sources import open_source


@pytest.fixture
def file(tmp_path: Path) -> Path:
    columns: dict[str, Any] = {
        "id": [1, 2],
        "day": [date(2026, 9, 1), None],
        "at": [datetime(2026, 9, 1, 12, tzinfo=UTC), None],
        "total": [Decimal("12.50"), Decimal("3.00")],
        "rate": [0.5, float("nan")],
        "tags": [["new", "vip"], []],
        "buyer": [{"email": "joey@bloggs.com"}, None],
    }
    parquet.write_table(pyarrow.table(columns), tmp_path / "orders.parquet", row_group_size=1)
    return tmp_path / "orders.parquet"


def test_a_row_is_a_bundle_of_values_of_the_mapping_language(file: Path) -> None:
    source = open_source("parquet", {"file": "orders.parquet"}, file.parent)

    assert [(each.values, str(each.place)) for each in source.bundles()] == [
        (
            {
                "id": 1,
                "day": "2026-09-01",
                "at": datetime(2026, 9, 1, 12, tzinfo=UTC),
                "total": Decimal("12.50"),
                "rate": 0.5,
                "tags": ["new", "vip"],
                "buyer": {"email": "joey@bloggs.com"},
            },
            "orders.parquet, row 1",
        ),
        ({"id": 2, "total": Decimal("3.00"), "tags": []}, "orders.parquet, row 2"),
    ]
    assert source.progress() == (2, 2)


def test_columns_can_be_chosen(file: Path) -> None:
    source = open_source("parquet", {"file": file.name, "columns": ["total"]}, file.parent)

    assert [each.values for each in source.bundles()] == [
        {"total": Decimal("12.50")},
        {"total": Decimal("3.00")},
    ]
    with pytest.raises(SourceError, match="there is no column 'totel'; the columns are id, day"):
        open_source("parquet", {"file": file.name, "columns": ["totel"]}, file.parent)


def test_what_is_no_parquet_says_so(tmp_path: Path) -> None:
    (tmp_path / "orders.parquet").write_text("id\n1\n")

    with pytest.raises(SourceError, match=r"orders\.parquet: is no Parquet file: "):
        open_source("parquet", {"file": "orders.parquet"}, tmp_path)


def test_without_pyarrow_the_extra_is_named(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def missing(name: str, *rest: Any) -> Any:
        if name.startswith("pyarrow"):
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", missing)

    with pytest.raises(SourceError, match=r"needs pyarrow: pip install 'segconnect\[parquet\]'"):
        open_source("parquet", {"file": file.name}, file.parent)
