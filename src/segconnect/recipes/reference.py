"""The page about recipes, its table written from them: python -m segconnect.recipes.reference."""

from __future__ import annotations

import sys
from importlib.resources import files
from pathlib import Path

from segconnect.recipes import Recipe, recipes

TABLE = "<!-- the recipes -->"


def reference_page() -> str:
    """The whole page, in Markdown."""
    text = files("segconnect.recipes").joinpath("recipes.md").read_text(encoding="utf-8")
    return text.replace(TABLE, "\n".join(_sections()))


def _sections() -> list[str]:
    lines = ["| recipe | the file | to |", "|---|---|---|"]
    lines += [
        f"| [`{each.name}`](#{each.name}) | {_cell(f'{each.about.tool}: {each.about.export}')} |"
        f" {each.about.kind} |"
        for each in recipes().values()
    ]
    for each in recipes().values():
        lines += _section(each)
    return lines


def _section(recipe: Recipe) -> list[str]:
    about = recipe.about
    known = ", ".join(f"`{name}`" for name in about.columns)
    lines = ["", f"### `{recipe.name}`", "", recipe.description, "", f"Found by {known}.", ""]
    lines += [f"- {note}" for note in about.notes]
    for name, asked in about.ask.items():
        choices = "; ".join(f"`{each}`: {meaning}" for each, meaning in asked.choices.items())
        default = "asked" if asked.default is None else f"default `{asked.default or 'none'}`"
        told = f" ({choices})" if choices else ""
        lines.append(f"- `--set {name}=...`: {asked.question}{told} *{default}*")
    return lines if lines[-1] else lines[:-1]


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(reference_page(), encoding="utf-8")
