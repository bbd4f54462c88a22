"""The prompt of `segconnect eval`: templates typed one after another, with completion and help."""

from __future__ import annotations

import shutil
import sys
import textwrap
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Any

import typer

from segconnect.errors import MappingError
from segconnect.mapping import ERASE, IGNORE, Functions, Value, completion
from segconnect.mapping.compiler import KEYWORDS, VARIABLES
from segconnect.mapping.reference import FAMILIES
from segconnect.mapping.registry import Function
from segconnect.mapping.values import shown

PROMPT = "> "
KEPT = 1000  # lines of history

GREETING = """\
A template a line, such as {{lower(1.email)}}. Tab completes; `help` lists what there is, and
`help NAME` explains it. Ctrl-D ends."""

MEANINGS = {
    "null": "Nothing.",
    "emptystring": "The empty text, which is sent.",
    "emptyarray": "An array without items.",
    "ignore": "Leaves the field or the item out.",
    "erase": "Clears the field on the other side.",
    "now": "The current date and time.",
    "timestamp": "Seconds since 1970 in UTC.",
    "random": "A number from 0 up to, and without, 1.",
    "uuid": "A random UUID.",
    "executionId": "The id of the run.",
    "var": "Variables: var.team.x, var.organization.x, var.scenario.x, var.input.x.",
}
"""What the words mean that do not show their value."""


class Prompt:
    """Answers the lines that are typed.

    Args:
        bundles: Module id to output.
        functions: What templates may call.
        evaluate: Evaluates a template against the bundles.
        write: Makes the text that is printed of a value.
    """

    def __init__(
        self,
        bundles: dict[str, Any],
        functions: Functions,
        evaluate: Callable[[str], Value],
        write: Callable[[Value], str],
    ) -> None:
        self.bundles, self.functions = bundles, functions
        self.evaluate, self.write = evaluate, write

    def answer(self, line: str) -> str:
        """Answers a line: help, or the value of a template and, but for a text, its type."""
        command, _, name = line.strip().partition(" ")
        if command == "help" and "{{" not in line:
            return self.help(name.strip())
        try:
            return self.shown(self.evaluate(line), line)
        except MappingError as error:
            return str(error)

    def shown(self, value: Value, line: str) -> str:
        """What is printed of a value: nothing, and what is not sent, in words."""
        if value is None:
            return _dim(f"(nothing: the field is left out{self.why_nothing(line)})")
        if value is IGNORE or value is ERASE:
            return _dim(f"({value}: {MEANINGS[str(value)][0].lower()}{MEANINGS[str(value)][1:-1]})")
        if value == "":
            return _dim("(the empty text)")
        hint = "" if "{{" in line else f"  {_dim('(a text without {{...}} is itself)')}"
        return f"{self.write(value)}{_type(value)}{hint}"

    def why_nothing(self, line: str) -> str:
        """Guesses what was meant where a template is only an item that is not there."""
        inner = line.strip().removeprefix("{{").removesuffix("}}").strip()
        known = completion.similar(inner, self.functions, self.bundles)
        return f"; did you mean {known}?" if known else ""

    def help(self, name: str = "") -> str:
        """Explains a function, a word or a module's bundle; without a name, lists all of them."""
        name = name.strip("{}() ")
        if not name:
            return self._list()
        if name in self.functions:
            return explain(self.functions[name])
        if name in KEYWORDS:
            return f"{name}  {MEANINGS.get(name) or f'Stands for {shown(KEYWORDS[name])}.'}"
        if name in VARIABLES:
            return f"{name}  {MEANINGS[name]}"
        module = name.strip("`.")
        if module in self.bundles:
            return _fields(module, self.bundles[module])
        return self.functions.not_found(name)

    def _list(self) -> str:
        groups: dict[str, list[str]] = {}
        for each in self.functions.values():
            title = FAMILIES.get(each.family, f"Functions of {each.family}")
            groups.setdefault(title, []).append(each.name)
        groups |= {"Words for a value": list(KEYWORDS), "Variables": list(VARIABLES)}
        groups |= {"Bundles": [f"{module}." for module in self.bundles]} if self.bundles else {}
        return "\n".join(f"{title}\n{_filled(names)}" for title, names in groups.items())

    def hint(self, text: str) -> str:
        """The form of the call that is open at the end of a text, and what the function does."""
        found = completion.call_at(text, self.functions)
        if found is None:
            return ""
        function, at = found
        form = form_of(function, at)
        return f"{form}  {_dim(function.help.partition(chr(10))[0])}"

    def completions(self, line: str) -> completion.Completions:
        """What the last word of what is typed may become."""
        command, blank, name = line.partition(" ")
        if command == "help" and blank:
            names = [*self.functions, *KEYWORDS, *VARIABLES, *self.bundles]
            fitting = sorted(each for each in names if each.startswith(name))
            return completion.Completions(len(line) - len(name), fitting)
        found = completion.completions(line, self.functions, self.bundles)
        if completion.opened(line) is None and line and "help".startswith(line):
            return completion.Completions(0, ["help "])
        return found


