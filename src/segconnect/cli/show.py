"""How runs and accounts are shown on a terminal."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Table
from rich.text import Text

from segconnect.account.figures.summary import Summary
from segconnect.scenario import values_json
from segconnect.scenario.blueprint import Blueprint
from segconnect.scenario.engine import Plan, Result, Status
from segconnect.scenario.journal import SampleRow
from segconnect.scenario.runner import Outcome, Report
from segconnect.scenario.runner import Progress as OnProgress
from segconnect.types import money

MARKS = {
    Outcome.SUCCESS: "[green]done[/]",
    Outcome.PARTIAL: "[yellow]done, in part[/]",
    Outcome.FAILURE: "[red]failed[/]",
}


class _Rate(ProgressColumn):
    """Bundles a second."""

    def render(self, task: Task) -> Text:
        read, seconds = task.fields.get("read", 0), task.elapsed or 0
        return Text(f"{read / seconds:,.0f}/s" if seconds > 0.2 else "", style="dim")


@contextmanager
def progress(console: Console, name: str) -> Iterator[OnProgress]:
    """Shows how far a run is, its rate and the time that is left, while the block runs."""
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        TextColumn("{task.fields[read]:,} read"),
        _Rate(),
        TimeRemainingColumn(compact=True),
        console=console,
        transient=True,
        disable=not console.is_interactive,
    )
    with bar:
        task = bar.add_task(escape(name), total=None, read=0)

        def show(report: Report, done: int, total: int) -> None:
            bar.update(task, completed=done, total=total, read=report.read)

        yield show


def report_line(report: Report) -> str:
    """What became of a run, in one line."""
    parts = [f"{report.read:,} read", f"{report.delivered:,} delivered"]
    if report.filtered:
        parts.append(f"{report.filtered:,} filtered out")
    if report.refused:
        parts.append(f"[yellow]{report.refused:,} refused[/]")
    if report.waiting:
        parts.append(f"[yellow]{report.waiting:,} waiting[/]")
    return f"{MARKS[report.outcome]}  {escape(report.scenario)}: {', '.join(parts)}"


def print_result(console: Console, plan: Plan, result: Result) -> None:
    """What became of a run: each module's operations, what went wrong, what was set aside."""
    mark = {
        Status.SUCCESS: "[green]done[/]",
        Status.WARNING: "[yellow]done, with warnings[/]",
        Status.ERROR: "[red]failed[/]",
    }[result.status]
    cycles = f", {result.cycles:,} cycles" if result.cycles > 1 else ""
    console.print(
        f"{mark}  {escape(result.scenario)}: {result.total:,} operations in"
        f" {result.seconds:.1f} s{cycles}",
        soft_wrap=True,
    )
    table = Table("", "Module", "Operations", box=None, pad_edge=False)
    for id_, count in result.operations.items():
        table.add_row(str(id_), Text(plan.nodes[id_].label), f"{count:,}")
    console.print(table)
    for each in result.incomplete:
        told = f"set aside at module {each.module_id}: {each.kind}: {each.reason}"
        console.print(told, style="yellow", markup=False, soft_wrap=True)
    for warning in result.warnings:
        console.print(warning, style="yellow", markup=False, soft_wrap=True)
    if result.error is not None:
        error = result.error
        where = f"module {error.module_id} ({error.module}): " if error.module_id else ""
        console.print(
            f"{where}{error.kind}: {error.message}", style="red", markup=False, soft_wrap=True
        )
    if result.response is not None:
        console.print(f"answered {result.response.status}", Text(str(result.response.body)))
    if result.outputs is not None:
        console.print("returned", result.outputs)


def result_values(result: Result) -> dict[str, Any]:
    """The same for a program."""
    error, response = result.error, result.response
    return {
        "status": result.status.name.lower(),
        "cycles": result.cycles,
        "operations": {str(id_): count for id_, count in result.operations.items()},
        "seconds": result.seconds,
        "warnings": result.warnings,
        "incomplete": [
            {"module": each.module_id, "kind": each.kind, "reason": each.reason}
            for each in result.incomplete
        ],
        "error": error
        and {"module": error.module_id, "kind": error.kind, "message": error.message},
        "response": response and {"status": response.status, "body": response.body},
        "outputs": result.outputs,
    }


