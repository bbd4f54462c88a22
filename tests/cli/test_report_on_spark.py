"""`segconnect report --engine spark`: the same figures, by way of a Parquet export."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from segconnect.account.export.spark import NO_JAVA, java
from tests.cli import test_report

shop = test_report.shop  # the same account
ADS = ("ads", *test_report.MARCH, "--by", "campaign", "--model", "linear")


@pytest.fixture
def with_java() -> None:
    """Skips the test loudly where there is no Java."""
    if java() is None:
        if os.environ.get("CI", "").lower() in ("1", "true"):
            pytest.fail(NO_JAVA)
        pytest.skip(NO_JAVA)


@pytest.mark.usefixtures("with_java")
def test_a_report_is_the_same_on_spark_and_needs_no_store_then(
    segconnect: Any, shop: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    segconnect("export", "parquet", out, "--model", "linear", "--data", shop)
    here = segconnect("report", *ADS, "--data", shop).out

    there = segconnect("report", *ADS, "--engine", "spark", "--master", "local[2]",
                       "--parquet", out, "--data", tmp_path / "nowhere")  # fmt: skip

    assert (there.code, there.out) == (0, here)
    assert not (tmp_path / "nowhere").exists()


@pytest.mark.usefixtures("with_java")
def test_without_an_export_one_is_made(segconnect: Any, shop: Path) -> None:
    ran = segconnect("report", "revenue", *test_report.MARCH, "--engine", "spark",
                     "--master", "local[2]", "--csv", "--data", shop)  # fmt: skip

    assert ran.out.splitlines()[1].startswith("Tea,")
    assert list((shop / "parquet" / "orders").rglob("*.parquet"))


def test_without_java_it_is_told_what_to_install(
    segconnect: Any, shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JAVA_HOME", str(shop))
    ran = segconnect("report", "leads", "--engine", "spark", "--data", shop)

    assert ran.code == 2
    assert "Spark needs Java 17 or newer, and there is none" in ran.err


@pytest.mark.usefixtures("with_java")
def test_a_cluster_that_is_none_is_told(segconnect: Any, shop: Path) -> None:
    ran = segconnect("report", "leads", "--engine", "spark", "--master", "lokal", "--data", shop)

    assert (ran.code, "Spark does not begin on 'lokal'" in ran.err) == (2, True), ran.err


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (("--engine", "sparc"), "unknown engine 'sparc'; did you mean 'spark'?"),
        (("--master", "local[2]"), "--master is for reports on Spark: add"),
        (("--engine", "spark", "--parquet", "none"), "none: no one export was found"),
    ],
)
def test_what_does_not_go_together_is_refused(
    segconnect: Any, shop: Path, given: tuple[str, ...], told: str
) -> None:
    ran = segconnect("report", "leads", *given, "--data", shop)

    assert (ran.code, told in ran.err) == (2, True), ran.err
