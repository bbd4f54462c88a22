"""What the help of commands shows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import typer
from rich.text import Text

from segconnect.cli import COMMANDS, build


def helps(command: Any, path: str) -> Iterator[tuple[str, str]]:
    """The help of all parameters of a command and of those below it."""
    for parameter in command.params:
        yield f"{path} {parameter.name}", getattr(parameter, "help", None) or ""
    for name, each in getattr(command, "commands", {}).items():
        yield from helps(each, f"{path} {name}")


@pytest.mark.parametrize("name", COMMANDS)
def test_a_default_in_brackets_is_shown_and_not_taken_for_markup(name: str) -> None:
    group: Any = typer.main.get_command(build([name]))

    for place, text in helps(group.commands[name], name):
        assert Text.from_markup(text).plain == text.replace("\\[", "["), place
