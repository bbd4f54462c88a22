"""Values of bundles as JSON text and back: dates, exact numbers and buffers stay what they are."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from datetime import datetime
from decimal import Decimal
from typing import Any

from segconnect.mapping.values import number_to_text

_MARK = "\0"  # the key of what JSON has no form for
_WRITTEN_MARK = json.dumps(_MARK) + ":"


def dumps(value: Any) -> str:
    """Writes a value; what has no form of its own becomes text."""
    text = json.dumps(value, default=_encode, ensure_ascii=False)
    if _WRITTEN_MARK in text:  # ours, or one that a stranger sent to have it read as ours
        value = _escaped(value)
        text = json.dumps(value, default=_encode, ensure_ascii=False)
    # Half a character, of a pair, cannot be written as it is.
    return text if is_text(text) else json.dumps(value, default=_encode)


def loads(text: str) -> Any:
    """Reads what `dumps` wrote."""
    return json.loads(text, object_hook=_decode)


def is_text(text: str) -> bool:
    """Whether it can be written: half a character, of a pair, cannot."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _escaped(value: Any) -> Any:
    """Answers a value in which no key is the mark, but in what `_decode` makes it again."""
    if isinstance(value, (list, tuple)):
        return [_escaped(each) for each in value]
    if not isinstance(value, dict):
        return value
    inner = {key: _escaped(each) for key, each in value.items()}
    return {_MARK: "collection", "value": list(inner.items())} if _MARK in inner else inner


def _encode(value: Any) -> Any:
    if isinstance(value, datetime):
        return {_MARK: "date", "value": value.isoformat()}
    if isinstance(value, Decimal):
        return {_MARK: "number", "value": number_to_text(value)}
    if isinstance(value, (bytes, bytearray, memoryview)):
        return {_MARK: "buffer", "value": b64encode(bytes(value)).decode()}
    return str(value)


def _decode(found: dict[str, Any]) -> Any:
    match found.get(_MARK):
        case "date":
            return datetime.fromisoformat(found["value"])
        case "number":
            return Decimal(found["value"])
        case "buffer":
            return b64decode(found["value"])
        case "collection":
            return dict(found["value"])
    return found