def explain(function: Function) -> str:
    """A function's form, what it does, and its examples."""
    lines = [form_of(function), textwrap.indent(function.help, "  ")]
    return "\n".join([*lines, *(f"    {example}" for example in function.examples)])


def form_of(function: Function, at: int | None = None) -> str:
    """The form of a call, the argument at a place in bold."""
    parts = function.signature.removeprefix(f"{function.name}(").removesuffix(")").split("; ")
    if at is not None and parts != [""]:
        at = min(at, len(parts) - 1)
        parts[at] = typer.style(parts[at], bold=True, underline=True)
    return f"{function.name}({'; '.join(parts)})"


def _fields(module: str, bundle: Any) -> str:
    if not isinstance(bundle, dict):
        return f"`{module}`  {shown(bundle)}"
    paths = {f"{module}.{completion.written(key)}": value for key, value in bundle.items()}
    width = max(map(len, paths), default=0)
    return "\n".join(f"{path:{width}}  {shown(value)}" for path, value in paths.items())


def _filled(names: Sequence[str]) -> str:
    width = min(shutil.get_terminal_size().columns, 100)
    return textwrap.fill(
        "  ".join(names), width, initial_indent="  ", subsequent_indent="  ",
        break_on_hyphens=False,
    )  # fmt: skip


def _type(value: Value) -> str:
    if isinstance(value, str):
        return ""
    kind = next((name for types, name in _KINDS if isinstance(value, types)), "number")
    return f"  {_dim(f'({kind})')}"


_KINDS: list[tuple[type, str]] = [
    (bool, "boolean"),
    (list, "array"),
    (dict, "collection"),
    (bytes, "buffer"),
    (datetime, "date"),
]


def _dim(text: str) -> str:
    return typer.style(text, dim=True)


def run(prompt: Prompt, history: Path) -> None:
    """Asks for lines at a terminal and answers them, until the input ends."""
    typer.echo(GREETING)
    with _line_editing(prompt, history):
        while True:
            try:
                line = input(PROMPT)
            except EOFError:
                typer.echo()
                return
            except KeyboardInterrupt:
                typer.echo()
                continue
            if line.strip() in ("exit", "quit"):
                return
            if line.strip():
                typer.echo(prompt.answer(line))


@contextmanager
def _line_editing(prompt: Prompt, history: Path) -> Iterator[None]:
    """Completes what is typed and keeps it for the next time, where Python has readline."""
    try:
        import readline
    except ImportError:  # on Windows
        yield
        return
    found: list[str] = []

    def complete(_word: str, number: int) -> str | None:
        if number == 0:
            found[:] = words()
        return found[number] if number < len(found) else None

    def words() -> list[str]:
        begin, line = readline.get_begidx(), readline.get_line_buffer()[: readline.get_endidx()]
        completions = prompt.completions(line)
        if not completions.words and (hint := prompt.hint(line)):
            _print_above(hint, readline.get_line_buffer())
        # readline puts a word in the place of what stands after the last delimiter
        before = line[completions.start : begin] if begin > completions.start else ""
        own = line[begin : completions.start]
        return [own + word.removeprefix(before) for word in completions.words]

    def show(_text: str, matches: Sequence[str], _longest: int) -> None:
        line = readline.get_line_buffer()
        hint = prompt.hint(line[: readline.get_endidx()])
        _print_above("\n".join([*([hint] if hint else []), _filled(matches)]), line)

    readline.set_completer(complete)
    readline.set_completer_delims(" \t\n;()[]{}.+-*/%=<>&|")
    readline.set_completion_display_matches_hook(show)
    if "libedit" in (readline.__doc__ or ""):
        readline.parse_and_bind("bind ^I rl_complete")
    else:
        readline.parse_and_bind("tab: complete")
        readline.parse_and_bind("set show-all-if-ambiguous on")
    readline.clear_history()
    readline.set_history_length(KEPT)
    with suppress(OSError):
        readline.read_history_file(history)
    try:
        yield
    finally:
        readline.set_completer(None)
        readline.set_completion_display_matches_hook(None)
        with suppress(OSError):
            history.parent.mkdir(parents=True, exist_ok=True)
            history.touch(mode=0o600)
            readline.write_history_file(history)


def _print_above(text: str, line: str) -> None:
    """Prints something under the line that is being typed, and the line again under it."""
    sys.stdout.write(f"\n{text}\n{PROMPT}{line}")
    sys.stdout.flush()
