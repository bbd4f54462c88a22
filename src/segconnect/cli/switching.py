"""`segconnect scenario on`, and what becomes of scenarios that are kept to start by themselves."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from segconnect.cli.options import AsJson, BindingsFile, Data
from segconnect.errors import UsageError
from segconnect.settings import Settings, load

if TYPE_CHECKING:
    from segconnect.scenario.hooks import Hooks
    from segconnect.scenario.journal import Journal
    from segconnect.scenario.journal.scenarios import ScenarioRow

PANEL = "Of its webhook"
Name = Annotated[str, typer.Argument(help="The scenario's name; `scenario list` shows them.")]


def switch_on(
    file: Annotated[
        str, typer.Argument(help="A scenario's file; or the name of one that was switched off.")
    ],
    schedule: Annotated[
        str | None,
        typer.Option(
            help="Such as 'every 15m', 'daily 09:00', 'weekly mon,fri 09:00', 'monthly 1 06:00',"
            " 'cron 0 9 * * 1-5', 'once 2027-01-31T09:00', 'on demand'; then also 'only mon,fri"
            " 09:00-17:00 or sat', 'from 2027-01-01T00:00', 'until 2027-03-31T18:00'"
            " \\[as the scenario says]."
        ),
    ] = None,
    name: Annotated[str | None, typer.Option(help="What to call it \\[its own name].")] = None,
    zone: Annotated[
        str | None, typer.Option(help="Of times of day, such as Europe/Oslo \\[the scenario's].")
    ] = None,
    connection: Annotated[
        str | None, typer.Option(help="Name of the connection that SegMetrics modules send with.")
    ] = None,
    bindings: BindingsFile = None,
    queue: Annotated[
        int | None,
        typer.Option(min=1, help="Requests that may wait [10000].", rich_help_panel=PANEL),
    ] = None,
    rate: Annotated[
        int | None,
        typer.Option(
            min=0, help="Requests in ten seconds; 0 is any number [300].", rich_help_panel=PANEL
        ),
    ] = None,
    headers: Annotated[
        bool | None,
        typer.Option(
            "--headers/--no-headers",
            help="Gives the request's headers, as __IMTHEADERS__.",
            rich_help_panel=PANEL,
        ),
    ] = None,
    method: Annotated[
        bool | None,
        typer.Option(
            "--method/--no-method",
            help="Gives the request's method, as __IMTMETHOD__.",
            rich_help_panel=PANEL,
        ),
    ] = None,
    pass_through: Annotated[
        bool | None,
        typer.Option(
            "--pass-through/--no-pass-through",
            help="Passes JSON on as it came, as the text `value`.",
            rich_help_panel=PANEL,
        ),
    ] = None,
    structure: Annotated[
        str | None,
        typer.Option(
            help="JSON file of the fields that a request must have, a list of name, type and"
            " required; 'none' takes any request.",
            rich_help_panel=PANEL,
        ),
    ] = None,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Lets a scenario start by itself, by its schedule or webhook; `serve` or `worker` runs it.

    What is said of its webhook is kept until something else is said.
    """
    import json

    from rich.console import Console

    from segconnect.scenario.keeping import no_hook
    from segconnect.scenario.keeping import switch_on as again

    settings = load(data=data)
    console = Console(stderr=as_json, highlight=False, soft_wrap=True)
    said = {
        "queue_limit": queue,
        "rate": rate,
        "gives_headers": headers,
        "gives_method": method,
        "is_raw": pass_through,
    }
    options: dict[str, Any] = {key: value for key, value in said.items() if value is not None}
    if structure is not None:
        options["structure"] = _structure(structure)
    with _opened(settings) as (journal, hooks):
        if not Path(file).is_file():
            row = journal.scenarios.get(file)
            if options and row.hook is None:
                raise no_hook(row.name)
            if row.hook is not None and options:
                hooks.set(row.hook, **options)
            again(journal, row)
            row = journal.scenarios.get(row.id)
        else:
            row = _keep(
                journal, hooks, settings, console, Path(file), schedule, name, zone, connection,
                bindings, options,
            )  # fmt: skip
        told = _values(row, hooks, settings)
    if as_json:
        typer.echo(json.dumps(told))
        return
    console.print(f"[green]on[/]  {row.name}: {told['starts']}")
    if told["next"]:
        console.print(f"Next: {told['next']}")
    if told["webhook"]:
        console.print(f"Send to: {told['webhook']}", markup=False)
    if told["webhook_told"]:
        console.print(f"The webhook {told['webhook_told']}.", markup=False)
    console.print("It runs while `segconnect serve` or `segconnect worker` does.", style="dim")


def switch_off(name: Name, data: Data = None) -> None:
    """Lets a scenario start no more; it keeps where it stands, and its webhook."""
    with _opened(load(data=data)) as (journal, _):
        row = journal.scenarios.get(name)
        journal.scenarios.set(row.id, is_on=False, next_at=None, told=None)
    typer.echo(f"off  {row.name}")


