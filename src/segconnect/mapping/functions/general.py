"""General functions: choices, and values by a path that is known only at run time."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from segconnect.mapping.closures import Constant, constant
from segconnect.mapping.comparison import is_empty, is_equal, is_nothing
from segconnect.mapping.context import Context
from segconnect.mapping.paths import changed, reached, steps_of
from segconnect.mapping.registry import Closure, form, function
from segconnect.mapping.values import Value, to_text, truth

ABSENT = constant(None)


def _getter(path: Value) -> Callable[[Value], Value]:
    steps = steps_of(path)
    places = [(step, _place(step)) for step in steps]

    def get_by_keys(value: Value) -> Value:
        for step in steps:
            value = value.get(step) if type(value) is dict else reached(value, (step,))
            if value is None:
                return None
        return value

    def get_along(value: Value) -> Value:
        for step, place in places:
            if type(value) is dict and type(step) is str:
                value = value.get(step)
            elif type(value) is list and 0 < place <= len(value):
                value = value[place - 1]
            else:
                value = reached(value, (step,))
            if value is None:
                return None
        return value

    is_by_keys = all(isinstance(step, str) and not place for step, place in places)
    return get_by_keys if is_by_keys else get_along


def _place(step: str | int) -> int:
    """The position that a step is in an array, if it is one that is counted from its beginning."""
    text = str(step)
    return int(text) if len(text) < 9 and text.isascii() and text.isdigit() else 0


@function(
    'get(split("a,b,c"; ","); 1 + 1) → "b"', 'get(1.contact; "billing.city")', prepare=_getter
)
def get(value: Value, path: Value) -> Value:
    """Takes the value at a path: keys with dots between them, and positions counted from 1."""
    return reached(value, steps_of(path))


@form('if(1 = 1; "A"; "B") → "A"', 'if(""; "A"; "B") → "B"', may_fail=False)
def if_(expression: Closure, value1: Closure, value2: Closure = ABSENT) -> Closure:
    """Answers the first value if the expression is true, else the second.

    Not true are: nothing, false, 0 and the empty text. Only the value that is chosen is evaluated.
    """

    def evaluate(context: Context) -> Value:
        holds = expression(context)
        if holds is True or (holds is not False and truth(holds)):
            return value1(context)
        return value2(context)

    if not (isinstance(value1, Constant) and isinstance(value2, Constant)):
        return evaluate
    one, other = value1.value, value2.value

    def choose(context: Context) -> Value:
        holds = expression(context)
        return one if holds is True or (holds is not False and truth(holds)) else other

    return choose


@form('ifempty(""; "B") → "B"', 'ifempty("A"; "B") → "A"', may_fail=False)
def ifempty(value1: Closure, value2: Closure = ABSENT) -> Closure:
    """Answers the first value, or the second if the first is absent, null or the empty text."""

    def evaluate(context: Context) -> Value:
        value = value1(context)
        return value if value or not is_empty(value) else value2(context)  # nothing empty is true

    return evaluate


@form('switch("B"; "A"; 1; "B"; 2; "C"; 3; 4) → 2', 'switch("X"; "A"; 1; 4) → 4')
def switch(
    expression: Closure, value1: Closure, result1: Closure, *values_results_else: Closure
) -> Closure:
    """Answers the result after the first value that equals the expression.

    One more argument at the end is what is answered if none does; without it, nothing is.
    """
    others = list(values_results_else)
    otherwise = others.pop() if len(others) % 2 else ABSENT
    cases = [(value1, result1), *zip(others[::2], others[1::2], strict=True)]
    by_text: dict[Value, Closure] = {}  # where all of the values are texts that do not change
    for value, result in cases:
        if not isinstance(value, Constant) or type(value.value) is not str:
            by_text = {}
            break
        by_text.setdefault(value.value, result)

    def evaluate(context: Context) -> Value:
        wanted = expression(context)
        if type(wanted) is str and by_text:
            return by_text.get(wanted, otherwise)(context)
        for value, result in cases:
            if is_equal(wanted, value(context), context.zone):
                return result(context)
        return otherwise(context)

    return evaluate


@function('equal(1; "1") → true')
def equal(context: Context, value1: Value | None, value2: Value | None) -> bool:
    """Whether two values are the same, as the operator = has it."""
    return is_equal(value1, value2, context.zone)


@function('omit(set(set(emptyarray; "a"; 1); "b"; 2); "a") → {"b": 2}')
def omit(collection: Mapping[str, Value], key1: Value, *keys: Value) -> Value:
    """Copies a collection without the keys that are named."""
    names = _names(key1, *keys)
    return {key: value for key, value in collection.items() if key not in names}


@function('pick(set(set(emptyarray; "a"; 1); "b"; 2); "a") → {"a": 1}')
def pick(collection: Mapping[str, Value], key1: Value, *keys: Value) -> Value:
    """Copies a collection with only the keys that are named."""
    names = _names(key1, *keys)
    return {key: value for key, value in collection.items() if key in names}


@function('set(null; "a.b"; 1) → {"a": {"b": 1}}')
def set_(object: Value | None, path: Value, value: Value | None) -> Value:  # noqa: A002
    """Copies a collection or an array with another value at a path; what is missing is made."""
    return changed(object, steps_of(path), value)


def _names(*keys: Value) -> frozenset[str]:
    flat = [name for key in keys for name in (key if isinstance(key, (list, tuple)) else (key,))]
    return frozenset(to_text(name) for name in flat if not is_nothing(name))
