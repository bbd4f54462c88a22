"""Makes mapped values what a module's fields ask for, and tells which of them do not fit.

The fields are `metadata.expect` of a blueprint, or a data structure: they are what is known of a
module without its app.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import tzinfo
from typing import Any

from segconnect.mapping import ERASE, UnusableError
from segconnect.mapping.comparison import is_nothing
from segconnect.mapping.values import (
    to_array,
    to_boolean,
    to_buffer,
    to_collection,
    to_date,
    to_number,
    to_text,
    to_time,
)
from segconnect.scenario.engine.errors import invalid

Field = Mapping[str, Any]

_URL = re.compile(r"[a-z][a-z0-9+.-]*://[^\s/?#]+[^\s]*", re.IGNORECASE)
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+")
_MAX_DEPTH = 50

DISPLAYED = frozenset(("banner", "html", "info", "separator", "spacer"))
"""Types of fields that only show something."""


def _whole(value: Any) -> Any:
    number = to_number(value)
    if not isinstance(number, int):
        raise UnusableError("is not whole")
    return number


def _not_negative(value: Any) -> Any:
    number = _whole(value)
    if number < 0:
        raise UnusableError("is negative")
    return number


def _port(value: Any) -> Any:
    number = _whole(value)
    if not 0 < number < 65536:
        raise UnusableError("is no port")
    return number


def _url(value: Any) -> Any:
    text = to_text(value).strip()
    if not _URL.fullmatch(text):
        raise UnusableError("is no URL")
    return text


def _email(value: Any) -> Any:
    text = to_text(value).strip()
    if not _EMAIL.search(text):
        raise UnusableError("is no e-mail address")
    return text


Coerce = Callable[[Any], Any]

COERCIONS: dict[str, tuple[Coerce, str]] = {
    "text": (to_text, "text"),
    "filename": (to_text, "file name"),
    "folder": (to_text, "folder"),
    "file": (to_text, "file"),
    "path": (to_text, "path"),
    "color": (to_text, "color"),
    "hidden": (lambda value: value, "value"),
    "number": (to_number, "number"),
    "integer": (_whole, "integer"),
    "uinteger": (_not_negative, "integer"),
    "port": (_port, "port"),
    "boolean": (to_boolean, "boolean"),
    "time": (to_time, "time"),
    "buffer": (to_buffer, "buffer"),
    "url": (_url, "URL"),
    "email": (_email, "email address"),
}
"""How a value becomes one of a type, and the word for it in messages; other types take any."""


def coerced(
    values: Mapping[str, Any], fields: Sequence[Field], zone: tzinfo, *, strict: bool = False
) -> dict[str, Any]:
    """Answers the values as the fields ask for; items that no field has are passed on.

    Args:
        values: What the mapper came to.
        fields: What is asked for.
        zone: Of dates without one.
        strict: Refuse items that no field has.

    Raises:
        ModuleError: BundleValidationError with every problem.
    """
    problems: list[str] = []
    result = _Reader(zone, problems).collection(values, fields, "", 0)
    if strict:
        known = {str(each.get("name")) for each in fields}
        problems += [f"Unknown parameter '{name}'." for name in values if name not in known]
    if problems:
        raise invalid(problems)
    return result


class _Reader:
    def __init__(self, zone: tzinfo, problems: list[str]) -> None:
        self.zone, self.problems = zone, problems

    def collection(
        self, values: Mapping[str, Any], fields: Sequence[Field], place: str, depth: int
    ) -> dict[str, Any]:
        result = dict(values)
        if depth > _MAX_DEPTH:
            return result
        for field in fields:
            name = field.get("name") if isinstance(field, Mapping) else None
            if not isinstance(name, str) or field.get("type") in DISPLAYED:
                continue
            path = f"{place}.{name}" if place else name
            value = values.get(name)
            if is_nothing(value) or value == "":
                self._nothing(result, field, name, path, name in values)
            else:
                result[name] = self.value(value, field, path, depth)
        return result

    def _nothing(
        self, result: dict[str, Any], field: Field, name: str, path: str, given: bool
    ) -> None:
        if field.get("required"):
            self.problems.append(f"Missing value of required parameter '{path}'.")
        elif given and result[name] != "" and field.get("type") == "array":
            result[name] = []  # erased

    def value(self, value: Any, field: Field, path: str, depth: int) -> Any:
        kind = str(field.get("type") or "any")
        if kind == "select" and field.get("multiple"):
            return [self._choice(item, field, path) for item in to_array(value)]
        if kind == "select":
            return self._choice(value, field, path)
        try:
            if kind == "array":
                return self._array(value, field, path, depth)
            if kind == "collection":
                spec = field.get("spec")
                fields = spec if isinstance(spec, list) else []
                return self.collection(to_collection(value), fields, path, depth + 1)
            if kind in ("date", "timestamp"):
                return to_date(value, self.zone)
            if kind in COERCIONS:
                result = COERCIONS[kind][0](value)
                self._validate(result, field, path)
                return result
        except UnusableError:
            word = COERCIONS[kind][1] if kind in COERCIONS else kind
            self.problems.append(f"Invalid {word} in parameter '{path}'.")
        return value

    def _array(self, value: Any, field: Field, path: str, depth: int) -> list[Any]:
        items, spec = to_array(value), field.get("spec")
        if isinstance(spec, list) and spec:
            each = {"type": "collection", "spec": spec}
        elif isinstance(spec, Mapping) and spec:
            each = dict(spec)
        else:
            return items
        if depth > _MAX_DEPTH:
            return items
        found = [
            self.value(item, each, f"{path}[{position}]", depth + 1)
            for position, item in enumerate(items, 1)
            if item is not ERASE and item is not None
        ]
        rule = field.get("validate")
        limits = rule if isinstance(rule, Mapping) else {}
        most = limits.get("maxItems")
        if isinstance(most, int) and len(found) > most:
            self.problems.append(f"Maximum number of items in parameter '{path}' is {most}.")
        least = limits.get("minItems")
        if isinstance(least, int) and len(found) < least:
            self.problems.append(f"Minimum number of items in parameter '{path}' is {least}.")
        return found

    def _choice(self, value: Any, field: Field, path: str) -> Any:
        known = choices(field)
        if known is None:
            return value
        text = to_text(value)
        for choice in known:
            if to_text(choice) == text:
                return choice
        self.problems.append(f"Value '{text[:60]}' is not allowed in parameter '{path}'.")
        return value

    def _validate(self, value: Any, field: Field, path: str) -> None:
        rule = field.get("validate")
        if not isinstance(rule, Mapping):
            return
        least, most, enum = rule.get("min"), rule.get("max"), rule.get("enum")
        size = len(value) if isinstance(value, (str, bytes)) else value
        what = "length" if isinstance(value, (str, bytes)) else "value"
        if isinstance(least, (int, float)) and size < least:
            self.problems.append(f"Minimum {what} of parameter '{path}' is {least}.")
        if isinstance(most, (int, float)) and size > most:
            self.problems.append(f"Maximum {what} of parameter '{path}' is {most}.")
        if isinstance(enum, list) and enum and to_text(value) not in map(to_text, enum):
            self.problems.append(f"Value '{to_text(value)[:60]}' is not allowed in '{path}'.")


def choices(field: Field) -> list[Any] | None:
    """Answers the values of a select that are known here; None if its app makes them up."""
    options = field.get("options")
    if isinstance(options, Mapping):
        options = options.get("store")
    rule = field.get("validate")
    if not isinstance(options, list) and isinstance(rule, Mapping):
        enum = rule.get("enum")
        return enum if isinstance(enum, list) and enum else None
    if not isinstance(options, list) or not options:
        return None
    found: list[Any] = []
    for option in options:
        if isinstance(option, Mapping):
            nested = option.get("options")
            if isinstance(nested, list):
                found += choices({"options": nested}) or []
            elif "value" in option:
                found.append(option["value"])
        else:
            found.append(option)
    return found or None
