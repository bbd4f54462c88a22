"""The reference page of the modules, written from their declarations.

`python -m segconnect.modules.reference` rewrites docs/reference/modules.md; the tests hold the
page to the declarations, and run each of its examples.
"""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Iterator, Mapping
from itertools import groupby
from pathlib import Path
from typing import Any

from segconnect.modules import MODULES, Module
from segconnect.modules.base import SEED
from segconnect.modules.schema import FormField, Input, explained, form
from segconnect.wire.request import Address

PAGE = Path("docs/reference/modules.md")
COMMAND = "python -m segconnect.modules.reference"

PLACES = Address("{account_id}", "{integration_id}")

INTRODUCTION = f"""\
# Modules

<!-- Written by {COMMAND}; edit the declarations in src/segconnect/modules instead. -->

What can be done to an account. Each module is a class of `segconnect`, a command of
`segconnect send`, and a name in scenarios. Fields in **bold** are mandatory; the others may be left
out, and what is left out is not sent. An empty text is sent as an empty text, and null (`None`,
`--null OPTION`) as null.

- **Money** is whole cents: 1250 is 12.50. `12.5` and `"$10"` are refused, never rounded.
- **Dates** are texts such as `2016-06-20 17:26:44`, `2016-06-20T17:26:44.356Z`,
  `06/20/2016 5:26 PM` or `20.6.2016`, or Python's `datetime` and `date`. Without an offset they are
  in the time zone that is set, UTC unless said otherwise: by `timezone` in a scenario, by
  `SEGCONNECT_TIMEZONE` for `segconnect send`, by `segconnect.types.default_zone.set(zone)` in
  Python. They are sent in UTC.
- **IDs** are texts; 42 and `"42"` are the same ID.

The examples are run by the tests, each in an account that holds the contact, order and subscription
of the others. In Python, `client` is

```python
from segconnect import Client

client = Client("shop")  # a connection that was saved
```

On the command line, the connection is the only one there is; `--connection NAME` names another.
Options of which many can be given are given once for each. Keys and values are written `key=value`,
or `key:=JSON` for null, numbers and truths (`company:=null`); collections `id=A1,name=Video`, or as
JSON; and `--body @FILE` or `--body -` reads a file or standard input.
"""


def page() -> str:
    """Answers the whole page."""
    parts = [INTRODUCTION, *_contents()]
    for group, modules in groupby(MODULES, key=lambda module: module.group):
        parts.append(f"\n## {group}\n")
        parts += [section(module) for module in modules]
    return "\n".join(parts).rstrip() + "\n"


def section(module: type[Module]) -> str:
    """Answers the section of one module."""
    basic = [field for field in form(module) if not field.advanced]
    advanced = [field for field in form(module) if field.advanced]
    lines = [f"### {module.label}\n", explained(module) + "\n"]
    for group in module.one_of:
        names = " or ".join(f"**{module.facts()[name].label}**" for name in group)
        lines.append(f"One of them is needed: {names}.\n")
    if module.advanced:
        lines.append("This module is beyond the app guide.\n")
    lines += [*_table(basic), ""]
    if advanced:
        lines += ["Beyond the app guide:\n", *_table(advanced), ""]
    lines += [
        *("```python", python_example(module), "```\n"),
        *("```sh", command_example(module), "```\n"),
        *("It sends\n", "```http", request_example(module), "```\n"),
    ]
    return "\n".join(lines)


def python_example(module: type[Module]) -> str:
    """Answers the Python that runs the module's example."""
    values = "".join(f"        {name}={_code(v)},\n" for name, v in module.example.items())
    short = ", ".join(f"{name}={_code(v)}" for name, v in module.example.items())
    name = module.__name__
    call = f"client.send({name}({short}))"
    if len(call) > 88:
        call = f"client.send(\n    {name}(\n{values}    )\n)"
    return f"from segconnect import {name}\n\n{call}"


def command_example(module: type[Module]) -> str:
    """Answers the command that runs the module's example, an option or more on each line."""
    lines = [f"segconnect send {module.slug()}"]
    for option in command_options(module):
        if len(lines[-1]) + len(option) > 85:
            lines.append(f"  {option}")
        else:
            lines[-1] += f" {option}"
    return " \\\n".join(lines)


def command_options(module: type[Module]) -> list[str]:
    """Answers the options of the module's example, each with its value."""
    return [
        shlex.join(option)
        for field in form(module)
        if field.name in module.example
        for option in _options(field, module.example[field.name])
    ]


def request_example(module: type[Module]) -> str:
    """Answers the requests that the module's example sends, without the key."""
    told = []
    for request in module(**module.example).requests(PLACES):
        path = request.path.replace("%7B", "{").replace("%7D", "}")
        query = "&".join(f"{name}={value}" for name, value in request.query.items())
        told.append(f"{request.method} {path}{query and '?'}{query}")
        if request.body is not None:
            told.append("\n" + json.dumps(request.body, indent=2, ensure_ascii=False))
    return "\n".join(told)


def _options(field: FormField, value: Any) -> Iterator[list[str]]:
    if field.input is Input.YES_NO:
        yield [field.options()[0 if value else 1]]
    elif field.input is Input.PAIRS:
        for key, each in value.items():
            yield [field.option, _assignment(key, each)]
    else:
        for each in value if isinstance(value, list) else [value]:
            is_flat = not isinstance(each, Mapping)
            pairs = each if is_flat else ",".join(_assignment(k, v) for k, v in each.items())
            yield [field.option, str(pairs)]


def _assignment(key: str, value: Any) -> str:
    return f"{key}={value}" if isinstance(value, (str, int)) else f"{key}:={json.dumps(value)}"


def _code(value: Any) -> str:
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_code(k)}: {_code(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_code, value)) + "]"
    return repr(value)


def _contents() -> Iterator[str]:
    for module in MODULES:
        anchor = "".join(c for c in module.label.lower() if c.isalnum() or c in " -")
        yield f"- [{module.label}](#{anchor.replace(' ', '-')}): `{module.slug()}`"


def _table(fields: list[FormField]) -> Iterator[str]:
    yield "| Field | Name | Option | Takes | |"
    yield "|---|---|---|---|---|"
    for field in fields:
        label = f"**{field.label}**" if field.required else field.label
        source = "" if field.source == SEED else f" ({field.source})"
        options = ", ".join(f"`{option}`" for option in field.options())
        yield _row(label, f"`{field.name}`", options, field.kind(), field.help + source)
        for inner in field.fields:
            if field.input is Input.PAIRS:
                continue
            label = f"**{inner.label}**" if inner.required else inner.label
            source = "" if inner.source == SEED else f" ({inner.source})"
            yield _row(f"- {label}", f"`{inner.name}`", "", inner.kind(), inner.help + source)


def _row(*cells: str) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def main() -> None:
    """Rewrites the page, in the directory from which it is run."""
    PAGE.parent.mkdir(parents=True, exist_ok=True)
    PAGE.write_text(page(), "utf-8")
    sys.stdout.write(f"{PAGE}\n")


if __name__ == "__main__":
    main()
