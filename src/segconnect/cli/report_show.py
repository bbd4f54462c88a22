"""How reports are shown in a terminal."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from segconnect.account.metrics import AnyMetric, Kind, Number
from segconnect.account.reports.answering import NONE, on_wire
from segconnect.account.reports.asking import ask_behind
from segconnect.account.reports.files import header_of, rows_of, write_rows
from segconnect.account.reports.naming import named
from segconnect.account.reports.run import Answer, value
from segconnect.errors import UsageError
from segconnect.types import money

if TYPE_CHECKING:
    from segconnect.account.replica import Facts
    from segconnect.account.reports.plan import Plan

WIDTH = 40  # characters of the longest bar
UNKNOWN = "–"
OVERLAP = "Rows overlap: they count the same people and orders, so do not add them up."


def figure(measure: AnyMetric, amount: Number | None, currency: str) -> str:
    """Writes a figure for people."""
    if amount is None:
        return UNKNOWN
    if measure.type is Kind.CURRENCY:
        return money(round(amount), currency).rpartition(" ")[0]
    text = f"{amount:,}" if isinstance(amount, int) else f"{amount:,.2f}"
    return f"{text}{measure.unit}"


def _console(shown: Table) -> Console:
    """Where a table is printed: in a file or a pipe as wide as it is."""
    console = Console(highlight=False)
    if not console.is_terminal:
        wide = Console(width=1000).measure(shown).maximum
        return Console(highlight=False, width=max(wide, console.width))
    return console


def table(answer: Answer, told: dict[str, Any]) -> None:
    """Prints a report: its rows, and its totals below."""
    plan, currency = answer.plan, answer.plan.settings.currency
    shown = Table(box=None, pad_edge=False, header_style="bold")
    for dimension in plan.dimensions:
        shown.add_column(dimension.name)
    for measure in plan.metrics:
        shown.add_column(measure.name, justify="right")
    before = _before(answer)
    for row in answer.rows:
        cells = [Text(cell or NONE) for cell in row.cells]
        figures = [
            _with_change(measure, value(measure, row.sums), currency, before.get(row.cells), answer)
            for measure in plan.metrics
        ]
        shown.add_row(*cells, *figures)
    totals = [
        _with_change(measure, value(measure, answer.totals), currency,
                     answer.comparison.totals if answer.comparison else None, answer)
        for measure in plan.metrics
    ]  # fmt: skip
    if plan.dimensions:
        shown.add_section()
    names = ["Total", *[""] * (len(plan.dimensions) - 1)] if plan.dimensions else []
    shown.add_row(*names, *totals, style="bold")
    console = _console(shown)
    console.print(shown)
    _notes(console, answer, told)


def _before(answer: Answer) -> dict[Any, Any]:
    if answer.comparison is None:
        return {}
    if answer.plan.time is not None:  # the first day beside the first day
        pairs = zip(answer.rows, answer.comparison.rows, strict=False)
        return {row.cells: other.sums for row, other in pairs}
    return {row.cells: row.sums for row in answer.comparison.rows}


def _with_change(
    measure: AnyMetric, amount: Number | None, currency: str, before: Any, answer: Answer
) -> Text:
    text = Text(figure(measure, amount, currency))
    if answer.comparison is None:
        return text
    earlier = value(measure, before) if before is not None else None
    if earlier and amount is not None:
        change = 100 * (amount - earlier) / abs(earlier)
        text.append(f" {change:+,.0f}%", style="dim")
    else:
        text.append(f" {UNKNOWN}", style="dim")
    return text


def _notes(console: Console, answer: Answer, told: dict[str, Any]) -> None:
    plan = answer.plan
    notes = [f"{plan.type.name}, {plan.period.first} to {plan.period.last}"]
    if answer.comparison is not None:
        other = answer.comparison.plan.period
        notes[0] += f", compared with {other.first} to {other.last}"
    of = "orders of the range's leads" if plan.is_cohort else "orders of the range"
    notes.append(f"{plan.settings.currency}; {of}; model {plan.model.slug}")
    if told["rows_overlap"]:
        notes.append(OVERLAP)
    if answer.hidden:
        notes.append(f"{answer.hidden:,} more rows")
    for measure in plan.metrics:
        sure = told["certainty"].get(measure.key)
        if sure and sure["totals"] and sure["totals"]["interval"]:
            low, high = sure["totals"]["interval"]
            notes.append(
                f"{measure.name}: {low:.2f} to {high:.2f}% with 95% confidence,"
                f" of {sure['totals']['sample']:,}"
            )
    console.print()
    for note in notes:
        console.print(note, style="dim", soft_wrap=True, markup=False)


def bars(answer: Answer, told: dict[str, Any]) -> None:
    """Prints the first metric of each row as a bar."""
    plan, currency = answer.plan, answer.plan.settings.currency
    if not plan.dimensions:
        raise UsageError("--chart draws a bar for each row; group the report with --by")
    measure = plan.metrics[0]
    amounts = [value(measure, row.sums) for row in answer.rows]
    most = max((abs(amount) for amount in amounts if amount is not None), default=0)
    shown = Table(box=None, show_header=False, pad_edge=False)
    shown.add_column()
    shown.add_column(justify="right")
    shown.add_column()
    for row, amount in zip(answer.rows, amounts, strict=True):
        name = " / ".join(cell or NONE for cell in row.cells)
        length = round(WIDTH * abs(amount or 0) / most) if most else 0
        style = "red" if (amount or 0) < 0 else "cyan"
        bar = Text("█" * length or ("▏" if amount else ""), style=style)
        shown.add_row(Text(name), figure(measure, amount, currency), bar)
    console = _console(shown)
    console.print(measure.name, style="bold")
    console.print(shown)
    _notes(console, answer, told)


def plain(told: dict[str, Any], *, as_chart: bool) -> None:
    """Prints a report that is no sum of facts, such as a cohort table or the steps of a funnel."""
    fields = told["fields"]
    names = len(fields) - len(told["totals"])
    drawn = _drawn(told, names)
    shown = Table(box=None, pad_edge=False, header_style="bold")
    for place, field in enumerate(fields if not as_chart else [*fields[:names], drawn[0]]):
        shown.add_column(field["name"], justify="right" if place >= names else "left")
    if as_chart:
        shown.add_column()
        for name, amount, bar in drawn[1]:
            shown.add_row(*map(Text, name), amount, bar)
    else:
        for row in told["rows"]:
            shown.add_row(*(Text(str(each)) for each in row[:names]), *_cells(told, row[names:]))
        shown.add_section()
        filler = [""] * (names - 1)
        shown.add_row("Total", *filler, *_cells(told, told["totals"]), style="bold")
    console = _console(shown)
    console.print(shown)
    console.print()
    for note in _plain_notes(told):
        console.print(note, style="dim", soft_wrap=True, markup=False)


def _drawn(
    told: dict[str, Any], names: int
) -> tuple[dict[str, Any], list[tuple[list[str], str, Text]]]:
    """What bars are drawn of: the first figure of each row, of a comparison by each model."""
    fields, models = told["fields"], told.get("models") or [""]
    most = max((row[names + n] or 0 for row in told["rows"] for n in range(len(models))), default=0)
    drawn = []
    for row in told["rows"]:
        for place, model in enumerate(models):
            amount = row[names + place]
            bar = Text("█" * round(WIDTH * (amount or 0) / most) if most else "", style="cyan")
            name = [*map(str, row[: names - 1]), f"{row[names - 1]} {model}".strip()]
            drawn.append((name, _cells(told, [amount])[0], bar))
    name = fields[names]["name"].partition(",")[0] if len(models) > 1 else fields[names]["name"]
    return {**fields[names], "name": name}, drawn


def _cells(told: dict[str, Any], figures: Sequence[Number | None]) -> list[str]:
    """Writes figures, the first of which is of the first field that is no name."""
    fields = told["fields"][-len(told["totals"]) :]
    return [
        f"{amount:,.2f}" if field["type"] == Kind.CURRENCY and amount is not None
        else _number(amount)
        for field, amount in zip(fields, figures, strict=False)
    ]  # fmt: skip


def _plain_notes(told: dict[str, Any]) -> Iterator[str]:
    dates, before = told["date_range"], told["comparison"]
    compared = ""
    if before is not None:
        other = before["date_range"]
        compared = f", compared with {other['start_date']} to {other['end_date']}"
    yield f"{dates['start_date']} to {dates['end_date']}{compared}"
    if before is not None:
        yield f"Total then: {', '.join(map(_number, before['totals']))}"
    if "conversion" in told:
        yield f"Visits before {told['conversion']}s, model {told['attribution_model']}"
    if told.get("rows_overlap"):
        yield OVERLAP
    if told.get("rows_hidden"):
        yield f"{told['rows_hidden']:,} more {'paths' if 'paths' in told else 'rows'}"


def _number(amount: Number | None) -> str:
    if amount is None:
        return UNKNOWN
    return f"{amount:,}" if isinstance(amount, int) else f"{amount:,.2f}"


def csv_rows(told: dict[str, Any]) -> None:
    """Prints the rows as CSV; where there are none to tell apart, the totals."""
    write_rows(sys.stdout, header_of(told), rows_of(told))


def behind(
    facts: Facts, plan: Plan, cell: str, *, as_json: bool, as_csv: bool
) -> None:  # fmt: skip
    """Prints the people and orders behind the first metric of one row, or of the total."""
    found = ask_behind(facts, plan, cell)[0]
    names = [each[:3] for each in named(facts, plan, found.metric, found.parts)]
    currency = plan.settings.currency
    header = ["contact", "email", "of", "part"]
    if as_json or as_csv:
        parts = [on_wire(found.metric, each.part, currency) for each in found.parts]
        rows = [[*name, part] for name, part in zip(names, parts, strict=True)]
        if as_json:
            typer.echo(json.dumps([dict(zip(header, row, strict=True)) for row in rows]))
        else:
            write_rows(sys.stdout, header, rows)
        return
    shown = Table(*[each.title() for each in header], box=None, pad_edge=False)
    for name, part in zip(names, found.parts, strict=True):
        shown.add_row(*(Text(each or UNKNOWN) for each in name),
                      figure(found.metric, part.part, currency))  # fmt: skip
    total = sum(part.part for part in found.parts)
    shown.add_section()
    shown.add_row("Total", "", "", figure(found.metric, total, currency), style="bold")
    _console(shown).print(shown)
