"""Templates: compiled once, evaluated for every bundle; and values with templates in them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any

from segconnect.errors import MappingError
from segconnect.mapping import registry
from segconnect.mapping.closures import constant
from segconnect.mapping.compiler import Compiler
from segconnect.mapping.context import Context
from segconnect.mapping.registry import Closure, Functions
from segconnect.mapping.values import ERASE, IGNORE, Value

MAX_NESTING = 100
"""How deep collections and arrays of templates may be nested."""

_CACHED_LENGTH = 10_000  # characters: a longer template is compiled, and not kept


class Template:
    """A compiled template.

    Attributes:
        text: The template as it was written.
        evaluate: Answers its value for a Context.
        modules: The ids of the modules that it reads from, as text.
    """

    __slots__ = ("evaluate", "modules", "text")

    def __init__(self, text: str, functions: Functions) -> None:
        compiler = Compiler(text, functions)
        self.text = text
        self.evaluate: Closure = compiler.compile()
        self.modules = frozenset(compiler.modules)

    def __repr__(self) -> str:
        return f"Template({self.text!r})"


def compile_template(text: str, functions: Functions | None = None) -> Template:
    """Compiles a template; one that was compiled lately is answered from a cache.

    Args:
        text: Literal text with any number of {{expressions}} in it.
        functions: What it may call; None is the built-in and installed functions.

    Raises:
        MappingError: It does not follow the grammar, or calls what there is not.
    """
    known = registry.installed() if functions is None else functions
    return _compiled(text, known) if len(text) <= _CACHED_LENGTH else Template(text, known)


@lru_cache(maxsize=4096)
def _compiled(text: str, functions: Functions) -> Template:
    return Template(text, functions)


def compile_value(value: Value, *, field: str = "", functions: Functions | None = None) -> Closure:
    """Compiles a mapper: a template, or a collection or array with templates in it, at any depth.

    A field left blank ("") is absent. In what comes out, a collection has no key for what is absent
    or ignored, and an array no item; an erased one is None. So of a field it can be told whether it
    is omitted (no key), empty ("") or null (None). Only where the whole value is one template are
    None (absent), IGNORE and ERASE answered as they are.

    Args:
        value: Strings are templates; keys are literal, and so is whatever else there is.
        field: The name of the field, for messages; keys and positions are added to it.
        functions: What it may call; None is the built-in and installed functions.

    Raises:
        MappingError: A template cannot be compiled; the error names its field.
    """
    known = registry.installed() if functions is None else functions
    return _compile_value(value, field, known, 0)


def _compile_value(value: Value, field: str, functions: Functions, depth: int) -> Closure:
    if depth > MAX_NESTING:
        raise MappingError(f"the mapping is nested more than {MAX_NESTING} deep", field=field)
    if isinstance(value, str):
        return _field(value, field, functions)
    if isinstance(value, Mapping):
        return _collection(value, field, functions, depth)
    if isinstance(value, (list, tuple)):
        return _array(value, field, functions, depth)
    return constant(value)


def _field(text: str, field: str, functions: Functions) -> Closure:
    if not text:
        return constant(None)
    try:
        evaluate = compile_template(text, functions).evaluate
    except MappingError as error:
        raise _named(error, field) from None
    if not field:
        return evaluate

    def read(context: Context) -> Value:
        try:
            return evaluate(context)
        except MappingError as error:
            raise _named(error, field) from None

    return read


def _named(error: MappingError, field: str) -> MappingError:
    error.field = error.field or field
    return error


def _collection(
    value: Mapping[Any, Value], field: str, functions: Functions, depth: int
) -> Closure:
    members = [
        (
            str(key),
            _compile_value(each, f"{field}.{key}" if field else str(key), functions, depth + 1),
        )
        for key, each in value.items()
    ]

    def read(context: Context) -> dict[str, Value]:
        result = {}
        for key, member in members:
            item = member(context)
            if item is not None and item is not IGNORE:
                result[key] = None if item is ERASE else item
        return result

    return read


def _array(
    value: list[Value] | tuple[Value, ...], field: str, functions: Functions, depth: int
) -> Closure:
    members = [
        _compile_value(each, f"{field}[{position}]", functions, depth + 1)
        for position, each in enumerate(value, 1)
    ]

    def read(context: Context) -> list[Value]:
        items = [member(context) for member in members]
        return [
            None if item is ERASE else item
            for item in items
            if item is not None and item is not IGNORE
        ]

    return read


def evaluate(
    template: Value,
    bundles: Mapping[Any, Value],
    *,
    now: datetime | None = None,
    timezone: str = "UTC",
    variables: Mapping[str, Value] | None = None,
    functions: Functions | None = None,
) -> Value:
    """Evaluates a template.

    Args:
        template: A text; or a collection or array with texts in it, as compile_value takes it.
        bundles: Module id (int, or the same as str) to that module's output.
        now: The moment that `now` stands for; default the current one.
        timezone: The zone of every date function and of dates written without one.
        variables: What `var.team.x`, `executionId` and other bare names stand for.
        functions: What it may call; default the built-in and installed functions.

    Returns:
        The value of the expression if the template is exactly one, else a text. None is absent;
        IGNORE and ERASE are the values of `ignore` and `erase`.

    Raises:
        MappingError: The template cannot be read, or not evaluated for these bundles.
    """
    context = Context(bundles, now, timezone, variables)
    if isinstance(template, str):
        return compile_template(template, functions).evaluate(context)
    return compile_value(template, functions=functions)(context)
