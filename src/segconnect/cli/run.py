"""`segconnect run`: runs a scenario."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from segconnect.cli.options import AsJson, BindingsFile, Data
from segconnect.errors import UsageError
from segconnect.settings import load

if TYPE_CHECKING:
    from rich.console import Console

    from segconnect.scenario.engine import Plan
    from segconnect.scenario.preparing import Scenario


def command(
    file: Annotated[Path, typer.Argument(help="A scenario (YAML) or a blueprint (JSON).")],
    connection: Annotated[
        str | None, typer.Option(help="Name of the connection that SegMetrics modules send with.")
    ] = None,
    bindings: BindingsFile = None,
    bundle: Annotated[
        Path | None,
        typer.Option(help="JSON file of the bundle, or bundles, that the first module puts out."),
    ] = None,
    given: Annotated[
        list[str] | None, typer.Option("--input", metavar="NAME=VALUE", help="A scenario input.")
    ] = None,
    trace: Annotated[
        bool, typer.Option("--trace", help="Prints each operation, its input and its output.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Fills everything in, and sends nothing.")
    ] = False,
    refused: Annotated[
        Path | None, typer.Option(help="File for refused bundles [FILE.refused.csv]")
    ] = None,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Runs a scenario once.

    Exit code 0: all went well. 1: some bundles were refused, or set aside. 2: nothing was
    delivered, or the run had to stop.
    """
    from rich.console import Console

    from segconnect.cli.checking import checked
    from segconnect.cli.running import Begun, carry_out, carry_out_whole
    from segconnect.scenario.journal import Takes
    from segconnect.scenario.preparing import prepare
    from segconnect.scenario.runner import reads_a_file

    console = Console(stderr=as_json, highlight=False)
    inputs = dict(_pair(each) for each in given or ())
    document, bound = checked(file, bindings, connection, console)
    settings = load(data=data)
    scenario = prepare(file, document, bound, settings, connection=connection)
    if not dry_run:
        scenario.check_connections(settings)
    if trace:
        from segconnect.cli.trace import printer

        scenario.services.on_operation = printer(console)
    try:
        if bundle is None and reads_a_file(scenario.plan):
            target = refused or Path(f"{file.stem}.refused.csv")
            if dry_run or trace:
                outcome = _watched(scenario, console, target, inputs, dry_run, as_json)
            else:
                run = Begun(file, document, bound, scenario.plan.name, connection, inputs)
                outcome = carry_out(run, settings, console, target, as_json)
        else:
            handed_in = None if bundle is None else _bundles(bundle)
            _check_begins(scenario.plan, handed_in)
            if dry_run or trace:
                outcome = _once(scenario, console, handed_in, inputs, dry_run, as_json)
            else:
                run = Begun(
                    file, document, bound, scenario.plan.name, connection, inputs, Takes.WHOLE,
                    handed_in,
                )  # fmt: skip
                outcome = carry_out_whole(run, settings, console, scenario.plan, as_json)
    finally:
        scenario.close()
    raise typer.Exit(outcome)


def _watched(
    scenario: Scenario,
    console: Console,
    refused: Path,
    inputs: dict[str, Any],
    dry_run: bool,
    as_json: bool,
) -> int:
    """Runs over a file in memory alone: a dry run, or one that is traced."""
    from segconnect.cli import show
    from segconnect.cli.running import tell
    from segconnect.scenario.runner import RefusedFile, Run

    with show.progress(console, scenario.plan.name) as progress, RefusedFile(refused) as file:
        run = Run(
            scenario,
            ledgers=[file],
            inputs=inputs,
            is_dry=dry_run,
            one_by_one=True,
            progress=progress,
        )
        report = run.run()
    if dry_run and not as_json:
        _print_first(console, run.filled)
    return tell(console, report, refused, as_json)


def _check_begins(plan: Plan, given: list[dict[str, Any]] | None) -> None:
    from segconnect.scenario.engine import Kind

    if given is None and plan.first.kind is Kind.LISTENER:
        raise UsageError(
            f"{plan.first.where} waits for a request; give what comes with it, --bundle FILE.json,"
            " or let it start by itself: segconnect scenario on FILE"
        )


def _once(
    scenario: Scenario,
    console: Console,
    given: list[dict[str, Any]] | None,
    inputs: dict[str, Any],
    dry_run: bool,
    as_json: bool,
) -> int:
    """Runs as a whole in memory alone: a dry run, or one that is traced."""
    from segconnect.cli.running import tell_whole
    from segconnect.scenario.engine.run import Run
    from segconnect.scenario.runner import Outbox, stay_at_home

    plan = scenario.plan
    outbox = Outbox()
    services = stay_at_home(scenario.services, outbox) if dry_run else scenario.services
    result = Run(plan, services, given=given, inputs=inputs).run()
    if dry_run and not as_json:
        _print_first(console, outbox.modules)
    return tell_whole(console, plan, result, as_json)


def _print_first(console: Console, modules: list[Any]) -> None:
    import json

    if not modules:
        console.print("Nothing is sent, and nothing would be.")
        return
    console.print("Nothing is sent. The first requests would be:")
    for module in modules[:3]:
        console.print_json(json.dumps({module.label: module.on_the_wire()}))


def _bundles(path: Path) -> list[dict[str, Any]]:
    import json

    try:
        found = json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise UsageError(f"--bundle {path}: cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise UsageError(f"--bundle {path}: is not JSON: {error}") from None
    bundles = found if isinstance(found, list) else [found]
    if not all(isinstance(each, dict) for each in bundles):
        raise UsageError(f"--bundle {path}: expected a collection, or a list of them")
    return bundles


def _pair(text: str) -> tuple[str, Any]:
    import json

    name, is_pair, value = text.partition("=")
    if not is_pair or not name:
        raise UsageError(f"--input {text!r}: expected NAME=VALUE")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value
