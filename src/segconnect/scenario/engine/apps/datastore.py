"""Data stores: add, update, get, search, count and delete records."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cmp_to_key
from typing import Any
from uuid import uuid4

from segconnect.mapping import UnusableError
from segconnect.mapping.comparison import is_less
from segconnect.mapping.values import to_array, to_boolean, to_number, to_text
from segconnect.scenario.engine.conditions import operator_named, rows_of
from segconnect.scenario.engine.errors import ModuleError, invalid, missing
from segconnect.scenario.engine.fields import coerced
from segconnect.scenario.engine.registry import (
    Bundle,
    Call,
    Kind,
    Parameters,
    Values,
    module,
    option,
)
from segconnect.scenario.engine.stores import Record, Store


def _store(call: Call, parameters: Parameters) -> Store:
    key = str(parameters.get("datastore") or parameters.get("dataStore") or "")
    return call.services.data_stores[call.services.store_names.get(key, key)]


def _key(values: Values) -> str:
    value = values.get("key")
    if value is None or value == "":
        raise missing("key")
    return to_text(value)


def _data(call: Call, store: Store, values: Values) -> Record:
    data = values.get("data")
    if data is None:
        data = {name: item for name, item in values.items() if name not in _OWN}
    if not isinstance(data, Mapping):
        raise invalid(["Invalid collection in parameter 'data'."])
    return dict(data)


_OWN = frozenset(("key", "overwrite", "upsert", "overwriteArrays", "returnWrapped"))


def _fitting(call: Call, store: Store, record: Record) -> Record:
    """Answers the record as the store's structure has it."""
    fields = store.book.structures.get(store.name)
    if not fields:
        return record
    strict = store.name in store.book.strict
    return coerced(record, fields, call.context.zone, strict=strict)


def _put(call: Call, store: Store, key: str, record: Record) -> None:
    call.state.change(call.module_id, store, store.put(key, _fitting(call, store, record)))


def _adds(parameters: Parameters, values: Values) -> bool:
    return not to_boolean(option(parameters, values, "overwrite"))


@module("datastore:AddRecord", once=_adds, is_transacted=True)
def add(call: Call, parameters: Parameters, values: Values) -> Bundle:
    """Adds a record, or replaces one where it may be overwritten."""
    store = _store(call, parameters)
    key = to_text(values.get("key")) or uuid4().hex[:12]
    if _adds(parameters, values) and store.get(key) is not None:
        raise ModuleError("DuplicateDataError", f"The record with the key '{key}' already exists.")
    _put(call, store, key, _data(call, store, values))
    return {"key": key}


@module("datastore:UpdateRecord")
def update(call: Call, parameters: Parameters, values: Values) -> Bundle:
    """Changes items of a record, and keeps the others."""
    store, key = _store(call, parameters), _key(values)
    before = store.get(key)
    if before is None and not to_boolean(option(parameters, values, "upsert")):
        raise ModuleError("RuntimeError", f"The record with the key '{key}' does not exist.")
    overwrites = to_boolean(option(parameters, values, "overwriteArrays"))
    record = _merged(before or {}, _data(call, store, values), overwrites)
    _put(call, store, key, record)
    return {"key": key, **record}


def _merged(before: Mapping[str, Any], new: Mapping[str, Any], overwrites: bool) -> Record:
    """Collections are merged item by item, arrays position by position or replaced."""
    result = dict(before)
    for name, value in new.items():
        old = result.get(name)
        if isinstance(old, dict) and isinstance(value, Mapping):
            result[name] = _merged(old, value, overwrites)
        elif isinstance(old, list) and isinstance(value, list) and not overwrites:
            result[name] = value + old[len(value) :]
        else:
            result[name] = value
    return result


@module("datastore:GetRecord")
def get(call: Call, parameters: Parameters, values: Values) -> Bundle:
    """Gives a record; of one that there is not, a bundle without items."""
    key = _key(values)
    record = _store(call, parameters).get(key)
    if to_boolean(option(parameters, values, "returnWrapped")):
        return {"key": key} if record is None else {"key": key, "data": record}
    return record or {}


