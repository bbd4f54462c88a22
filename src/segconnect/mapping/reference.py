"""The reference page of the mapping language, written from its declarations."""

from __future__ import annotations

import sys
from importlib.resources import files
from pathlib import Path

from segconnect.mapping import compiler, moment_parser, moments, registry, syntax, values
from segconnect.mapping.registry import Function
from segconnect.mapping.values import to_text

FAMILIES = {
    "general": "General functions",
    "math": "Math functions",
    "text": "Text and binary functions",
    "dates": "Date and time functions",
    "arrays": "Array functions",
    "money": "Money, which only segconnect has",
}

_LIMITS = f"""\
## Limits

A template has at most {syntax.MAX_TEMPLATE:,} characters; an expression {syntax.MAX_EXPRESSION:,}
characters and {syntax.MAX_DEPTH} levels. What they make has at most {values.MAX_TEXT:,} characters
in a text, {values.MAX_ITEMS:,} items in an array and {values.MAX_DIGITS} digits in a number.
A regular expression that takes too many steps on a text is given up. Each of these is a mapping
error, as is a value that a function cannot use; the message shows the place.
"""


def reference_page(functions: registry.Functions | None = None) -> str:
    """The whole page, in Markdown; by default of the built-in functions."""
    known = functions or registry.built_in()
    introduction = files("segconnect.mapping").joinpath("language.md").read_text(encoding="utf-8")
    sections = [introduction, _keywords(), _variables()]
    families = {function.family for function in known.values()}
    for family in [*FAMILIES, *sorted(families - set(FAMILIES))]:
        members = [function for function in known.values() if function.family == family]
        title = FAMILIES.get(family, f"Functions of {family}")
        sections.append("\n".join([f"## {title}\n", *map(_entry, members)]))
    return "\n".join([*sections, _tokens(), _LIMITS])


def _keywords() -> str:
    rows = [
        "## Words for a value\n",
        "| word | value |",
        "|---|---|",
        *(f"| `{word}` | {_shown(word, value)} |" for word, value in compiler.KEYWORDS.items()),
    ]
    return "\n".join(rows) + "\n"


def _shown(word: str, value: object) -> str:
    if word in _WORDS:
        return _WORDS[word]
    return f"`{to_text(value)}`"


_WORDS = {
    "null": "nothing",
    "emptystring": "the empty text, which is sent",
    "emptyarray": "an array without items",
    "space": "a blank",
    "tab": "a tab",
    "newline": "a line feed",
    "carriagereturn": "a carriage return",
    "nbsp": "a blank that does not break a line",
    "ignore": "leaves the field or the item out",
    "erase": "clears the field on the other side",
}


def _variables() -> str:
    return """\
## Variables

| word | value |
|---|---|
| `now` | the current date and time |
| `timestamp` | seconds since 1970 in UTC |
| `random` | a number from 0 up to, and without, 1 |
| `uuid` | a random UUID |
| `executionId` | the id of the run |
| `var.scenario.x`, `var.team.x`, `var.organization.x` | system and custom variables |
| `var.input.x` | an input of the scenario |
"""


def _entry(function: Function) -> str:
    lines = [f"### `{function.signature}`\n", function.help, ""]
    lines.extend(f"    {example.replace('→', '  →  ', 1)}" for example in function.examples)
    return "\n".join(line.replace("   →   ", "  →  ") for line in lines) + "\n"


def _tokens() -> str:
    written = " ".join(f"`{token}`" for token in moments.WRITTEN)
    read = " ".join(f"`{token}`" for token in moment_parser.READ)
    return f"""\
## Tokens of dates

Formats are those of moment.js, in English. Every character that is no token stands for itself, and
so does what stands in `[brackets]`. `LT LTS L LL LLL LLLL` and `l ll lll llll` are its long forms.

Written: {written}

Read: {read}

Reading forgives: a token takes the first place in the rest of the text that looks like it, and one
that finds nothing is passed over. What the text does not say is taken from today, down to the first
part that it does say, and from the beginning after that. A time zone is a name of the tz database;
another name is ignored, and the organisation's zone is used.
"""


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(reference_page(), encoding="utf-8")
