"""`segconnect scenario`: checks scenarios, converts them, and lets them start by themselves."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from segconnect.cli import switching
from segconnect.cli.options import AsJson, BindingsFile
from segconnect.errors import UsageError

if TYPE_CHECKING:
    from rich.console import Console
    from rich.tree import Tree

    from segconnect.scenario.blueprint.model import Chain
    from segconnect.scenario.blueprint.report import Problem, Report

app = typer.Typer(no_args_is_help=True)

app.command("on")(switching.switch_on)
app.command("off")(switching.switch_off)
app.command("list")(switching.listed)
app.command("now")(switching.run_now)
app.command("remove")(switching.remove)

File = Annotated[Path, typer.Argument(help="A blueprint (JSON) or a scenario (YAML).")]


@app.command()
def check(
    file: File,
    bindings: BindingsFile = None,
    as_json: AsJson = False,
) -> None:
    """Tells whether a scenario runs here, and why not; nothing is sent.

    Exit code 0: it runs. 1: it runs once what is missing is bound. 2: it does not run.
    """
    import json

    from rich.console import Console

    from segconnect.scenario import blueprint
    from segconnect.scenario.preparing import functions_beside

    document = blueprint.read(file)
    path, bound = blueprint.bindings_of(file, bindings)
    report = blueprint.check(document, bound, functions_beside(file))
    if as_json:
        typer.echo(json.dumps(report.to_values(), ensure_ascii=True))
    else:
        console = Console(highlight=False, soft_wrap=True)
        _print(console, file, report, document.blueprint.flow, path)
    raise typer.Exit(report.verdict)


@app.command("test")
def run_tests(
    file: File,
    bindings: BindingsFile = None,
    as_json: AsJson = False,
) -> None:
    """Runs the tests that a scenario carries; nothing is sent, and nothing is asked for outside.

    Exit code 0: all of them passed. 1: some did not. 2: there are none, or they cannot run.
    """
    import json

    from rich.console import Console

    from segconnect.scenario import blueprint
    from segconnect.scenario.testing import cases_of, run_case
    from segconnect.settings import load

    document = blueprint.read(file)
    cases = cases_of(file, document)
    if not cases:
        raise UsageError(
            f"{file} has no tests; write some under `tests`, such as {{name: ..., given: {{...}},"
            " requests: [...]}}"
        )
    _, bound = blueprint.bindings_of(file, bindings)
    settings = load()
    verdicts = [run_case(case, file, document, bound, settings) for case in cases]
    failed = sum(bool(each.problems) for each in verdicts)
    if as_json:
        told = [{"name": each.name, "problems": each.problems} for each in verdicts]
        typer.echo(json.dumps({"failed": failed, "tests": told}))
        raise typer.Exit(bool(failed))
    console = Console(highlight=False, soft_wrap=True)
    for each in verdicts:
        mark = "[red]failed[/]" if each.problems else "[green]passed[/]"
        console.print(mark, end="  ")
        console.print(each.name, markup=False)
        for problem in each.problems:
            console.print(f"  {problem}", markup=False)
    console.print(f"\n{len(verdicts) - failed} passed, {failed} failed", style="bold")
    raise typer.Exit(bool(failed))


@app.command()
def convert(
    file: File,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="File to write, .yaml or .json \\[stdout]")
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Writes over a file that is there.")
    ] = False,
) -> None:
    """Makes YAML of a blueprint, or a blueprint of YAML; nothing is lost but comments."""
    from segconnect.scenario import blueprint

    document = blueprint.read(file)
    to_yaml = document.form is not blueprint.Form.YAML
    if output is not None:
        suffix = output.suffix.lower()
        if suffix not in (".yaml", ".yml", ".json"):
            raise UsageError(f"--output {output}: expected a name ending in .yaml or .json")
        to_yaml = suffix != ".json"
    content = document.to_yaml() if to_yaml else document.to_json()
    if output is None:
        typer.echo(content.encode("utf-8", "replace").decode(), nl=False)
        return
    if output.exists() and not force:
        raise UsageError(f"{output}: is there already; give --force to write over it")
    try:
        output.write_text(content, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{output}: cannot be written: {error.strerror}") from None


@app.command()
def schema() -> None:
    """Prints the JSON Schema of scenarios in YAML, for editors."""
    from segconnect.scenario.blueprint.schema import FILE

    typer.echo(FILE.read_text(encoding="utf-8"), nl=False)


def _print(console: Console, file: Path, report: Report, flow: Chain, bindings: Path) -> None:
    from rich.markup import escape
    from rich.tree import Tree

    from segconnect.scenario.blueprint import Status, Verdict, skeleton

    name = f" {report.name!r}" if report.name else ""
    console.print(f"{escape(str(file))}: {report.form}{escape(name)}", style="bold")
    tree = Tree("flow")
    _grow(tree, flow, report)
    console.print(tree, soft_wrap=False)
    foreign = [each for each in report.modules.values() if each.status is Status.BINDABLE]
    if foreign:
        console.print("\nModules that do not run here", style="bold")
    for each in foreign:
        told = f"  {each.node.id}  {each.node.module}: {each.why}"
        console.print(told, markup=False)
    if report.problems:
        console.print("\nProblems", style="bold")
        for problem in report.problems:
            _print_problem(console, problem)
    if report.missing:
        console.print(f"\nTo be bound, in {escape(str(bindings))}", style="bold")
        console.print(skeleton(report.needs).rstrip(), markup=False)
    verdicts = {
        Verdict.RUNNABLE: "[green]It runs here.[/]",
        Verdict.TO_BE_BOUND: "[yellow]It runs here once what is missing is bound.[/]",
        Verdict.NOT_RUNNABLE: "[red]It does not run here.[/]",
    }
    console.print(f"\n{verdicts[report.verdict]}")


_COLOURS = {
    "runs": "green",
    "bound": "green",
    "to be bound": "yellow",
    "no such module": "red",
    "does not run": "dim",
}


def _grow(tree: Tree, chain: Chain, report: Report) -> None:
    from rich.markup import escape

    for node in chain.nodes:
        found = report.modules[node.path]
        names = node.module if node.label == node.module else f"{node.label} ({node.module})"
        told = f"{node.id if node.id is not None else '?'}  {names}"
        status = f"[{_COLOURS[found.status]}]{found.status}[/]"
        branch = tree.add(f"{escape(told)}  {status}")
        for position, inner in enumerate(node.chains):
            label = f" {inner.label!r}" if inner.label else ""
            number = "" if inner.kind == "onerror" else f" {position + 1}"
            title = "on error" if inner.kind == "onerror" else f"{inner.kind}{number}{label}"
            if node.routes and node.parameters.get("else") == position:
                title += " (fallback)"
            _grow(branch.add(f"[dim]{escape(title)}[/]"), inner, report)


def _print_problem(console: Console, problem: Problem) -> None:
    from rich.markup import escape

    colour = "red" if problem.severity == "error" else "yellow"
    module = f" (module {problem.module})" if problem.module is not None else ""
    where = f"{problem.path}{module}: " if problem.path else ""
    console.print(f"  [{colour}]{problem.severity}[/] {escape(where + problem.message)}")
    if problem.excerpt:
        console.print("  " + problem.excerpt.replace("\n", "\n  "), markup=False)