@module("datastore:ExistRecord")
def exists(call: Call, parameters: Parameters, values: Values) -> Bundle:
    """Tells whether there is a record."""
    return {"exist": _store(call, parameters).get(_key(values)) is not None}


@module("datastore:DeleteRecord")
def delete(call: Call, parameters: Parameters, values: Values) -> Bundle:
    """Deletes a record."""
    store, key = _store(call, parameters), _key(values)
    change = store.delete(key)
    if change is None:
        raise ModuleError("RuntimeError", f"The record with the key '{key}' does not exist.")
    call.state.change(call.module_id, store, change)
    return {"key": key}


@module("datastore:DeleteAllRecords", "datastore:DeleteAll", "datastore:DeleteRecords")
def delete_all(call: Call, parameters: Parameters, values: Values) -> Bundle:
    """Deletes every record."""
    store = _store(call, parameters)
    count = 0
    for key in [key for key, _ in store.all()]:
        change = store.delete(key)
        if change is not None:
            call.state.change(call.module_id, store, change)
            count += 1
    return {"count": count}


@module("datastore:CountRecords", "datastore:CountRecord", "datastore:Count")
def count_records(call: Call, parameters: Parameters, values: Values) -> Bundle:
    """Counts the records."""
    return {"count": _store(call, parameters).count()}


@module("datastore:SearchRecord", "datastore:SearchRecords", kind=Kind.SEARCH)
def search(call: Call, parameters: Parameters, values: Values) -> Iterator[Bundle]:
    """Finds records by conditions on their items; an item is named without braces."""
    store = _store(call, parameters)
    rows = rows_of(option(parameters, values, "filter"), "the search")
    limit = _limit(option(parameters, values, "limit"))
    order = to_array(option(parameters, values, "sort"))
    found = ((key, data) for key, data in store.all() if _passes(call, rows, key, data))
    if order:
        chosen = _sorted(list(found), order)
        for key, data in chosen[:limit]:
            yield {"key": key, "data": data}
        return
    for position, (key, data) in enumerate(found):
        if position >= limit:
            return
        yield {"key": key, "data": data}


def _limit(value: Any) -> int:
    if value is None:
        return 10  # the form's own
    try:
        return max(0, int(to_number(value)))
    except UnusableError:
        raise invalid(["Invalid number in parameter 'limit'."]) from None


def _item(name: Any, key: str, data: Record) -> Any:
    path = to_text(name)
    if path in data:
        return data[path]
    if path in ("key", "__IMTKEY__"):
        return key
    value: Any = data
    for step in path.split("."):
        value = value.get(step) if isinstance(value, Mapping) else None
    return value


def _passes(
    call: Call, rows: Sequence[Sequence[Mapping[str, Any]]], key: str, data: Record
) -> bool:
    def holds(condition: Mapping[str, Any]) -> bool:
        operator = operator_named(str(condition.get("o") or "text:equal"), "the search")
        try:
            return operator(_item(condition.get("a"), key, data), condition.get("b"), call.context)
        except (UnusableError, TypeError):
            return False  # an item of another type is not what is looked for

    return not rows or any(all(holds(each) for each in row) for row in rows)


def _sorted(found: list[tuple[str, Record]], order: list[Any]) -> list[tuple[str, Record]]:
    for each in reversed(order):
        if not isinstance(each, Mapping):
            continue
        name = next((each[k] for k in ("key", "field", "name", "a") if each.get(k)), "key")
        is_descending = str(each.get("order") or each.get("o") or "asc").lower().startswith("desc")

        def compare(left: Any, right: Any, name: Any = name) -> int:
            a, b = _item(name, *left), _item(name, *right)
            return -1 if is_less(a, b) else 1 if is_less(b, a) else 0

        found.sort(key=cmp_to_key(compare), reverse=is_descending)
    return found
