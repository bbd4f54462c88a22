"""Operations as they happen: `segconnect run --trace`."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from rich.console import Console
from rich.pretty import pretty_repr
from rich.text import Text

if TYPE_CHECKING:
    from segconnect.scenario.engine import Operation


def printer(console: Console) -> Callable[[Operation], None]:
    """Answers what prints an operation: which module, what it took, what it put out."""

    def tell(operation: Operation) -> None:
        head = Text(f"{operation.number:>5}  ", style="dim")
        head.append(f"{operation.module_id}  {operation.module}", style="bold")
        if operation.cycle > 1:
            head.append(f"  cycle {operation.cycle}", style="dim")
        console.print(head, soft_wrap=True)
        if operation.input:
            _print(console, "in", operation.input)
        for number, bundle in enumerate(operation.output, 1):
            _print(console, f"out {number}" if len(operation.output) > 1 else "out", bundle)
        if not operation.output and operation.error is None:
            console.print("       no bundle", style="dim")
        if operation.error is not None:
            told = f"       {operation.error.get('type')}: {operation.error.get('message')}"
            console.print(Text(told, style="red"), soft_wrap=True)
            if operation.handled_by is not None:
                console.print(f"       handled by {operation.handled_by}", style="dim")

    return tell


def _print(console: Console, label: str, value: object) -> None:
    lines = pretty_repr(value, max_width=max(40, console.width - 12)).splitlines()
    for number, line in enumerate(lines):
        head = label if number == 0 else ""
        console.print(Text.assemble((f"       {head:<6}", "cyan"), line), soft_wrap=True)
