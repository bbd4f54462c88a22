"""Reads a scenario for a command, and what it is bound to, and asks for what is missing."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from segconnect.errors import ScenarioError

if TYPE_CHECKING:
    from rich.console import Console

    from segconnect.scenario.blueprint import Bindings, Need, Report


def checked(
    file: Path, bindings: Path | None, connection: str | None, console: Console
) -> tuple[Any, Bindings]:
    """Reads a scenario and what it is bound to; asks for what is missing, on a terminal.

    Raises:
        ScenarioError: It does not run here; every reason is told.
    """
    import sys

    from segconnect.scenario import blueprint
    from segconnect.scenario.preparing import functions_beside

    document = blueprint.read(file)
    beside, bound = blueprint.bindings_of(file, bindings)
    functions = functions_beside(file)
    report = blueprint.check(document, bound, functions)
    missing = _missing(report, connection)
    if missing and report.verdict is not blueprint.Verdict.NOT_RUNNABLE and sys.stdin.isatty():
        console.print(f"What stands for these? It is kept in {beside}.")
        asked = blueprint.ask(missing, bound)
        if asked != bound:
            blueprint.write_bindings(beside, asked)
        bound = asked
        report = blueprint.check(document, bound, functions)
        missing = _missing(report, connection)
    problems = _problems(report)
    problems += [f"{each.explained()}: bind it in {beside}" for each in missing]
    if problems:
        told = "\n  ".join(problems)
        raise ScenarioError(
            f"{file} does not run here (segconnect scenario check {file} tells more):\n  {told}"
        )
    return document, bound


def _missing(report: Report, connection: str | None) -> list[Need]:
    """What must still be bound; a webhook need not be: what came in is handed over."""
    from segconnect.scenario.blueprint import NeedKind
    from segconnect.scenario.blueprint.segmetrics import is_segmetrics

    return [
        need
        for need in report.missing
        if need.kind is not NeedKind.WEBHOOK
        and not (connection and need.kind is NeedKind.CONNECTION and is_segmetrics(f"{need.app}:"))
    ]


def _problems(report: Report) -> list[str]:
    told = []
    for each in report.errors:
        where = f"module {each.module}: " if each.module is not None else ""
        excerpt = f"\n{each.excerpt}" if each.excerpt else ""
        told.append(f"{where}{each.message}{excerpt}")
    return told
