"""How an attribution model is declared, and the models that there are.

A model is declared once, by its plain form: a few lines that a marketer could check. Its
docstring's first line is its help, its keyword arguments are its parameters, and what it answers
is told by what it takes: of a Journey, each touch's share; of a table of paths, each channel's.

    @attribution_model("linear", label="Linear", formula="...", caveat="...")
    def linear(journey: Journey) -> list[Fraction]:
        '''Gives every touch of a journey the same share.'''
        return [Fraction(1, len(journey.touches))] * len(journey.touches)
"""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, NamedTuple, TypeAlias

from segconnect.account.attribution.touches import Journey
from segconnect.errors import UsageError, unknown_name

Setting: TypeAlias = int | float | str
Settings: TypeAlias = dict[str, Setting]


class Path(NamedTuple):
    """A row of a table of paths."""

    steps: tuple[str, ...]
    conversions: float = 0
    value: float = 0
    null: float = 0  # journeys that took the path and did not convert
    opt_in: int | None = None  # the place of the step that led to the opt-in


@dataclass(frozen=True, slots=True)
class Takes:
    """What a parameter takes; stands in its annotation."""

    help: str
    least: float = 0
    most: float = 0
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of a model."""

    name: str
    type: type
    default: Setting
    takes: Takes

    def read(self, value: Any) -> Setting:
        """Reads what was given for it.

        Raises:
            ValueError: It is not what the parameter takes.
        """
        if self.takes.choices:
            if value in self.takes.choices:
                return str(value)
            raise ValueError(f"{value!r} is unknown; known are {', '.join(self.takes.choices)}")
        try:
            read: float = self.type(value)
        except (TypeError, ValueError, OverflowError):
            raise ValueError(f"{value!r} is not a number; expected {self.range()}") from None
        if isinstance(value, bool) or (self.type is int and read != float(value)):
            raise ValueError(f"{value!r} is not a whole number; expected {self.range()}")
        if not self.takes.least <= read <= self.takes.most:
            raise ValueError(f"{value} is out of range; expected {self.range()}")
        return read

    def range(self) -> str:
        """What it takes, in words."""
        if self.takes.choices:
            return " or ".join(self.takes.choices)
        return f"{self.takes.least:,} to {self.takes.most:,}"


@dataclass(frozen=True, slots=True, eq=False)
class Model:
    """A model, as it was declared."""

    slug: str  # as clients send it
    label: str
    aliases: tuple[str, ...]  # as other clients send it
    is_fractional: bool  # whether its credits add up to what there was
    formula: str
    caveat: str  # when it misleads, in a line
    plain: Callable[..., Any] = field(repr=False)
    parameters: tuple[Parameter, ...]
    is_of_table: bool  # whether it looks at all paths together, or at one journey at a time
    needs_opt_in: bool

    def __str__(self) -> str:
        return self.slug

    @property
    def help(self) -> str:
        """Its rule, in a sentence."""
        return (inspect.getdoc(self.plain) or "").partition("\n")[0]

    def settings(self, given: Mapping[str, Any]) -> Settings:
        """Answers its parameters with their defaults.

        Raises:
            UsageError: One is unknown, or is given what it does not take; told all at once.
        """
        known = {parameter.name: parameter for parameter in self.parameters}
        wrong = [
            f"model {self.slug}: {unknown_name('parameter', name, known)}"
            if known
            else f"model {self.slug} has no parameters, and {name} was given"
            for name in given
            if name not in known
        ]
        settings: Settings = {}
        for name, parameter in known.items():
            try:
                settings[name] = parameter.read(given.get(name, parameter.default))
            except ValueError as error:
                wrong.append(f"model {self.slug}: {name}: {error}")
        if wrong:
            raise UsageError("; ".join(wrong))
        return settings

    def shares(self, journey: Journey, **given: Any) -> list[Fraction]:
        """Answers the share of each touch of a journey, by the plain form.

        Where no touch earns any, all are 0.
        """
        assert not self.is_of_table, f"{self.slug} looks at all paths together"
        if not journey.touches:
            return []
        shares: list[Fraction] = self.plain(journey, **self.settings(given))
        return shares


class Models(Mapping[str, Model]):
    """The models by slug; a look-up also takes an alias or a label, in any case of letters."""

    def __init__(self) -> None:
        self._by_slug: dict[str, Model] = {}
        self._names: dict[str, str] = {}

    def add(self, model: Model) -> None:
        """Adds one; its names must be new."""
        for name in {_name(each) for each in (model.slug, *model.aliases, model.label)}:
            assert name not in self._names, f"{name} names {self._names[name]} already"
            self._names[name] = model.slug
        self._by_slug[model.slug] = model

    def __getitem__(self, name: str) -> Model:
        """Finds a model.

        Raises:
            UsageError: There is none of that name.
        """
        slug = self._names.get(_name(name))
        if slug is None:
            raise UsageError(unknown_name("attribution model", name, self._by_slug))
        return self._by_slug[slug]

    def __iter__(self) -> Iterator[str]:
        return iter(self._by_slug)

    def __len__(self) -> int:
        return len(self._by_slug)


MODELS = Models()


def _name(text: str) -> str:
    return text.strip().lower().replace("-", "_").replace(" ", "_")


def attribution_model(
    slug: str,
    *,
    label: str,
    formula: str,
    caveat: str,
    aliases: Sequence[str] = (),
    fractional: bool = True,
    needs_opt_in: bool = False,
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Declares a model; see the top of this file."""

    def declare(plain: Callable[..., Any]) -> Callable[..., Any]:
        hints = typing.get_type_hints(plain, include_extras=True)
        first, *rest = inspect.signature(plain).parameters.values()
        parameters = []
        for each in rest:
            if each.kind is not inspect.Parameter.KEYWORD_ONLY:
                continue
            type_, takes = typing.get_args(hints[each.name])
            parameters.append(Parameter(each.name, type_, each.default, takes))
        MODELS.add(
            Model(
                slug=slug,
                label=label,
                aliases=tuple(aliases),
                is_fractional=fractional,
                formula=formula,
                caveat=caveat,
                plain=plain,
                parameters=tuple(parameters),
                is_of_table=hints[first.name] is not Journey,
                needs_opt_in=needs_opt_in,
            )
        )
        return plain

    return declare
