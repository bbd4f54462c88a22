"""Every report, and by each model, against the same answer in SQL that is written by hand.

Answers are checked equal before they are timed.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from itertools import zip_longest
from pathlib import Path
from statistics import median
from typing import Any, TypeAlias
from zoneinfo import ZoneInfo

from benchmarks.large.by_hand import REPORTS, SOLD, Report
from benchmarks.large.world import DAYS, NOW, ZONE, World
from segconnect.account.figures.reporting import models_of
from segconnect.account.replica import Facts, Replica
from segconnect.account.replica.crediting import KEPT
from segconnect.account.reports import asking as reports
from segconnect.account.reports.answering import NONE, Json
from segconnect.account.reports.plan import Plan, Query, Settings, plan
from segconnect.account.reports.run import Answer, Sums, run
from segconnect.account.reports.types import COHORTS, FUNNEL, SPECIAL
from segconnect.account.store.opening import open_engine

TODAY = datetime.fromtimestamp(NOW, UTC).astimezone(ZoneInfo(ZONE)).date()
RANGES = {"30 days": TODAY - timedelta(29), "two years": TODAY - timedelta(DAYS - 1)}
ROUNDS = 7
CENTS = 2  # by which rows of shares may differ: ours are whole cents that add up
Figures: TypeAlias = Mapping[tuple[Any, ...], Sequence[float]]
"""Figures by group."""


DASHBOARD = (
    "leads by day", "leads by channel", "revenue by channel", "ads by campaign", "products",
    "subscriptions by plan",
)  # fmt: skip


@dataclass(frozen=True)
class Timed:
    """Seconds that a report takes, of one range."""

    name: str
    range: str
    cold: float  # the first after the copy was opened
    warm: float
    by_hand: float

    @property
    def ratio(self) -> float:
        """Times as long as by hand."""
        return self.warm / self.by_hand


def settings() -> Settings:
    """The account's, as of when its data ends."""
    return Settings(datetime.fromtimestamp(NOW, UTC), ZoneInfo(ZONE), "USD")


def planned(report: Report, first: date) -> Plan:
    """Plans a report from a day until today."""
    options = {"attribution_model": report.model or None, **report.options}
    query = Query(
        report.type, [report.by] if report.by else [], report.metrics or None, first.isoformat(),
        TODAY.isoformat(), steps=[*report.steps], options=options,
    )  # fmt: skip
    return plan(query, settings())


def by_hand(text: str, first: date, as_of: datetime) -> str:
    """A query by hand, from a day until today."""
    days = f"between date '{first}' and date '{TODAY}'"
    text = text.replace("{as_of}", str(int(as_of.timestamp())))
    return text.replace("{days}", days).replace("{last}", f"date '{TODAY}'")


def by_model(model: str) -> Report:
    """Revenue and orders by channel, and by a model."""
    first = " and first_of_channel" if model == "any" else ""
    return Report(
        "revenue", ("revenue", "orders"), "clicks.channel", model,
        "select channel, sum(share * order_amount), sum(share) from credits"
        f" where model = '{model}'{first} and order_day {{days}} group by 1",
        SOLD,
    )  # fmt: skip


@contextmanager
def replica_of(world: World, directory: Path) -> Iterator[Replica]:
    """Opens the world's replica."""
    engine = open_engine(world.url)
    replica = Replica(engine, directory)
    try:
        yield replica
    finally:
        replica.close()
        engine.dispose()


def answers(world: World, directory: Path, names: Sequence[str] | None = None) -> Iterator[Timed]:
    """Times reports over both ranges: all of them and all models, unless some are named."""
    chosen = {name: REPORTS[name] for name in names or REPORTS}
    if names is None:
        chosen |= {f"revenue by channel, {model}": by_model(model) for model in KEPT}
    for name, report in chosen.items():
        for told, first in RANGES.items():
            yield _timed(world, directory, name, told, first, report)


def _timed(
    world: World, directory: Path, name: str, told: str, first: date, report: Report
) -> Timed:
    asked = planned(report, first)
    models = models_of(asked)
    with replica_of(world, directory) as replica, replica.reading(world.account_pk, models):
        pass  # credits are computed when they are asked for first; that is not the report
    with replica_of(world, directory) as replica:
        cold = ask(replica, world, asked)
        with replica.reading(world.account_pk, models) as facts:
            check(name, facts, report, asked, first)
        warm = median(ask(replica, world, asked) for _ in range(ROUNDS))
        took = []
        for _ in range(ROUNDS):
            began = time.perf_counter()
            with replica.reading(world.account_pk, models) as facts:
                for text in (report.sql, report.totals):
                    facts.connection.execute(by_hand(text, first, facts.as_of)).fetchall()
            took.append(time.perf_counter() - began)
    return Timed(name, told, cold, warm, median(took))


def ask(replica: Replica, world: World, asked: Plan) -> float:
    """Asks a report; answers the seconds that it took."""
    began = time.perf_counter()
    with replica.reading(world.account_pk, models_of(asked)) as facts:
        answered(facts, asked)
    return time.perf_counter() - began


def answered(facts: Facts, asked: Plan) -> Answer | Json:
    """Answers a report: figures, or of those that are more than sums what goes on the wire."""
    return reports.ask(facts, asked) if asked.type.slug in SPECIAL else run(facts, asked)


def check(name: str, facts: Facts, report: Report, asked: Plan, first: date) -> None:
    """Holds our rows and totals against those by hand."""
    rows, totals = ours(answered(facts, replace(asked, limit=None)), asked)
    for one, text, groups in (
        (rows, report.sql, report.groups), (totals, report.totals, report.total_groups)
    ):  # fmt: skip
        found = facts.connection.execute(by_hand(text, first, facts.as_of)).fetchall()
        other = {row[:groups]: [float(each or 0) for each in row[groups:]] for row in found}
        for group in {*one, *other}:
            for mine, theirs in zip_longest(one.get(group, ()), other.get(group, ()), fillvalue=0):
                assert abs(mine - theirs) < CENTS, (name, group, one.get(group), other.get(group))


def ours(answer: Answer | Json, asked: Plan) -> tuple[Figures, Figures]:
    """Rows and totals by group, as those by hand are."""
    if isinstance(answer, Answer):

        def told(sums: Sums) -> list[float]:
            return [float(answer.value(each, sums) or 0) for each in asked.metrics]

        return {row.cells: told(row.sums) for row in answer.rows}, {(): told(answer.totals)}
    rows = answer["rows"]
    if asked.type.slug == COHORTS:
        return (
            {
                (month, age): [leads, figure]
                for month, leads, *ages in rows
                for age, figure in enumerate(ages)
                if figure is not None
            },
            {(age,): [figure] for age, figure in enumerate(answer["totals"][1:])},
        )
    if asked.type.slug == FUNNEL:
        return {(step,): [row[0], *(each or 0 for each in row[-2:])] for step, *row in rows}, {}
    return (
        {(None if name == NONE else name,): [each or 0 for each in row] for name, *row in rows},
        {(): [each or 0 for each in answer["totals"]]},
    )
