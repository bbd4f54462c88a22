"""Loads a file by a recipe: what is to be asked, what is filled in, and the first requests."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from segconnect.errors import SegconnectError, UsageError
from segconnect.modules import Module
from segconnect.recipes import Recipe, matches, named, raw_for
from segconnect.scenario.blueprint import Bindings, Document
from segconnect.scenario.bundle import Place
from segconnect.scenario.engine.run import Run as EngineRun
from segconnect.scenario.preparing import Scenario, prepare
from segconnect.scenario.runner import Outbox, stay_at_home
from segconnect.scenario.sources import open_source
from segconnect.scenario.sources.tidying import UndecidedError
from segconnect.settings import Settings

Ask = Callable[[str, str, Mapping[str, str]], str]
"""Asks a person: the name, the question, and the choices with what each means."""

FIRST = 3  # requests that are shown before a file is loaded
LOOKED_AT = 1_000  # bundles that are filled in to find these


@dataclass
class Loading:
    """A file, and the recipe that it is loaded by."""

    path: Path
    recipe: Recipe
    document: Document
    inputs: Mapping[str, Any]

    def mapping(self) -> Iterator[tuple[str, str, str]]:
        """Gives what is filled in from what: the module, the field and its template."""
        for node in self.document.blueprint.walk():
            if node.module.startswith("segmetrics:") and isinstance(node.mapper, Mapping):
                for name, template in node.mapper.items():
                    yield node.label, name, _told(template)

    def prepare(self, settings: Settings, connection: str | None) -> Scenario:
        """Makes it ready to run.

        Raises:
            ConnectionSetupError: There is no such connection.
        """
        return prepare(self.recipe.path, self.document, Bindings(), settings, connection=connection)


@dataclass(frozen=True)
class Preview:
    """What the first bundles of a file come to."""

    modules: Sequence[Module]
    refused: Sequence[tuple[Place, SegconnectError]]


def find(path: Path, name: str | None = None) -> Recipe | None:
    """Finds the recipe for a file: the one of that name, or the only one that fits.

    Raises:
        UsageError: Several fit equally well, or there is none of that name.
        SourceError: The file cannot be read.
    """
    if name is not None:
        return named(name)
    found = matches(path)
    best = [each.recipe.name for each in found if each.columns == found[0].columns]
    if len(best) > 1:
        raise UsageError(f"{path}: several recipes fit; choose one: --recipe {' or '.join(best)}")
    return found[0].recipe if found else None


def settle(path: Path, recipe: Recipe, given: Mapping[str, str], ask: Ask | None) -> Loading:
    """Makes the scenario for a file, and asks for what nobody has said.

    Args:
        path: The file.
        recipe: The recipe.
        given: What was said, by name.
        ask: Asks a person; None if nobody is there.

    Raises:
        UsageError: Something is to be said, and nobody is there to ask.
        SourceError: The file cannot be read.
    """
    answers = dict(given)
    recipe.for_file(path, answers)  # or what was said is wrong, which is told before all else
    for name, question in recipe.about.ask.items():
        if name not in answers and question.default is None:
            if ask is None:
                ways = " or ".join(f"--set {name}={each}" for each in question.choices or ("...",))
                raise UsageError(f"{path.name}: {question.question} Say {ways}")
            answers[name] = ask(name, question.question, question.choices)
    while True:
        document, inputs = recipe.for_file(path, answers)
        first = document.blueprint.flow.nodes[0]
        try:
            open_source(first.module, first.parameters, path.parent)
        except UndecidedError as error:
            if ask is None or error.parameter in answers:
                ways = " or ".join(f"--set {error.parameter}={each}" for each in error.choices)
                raise UsageError(f"{error.told}; say {ways}") from None
            answers[error.parameter] = ask(error.parameter, error.question, error.choices)
        else:
            return Loading(path, recipe, document, inputs)


def hold_to_one_level(files: Sequence[tuple[Path, Recipe]]) -> None:
    """Holds files that report the same at several levels to one of them.

    Raises:
        UsageError: Loaded together, they would count the same twice.
    """
    seen: dict[str, tuple[str, Path]] = {}
    for path, recipe in files:
        level = recipe.level_of(raw_for(recipe, path))
        if level is None:
            continue
        before = seen.setdefault(recipe.name, (level, path))
        if before[0] != level:
            raise UsageError(
                f"{before[1]} is by {before[0]} and {path} is by {level}: both add up to the same,"
                " which would count twice; load one of them"
            )


def preview(scenario: Scenario, inputs: Mapping[str, Any]) -> Preview:
    """Fills in the first modules; nothing is sent."""
    outbox = Outbox()
    run = EngineRun(scenario.plan, stay_at_home(scenario.services, outbox), inputs=inputs)
    first = scenario.plan.first
    refused: list[tuple[Place, SegconnectError]] = []
    source = open_source(first.module, first.parameters, scenario.services.base)
    for number, bundle in enumerate(source.bundles()):
        error = bundle.error
        if error is None:
            result = run.take(bundle.values)
            error = result.error.cause if result.error is not None else None
        if error is not None:
            refused.append((bundle.place, error))
        if len(outbox.modules) >= FIRST or number >= LOOKED_AT:
            break
    return Preview(outbox.modules[:FIRST], refused[:FIRST])


def _told(template: Any) -> str:
    if isinstance(template, list):
        return ", ".join(map(_told, template))
    if isinstance(template, Mapping):
        return ", ".join(f"{key}: {_told(value)}" for key, value in template.items())
    return " ".join(str(template).split())
