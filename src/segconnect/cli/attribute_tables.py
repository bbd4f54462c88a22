"""What `segconnect attribute` prints on a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from segconnect.account.attribution.attributing import Credited, CreditRow, TransitionRow
from segconnect.account.attribution.table import PathTable

BAR = 24  # characters
SIDE = 10  # characters of a model beside others, which is what their labels wrap to
MOST_TRANSITIONS = 40


def print_credits(console: Console, one: Credited, *, with_effects: bool) -> None:
    """A row for each channel, with a bar; then the totals, and when the model misleads."""
    settings = ", ".join(f"{name} {value}" for name, value in one.settings.items())
    title = f"{one.model.label}{f' ({settings})' if settings else ''}"
    table = _table(title)
    table.add_column("Channel", footer="Total")
    table.add_column("Conversions", justify="right", footer=_count(one.conversions))
    if one.errors:
        table.add_column("±", justify="right")
    if one.value is not None:
        table.add_column("Value", justify="right", footer=_amount(one.value, one.places))
    if with_effects:
        table.add_column("Removal effect", justify="right")
    table.add_column("Share", justify="right")
    table.add_column("")
    most = max((row["conversions"] for row in one.rows), default=0)
    for row, effect in with_effects_of(one) if with_effects else ((row, {}) for row in one.rows):
        cells: list[str | Text] = [Text(row["channel"]), _count(row["conversions"])]
        if one.errors:
            error = one.errors.get(row["channel"])
            cells.append("" if error is None else f"{error:.2f}")
        if row["value"] is not None:
            cells.append(_amount(row["value"], one.places))
        if with_effects:
            cells.append("" if not effect else f"{effect['removal_effect']:.1%}")
        share = row["conversions"] / one.conversions if one.conversions else 0
        width = round(BAR * row["conversions"] / most) if most > 0 else 0
        table.add_row(*cells, f"{share:.1%}", Text("█" * max(width, 0), style="cyan"))
    console.print(table)
    if not one.model.is_fractional:
        console.print("The total is what there was, and not the sum of the rows.", style="dim")
    console.print(one.model.caveat, style="dim", markup=False)


def print_side_by_side(
    console: Console, table: PathTable, found: Sequence[Credited], *, by_value: bool
) -> None:
    """A row for each channel and a column for each model; then when each of them misleads."""
    is_of_value = by_value and table.values is not None
    names = list(dict.fromkeys(row["channel"] for one in found for row in one.rows))
    cells = [[_side(one, name, is_of_value=is_of_value) for name in names] for one in found]
    column = max(SIDE, *(len(cell) for each in cells for cell in each)) + 2
    room = max(1, (console.width - max(map(len, names)) - 1) // column)
    for begin in range(0, len(found), room):
        shown = _table("" if begin else f"{'Value' if is_of_value else 'Conversions'} by model")
        shown.show_footer = False
        shown.add_column("Channel")
        for one in found[begin : begin + room]:
            shown.add_column(one.model.label, justify="right", min_width=SIDE)
        for name, *row in zip(names, *cells[begin : begin + room], strict=True):
            shown.add_row(Text(str(name)), *row)
        console.print(shown)
    cards = Table(box=None, show_header=False, pad_edge=False)
    for one in found:
        cards.add_row(Text(one.model.slug), Text(one.model.caveat, style="dim"))
    console.print(cards)


def print_transitions(console: Console, moves: Sequence[TransitionRow]) -> None:
    """How likely each step follows another, the likeliest of each first."""
    table = _table("Transitions")
    table.show_footer = False
    table.add_column("From")
    table.add_column("To")
    table.add_column("Probability", justify="right")
    for move in moves[:MOST_TRANSITIONS]:
        table.add_row(Text(move["from"]), Text(move["to"]), f"{move['probability']:.4f}")
    console.print(table)
    if len(moves) > MOST_TRANSITIONS:
        console.print(
            f"... and {len(moves) - MOST_TRANSITIONS:,} more; --json has all of them", style="dim"
        )


def with_effects_of(one: Credited) -> Iterator[tuple[CreditRow, dict[str, Any]]]:
    """Each row, with the removal effects of its channel where it is one."""
    assert one.effects is not None
    for row in one.rows:
        effect: dict[str, Any] = {}
        if row["channel"] in one.channels:
            place = one.channels.index(row["channel"])
            effect["removal_effect"] = float(one.effects.conversions[place])
            if row["value"] is not None:
                effect["removal_effect_value"] = float(one.effects.values[place, 0])
        yield row, effect


def _side(one: Credited, channel: str, *, is_of_value: bool) -> str:
    row = next((each for each in one.rows if each["channel"] == channel), None)
    if is_of_value:
        return _amount(0 if row is None else row["value"] or 0, one.places)
    return f"{0 if row is None else row['conversions']:,.1f}"


def _table(title: str) -> Table:
    return Table(title=title, title_justify="left", box=None, pad_edge=False, show_footer=True)


def _count(number: float) -> str:
    return f"{number:,.0f}" if number == round(number) else f"{number:,.2f}"


def _amount(number: float, places: int) -> str:
    return f"{number:,.{places}f}"
