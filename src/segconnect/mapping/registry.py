"""How a mapping function is declared, and the set of functions that templates may call.

A function is declared once. Its Python parameters are its arguments (`start_at` is shown as
`startAt`), their types say what each argument is coerced to, its docstring is its help, and its
examples are checked by the tests:

    @function('capitalize("make rocks") → "Make rocks"')
    def capitalize(text: str) -> str:
        '''Makes the first character a capital and leaves the rest as it is.'''
        return text[:1].upper() + text[1:]

Where an argument without a default is absent, the function is not called and the result is absent:
missing data is no error. An argument with a default that is absent gets the default, and one whose
type is `... | None` gets None. A first parameter named `context` receives the Context and is no
argument.
"""

from __future__ import annotations

import difflib
import importlib.machinery
import importlib.util
import inspect
import typing
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType
from typing import Any, TypeAlias

from segconnect.errors import MappingError, ScenarioError
from segconnect.mapping import values
from segconnect.mapping.context import Context
from segconnect.mapping.values import Number, Value

Closure: TypeAlias = Callable[[Context], Value]
"""A compiled expression."""

PLUG_INS = "segconnect.functions"
"""The entry point group of installed functions: each entry point is a module that declares some."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """One argument of a function: what it is called, and what it is coerced to."""

    name: str
    kind: str  # text, number, date, array, collection, buffer, boolean, any
    exact: type  # a value of just this type needs no coercion
    coerce: Callable[[Value], Value] | None  # None takes any value; a date's is given the zone
    required: bool
    takes_absent: bool  # the default then; otherwise an absent argument makes the result absent
    default: Value
    variadic: bool


_KINDS: dict[object, tuple[str, type, Callable[[Value], Value] | None]] = {
    str: ("text", str, values.to_text),
    Number: ("number", int, values.to_number),
    int: ("number", int, values.to_whole),
    Decimal: ("number", Decimal, lambda value: Decimal(values.to_number(value))),
    float: ("number", float, lambda value: float(values.to_number(value))),
    bool: ("boolean", bool, values.to_boolean),
    datetime: ("date", datetime, None),
    list: ("array", list, values.to_array),
    Mapping: ("collection", dict, values.to_collection),
    dict: ("collection", dict, values.to_collection),
    bytes: ("buffer", bytes, values.to_buffer),
}


@dataclass(frozen=True, slots=True, eq=False)
class Function:
    """A function of the language, as it was declared."""

    name: str
    family: str  # the name of the module that declares it: general, math, text, dates, arrays
    help: str
    examples: tuple[str, ...]  # 'expression → JSON of its value'; no arrow: shown, not checked
    parameters: tuple[Parameter, ...]
    run: Callable[..., Value] = field(repr=False)
    is_form: bool  # takes the arguments unevaluated and answers a closure
    takes_context: bool
    may_fail: bool = True  # whether what it does, its arguments apart, can raise UnusableError
    prepare: Callable[..., Callable[[Any], Value]] | None = field(default=None, repr=False)

    def __call__(self, *arguments: Any) -> Value:
        return self.run(*arguments)

    @property
    def signature(self) -> str:
        """The form of a call, such as `substring(text; start; [end])`."""
        names = []
        for parameter in self.parameters:
            if parameter.variadic:
                names.append("...")
            else:
                names.append(parameter.name if parameter.required else f"[{parameter.name}]")
        return f"{self.name}({'; '.join(names)})"

    @property
    def fewest(self) -> int:
        """How many arguments a call has at least."""
        return sum(parameter.required for parameter in self.parameters)

    @property
    def most(self) -> int | None:
        """How many arguments a call has at most; None where there is no end to them."""
        if self.parameters and self.parameters[-1].variadic:
            return None
        return len(self.parameters)


def function(
    *examples: str,
    name: str | None = None,
    prepare: Callable[..., Callable[[Any], Value]] | None = None,
) -> Callable[[Callable[..., Value]], Function]:
    """Declares a mapping function; see the top of this file.

    Args:
        examples: Each `expression → value`, the value as JSON; one without an arrow is not checked.
        name: What templates call it, where that is not the Python name in camel case.
        prepare: Does what can be done once, when the first argument alone changes: given the
            others, it answers a function of the first that does the same as the declared one.
    """
    return lambda run: replace(_declared(run, examples, name, is_form=False), prepare=prepare)


def form(
    *examples: str, name: str | None = None, may_fail: bool = True
) -> Callable[[Callable[..., Closure]], Function]:
    """Declares a function that takes its arguments as closures and answers a closure.

    It is for what must not evaluate every argument, such as `if`. A default is a closure, too.
    """
    return lambda run: replace(_declared(run, examples, name, is_form=True), may_fail=may_fail)


def _declared(
    run: Callable[..., Value], examples: tuple[str, ...], name: str | None, *, is_form: bool
) -> Function:
    hints = typing.get_type_hints(run)
    python = list(inspect.signature(run).parameters.values())
    takes_context = not is_form and bool(python) and python[0].name == "context"
    return Function(
        name=name or camel_case(run.__name__.rstrip("_")),
        family=run.__module__.rpartition(".")[2],
        help=inspect.getdoc(run) or "",
        examples=examples,
        parameters=tuple(
            _parameter(each, Any if is_form else hints.get(each.name, Any))
            for each in python[takes_context:]
        ),
        run=run,
        is_form=is_form,
        takes_context=takes_context,
    )


def _parameter(python: inspect.Parameter, hint: object) -> Parameter:
    choices = [each for each in typing.get_args(hint) if each is not type(None)]
    is_optional = type(None) in typing.get_args(hint)
    if is_optional:
        hint = Number if set(choices) == {int, Decimal} else choices[0]
    found = _KINDS.get(hint) or _KINDS.get(typing.get_origin(hint)) or ("any", object, None)
    kind, exact, coerce = found
    variadic = python.kind is inspect.Parameter.VAR_POSITIONAL
    has_default = variadic or python.default is not inspect.Parameter.empty
    return Parameter(
        name=camel_case(python.name.rstrip("_")),
        kind=kind,
        exact=exact,
        coerce=coerce,
        required=not has_default,
        takes_absent=has_default or is_optional,
        default=python.default if has_default and not variadic else None,
        variadic=variadic,
    )


def camel_case(name: str) -> str:
    """Writes a Python name as templates do: format_date is formatDate."""
    first, *rest = name.split("_")
    return first + "".join(word[:1].upper() + word[1:] for word in rest)


class Functions(Mapping[str, Function]):
    """A set of functions by name: the built-in ones, and what is added to them."""

    def __init__(self, functions: Iterable[Function]) -> None:
        self._by_name = {each.name: each for each in functions}

    def __getitem__(self, name: str) -> Function:
        return self._by_name[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._by_name)

    def __len__(self) -> int:
        return len(self._by_name)

    def __hash__(self) -> int:
        return id(self)

    def __eq__(self, other: object) -> bool:
        return self is other

    def with_module(self, module: ModuleType) -> Functions:
        """These functions and those that the module declares.

        Raises:
            ValueError: The module declares none, or one whose name is taken.
        """
        added = declared_in(module)
        if not added:
            raise ValueError("it declares no function; put @function(...) before one")
        taken = [each.name for each in added if each.name in self]
        if taken:
            raise ValueError(f"there is a function {taken[0]!r} already; choose another name")
        return Functions([*self.values(), *added])

    def not_found(self, name: str) -> str:
        """Says that there is no function of that name, and guesses what was meant."""
        message = f"Function {name!r} not found"
        if name in _MEANT:
            return f"{message}; {_MEANT[name]}"
        by_small_name = {each.lower(): each for each in self}
        close = difflib.get_close_matches(name[:80].lower(), by_small_name, n=1, cutoff=0.6)
        if close:
            return f"{message}; did you mean {by_small_name[close[0]]!r}?"
        return f"{message}; see the list of functions"


_MEANT = {
    "toJSON": "use toString for the JSON of a collection",
    "stringify": "use toString for the JSON of a collection",
    "createJSON": "use toString for the JSON of a collection",
    "parseJSON": "use the Parse JSON module",
    "toNumber": "use parseNumber",
    "urlEncode": "use encodeURL",
    "filter": "use map with a filter key and values, or a filter between modules",
    "dateDiff": "subtract the dates: (a - b) / 86400000 is days",
    "dateDifference": "subtract the dates: (a - b) / 86400000 is days",
    "startOfDay": 'use formatDate(date; "YYYY-MM-DD")',
    "endOfDay": "use addDays, then subtract a second",
    "multiply": "use the operator *",
    "divide": "use the operator /",
    "div": "use the operator /",
    "sub": "use the operator -",
    "mod": "use the operator %",
    "concat": "write the parts one after another, or use the operator +",
    "isBlank": 'compare with ifempty(value; "") = ""',
    "case": "use switch",
    "ifin": "use if with contains",
    "in": "use contains",
    "now": "it is a variable: write now without brackets",
    "timestamp": "it is a variable: write timestamp without brackets",
    "random": "it is a variable: write random without brackets",
    "uuid": "it is a variable: write uuid without brackets",
    "pi": "it is a variable: write pi without brackets",
    "not": "compare with = false",
    "and": "write the operator & between the conditions",
    "or": "write the operator | between the conditions",
}


def declared_in(module: ModuleType) -> list[Function]:
    """The functions that a module declares, in its order."""
    return [each for each in vars(module).values() if isinstance(each, Function)]


@cache
def built_in() -> Functions:
    """The functions of our own families, and nothing else."""
    from segconnect.mapping.functions import FAMILIES

    return Functions(each for family in FAMILIES for each in declared_in(family))


@cache
def installed() -> Functions:
    """The built-in functions and those of installed plug-ins.

    Raises:
        MappingError: A plug-in cannot be loaded, or takes a name that is taken.
    """
    functions = built_in()
    for entry_point in sorted(entry_points(group=PLUG_INS), key=lambda each: each.name):
        try:
            functions = functions.with_module(entry_point.load())
        except Exception as error:
            raise MappingError(
                f"the function plug-in {entry_point.name!r} ({entry_point.value}) cannot be used: "
                f"{error}; mend it, or uninstall its package"
            ) from error
    return functions


def load_functions(path: str | Path) -> Functions:
    """Loads a Python file of functions, such as one beside a scenario.

    The file is run: it is code that its owner trusts.

    Returns:
        The installed functions and those of the file.

    Raises:
        ScenarioError: The file cannot be read or run, or takes a name that is taken.
    """
    path = Path(path)
    if not path.is_file():
        raise ScenarioError(f"no Python file of functions at {path}")
    try:
        return installed().with_module(module_from(path))
    except MappingError:
        raise
    except Exception as error:
        raise ScenarioError(
            f"the functions of {path} cannot be used: {type(error).__name__}: {error}"
        ) from error


def module_from(path: Path) -> ModuleType:
    """Runs a Python file as a module of its own."""
    name = f"segconnect_functions_{path.stem}"
    loader = importlib.machinery.SourceFileLoader(name, str(path))
    spec = importlib.util.spec_from_loader(name, loader)
    module = importlib.util.module_from_spec(spec) if spec else ModuleType(name)
    loader.exec_module(module)
    return module
