"""The modules that run: each one declaration, keyed by its name in blueprints."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import TYPE_CHECKING, Any

from segconnect.mapping import Context

if TYPE_CHECKING:
    from segconnect.scenario.engine.services import Services
    from segconnect.scenario.engine.state import State

Bundle = dict[str, Any]
Values = dict[str, Any]  # what the mapper came to: no key for what is absent
Parameters = Mapping[str, Any]  # the static part of a module


class Kind(Enum):
    """What a module is to the run."""

    TRIGGER = "trigger"  # begins a cycle with any number of bundles
    LISTENER = "listener"  # begins a cycle with what was handed in, such as a webhook's request
    ACTION = "action"  # no bundle or one
    SEARCH = "search"  # any number; with none, the route ends or goes on with an empty one
    ITERATOR = "iterator"
    AGGREGATOR = "aggregator"
    ROUTER = "router"
    CONDITIONAL = "conditional"  # if-else
    CONVERGER = "converger"  # merge
    DIRECTIVE = "directive"  # what ends an error handler
    NOOP = "noop"  # does nothing


@dataclass(slots=True)
class Call:
    """One invocation of a module: which, in which run, and what it may use."""

    module_id: int
    module: str
    version: int
    services: Services
    state: State
    context: Context
    scenario: str  # the scenario's name

    @property
    def cursor(self) -> Any:
        """Where a polling trigger stands; None before its first commit."""
        kept = self.services.cursors.get((self.scenario, self.module_id))
        return self.state.cursors.get(self.module_id, kept)

    def move_cursor(self, cursor: Any) -> None:
        """Says where a polling trigger stands once this cycle is committed."""
        self.state.cursors[self.module_id] = cursor

    @property
    def now(self) -> datetime:
        """The moment of this operation."""
        return self.context.now


Function = Callable[[Call, Parameters, Values], Iterable[Bundle] | Bundle | None]
"""What a module does: answers its bundles, or one; None is one bundle without items."""

Aggregate = Callable[[Call, Parameters, list[Values]], Bundle]
"""What an aggregator makes of the values that it collected."""


@dataclass(frozen=True, slots=True)
class Declaration:
    """A module that runs.

    Attributes:
        name: "app:Module", as blueprints have it.
        kind: What it is to the run.
        run: What it does; None where the run itself does it.
        aggregate: What an aggregator does instead.
        versions: The versions that are known; another one runs as the newest.
        is_mapped: Whether its mapper is evaluated by the run before it is called.
        counts: Whether an invocation is an operation.
        sends: Whether it fills a module of an account in, and sends it.
        polls: Whether a trigger asks for what is new, so that a next cycle may find more.
        once: Tells of filled-in fields whether doing it twice would do harm; None: it never does.
        is_transacted: Whether what it does is undone where the cycle is not committed.
    """

    name: str
    kind: Kind
    run: Function | None = None
    aggregate: Aggregate | None = None
    versions: tuple[int, ...] = (1,)
    help: str = ""
    is_mapped: bool = True
    counts: bool = True
    sends: bool = False
    polls: bool = True
    once: Callable[[Parameters, Values], bool] | None = None
    is_transacted: bool = False


RUNNABLE: dict[str, Declaration] = {}
"""Every module that runs by itself, by its name in blueprints."""


def declare(
    name: str,
    kind: Kind,
    help: str = "",  # noqa: A002
    *,
    versions: tuple[int, ...] = (1,),
    counts: bool = True,
) -> None:
    """Declares a module that the run itself acts on, such as a router."""
    RUNNABLE[name] = Declaration(name, kind, versions=versions, help=help, counts=counts)


def always(parameters: Parameters, values: Values) -> bool:
    """Says of an operation that it must not be repeated, whatever its fields are."""
    return True


def module(
    *names: str,
    kind: Kind = Kind.ACTION,
    versions: tuple[int, ...] = (1,),
    polls: bool = True,
    once: Callable[[Parameters, Values], bool] | None = None,
    is_transacted: bool = False,
) -> Callable[[Function], Function]:
    """Declares a function to be the module of these names; its docstring is the help."""

    def register(function: Function) -> Function:
        for name in names:
            RUNNABLE[name] = Declaration(
                name,
                kind,
                run=function,
                versions=versions,
                help=_first_line(function),
                polls=polls,
                once=once,
                is_transacted=is_transacted,
            )
        return function

    return register


def aggregator(*names: str, versions: tuple[int, ...] = (1,)) -> Callable[[Aggregate], Aggregate]:
    """Declares a function to be the aggregator of these names."""

    def register(function: Aggregate) -> Aggregate:
        for name in names:
            RUNNABLE[name] = Declaration(
                name,
                Kind.AGGREGATOR,
                aggregate=function,
                versions=versions,
                help=_first_line(function),
            )
        return function

    return register


def _first_line(function: Callable[..., Any]) -> str:
    return (function.__doc__ or "").strip().partition("\n")[0]


ALIASES: list[Callable[[str], str | None]] = []
"""Functions that answer the name in RUNNABLE of another spelling of it."""


def find(name: str) -> Declaration | None:
    """Finds the module of that name, or of one that is known to stand for it."""
    found = RUNNABLE.get(name)
    if found is not None:
        return found
    for alias in ALIASES:
        known = alias(name)
        if known is not None:
            return RUNNABLE.get(known)
    return None


def option(parameters: Parameters, values: Values, name: str, default: Any = None) -> Any:
    """Reads a setting that exports keep among the parameters, or in the mapper."""
    for place in (parameters, values):
        value = place.get(name)
        if value is not None and value != "":
            return value
    return default
