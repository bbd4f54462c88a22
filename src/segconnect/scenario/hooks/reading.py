"""Makes a bundle of a webhook's request: of its query, and of its body, whatever the form."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import UTC
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import HTTP
from typing import Any
from urllib.parse import parse_qsl

from segconnect.errors import SegconnectError
from segconnect.scenario.engine.fields import coerced
from segconnect.scenario.hooks import HookRow

Headers = Sequence[tuple[bytes, bytes]]
MAX_FIELDS = 10_000


class UnreadableError(ValueError):
    """The request cannot be read, and why."""


def read(hook: HookRow, method: str, query: bytes, headers: Headers, body: bytes) -> dict[str, Any]:
    """Makes the bundle of a request.

    Raises:
        UnreadableError: It cannot be read, or does not fit the webhook's data structure.
    """
    bundle = _pairs(_fields(query))
    if body:
        bundle |= _body(hook, _header(headers, b"content-type"), body)
    fields = hook.fields
    if fields is not None:
        try:
            bundle = coerced(bundle, fields, UTC)
        except SegconnectError as error:
            raise UnreadableError(getattr(error, "why", str(error))) from None
    if hook.gives_method:
        bundle["__IMTMETHOD__"] = method
    if hook.gives_headers:
        bundle["__IMTHEADERS__"] = [
            {"name": name.decode("latin-1"), "value": value.decode("latin-1")}
            for name, value in headers
        ]
    return bundle


def _header(headers: Headers, name: bytes) -> str:
    return next((value.decode("latin-1") for key, value in headers if key == name), "")


def _body(hook: HookRow, content_type: str, body: bytes) -> dict[str, Any]:
    kind = content_type.partition(";")[0].strip().lower()
    if kind == "application/x-www-form-urlencoded":
        return _pairs(_fields(body))
    if kind == "multipart/form-data":
        return _pairs(_parts(content_type, body))
    text = _text(body)
    is_json = kind.endswith(("/json", "+json"))
    if not is_json and kind not in ("", "text/plain"):
        return {"value": text}
    if hook.is_raw and is_json:
        return {"value": text}
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        if is_json:
            raise UnreadableError(f"the body is not JSON: {error}") from None
        return {"value": text}
    return found if isinstance(found, dict) else {"value": found}


def _text(body: bytes) -> str:
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError:
        return body.decode("cp1252", "replace")


def _fields(text: bytes) -> list[tuple[str, str]]:
    try:
        return parse_qsl(
            text.decode("latin-1"),
            keep_blank_values=True,
            errors="replace",
            max_num_fields=MAX_FIELDS,
        )
    except ValueError:
        raise UnreadableError(f"there are more than {MAX_FIELDS:,} fields") from None


def _parts(content_type: str, body: bytes) -> Iterable[tuple[str, Any]]:
    head = f"Content-Type: {content_type}\r\n\r\n".encode("latin-1", "replace")
    found = BytesParser(EmailMessage, policy=HTTP).parsebytes(head + body)
    if not found.is_multipart():
        raise UnreadableError("the body is not the form that its Content-Type says")
    for part in found.iter_parts():
        name = part.get_param("name", header="content-disposition")
        content = part.get_payload(decode=True)
        content = content if isinstance(content, bytes) else b""
        filename = part.get_filename()
        if filename is None:
            yield str(name), _text(content)
        else:
            mime = part.get_content_type()
            yield str(name), {"name": filename, "mime": mime, "data": content}


def _pairs(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """Makes a bundle of fields; of one that comes several times, or ends with [], an array."""
    found: dict[str, Any] = {}
    for name, value in pairs:
        is_array = name.endswith("[]")
        key = name.removesuffix("[]")
        if key not in found:
            found[key] = [value] if is_array else value
        elif isinstance(found[key], list):
            found[key].append(value)
        else:
            found[key] = [found[key], value]
    return found
