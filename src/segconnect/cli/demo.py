"""`segconnect demo`: the main job on example exports, in a new account."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from segconnect.cli.options import AsJson
from segconnect.errors import UsageError
from segconnect.settings import Settings, load

if TYPE_CHECKING:
    from rich.console import Console
    from sqlalchemy import Engine

    from segconnect.account.reports.run import Answer
    from segconnect.connections import Connection
    from segconnect.demo.size import Size
    from segconnect.scenario.runner import Report

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
    data: Annotated[
        Path | None,
        typer.Option("--data", help="Directory for the demo's store \\[segconnect-demo]"),
    ] = None,
    serve: Annotated[
        bool,
        typer.Option("--serve", help="Loads two years of a larger shop, and serves its pages."),
    ] = False,
    port: Annotated[
        int | None, typer.Option(help="Port to serve at; 0 takes any free one [8350]")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Loads a small shop's exports into a new account of your own, over HTTP on this machine.

    Nothing leaves the machine, and no key is needed.
    """
    from dataclasses import asdict

    from rich.console import Console

    from segconnect import clock
    from segconnect.account.figures.summary import summarize
    from segconnect.account.owner import access
    from segconnect.account.reports.answering import query_answer
    from segconnect.account.store.opening import open_engine
    from segconnect.cli import report_show, show
    from segconnect.cli.serve import command as serve_on
    from segconnect.connections import LOCAL, Connection, Connections
    from segconnect.demo.size import SMALL, two_years

    if serve and as_json:
        raise UsageError("--serve and --json do not go together: what is served does not end")
    data = data or Path("segconnect-demo-large" if serve else "segconnect-demo")
    console = Console(stderr=as_json, highlight=False)
    settings = load(data=data)
    size = two_years(clock.now().date()) if serve else SMALL
    files = _written(size, settings.data / "shop") if serve else examples()
    engine = open_engine(settings.database_url)
    account_id, key = access.create_account(engine, "Brindlemoor Tea")
    with _serving(settings) as address:
        console.print(f"A new account, [bold]{account_id}[/], is served at {address}\n")
        to = _connect(settings, engine, account_id, key, f"{address}/api")
        reports = [
            _loaded(files / f"{name}.yaml", to[kind], settings, console) for name, kind in RUNS
        ]
        for each in to.values():  # where `segconnect serve` will be
            there = Connection(**{**dict(each), "base_url": LOCAL})
            Connections(settings).save(there, verify=False)
    pk = access.account_pk(engine, account_id)
    found = summarize(engine, pk, int(size.as_of.timestamp()))
    ads = _ads_report(engine, settings, pk, size)
    engine.dispose()
    if as_json:
        refusals = [
            {"where": str(each.place), "module": each.module, "why": each.error.why}
            for report in reports
            for each in report.refusals
        ]
        told = {"account_id": account_id, **asdict(found), "ads_by_campaign": _by_campaign(ads)}
        typer.echo(json.dumps({**told, "refused": refusals}))
        return
    console.print(f"\n[bold]The account now holds[/] (as of {size.as_of:%d %B %Y})")
    console.print(show.summary(found, "USD"))
    console.print()
    if not serve:
        console.print(show.sources(found, "USD"))
        console.print()
        console.print(show.refusals(reports))
        console.print()
    console.print("[bold]What the ads earned[/]")
    report_show.table(ads, query_answer(ads, "day"))
    console.print()
    if serve:
        serve_on(host=None, port=port, data=data)
        return
    console.print(f"Serve it:   segconnect serve --data {data}", soft_wrap=True)
    console.print(
        "Your turn:  name your own file in examples/shopify_orders.yaml, then segconnect run"
        f" examples/shopify_orders.yaml --connection demo-payments --data {data}",
        soft_wrap=True,
    )
    console.print("Two years:  segconnect demo --serve, to look at in the browser")


def _written(size: Size, directory: Path) -> Path:
    """Writes a shop's exports and the scenarios that load them; answers where they are."""
    import shutil

    from segconnect.demo.exports import write_exports
    from segconnect.demo.shop import build_world

    write_exports(build_world(size=size), directory / "exports")
    for name, _ in RUNS:
        shutil.copyfile(examples() / f"{name}.yaml", directory / f"{name}.yaml")
    return directory


def _connect(
    settings: Settings, engine: Engine, account_id: str, key: str, root: str
) -> dict[str, Connection]:
    """Makes an integration of each kind, and a connection to it; answers these by kind."""
    from segconnect.account.owner import access
    from segconnect.connections import Connection, Connections

    found = {}
    for kind in access.Kind:
        found[kind.value] = Connection(
            name=f"demo-{kind}",
            api_key=key,
            account_id=account_id,
            integration_id=access.create_integration(engine, account_id, kind, f"Demo {kind}"),
            base_url=root,
        )
        Connections(settings).save(found[kind.value])  # checked by a call, its key encrypted
    return found


def _loaded(path: Path, connection: Connection, settings: Settings, console: Console) -> Report:
    """Runs a scenario, and tells what became of it."""
    from segconnect.cli import show
    from segconnect.cli.running import Begun, carried_out
    from segconnect.scenario import blueprint

    document = blueprint.read(path)
    run = Begun(path, document, blueprint.Bindings(), document.blueprint.name, connection.name, {})
    _, report, _ = carried_out(run, settings, console, settings.data / f"{path.stem}.refused.csv")
    console.print(show.report_line(report), soft_wrap=True)
    return report


def _ads_report(engine: Engine, settings: Settings, account_pk: int, size: Size) -> Answer:
    """Asks what the ads cost and brought, by campaign, in the last 30 days."""
    from datetime import timedelta

    from segconnect.account.figures.reporting import models_of
    from segconnect.account.replica import Replica
    from segconnect.account.reports.plan import Query, plan
    from segconnect.account.reports.run import run
    from segconnect.account.reports.saved import settings_of

    end = size.as_of.date()
    query = Query(
        "ads",
        ["ads.campaign"],
        ["adSpend", "orders", "revenue", "adRoas"],
        (end - timedelta(days=30)).isoformat(),
        (end - timedelta(days=1)).isoformat(),
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