def listed(data: Data = None, as_json: AsJson = False) -> None:
    """Lists the scenarios that are kept: when they start, and where they stand."""
    import json

    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    settings = load(data=data)
    with _opened(settings) as (journal, hooks):
        rows = [_values(row, hooks, settings) for row in journal.scenarios.all()]
    if as_json:
        typer.echo(json.dumps(rows))
        return
    if not rows:
        typer.echo("None is kept yet: segconnect scenario on FILE --schedule 'every 15m'")
        return
    table = Table("", "Scenario", "Starts", "Next", "To know", box=None)
    for each in rows:
        mark = Text("on", "green") if each["on"] else Text("off", "dim")
        where = "\n".join(filter(None, (each["webhook"] or each["next"], each["webhook_told"])))
        cells = (each["name"], each["starts"], where, each["told"])
        table.add_row(mark, *map(Text, cells))
    Console(highlight=False).print(table)


def remove(name: Name, data: Data = None) -> None:
    """Forgets a scenario: where it stands, and its webhook's address; its history stays."""
    with _opened(load(data=data)) as (journal, hooks):
        row = journal.scenarios.get(name)
        journal.scenarios.remove(row.id)
        if row.hook is not None:
            hooks.detach(row.hook)
    typer.echo(f"Removed {row.name}.")


def run_now(name: Name, data: Data = None, as_json: AsJson = False) -> None:
    """Runs a scenario once now: it takes what is new, as if its schedule had come."""
    from rich.console import Console

    from segconnect.cli.running import carry_out
    from segconnect.scenario.journal import State
    from segconnect.scenario.scheduler import run_of

    settings = load(data=data)
    with _opened(settings) as (journal, _):
        row = journal.scenarios.get(name)
        state = journal.scenarios.is_busy(row.id)
        if state is not None:
            raise UsageError(f"a run of {row.name} is {state}; `segconnect runs` shows it")
        run = journal.create({**run_of(row, "by hand"), "state": State.PAUSED.value})
    target = Path(f"{Path(row.file).stem}.refused.csv")
    raise typer.Exit(carry_out(run, settings, Console(stderr=as_json), target, as_json))


def _keep(
    journal: Journal,
    hooks: Hooks,
    settings: Settings,
    console: Any,
    file: Path,
    schedule: str | None,
    name: str | None,
    zone: str | None,
    connection: str | None,
    bindings: Path | None,
    options: dict[str, Any],
) -> ScenarioRow:
    from segconnect.cli.checking import checked
    from segconnect.scenario.keeping import keep, switch_on
    from segconnect.scenario.schedule_words import parse_schedule

    document, bound = checked(file, bindings, connection, console)
    kept = keep(
        journal,
        hooks,
        settings,
        file,
        document,
        bound,
        name=name,
        connection=connection,
        schedule=None if schedule is None else parse_schedule(schedule),
        timezone=zone,
        options=options,
    )
    switch_on(journal, kept)
    return journal.scenarios.get(kept.id)


def _values(row: ScenarioRow, hooks: Hooks, settings: Settings) -> dict[str, Any]:
    import json
    from zoneinfo import ZoneInfo

    from segconnect.scenario.moments import moment
    from segconnect.scenario.schedule_words import describe
    from segconnect.scenario.schedules import Schedule

    following = None
    if row.is_on and row.next_at is not None and not row.is_instant:
        at = moment(row.next_at).astimezone(ZoneInfo(row.timezone))
        following = f"{at:%Y-%m-%d %H:%M} {row.timezone}"
    webhook = options = None
    words = ""
    if row.hook is not None:
        hook = hooks.get(row.hook)
        base = settings.url or f"http://{settings.host}:{settings.port}"
        webhook, words = f"{base}/hook/{hook.token}", hook.told
        options = {
            "queue": hook.queue_limit,
            "rate": hook.rate,
            "headers": hook.gives_headers,
            "method": hook.gives_method,
            "pass_through": hook.is_raw,
            "structure": hook.fields,
        }
    return {
        "id": row.id,
        "name": row.name,
        "on": row.is_on,
        "starts": describe(Schedule.read(json.loads(row.schedule)), row.timezone),
        "next": following,
        "webhook": webhook,
        "webhook_told": words,
        "webhook_options": options,
        "told": row.told or "",
        "file": row.file,
    }


def _structure(file: str) -> str | None:
    """Answers the fields that a webhook's request must have, as they are kept."""
    import json

    from segconnect.scenario.preparing import structure_of

    return None if file == "none" else json.dumps(structure_of(Path(), file))


@contextmanager
def _opened(settings: Settings) -> Iterator[tuple[Journal, Hooks]]:
    """Opens the journal and the webhooks, while the block runs."""
    from segconnect.scenario import hooks, journal

    with (
        closing(journal.Journal(journal.url_of(settings))) as opened,
        closing(hooks.Hooks(hooks.url_of(settings))) as found,
    ):
        yield opened, found
