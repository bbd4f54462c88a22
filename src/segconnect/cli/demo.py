"""`segconnect demo`: the main job on example exports, in a new account."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from segconnect.cli.options import AsJson
from segconnect.settings import Settings, load

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from segconnect.account.reports.run import Answer

RUNS = (
    ("mailchimp_contacts", "crm"),
    ("brevo_contacts", "crm"),
    ("shopify_orders", "payments"),
    ("stripe_subscriptions", "payments"),
    ("meta_ads", "ads"),
    ("google_ads", "ads"),
    ("page_views", "crm"),
)
"""The example scenarios, and the kind of integration that each sends to."""

MODEL = "last_non_direct"


def command(
    data: Annotated[Path, typer.Option("--data", help="Directory for the demo's store.")] = Path(
        "segconnect-demo"
    ),
    as_json: AsJson = False,
) -> None:
    """Loads a small shop's exports into a new account of your own, over HTTP on this machine.

    Nothing leaves the machine, and no key is needed.
    """
    import json
    from dataclasses import asdict
    from datetime import timedelta

    from rich.console import Console

    from segconnect.account import access
    from segconnect.account.reports.answering import query_answer
    from segconnect.account.store.opening import open_engine
    from segconnect.account.summary import summarize
    from segconnect.cli import report_show, show
    from segconnect.client import Client
    from segconnect.connections import Connection, Connections
    from segconnect.demo.shop import AS_OF
    from segconnect.scenario import blueprint
    from segconnect.scenario.preparing import prepare
    from segconnect.scenario.runner import RefusedFile, Report, Run

    console = Console(stderr=as_json, highlight=False)
    settings = load(data=data)
    engine = open_engine(settings.database_url)
    account_id, key = access.create_account(engine, "Brindlemoor Tea")
    reports: list[Report] = []
    with _serving(settings) as address:
        console.print(f"A new account, [bold]{account_id}[/], is served at {address}\n")
        connections = {}
        for kind in access.Kind:
            integration = access.create_integration(engine, account_id, kind, f"Demo {kind}")
            connection = Connection(
                name=f"demo-{kind}",
                api_key=key,
                account_id=account_id,
                integration_id=integration,
                base_url=f"{address}/api",
            )
            kept = Connections(settings)
            kept.save(connection)  # checked by a call, its key encrypted
            later = {**dict(connection), "base_url": "local"}  # where `segconnect serve` will be
            kept.save(Connection(**later), verify=False)
            connections[kind.value] = connection
        for name, target in RUNS:
            path = examples() / f"{name}.yaml"
            scenario = prepare(
                path,
                blueprint.read(path),
                blueprint.Bindings(),
                settings,
                open_client=lambda _, to=connections[target]: Client(to),  # type: ignore[misc]  # a default that binds
            )
            refused = settings.data / f"{name}.refused.csv"
            with (
                show.progress(console, scenario.plan.name) as progress,
                RefusedFile(refused) as file,
            ):
                run = Run(scenario, ledgers=[file], progress=progress)
                reports.append(run.run())
            scenario.close()
            console.print(show.report_line(reports[-1]), soft_wrap=True)
    pk = access.account_pk(engine, account_id)
    found = summarize(engine, pk, int(AS_OF.timestamp()))
    ads = _ads_report(engine, settings, pk)
    engine.dispose()
    if as_json:
        refusals = [
            {"where": str(each.place), "module": each.module, "why": each.error.why}
            for report in reports
            for each in report.refusals
        ]
        told = {
            "account_id": account_id,
            **asdict(found),
            "ads_by_campaign": _by_campaign(ads),
            "refused": refusals,
        }
        typer.echo(json.dumps(told))
        return
    console.print(f"\n[bold]The account now holds[/] (as of {AS_OF:%d %B %Y})")
    console.print(show.summary(found, "USD"))
    console.print()
    console.print(show.sources(found, "USD"))
    console.print()
    console.print(show.refusals(reports))
    console.print(f"\n[bold]What the ads earned[/] in {AS_OF - timedelta(days=1):%B %Y}")
    report_show.table(ads, query_answer(ads, "day"))
    console.print(f"\nServe it:   segconnect serve --data {data}", soft_wrap=True)
    console.print(
        "Your turn:  name your own file in examples/shopify_orders.yaml, then segconnect run"
        f" examples/shopify_orders.yaml --connection demo-payments --data {data}",
        soft_wrap=True,
    )


def _ads_report(engine: Engine, settings: Settings, account_pk: int) -> Answer:
    """Asks what the ads cost and brought, by campaign, on the days that they ran."""
    from datetime import timedelta

    from segconnect.account.replica import Replica
    from segconnect.account.reporting import models_of
    from segconnect.account.reports.plan import Query, plan
    from segconnect.account.reports.run import run
    from segconnect.account.reports.saved import settings_of
    from segconnect.demo.shop import AD_DAYS, FIRST_AD_DAY

    query = Query(
        "ads",
        ["ads.campaign"],
        ["adSpend", "orders", "revenue", "adRoas"],
        FIRST_AD_DAY.isoformat(),
        (FIRST_AD_DAY + timedelta(days=AD_DAYS - 1)).isoformat(),
        options={"attribution_model": MODEL},
    )
    replica = Replica(engine, settings.data.expanduser() / "replica")
    try:
        with engine.connect() as connection:
            planned = plan(query, settings_of(connection, account_pk))
        with replica.reading(account_pk, models_of(planned)) as facts:
            return run(facts, planned)
    finally:
        replica.close()


def _by_campaign(ads: Answer) -> dict[str, dict[str, Any]]:
    """Answers the same for a program: money in cents."""
    keys = {"spend": "adSpend", "orders": "orders", "revenue": "revenue"}
    return {
        row.cells[0] or "(none)": {name: row.sums.get(key, 0) for name, key in keys.items()}
        for row in ads.rows
    }


def examples() -> Path:
    """Answers the directory of the examples: in the package, or in a checkout beside it."""
    package = Path(__file__).parents[1]
    packed = package / "examples"
    return packed if packed.is_dir() else package.parents[1] / "examples"


@contextmanager
def _serving(settings: Settings) -> Iterator[str]:
    """Serves the account in a process of its own; answers its address."""
    process = subprocess.Popen(  # noqa: S603  # our own interpreter and module
        [sys.executable, "-m", "segconnect", "serve", "--port", "0", "--data", str(settings.data)],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            raise typer.Exit(2)  # the server has told why
        yield line.split()[1].rstrip(",")
    finally:
        process.terminate()
        process.wait()
