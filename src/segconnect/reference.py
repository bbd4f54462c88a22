"""The reference page of connections and settings, written from their declarations.

`python -m segconnect.reference` rewrites docs/reference/setup.md; a test holds the page to the
declarations.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from segconnect.connections import Connection
from segconnect.credentials import SERVICES, Service
from segconnect.limits import Limits
from segconnect.modules.base import Collection
from segconnect.modules.schema import Input, form
from segconnect.settings import Settings

PAGE = Path("docs/reference/setup.md")
COMMAND = "python -m segconnect.reference"

INTRODUCTION = f"""\
# Connections and settings

<!-- Written by {COMMAND}; edit the declarations in src/segconnect instead. -->

## Connections

A connection is saved once and then named. What is secret is asked for in a terminal, or piped in;
it is kept encrypted and never shown. One to SegMetrics, or to an account of your own, is checked by
a harmless call when it is saved, and one to a mail server by a sign-in; `--no-verify` leaves that
out.

```sh
segconnect connection add shop --account-id ACCOUNT --integration-id INTEGRATION
segconnect connection add mail --service smtp --set host=mail.example.com --set user=joey
segconnect connection add crm --service api-key --set name=X-Key --set-from-file key=key.txt
```

Fields in **bold** are mandatory.
"""

SETTINGS = """\
## Settings

Options of a command come first, then variables of the environment, then `segconnect.toml` in the
directory that the command runs in, where a setting goes by its name.
"""


def page() -> str:
    """Answers the whole page."""
    parts = [INTRODUCTION, "### SegMetrics\n", *_table(Connection), ""]
    for kind in SERVICES.values():
        parts += [f"### {kind.label}\n", f"`--service {kind.service}`: {kind.help()}\n"]
        parts += [*_needs(kind), *_table(kind), ""] if form(kind) else []
    parts += [SETTINGS, *_rows(("Name", "Variable", "Default", ""), _settings())]
    return "\n".join(parts) + "\n"


def _needs(kind: type[Service]) -> Iterator[str]:
    facts = kind.facts()
    for group in kind.one_of:
        yield f"{' or '.join(facts[name].label for name in group)} is needed.\n"
    for group in kind.together:
        if not all(kind.model_fields[name].is_required() for name in group):
            *rest, last = (facts[name].label for name in group)
            yield f"{', '.join(rest)} and {last} go together.\n"


def _table(kind: type[Collection]) -> Iterator[str]:
    facts, rows = kind.facts(), []
    for field in form(kind):
        label = f"**{field.label}**" if field.required else field.label
        takes = " | ".join(f"`{value}`" for value, _ in field.choices) or field.kind()
        if field.input is Input.WHOLE:
            takes = f"{takes}, {field.minimum} to {field.maximum}"
        rows.append((label, f"`{facts[field.name].wire}`", takes, field.help))
    return _rows(("Field", "Name", "Takes", ""), rows)


def _settings() -> Iterator[Sequence[str]]:
    limits = Limits()
    for name, field in Settings.model_fields.items():
        default = getattr(limits, name, None) if field.default is None else field.default
        is_told = isinstance(default, (str, int, float))
        shown = f"`{default:g}`" if isinstance(default, float) else f"`{default}`"
        variable = f"`SEGCONNECT_{name.upper()}`"
        yield f"`{name}`", variable, shown if is_told else "", field.description or ""


def _rows(
    titles: Sequence[str], rows: Iterator[Sequence[str]] | Sequence[Sequence[str]]
) -> Iterator[str]:
    yield f"| {' | '.join(titles)} |".replace("|  |", "| |")
    yield "|---" * len(titles) + "|"
    for row in rows:
        yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |"


def main() -> None:
    """Rewrites the page, in the directory from which it is run."""
    PAGE.parent.mkdir(parents=True, exist_ok=True)
    PAGE.write_text(page(), "utf-8")
    sys.stdout.write(f"{PAGE}\n")


if __name__ == "__main__":
    main()
