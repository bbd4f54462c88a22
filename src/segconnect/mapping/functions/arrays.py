"""Array functions. What is no array is taken as an array of one."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Mapping
from operator import itemgetter

from segconnect.mapping.comparison import identity, is_nothing
from segconnect.mapping.paths import reached, steps_of
from segconnect.mapping.registry import function
from segconnect.mapping.values import (
    MAX_ITEMS,
    MAX_TEXT,
    TOO_LONG,
    Number,
    UnusableError,
    Value,
    bounded,
    bounded_items,
    shown,
    to_array,
    to_text,
)


@function('add(split("a,b"; ","); "c"; "d") → ["a", "b", "c", "d"]')
def add(array: list[Value] | None, value1: Value | None, *values: Value) -> list[Value]:
    """Copies an array with values added at its end."""
    added = [value for value in (value1, *values) if not is_nothing(value)]
    return bounded_items([*(array or []), *added])


@function('deduplicate(split("a,b,a"; ",")) → ["a", "b"]')
def deduplicate(array: list[Value]) -> list[Value]:
    """Leaves out values that have been there before."""
    return distinct.run(array)  # type: ignore[no-any-return]


@function('distinct(split("a,b,a"; ",")) → ["a", "b"]', 'distinct(1.contacts; "email")')
def distinct(array: list[Value], key: str = "") -> list[Value]:
    """Leaves out collections whose value at a key, which may be a path, has been there before."""
    steps = steps_of(key)
    kept: dict[object, Value] = {}
    for item in array:
        kept.setdefault(identity(reached(item, steps)), item)
    return list(kept.values())


@function('first(split("a,b,c"; ",")) → "a"')
def first(array: list[Value]) -> Value:
    """The first item."""
    return array[0] if array else None


@function('last(split("a,b,c"; ",")) → "c"')
def last(array: list[Value]) -> Value:
    """The last item."""
    return array[-1] if array else None


@function('flatten(add(split("a,b"; ","); split("c,d"; ","))) → ["a", "b", "c", "d"]')
def flatten(array: list[Value], depth: Number = 1) -> list[Value]:
    """Puts the items of arrays inside an array in their place, to a depth of 1 or what is given."""
    result: list[Value] = []
    seen = 0
    stack: list[tuple[Iterator[Value], Number]] = [(iter(array), depth)]
    while stack:
        items, left = stack[-1]
        for item in items:
            seen += 1
            if seen > 2 * MAX_ITEMS:
                raise UnusableError(f"the array would have more than {MAX_ITEMS:,} items")
            if isinstance(item, (list, tuple)) and left >= 1:
                stack.append((iter(item), left - 1))
                break
            result.append(item)
        else:
            stack.pop()
    return bounded_items(result)


def _joiner(separator: str) -> Callable[[list[Value]], str]:
    whole: Callable[[list[Value], str], str] = join.run

    def join_short(array: list[Value]) -> str:
        if len(array) <= 16:
            try:
                text = separator.join(array)
            except TypeError:
                return whole(array, separator)
            return text if len(text) <= MAX_TEXT else bounded(text)
        return whole(array, separator)

    return join_short


@function('join(split("a,b"; ","); " & ") → "a & b"', prepare=_joiner)
def join(array: list[Value], separator: str = ",") -> str:
    """Puts the items together as one text, with a separator between them."""
    if len(array) <= 16:
        try:
            return bounded(separator.join(array))
        except TypeError:
            pass  # not all of them are texts
    texts = [item if type(item) is str else to_text(item) for item in array[: MAX_ITEMS * 10]]
    if sum(map(len, texts)) + len(separator) * len(array) > MAX_TEXT + len(separator):
        raise UnusableError(TOO_LONG)
    return separator.join(texts)


@function('keys(set(null; "a"; 1)) → ["a"]')
def keys(object: Value) -> list[Value]:  # noqa: A002
    """The keys of a collection, or the positions of an array."""
    if isinstance(object, Mapping):
        return [key if isinstance(key, str) else to_text(key) for key in object]
    if isinstance(object, (list, tuple)):
        return list(range(1, len(object) + 1))
    raise UnusableError(f"{shown(object)} is not a collection")


def _mapper(key: str, by: str = "", *values: Value) -> Callable[[list[Value]], list[Value]]:
    read, read_other = _reader(key), _reader(by)
    wanted = _texts(values)

    def map_all(array: list[Value]) -> list[Value]:
        return [value for item in array if (value := read(item)) is not None]

    def map_some(array: list[Value]) -> list[Value]:
        return [
            value
            for item in array
            if _text(read_other(item)) in wanted and (value := read(item)) is not None
        ]

    return map_some if by else map_all


def _reader(path: str) -> Callable[[Value], Value]:
    """What reads the value at a path, quickly where it is one key."""
    steps = steps_of(path)
    if len(steps) != 1 or not isinstance(steps[0], str):
        return lambda item: reached(item, steps)
    key = steps[0]
    return lambda item: item.get(key) if type(item) is dict else reached(item, steps)


@function(
    'map(1.emails; "email")',
    'map(1.emails; "email"; "label"; "work,home")',
    'join(map(toArray(set(set(null; "a"; 1); "b"; 2)); "value"; "key"; "b,c")) → "2"',
    prepare=_mapper,
)
def map_(
    array: list[Value], key: str, key_for_filtering: str = "", *values_for_filtering: Value
) -> list[Value]:
    """The value at a key (raw name, which may be a path) of every collection that has it.

    With a filter key, only of those whose value there is one of those given, which are an array or
    separated by commas.
    """
    return _mapper(key, key_for_filtering, *values_for_filtering)(array)


def _texts(values: Iterable[Value]) -> set[str]:
    texts: set[str] = set()
    for value in values:
        if isinstance(value, (list, tuple)):
            texts.update(to_text(each) for each in value)
        elif not is_nothing(value):
            text = to_text(value)
            texts.update((text, *(part.strip() for part in text.split(","))))
    return texts


def _text(value: Value) -> str | None:
    if is_nothing(value):
        return None
    return to_text(value)


@function('merge(split("a,b"; ","); split("c,d"; ",")) → ["a", "b", "c", "d"]')
def merge(array1: list[Value] | None, *arrays: Value) -> list[Value]:
    """Makes one array of several."""
    result = list(array1 or [])
    for array in arrays:
        result.extend(to_array(array))
        bounded_items(result)
    return result


@function('remove(split("a,b,c"; ","); "a"; "c") → ["b"]')
def remove(array: list[Value], value1: Value, *values: Value) -> list[Value]:
    """Leaves out the values that are named: texts, numbers, booleans or dates."""
    unwanted = _Lookup((value1, *values))
    return [item for item in array if item not in unwanted]


@function('reverse(split("a,b,c"; ",")) → ["c", "b", "a"]')
def reverse(array: list[Value]) -> list[Value]:
    """Turns the order round."""
    return array[::-1]


@function('length(shuffle(split("a,b,c"; ","))) → 3')
def shuffle(array: list[Value]) -> list[Value]:
    """Puts the items in an order of chance."""
    return random.sample(array, len(array))


@function('slice(split("a,b,c,d"; ","); 1; 3) → ["b", "c"]')
def slice_(array: list[Value], start: Number = 0, end: Number | None = None) -> list[Value]:
    """The items from a start up to and without an end, counted from 0; or back from -1."""
    return array[_place(start) : None if end is None else _place(end)]


def _place(position: Number) -> int:
    return int(max(-(2**60), min(2**60, position)))


@function(
    'sort(split("b,C,a,B"; ",")) → ["B", "C", "a", "b"]',
    'sort(split("b,C,a"; ","); "asc ci") → ["a", "b", "C"]',
    'sort(1.contacts; "desc"; "name")',
    'sort(1.contacts; "name")',
)
def sort(array: list[Value], order: str = "asc", key: str = "") -> list[Value]:
    """Sorts numbers by size and texts by character code, capitals first; what is absent comes last.

    The order is asc, desc, asc ci or desc ci (capitals do not matter); a second argument that is
    none of these is the key, which may be a path, of the collections to sort by.
    """
    if order not in _ORDERS:
        order, key = "asc", key or order
    steps = steps_of(key)
    keyed = [(reached(item, steps), item) for item in array]
    ranked, absent = [], []
    for value, item in keyed:
        kind, comparable = ("", None) if is_nothing(value) else identity(value)
        if comparable is None or (kind == "number" and comparable == "NaN"):
            absent.append(item)
        else:
            if kind == "text" and order.endswith("ci"):
                comparable = comparable.lower()
            ranked.append((_RANKS.index(kind), comparable, item))
    ranked.sort(key=itemgetter(0, 1), reverse=order.startswith("desc"))
    return [item for *_, item in ranked] + absent


_ORDERS = ("asc", "desc", "asc ci", "desc ci")
_RANKS = ("number", "text", "boolean", "date", "buffer", "json")


@function('toArray(set(null; "a"; 1)) → [{"key": "a", "value": 1}]')
def to_array_(collection: Mapping[str, Value]) -> list[Value]:
    """Makes an array of collections, each with a key and a value."""
    return [{"key": key, "value": value} for key, value in collection.items()]


@function('toCollection(toArray(set(null; "a"; 1)); "key"; "value") → {"a": 1}')
def to_collection(array: list[Value], key: str, value: str) -> dict[str, Value]:
    """Makes a collection of an array of collections: the value at one key names the one at another.

    Collections without the first are left out; of several with the same, the last counts.
    """
    key_steps, value_steps = steps_of(key), steps_of(value)
    result = {}
    for item in array:
        name = reached(item, key_steps)
        if not is_nothing(name):
            result[to_text(name)] = reached(item, value_steps)
    return result


@function('arrayIntersect(split("a,b,c"; ","); split("c,b,d"; ",")) → ["b", "c"]')
def array_intersect(array1: list[Value], array2: list[Value] | None) -> list[Value]:
    """The values of the first array that are in the second, too."""
    wanted = _Lookup(array2 or [])
    return [item for item in array1 if item in wanted]


@function('arrayDiff(split("a,b,c"; ","); split("c,d"; ",")) → ["a", "b"]')
def array_diff(array1: list[Value], array2: list[Value] | None) -> list[Value]:
    """The values of the first array that are not in the second."""
    unwanted = _Lookup(array2 or [])
    return [item for item in array1 if item not in unwanted]


def contains_item(array: list[Value], value: Value) -> bool:
    """Whether an array has an item that equals a value."""
    wanted = _Lookup([value])
    return any(item in wanted for item in array)


class _Lookup:
    """Values to look up others among: a number and its text are equal, two texts by character."""

    def __init__(self, values: Iterable[Value]) -> None:
        values = list(values)
        self.exact = {identity(value) for value in values}
        self.of_texts = {identity(value, like=0) for value in values if isinstance(value, str)}

    def __contains__(self, item: Value) -> bool:
        own = identity(item)
        return own in self.exact or own in self.of_texts or identity(item, like=0) in self.exact