def modules(report: Report, blueprint: dict[str, Any]) -> Table:
    """How many operations each module took."""
    named = {node.id: node for node in Blueprint(blueprint).walk()}
    table = Table("", "Module", "Operations", box=None, pad_edge=False)
    for id_, count in sorted(report.modules.items()):
        node = named.get(id_)
        table.add_row(str(id_), Text("" if node is None else node.label), f"{count:,}")
    return table


def sample(console: Console, row: SampleRow) -> None:
    """One operation that the history kept."""
    where = f"bundle {row.bundle}, " if row.bundle else ""
    console.print(f"{where}{row.module_id} {row.module}, {row.took / 1000:.1f} ms", markup=False)
    values = sample_values(row)
    for name, value in (("in", values["input"]), ("out", values["output"])):
        if value not in (None, {}, [], [{}]):
            text = json.dumps(value, ensure_ascii=False)
            text = text if values_json.is_text(text) else json.dumps(value)
            console.print(f"  {name}: {_clipped(text)}", style="dim", markup=False)
    error = values["error"]
    if error is not None:
        told = _clipped(f"{error.get('type')}: {error.get('message')}")
        console.print(f"  error: {told}", style="red", markup=False)


def sample_values(row: SampleRow) -> dict[str, Any]:
    """The same for a program; a date is a text."""
    kept = {name: getattr(row, name) for name in ("bundle", "module_id", "module")}
    values = {
        name: None if text is None else json.loads(json.dumps(values_json.loads(text), default=str))
        for name, text in (("input", row.input), ("output", row.output), ("error", row.error))
    }
    return {**kept, "milliseconds": row.took / 1000, **values}


def _clipped(text: str, most: int = 300) -> str:
    return text if len(text) <= most else f"{text[: most - 3]}..."


def refusals(reports: list[Report]) -> Table:
    """Which bundles were refused, where they lie, and why."""
    table = Table("Where", "Why", title="Refused", title_justify="left", box=None, pad_edge=False)
    for report in reports:
        for refusal in report.refusals:
            table.add_row(str(refusal.place), Text(refusal.error.why))
        hidden = report.refused - len(report.refusals)
        if hidden > 0:
            table.add_row("", f"... and {hidden:,} more of {report.scenario}")
    return table


def summary(found: Summary, currency: str) -> Table:
    """What an account holds."""
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column()
    table.add_column(justify="right")
    table.add_column(style="dim")
    table.add_row("Contacts", f"{found.contacts:,}")
    table.add_row("Tags", f"{found.tags:,}")
    waiting = f"{found.waiting_orders:,} of people who are not contacts yet"
    table.add_row("Orders", f"{found.orders:,}", waiting if found.waiting_orders else "")
    table.add_row("Revenue", money(found.revenue, currency), "all orders, paid or not")
    table.add_row("Collected", money(found.collected, currency))
    count = found.refunded_orders
    table.add_row(
        "Refunds",
        money(found.refunds, currency),
        f"{count:,} {'order' if count == 1 else 'orders'}",
    )
    table.add_row(
        "Active subscriptions", f"{found.active_subscriptions:,}", f"of {found.subscriptions:,}"
    )
    table.add_row("MRR", money(found.mrr, currency), "brought to 30 days")
    figures = f"{found.ads:,} ads, {found.clicks:,} clicks, {found.impressions:,} impressions"
    table.add_row("Ad spend", money(found.ad_spend, currency), figures)
    return table


def sources(found: Summary, currency: str) -> Table:
    """Revenue by the contacts' utm_source, with a bar for each."""
    title = "Revenue by utm_source"
    table = Table(title=title, title_justify="left", box=None, show_header=False, pad_edge=False)
    table.add_column()
    table.add_column(justify="right")
    table.add_column(style="cyan")
    most = max(found.revenue_by_utm_source.values(), default=0)
    for name, amount in found.revenue_by_utm_source.items():
        width = round(24 * amount / most) if most > 0 else 0
        table.add_row(Text(name), money(amount, currency), "█" * max(width, 0))
    return table
