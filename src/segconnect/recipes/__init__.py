"""Recipes: scenarios for the exports of well-known tools, each one YAML file beside this one.

A recipe is a scenario that `segconnect run` and `segconnect scenario test` take as it stands. Its
`recipe` section says which files it is for and what only a person can say. To add one, write its
file here and a sample of what it reads in tests/recipes/samples; both are found by themselves.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from segconnect.errors import ScenarioError, UsageError, unknown_name
from segconnect.scenario import blueprint
from segconnect.scenario.blueprint import Document
from segconnect.scenario.sources.export import Names, Raw
from segconnect.scenario.sources.tidying import DECIMALS, ORDERS

ALWAYS = {
    "timezone": "The zone of dates without one, such as Europe/Oslo.",
    "date_order": f"What comes first in a date: {', '.join(ORDERS)}.",
    "decimal": f"What decimals begin with: {' or '.join(DECIMALS)}",
    "encoding": "The file's encoding, such as cp1252.",
    "delimiter": "What is between cells.",
    "header_row": "The row of the header, from 1.",
}
"""What may be said of any file, and is found by looking if it is not."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Question(_Strict):
    """What a file does not say. With a default it is an option, and nobody is asked."""

    question: str
    choices: dict[str, str] = Field({}, description="What may be answered, and what it means.")
    default: str | None = None

    def answer(self, name: str, given: str) -> str:
        """Holds an answer to the choices.

        Raises:
            UsageError: It is none of them.
        """
        if self.choices and given not in self.choices:
            raise UsageError(f"{name}: {unknown_name('answer', given, list(self.choices))}")
        return given


class About(_Strict):
    """The `recipe` section: which files it is for."""

    tool: str
    export: str = Field(description="The file, and how one gets it.")
    kind: Literal["crm", "payments", "ads"] = Field(description="The integration it belongs to.")
    columns: list[str] = Field(min_length=1, description="What all of these files have.")
    without: list[str] = Field([], description="What none of these files has.")
    ask: dict[str, Question] = {}
    levels: list[str] = Field([], description="Columns; the first that a file has is its level.")
    notes: list[str] = Field([], description="What a person should know before.")


@dataclass(frozen=True)
class Recipe:
    """A scenario for the exports of a tool."""

    name: str
    path: Path
    document: Document
    about: About

    @property
    def title(self) -> str:
        """What it is called."""
        return self.document.blueprint.name

    @property
    def description(self) -> str:
        """What it does."""
        return " ".join(self.document.blueprint.description.split())

    @property
    def source(self) -> Mapping[str, Any]:
        """The parameters of its source."""
        return self.document.blueprint.flow.nodes[0].parameters

    @property
    def options(self) -> Mapping[str, str]:
        """What can be said of a file, by name."""
        return {**{name: each.question for name, each in self.about.ask.items()}, **ALWAYS}

    def columns_in(self, raw: Raw) -> set[str]:
        """Answers the columns that a file has, under the names here."""
        names = Names(self.source.get("columns") or {})
        return {names.name_of(column)[0] for column in raw.columns()}

    def level_of(self, raw: Raw) -> str | None:
        """Answers which of the levels a file is of, if it is of any."""
        found = self.columns_in(raw)
        return next((name for name in self.about.levels if name in found), None)

    def for_file(self, path: Path, answers: Mapping[str, str]) -> tuple[Document, dict[str, Any]]:
        """Makes the scenario for one file.

        Args:
            path: The file.
            answers: What was said of it, by name; see `options`.

        Returns:
            The scenario, and its inputs.

        Raises:
            UsageError: There is no option of a name, or an answer is none of its choices.
        """
        unknown = [name for name in answers if name not in self.options]
        if unknown:
            told = unknown_name("option", unknown[0], list(self.options))
            raise UsageError(f"{self.name}: {told}")
        raw = copy.deepcopy(self.document.blueprint.raw)
        parameters = raw["flow"][0]["parameters"]
        parameters["file"] = str(path.absolute())
        inputs = {
            name: each.default for name, each in self.about.ask.items() if each.default is not None
        }
        for name, given in answers.items():
            if name == "timezone":
                raw["metadata"]["segconnect"]["timezone"] = given
            elif name in self.about.ask:
                inputs[name] = self.about.ask[name].answer(name, given)
            else:
                parameters[name] = int(given) if name == "header_row" else given
        return self.document.with_blueprint(raw), inputs


@dataclass(frozen=True)
class Match:
    """A recipe that fits a file."""

    recipe: Recipe
    columns: int  # how many of those that it knows the file has


@cache
def recipes() -> Mapping[str, Recipe]:
    """Reads all recipes, by name.

    Raises:
        ScenarioError: One of them is wrong.
    """
    found = sorted(Path(__file__).parent.glob("*.yaml"))
    return {path.stem: read(path) for path in found}


def read(path: Path) -> Recipe:
    """Reads a recipe.

    Raises:
        ScenarioError: It is wrong.
    """
    document = blueprint.read(path)
    try:
        about = About.model_validate(document.blueprint.recipe)
    except ValidationError as error:
        told = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise ScenarioError(f"{path}: recipe: {told}") from None
    return Recipe(path.stem, path, document, about)


def named(name: str) -> Recipe:
    """Finds a recipe by its name.

    Raises:
        UsageError: There is none.
    """
    if name not in recipes():
        raise UsageError(unknown_name("recipe", name, list(recipes())))
    return recipes()[name]


def raw_for(recipe: Recipe, path: Path) -> Raw:
    """Opens a file as a recipe reads it."""
    source = recipe.source
    return Raw(path, source.get("items"), bool(source.get("whole")), {})


def matches(path: Path) -> list[Match]:
    """Finds the recipes that fit a file by its columns, the best first.

    Raises:
        SourceError: The file cannot be read.
    """
    opened: dict[Any, Raw] = {}
    found = []
    for recipe in recipes().values():
        way = (recipe.source.get("items"), recipe.source.get("whole"))
        raw = opened.get(way) or opened.setdefault(way, raw_for(recipe, path))
        columns = recipe.columns_in(raw)
        about = recipe.about
        if columns.issuperset(about.columns) and columns.isdisjoint(about.without):
            known = {*about.columns, *(recipe.source.get("columns") or {})}
            found.append(Match(recipe, len(known & columns)))
    return sorted(found, key=lambda each: -each.columns)


def nearest(path: Path) -> Sequence[tuple[Recipe, list[str]]]:
    """Finds the recipes that nearly fit a file, and the columns that it lacks for each."""
    found = []
    for recipe in recipes().values():
        columns = recipe.columns_in(raw_for(recipe, path))
        missing = [name for name in recipe.about.columns if name not in columns]
        is_same_form = not any("=" in name for name in missing)
        if len(missing) * 2 <= len(recipe.about.columns) and is_same_form:
            found.append((recipe, missing))
    return sorted(found, key=lambda each: len(each[1]))[:3]
