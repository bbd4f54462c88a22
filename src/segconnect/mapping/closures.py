"""The shapes of closures that expressions are compiled to.

What is evaluated most has a shape of its own: `N.key`, a path without a changing index, text with
values in it, an operator between two values, a call whose first argument alone changes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

from segconnect.errors import MappingError
from segconnect.mapping import operators
from segconnect.mapping.comparison import is_equal
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
    truth,
)

Fail: TypeAlias = Callable[[Exception], MappingError]
"""Makes a MappingError, with its place, of what went wrong."""

Operate: TypeAlias = Callable[[Value, Value], Value]


def constant(value: Value) -> Closure:
    """Always the same value."""
    return lambda context: value


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
        bundles = context.bundles
        bundle = bundles[number] if number in bundles else bundles.get(module)
        return bundle.get(key) if type(bundle) is dict else operators.member(bundle, key)

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


def text(pieces: Sequence[tuple[str, Closure, Fail]], end: str) -> Closure:
    """A few values, each after a literal text."""

    def render(context: Context) -> Value:
        text = ""
        for before, read, fail in pieces:
            value = read(context)
            if type(value) is not str:
                try:
                    value = to_text(value)
                except UnusableError as error:
                    raise fail(error) from None
            text += before + value
        if len(text) > MAX_TEXT:
            raise pieces[0][2](UnusableError(TOO_LONG))
        return text + end

    return render


def long_text(pieces: Sequence[tuple[str, Closure, Fail]], end: str) -> Closure:
    """Many values, each after a literal text."""

    def render(context: Context) -> Value:
        texts: list[str] = []
        size = 0
        for before, read, fail in pieces:
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


def both(operands: Sequence[Closure]) -> Closure:
    """True if all are; those after one that is not are left alone."""

    def check(context: Context) -> bool:
        for operand in operands:  # noqa: SIM110  (a generator takes twice the time)
            if not truth(operand(context)):
                return False
        return True

    return check


def either(operands: Sequence[Closure]) -> Closure:
    """True if one is; those after it are left alone."""

    def check(context: Context) -> bool:
        for operand in operands:  # noqa: SIM110
            if truth(operand(context)):
                return True
        return False

    return check


def negated(operand: Closure, fail: Fail) -> Closure:
    """A value with another sign."""

    def reckon(context: Context) -> Value:
        try:
            return operators.negate(operand(context))
        except UnusableError as error:
            raise fail(error) from None

    return reckon


def binary(left: Closure, operate: Operate, right: Closure, fail: Fail) -> Closure:
    """An operator between two values."""

    def reckon(context: Context) -> Value:
        try:
            return operate(left(context), right(context))
        except UnusableError as error:
            raise fail(error) from None

    return reckon


def binary_with_constant(left: Closure, operate: Operate, right: Value, fail: Fail) -> Closure:
    """An operator between a value and one that does not change."""

    def reckon(context: Context) -> Value:
        try:
            return operate(left(context), right)
        except UnusableError as error:
            raise fail(error) from None

    return reckon


def equals_constant(left: Closure, right: str | int, fail: Fail) -> Closure:
    """Whether a value is the same as a text or a whole number that does not change."""
    kind = type(right)

    def compare(context: Context) -> bool:
        value = left(context)
        if type(value) is kind:
            return bool(value == right)
        try:
            return is_equal(value, right)
        except UnusableError as error:
            raise fail(error) from None

    return compare


def chain(first: Closure, steps: Sequence[tuple[Operate, Closure, Fail]]) -> Closure:
    """Operators between three values and more, from left to right."""

    def reckon(context: Context) -> Value:
        value = first(context)
        for operate, operand, fail in steps:
            right = operand(context)
            try:
                value = operate(value, right)
            except UnusableError as error:
                raise fail(error) from None
        return value

    return reckon


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
    function: Function, argument: Closure, constants: Sequence[Value], fail: Fail
) -> Closure:
    """A call whose first argument alone changes from bundle to bundle."""
    run, first = function.run, function.parameters[0]
    exact, coerce, skips, default = first.exact, first.coerce, not first.takes_absent, first.default

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

    return call if constants else call_one


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
                value = argument(context)
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
