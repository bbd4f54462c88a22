"""The cards of the attribution models, written from their declarations.

`python -m segconnect.account.attribution.reference` rewrites docs/attribution.md; a test holds the
page to the declarations.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from importlib.resources import files
from pathlib import Path

from segconnect.account.attribution import MODELS, Model
from segconnect.account.attribution.examples import EXAMPLES, Example

PAGE = Path("docs/attribution.md")
COMMAND = "python -m segconnect.account.attribution.reference"


def page() -> str:
    """Answers the whole page."""
    introduction = files("segconnect.account.attribution").joinpath("introduction.md")
    text = introduction.read_text(encoding="utf-8").replace("COMMAND", COMMAND)
    parts = [text, "## The models\n", *_overview(), ""]
    for model in MODELS.values():
        parts.extend(_card(model))
    return "\n".join(parts)


def _overview() -> Iterator[str]:
    return _rows(
        ("Model", "Name", "Adds up", "Rule"),
        [
            (
                f"[{model.label}](#{_anchor(model.label)})",
                f"`{model.slug}`",
                "yes" if model.is_fractional else "no",
                model.help,
            )
            for model in MODELS.values()
        ],
    )


def _card(model: Model) -> Iterator[str]:
    yield f"## {model.label}\n"
    yield f"`{model.slug}`; also {', '.join(f'`{alias}`' for alias in model.aliases)}.\n"
    yield f"**Rule.** {model.help}\n"
    yield f"**Formula.** `{model.formula}`\n"
    yield f"**When it misleads.** {model.caveat}\n"
    if not model.is_fractional:
        yield "**Totals.** Come from the conversions themselves, never from the rows.\n"
    if model.parameters:
        yield from _rows(
            ("Parameter", "Takes", "Default", ""),
            [
                (
                    f"`{parameter.name}`",
                    parameter.range(),
                    f"`{parameter.default}`",
                    parameter.takes.help,
                )
                for parameter in model.parameters
            ],
        )
        yield ""
    yield from _example(model, EXAMPLES[model.slug])


def _example(model: Model, example: Example) -> Iterator[str]:
    given = [f"model={model.slug!r}".replace("'", '"')]
    given += [f"{name}={value!r}" for name, value in example.settings.items()]
    given += ["null=True"] if example.null else []
    yield "**Worked example.**\n"
    yield "```python"
    yield "paths = ["
    for path, conversions, value, null, opt_in in example.rows:
        cells = {"path": f'"{path}"', "conversions": conversions, "value": value}
        cells |= {"null": null} if example.null else {}
        cells |= {"optin": opt_in} if model.needs_opt_in else {}
        yield "    {" + ", ".join(f'"{name}": {cell}' for name, cell in cells.items()) + "},"
    yield "]"
    yield f"attribute(paths, {', '.join(given)})"
    for channel, conversions in example.expected.items():
        yield f"# {channel}: {conversions:g}"
    yield f"```\n\n{example.worked}\n"


def _rows(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(titles)} |".replace("|  |", "| |")
    yield "|---" * len(titles) + "|"
    for row in rows:
        yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |"


def _anchor(label: str) -> str:
    kept = "".join(each for each in label.lower() if each.isalnum() or each in " -")
    return kept.replace(" ", "-")


def main() -> None:
    """Rewrites the page, in the directory from which it is run."""
    PAGE.write_text(page(), "utf-8")
    sys.stdout.write(f"{PAGE}\n")


if __name__ == "__main__":
    main()
