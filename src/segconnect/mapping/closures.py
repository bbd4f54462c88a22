"""The shapes of closures that expressions are compiled to.

What is evaluated most has a shape of its own: `N.key`, a path without a changing index, text with
values in it, an operator between two values, a call whose first argument alone changes. Each call
of Python costs as much as the work of a small function, so the usual types are looked at in place,
and the functions that take any type are called for the others only.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final, TypeAlias

from segconnect.errors import MappingError
from segconnect.mapping import operators
from segconnect.mapping.context import Context
from segconnect.mapping.registry import Closure, Function, Parameter
from segconnect.mapping.values import (
    MAX_TEXT,
    TOO_LONG,
    Special,
    UnusableError,
    Value,
    to_date,
    to_text,
)

Fail: TypeAlias = Callable[[Exception], MappingError]
"""Makes a MappingError, with its place, of what went wrong."""


class Constant:
    """Always the same value; a shape that is given one may take the value, and not call it."""

    __slots__ = ("value",)

    def __init__(self, value: Value) -> None:
        self.value = value

    def __call__(self, context: Context) -> Value:
        return self.value


def constant(value: Value) -> Constant:
    """Always the same value."""
    return Constant(value)


def bundle(module: str) -> Closure:
    """All that a module put out."""
    number = int(module)

    def read(context: Context) -> Value:
        bundles = context.bundles
        return bundles[number] if number in bundles else bundles.get(module)

    return read


def bundle_item(module: str, key: str) -> Closure:
    """An item of what a module put out."""
    number = int(module)

    def read(context: Context) -> Value:
        bundle = context.bundles.get(number)
        if type(bundle) is dict:
            return bundle.get(key)
        if number not in context.bundles:
            bundle = context.bundles.get(module)
        return operators.member(bundle, key)

    return read


Item: TypeAlias = tuple[int, str]
"""The module and the key of N.key: a shape that is given them reads the item in place."""


def bundle_item_member(module: str, key: str, inner: str) -> Closure:
    """An item of an item of what a module put out."""
    number, outer = int(module), bundle_item(module, key)

    def read(context: Context) -> Value:
        bundle = context.bundles.get(number)
        value = bundle.get(key) if type(bundle) is dict else outer(context)
        return value.get(inner) if type(value) is dict else operators.member(value, inner)

    return read


def path(read: Closure, steps: Sequence[str | int]) -> Closure:
    """What keys and positions (counted from 0, or back from -1) lead to."""

    def reach(context: Context) -> Value:
        value = read(context)
        for step in steps:
            kind = type(value)
            if type(step) is str:
                value = value.get(step) if kind is dict else operators.member(value, step)
            elif kind is list and -len(value) <= step < len(value):  # type: ignore[operator]
                value = value[step]
            else:
                return None
            if value is None:
                return None
        return value

    return reach


def indexed(read: Closure, index: Closure) -> Closure:
    """What a changing position, counted from 1, leads to."""
    return lambda context: operators.item(read(context), index(context))


_SMALL: Final = 1 << 60  # whole numbers below can be written in no time

Piece: TypeAlias = tuple[str, int | None, str, Closure, Fail]
"""A literal text and the value after it: its Item, None and "" if it is none; its closure."""


def text(pieces: Sequence[Piece], end: str) -> Closure:
    """A few values, each after a literal text."""
    fail_whole = pieces[0][-1]

    def render(context: Context) -> Value:
        text = ""
        bundles = context.bundles
        for before, number, key, read, fail in pieces:
            bundle = bundles.get(number)
            value = bundle.get(key) if type(bundle) is dict else read(context)
            if type(value) is not str:
                if type(value) is int and -_SMALL < value < _SMALL:
                    value = str(value)
                else:
                    try:
                        value = to_text(value)
                    except UnusableError as error:
                        raise fail(error) from None
            text += before + value
        if len(text) > MAX_TEXT:
            raise fail_whole(UnusableError(TOO_LONG))
        return text + end

    return render


def long_text(pieces: Sequence[Piece], end: str) -> Closure:
    """Many values, each after a literal text."""

    def render(context: Context) -> Value:
        texts: list[str] = []
        size = 0
        for before, _, _, read, fail in pieces:
            try:
                value = to_text(read(context))
            except UnusableError as error:
                raise fail(error) from None
            size += len(value)
            if size > MAX_TEXT:
                raise fail(UnusableError(TOO_LONG))
            texts += (before, value)
        return "".join(texts) + end

    return render


def guarded(run: Closure, fail: Fail) -> Closure:
    """A form that may fail."""

    def guard(context: Context) -> Value:
        try:
            return run(context)
        except MappingError:
            raise
        except Exception as error:
            raise fail(error) from error

    return guard


def call_on_first(
    function: Function,
    argument: Closure,
    constants: Sequence[Value],
    fail: Fail,
    item: Item | None = None,
) -> Closure:
    """A call whose first argument alone changes from bundle to bundle."""
    run, first = function.run, function.parameters[0]
    exact, coerce, skips, default = first.exact, first.coerce, not first.takes_absent, first.default
    if constants and function.prepare is not None:
        with suppress(UnusableError):  # it is told when the call is evaluated
            run, constants = function.prepare(*constants), ()

    def call_one(context: Context) -> Value:
        try:
            value = argument(context)
            if type(value) is not exact:
                if value is None or type(value) is Special:
                    if skips:
                        return None
                    value = default
                elif coerce is not None:
                    value = coerce(value)
            return run(value)
        except MappingError:
            raise
        except Exception as error:
            raise fail(error) from error

    def call(context: Context) -> Value:
        try:
            value = argument(context)
            if type(value) is not exact:
                if value is None or type(value) is Special:
                    if skips:
                        return None
                    value = default
                elif coerce is not None:
                    value = coerce(value)
            return run(value, *constants)
        except MappingError:
            raise
        except Exception as error:
            raise fail(error) from error

    if constants:
        return call
    if item is None:
        return call_one
    number, key = item
    takes_any = coerce is None

    def call_item(context: Context) -> Value:
        bundle = context.bundles.get(number)
        value = bundle.get(key) if type(bundle) is dict else argument(context)
        if type(value) is not exact and (not takes_any or value is None or type(value) is Special):
            return call_one(context)
        try:
            return run(value)
        except MappingError:
            raise
        except Exception as error:
            raise fail(error) from error

    return call_item


def call(function: Function, arguments: Sequence[Closure], fail: Fail) -> Closure:
    """Any other call."""
    run, takes_context = function.run, function.takes_context
    pairs = [
        (argument, parameter.exact, not parameter.takes_absent, parameter)
        for argument, parameter in zip(
            arguments, _parameters(function, len(arguments)), strict=True
        )
    ]

    def call(context: Context) -> Value:
        try:
            values: list[Value] = [context] if takes_context else []
            for argument, exact, skips, parameter in pairs:
                value = argument.value if type(argument) is Constant else argument(context)
                if type(value) is not exact:
                    if value is None or type(value) is Special:
                        if skips:
                            return None
                        value = parameter.default
                    elif parameter.coerce is not None:
                        value = parameter.coerce(value)
                    elif parameter.kind == "date":
                        value = to_date(value, context.zone)
                values.append(value)
            return run(*values)
        except MappingError:
            raise
        except Exception as error:
            raise fail(error) from error

    return call


def _parameters(function: Function, count: int) -> list[Parameter]:
    declared = list(function.parameters)
    return declared[:count] + declared[-1:] * (count - len(declared))
