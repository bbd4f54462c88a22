"""Reads a module's fields from the options of the command line."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from segconnect.errors import InvalidBundleError, unknown_name
from segconnect.modules import Module
from segconnect.modules.schema import FormField, Input, form

PAIR = re.compile(r"(?P<key>[^=]*?)(?P<json>:?)=(?P<value>.*)", re.DOTALL)

BEGINNING = re.compile(r"(?:^|,)\s*(?=[A-Za-z][\w-]*\s*:?=)")


def build(module: type[Module], given: Mapping[str, Any], nulls: Sequence[str]) -> Module:
    """Builds the module from what the options gave; an option that is None was not given.

    Args:
        module: The module.
        given: The texts of each field, by its name: one, several, or true and false.
        nulls: The options whose fields are to be null.

    Raises:
        InvalidBundleError: The values do not fit; every problem is told at once.
    """
    values: dict[str, Any] = {}
    problems: list[str] = []
    unread: set[str] = set()  # labels; that they are missing is not told as well
    for field in form(module):
        texts = given.get(field.name)
        if texts is None or texts == []:
            continue
        try:
            values[field.name] = _read(field, texts)
        except ValueError as error:
            problems.append(f"{field.label}: {error}")
            unread.add(field.label)
    by_option = {field.option.removeprefix("--"): field for field in form(module)}
    for option in nulls:
        named = by_option.get(option.removeprefix("--").replace("_", "-"))
        if named is None:
            problems.append(f"--null: {unknown_name('option', option, by_option)}")
        elif named.name in values:
            problems.append(f"{named.label}: given, and null as well; leave one of them out")
        else:
            values[named.name] = None
    try:
        built = module(**values)
    except InvalidBundleError as error:
        unneeded = {f"{label}: missing" for label in unread}
        raise InvalidBundleError(
            module.label, problems + [each for each in error.problems if each not in unneeded]
        ) from None
    if problems:
        raise InvalidBundleError(module.label, problems)
    return built


def _read(field: FormField, texts: Any) -> Any:
    if field.input is Input.JSON:
        return _body(texts)
    if field.input is Input.PAIRS:
        return _pairs(texts)
    if field.fields:
        return [value for text in texts for value in _collections(field, text)]
    return texts


def _pairs(texts: Sequence[str]) -> dict[str, Any]:
    """Reads key=value, or key:=JSON such as company:=null, or one JSON object."""
    answer: dict[str, Any] = {}
    for text in texts:
        rows = _json(text, dict).items() if text.startswith("{") else [_pair(text)]
        for key, value in rows:
            if key in answer:
                raise ValueError(f"{key!r} is given twice")
            answer[key] = value
    return answer


def _pair(text: str) -> tuple[str, Any]:
    match = PAIR.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is no pair; expected key=value, or key:=null")
    key, value = match["key"].strip(), match["value"]
    return key, _json(value) if match["json"] else value


def _collections(field: FormField, text: str) -> list[Any]:
    """Reads name=Tea,product_id=P1, a JSON object or array, or a bare ID or name."""
    if text.startswith("["):
        read: list[Any] = _json(text, list)
        return read
    if text.startswith("{"):
        return [_json(text, dict)]
    if field.input is Input.NAME or "=" not in text:
        return [text]
    if not BEGINNING.match(text):
        wanted = ",".join(f"{inner.name}=..." for inner in field.fields if not inner.advanced)
        raise ValueError(f"{text!r} is not understood; expected {wanted}, or JSON")
    answer: dict[str, Any] = {}
    for part in BEGINNING.split(text)[1:]:
        key, value = _pair(part)
        key = key.replace("-", "_")
        if key in answer:
            raise ValueError(f"{key!r} is given twice in {text!r}")
        answer[key] = value
    return [answer]


def _body(text: str) -> Any:
    """Reads JSON, or a text that is none; @FILE and - take it from a file or standard input."""
    if text == "-":
        text = sys.stdin.read()
    elif text.startswith("@"):
        try:
            text = Path(text[1:]).read_text("utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            raise ValueError(f"cannot read {text[1:]}: {error}") from None
    try:
        return _json(text)
    except ValueError:
        return text


def _json(text: str, kind: type[Any] = object) -> Any:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{text!r} is not JSON: {error}") from None
    assert isinstance(value, kind)  # by the bracket that it begins with
    return value
