"""The reference page of the sources, written from their declarations.

`python -m segconnect.scenario.sources.reference` rewrites docs/sources.md; the tests hold the page
to the declarations.
"""

from __future__ import annotations

from collections.abc import Iterator
from inspect import cleandoc
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

from pydantic.fields import FieldInfo

from segconnect.scenario.sources import LABELS, SOURCES, SUFFIXES, class_of, parameters_of

PAGE = Path("docs/sources.md")
COMMAND = "python -m segconnect.scenario.sources.reference"

INTRODUCTION = f"""\
# Sources

<!-- Written by {COMMAND}; edit the declarations in src/segconnect/scenario/sources instead. -->

Where the bundles of a scenario come from: its first module.

```yaml
flow:
  - id: 1
    module: csv
    parameters: {{ file: exports/orders.csv, group_rows_by: Name }}
```

- **They stream.** Memory does not grow with a file, a table or an API; only a sheet of Excel is
  held whole.
- **They know where they stand.** Each bundle has a cursor, a small JSON object. After a crash a run
  goes on right after the last bundle that was done, and a later run takes only what is new. A CSV
  and a file of JSON lines are read on at their byte, a Parquet file at its row group.
- **What was changed is read anew.** A file is known by its beginning and by the piece that was read
  last, not by its name or its date: appended to, it is read on; replaced, or cut, it is read from
  its beginning. What was changed in between is not noticed. A last line that had no end yet, and
  was added to, is given again, whole.
- **A place that cannot be read is refused, with its line and a reason**, and the next one is read.
- **An empty cell is absent** from its bundle, as is null.
- **Nothing is guessed in silence.** Cells of a text file are texts as they stand, also numbers:
  `1.234,56` is changed to `1234.56` only where `decimal` says so, and what can be read both ways is
  asked about. Days and times without a zone, in sheets, Parquet and databases, are given as the
  texts `2026-09-01` and `2026-09-01 13:45:00`; where a field wants a moment, they are read in the
  scenario's time zone, and where it wants a day, they are that day.

What a file holds can be seen before it is used: `segconnect.scenario.sources.describing.describe`
answers the dialect, the columns with their types and examples, the first bundles, and the rows that
are passed over or that sum up others.

Files are read by the end of their names: {
    "; ".join(
        f"{', '.join(suffix for suffix, name in SUFFIXES.items() if name == each)} by `{each}`"
        for each in dict.fromkeys(SUFFIXES.values())
    )
}.
"""


def page() -> str:
    """Answers the whole page."""
    return "\n".join([INTRODUCTION, *(_section(module) for module in SOURCES)])


def _section(module: str) -> str:
    told = cleandoc(class_of(module).__doc__ or "").partition("\nRaises:")[0].rstrip()
    return "\n".join(
        [
            f"## {LABELS[module]}: `{SOURCES[module]}`\n",
            f"`{module}` in blueprints.\n",
            f"{told}\n",
            "| parameter | value | what it says |",
            "|---|---|---|",
            *_rows(module),
            "",
        ]
    )


def _rows(module: str) -> Iterator[str]:
    for name, each in parameters_of(module).items():
        shown = f"**`{name}`**" if each.is_required() else f"`{name}`"
        kind = " or ".join(_kinds(each.annotation))
        told = str(each.description).replace("*", "\\*")
        yield f"| {shown} | {kind}{_default(each)} | {told} |"


def _kinds(annotation: Any) -> Iterator[str]:
    """Says what values a parameter takes."""
    words = {
        str: "text",
        int: "number",
        float: "number",
        bool: "true or false",
        dict: "keys and values",
    }
    origin = get_origin(annotation) or annotation
    if origin in (Union, UnionType):
        for each in get_args(annotation):
            yield from _kinds(each)
    elif origin is Literal:
        yield ", ".join(f"`{each}`" for each in get_args(annotation))
    elif origin is list:
        yield "a list"
    elif origin is not NoneType:
        yield words[origin]


def _default(field: FieldInfo) -> str:
    if field.is_required() or field.default in (None, [], {}):
        return ""
    return f"; `{field.default}` if left out"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
