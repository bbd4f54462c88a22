"""Reports on Spark: the same text over the Parquet export, and the same answer."""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from segconnect.account.export import export, read_manifest
from segconnect.account.export import spark as sparks
from segconnect.account.figures.reporting import models_of
from segconnect.account.owner.access import account_pk, create_account, create_integration
from segconnect.account.replica import Facts, Replica
from segconnect.account.reports import saved
from segconnect.account.reports.asking import ask
from segconnect.account.reports.behind import behind
from segconnect.account.reports.naming import named
from segconnect.account.reports.plan import Plan, Query, Settings, plan
from segconnect.account.reports.types import FUNNEL, TYPES
from segconnect.account.store.opening import open_engine, open_writer
from segconnect.account.writing.committer import apply
from segconnect.account.writing.work import Operation
from segconnect.errors import UsageError
from segconnect.wire.endpoints import ENDPOINTS

MODELS = ("any", "linear", "first_touch", "position", "last_touch")
START, END = "2026-01-01", "2026-03-31"


class Both(NamedTuple):
    """The same facts, twice."""

    duckdb: Facts
    spark: Facts
    settings: Settings
    directory: Path


def calls(dice: random.Random) -> Iterator[tuple[str, dict[str, Any]]]:
    """A quarter of a shop: people, who came by ads and else, what they bought, and when."""

    def day() -> str:
        return str(date(2026, 1, 1) + timedelta(dice.randrange(90)))

    for number in range(5):
        yield "POST ad/performance", {
            "ad": {"id": f"a{number}", "name": f"Ad {number}"}, "date": day(),
            "adcampaign": {"id": f"c{number % 2}", "name": f"Campaign {number % 2}"},
            "spend": 1001 + number, "clicks": 10, "impressions": 900,
        }  # fmt: skip
    for number in range(40):
        email = f"p{number}@bloggs.com"
        for hit in range(dice.randrange(4)):
            yield "POST page_view", {
                "uid": f"u{number}", "email": email, "date_created": f"{day()} 0{hit}:00:00",
                "url": "https://tea.shop/" + dice.choice(["", "green?ad_id=a1", "black?ad_id=a9"]),
                "utm_medium": dice.choice(["cpc", "email"]), "utm_campaign": "Campaign 0",
            }  # fmt: skip
        yield "POST contact", {
            "contact_id": number, "email": email, "date_created": day(),
            "tags": dice.sample(["VIP", "A", "B"], dice.randrange(3)),
            "custom_fields": {"fav/tea \"x'": dice.choice(["green", "black"])},
        }  # fmt: skip
        if dice.random() < 0.8:
            for order in range(dice.randrange(1, 4)):
                teas = dice.sample(["Green", "Black", "Oolong"], dice.randrange(1, 4))
                cents = [dice.randrange(1, 5000) for _ in teas]
                amount = sum(cents) + dice.choice([0, 7])
                yield "POST invoice", {
                    "id": f"o{number}-{order}", "contact_id": number, "amount": amount,
                    "paid": dice.choice([amount, amount // 2, 0]), "date_created": day(),
                    "items": [{"name": tea, "amount": each} for tea, each in
                              zip(teas, cents, strict=True)],
                    "is_refunded": dice.random() < 0.2,
                }  # fmt: skip
        if dice.random() < 0.3:
            yield "POST subscription", {
                "id": f"s{number}", "contact_id": number, "amount": dice.randrange(1000, 3000),
                "product_id": "club", "name": "Club", "billing_cycle": "month", "frequency": 1,
                "quantity": 1, "start_date": "2025-12-15", "last_bill_date": "2026-01-15",
                "canceled_date": dice.choice([None, "2026-02-20"]),
            }  # fmt: skip


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory, migrated_sqlite: Path) -> Iterator[Both]:
    """An account in the replica, and in Spark; without Java the test is skipped loudly."""
    if sparks.java() is None:
        if os.environ.get("CI", "").lower() in ("1", "true"):
            pytest.fail(sparks.NO_JAVA)
        pytest.skip(sparks.NO_JAVA)
    directory = tmp_path_factory.mktemp("spark")
    shutil.copy(migrated_sqlite, directory / "segconnect.db")
    url = f"sqlite:///{directory}/segconnect.db"
    engine = open_engine(url)
    account_id, _ = create_account(engine, "Tea", timezone="America/New_York")
    create_integration(engine, account_id, "crm", "CRM")
    pk = account_pk(engine, account_id)
    store = open_writer(url)
    operations = []
    for endpoint, body in calls(random.Random(6)):
        shape = ENDPOINTS[endpoint].shape
        assert shape is not None
        operations.append(Operation(endpoint, pk, 1, shape.read_object(body).given()))
    replies = apply(store, operations)
    assert {status for status, _ in replies} == {200}, replies
    store.close()
    replica = Replica(engine, directory / "replica")
    with engine.connect() as connection:
        settings = saved.settings_of(connection, pk)
    with replica.reading(pk, MODELS) as facts, sparks.session("local[2]") as spark:
        export(facts, directory / "out", account_id, settings, MODELS)
        manifest = read_manifest(directory / "out")
        settings = manifest.settings
        yield Both(
            facts,
            sparks.facts_of(spark, directory / "out", manifest, MODELS),
            settings,
            directory / "out",
        )
    replica.close()
    engine.dispose()


def planned(both: Both, type_: str, **asked: Any) -> Plan:
    """Plans a report of the quarter."""
    made = plan(Query(type_, start=START, end=END, **asked), both.settings)
    assert set(models_of(made)) <= set(MODELS)
    return made


STEPS = [{"event": "visit"}, {"event": "lead"}, {"event": "order", "product": "Gr*"}]


@pytest.mark.parametrize("type_", TYPES)
def test_every_type_of_report_answers_what_duckdb_answers(both: Both, type_: str) -> None:
    asked = planned(both, type_, steps=STEPS if type_ == FUNNEL else ())

    told = ask(both.spark, asked)

    assert told == ask(both.duckdb, asked)
    assert told["rows"]


@pytest.mark.parametrize(
    "asked",
    [
        {"dimensions": ["campaign"], "options": {"attribution_model": "linear"}},
        {"dimensions": ["channel", "landing_page"], "options": {"attribution_model": "first_touch"},
         "filters": [{"field": "clicks.channel", "is_not": "direct"}]},
        {"dimensions": ["date.week"], "compare": "previous",
         "filters": [{"field": "contacts.tag", "is": "VIP"}]},
        {"dimensions": ["contacts.custom.fav/tea \"x'"], "metrics": ["leads", "revenue"]},
        {"dimensions": ["product", "order_kind"], "metrics": ["revenue", "refunds"],
         "filters": [{"field": "product", "contains": "ee"}]},
        {"dimensions": [], "options": {"exclude_failed": True, "exclude_refunded": True}},
    ],
    ids=str,
)  # fmt: skip
def test_what_else_is_asked_is_answered_alike(both: Both, asked: dict[str, Any]) -> None:
    made = planned(both, "leads", **asked)

    told = ask(both.spark, made)

    assert told == ask(both.duckdb, made)


def test_what_is_behind_a_figure_is_the_same(both: Both) -> None:
    made = planned(both, "leads", metrics=["revenue"])
    cells = (ask(both.duckdb, made)["rows"][0][0],)

    here, there = (behind(facts, made, cells)[0] for facts in (both.duckdb, both.spark))

    assert there.parts == here.parts
    names = named(both.duckdb, made, here.metric, here.parts)
    assert named(both.spark, made, there.metric, there.parts) == names


def test_a_value_is_never_read_as_sql(both: Both) -> None:
    texts = ["x' or 1=1 --", 'a\\" or true', "\\' or true --", "?", ":v0", "100%", "é\n"]
    query = f"select {', '.join(f'? as c{place}' for place in range(len(texts)))}, '?' as told"

    assert both.spark.connection.execute(query, texts).fetchall() == [(*texts, "?")]


def test_credits_that_the_export_lacks_are_named(both: Both) -> None:
    from pyspark.sql import SparkSession

    spark = SparkSession.getActiveSession()
    assert spark is not None
    manifest = read_manifest(both.directory)
    with pytest.raises(UsageError, match="no credits by time_decay of change"):
        sparks.facts_of(spark, both.directory, manifest, ["time_decay"])
