"""The main job: what the demo prints is what the generated shop holds."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from urllib.request import urlopen

import pytest

from segconnect.demo.shop import build_world
from segconnect.demo.size import two_years
from segconnect.demo.truth import tell_truth


def demo(data: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "segconnect", "demo", "--data", str(data), *options]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    done = demo(tmp_path_factory.mktemp("demo"), "--json")
    assert done.returncode == 0, done.stderr
    found: dict[str, object] = json.loads(done.stdout)
    return found


def test_the_account_holds_what_the_shop_did(told: dict[str, object]) -> None:
    truth = asdict(tell_truth(build_world()))

    shared = truth.keys() & told.keys() - {"refused"}
    assert {name: told[name] for name in shared} == {name: truth[name] for name in shared}
    assert shared >= {
        "contacts", "tags", "orders", "revenue", "collected", "refunds", "subscriptions",
        "active_subscriptions", "mrr", "ads", "ad_spend", "clicks", "impressions",
        "revenue_by_utm_source", "ads_by_campaign",
    }  # fmt: skip


def test_each_refused_record_is_told_with_its_place(told: dict[str, object]) -> None:
    truth = tell_truth(build_world())
    refused = told["refused"]
    assert isinstance(refused, list)

    places = sorted((each["where"].split(",")[0], each["where"].split()[2]) for each in refused)
    wanted = sorted(
        (r.file, str(r.line - 1) if r.file.endswith(".json") else f"{r.line}")
        for r in truth.refused
    )
    assert [(file, line.split("-")[0]) for file, line in places] == wanted


def test_a_second_demo_in_the_same_directory_has_an_account_of_its_own(tmp_path: Path) -> None:
    first, second = demo(tmp_path, "--json"), demo(tmp_path, "--json")

    one, two = json.loads(first.stdout), json.loads(second.stdout)
    assert one["account_id"] != two["account_id"]
    assert one["revenue"] == two["revenue"]


def test_it_says_what_to_do_next_and_shows_no_key(tmp_path: Path) -> None:
    done = demo(tmp_path)

    assert done.returncode == 0
    assert "Revenue" in done.stdout
    earned = tell_truth(build_world()).ads_by_campaign["Brand - Search"]
    row = next(line for line in done.stdout.splitlines() if line.startswith("Brand - Search"))
    assert row.split()[3:] == [
        f"{earned['spend'] / 100:,.2f}",
        str(earned["orders"]),
        f"{earned['revenue'] / 100:,.2f}",
        f"{earned['revenue'] / earned['spend']:.2f}x",
    ]
    last = done.stdout.splitlines()[-3:]
    assert last[0].startswith("Serve it:   segconnect serve --data")
    assert last[1].startswith("Your turn:")
    assert last[2].startswith("Two years:  segconnect demo --serve")
    stored = (tmp_path / "connections.json").read_text()
    assert "api_key" in stored


def test_two_years_are_served_and_what_ads_earned_is_known(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "segconnect", "demo", "--serve", "--port", "0"]
    with subprocess.Popen(
        [*command, "--data", str(tmp_path)], stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            told = ""
            for line in process.stdout:
                told += line
                if line.startswith("Pages: "):
                    break
            with urlopen(told.split()[-1]) as answer:
                assert answer.status == 200
        finally:
            process.terminate()
    as_of = re.search(r"\(as of (.+)\)", told)
    assert as_of
    size = two_years(datetime.strptime(f"{as_of[1]} +0000", "%d %B %Y %z").date())
    report = ["report", "ads", "--by", "campaign", "--metric", "adSpend,orders,revenue"]
    asked = ["--model", "last_non_direct", "--start", size.first_ad_day.isoformat(), "--json"]
    done = subprocess.run(
        [sys.executable, "-m", "segconnect", *report, *asked, "--data", str(tmp_path)],
        capture_output=True,
        text=True,
        check=True,
    )

    truth = tell_truth(build_world(size=size)).ads_by_campaign
    assert {campaign: figures for campaign, *figures in json.loads(done.stdout)["rows"]} == {
        campaign: [earned["spend"] / 100, earned["orders"], earned["revenue"] / 100]
        for campaign, earned in truth.items()
    }
