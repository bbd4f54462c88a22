"""Makes a bundle of a webhook's request: of its query, and of its body, whatever the form."""

from __future__ import annotations

import re
import zlib
from collections.abc import Sequence
from datetime import UTC
from typing import Any

from segconnect.errors import SegconnectError
from segconnect.scenario.engine.apps.json import read_json
from segconnect.scenario.engine.errors import ModuleError
from segconnect.scenario.engine.fields import coerced
from segconnect.scenario.hooks import HookRow
from segconnect.scenario.hooks.forms import UnreadableError, fields, pairs, parts, text_of

Headers = Sequence[tuple[bytes, bytes]]

MAX_BODY = 5_000_000  # bytes, also of what is sent compressed
MAX_DEPTH = 100  # levels of JSON, as deep as a mapping may be
TOO_LARGE = f"the body is larger than {MAX_BODY:,} bytes"

_ZLIB_OR_GZIP = 32 + zlib.MAX_WBITS
_ENCODINGS = ("gzip", "x-gzip", "deflate")
_TEXTS = ("/xml", "+xml", "/javascript", "/yaml", "/x-yaml", "/graphql", "/x-ndjson")
_CHARSET = re.compile(r';\s*charset\s*=\s*"?([^";\s]*)', re.IGNORECASE)


def read(hook: HookRow, method: str, query: bytes, headers: Headers, body: bytes) -> dict[str, Any]:
    """Makes the bundle of a request.

    Raises:
        UnreadableError: It cannot be read, or does not fit the webhook's data structure.
    """
    bundle = pairs(fields(query, None)) if query else {}
    if body:
        encoding = _header(headers, b"content-encoding").strip().lower()
        if encoding not in ("", "identity"):
            body = _inflated(body, encoding)
        bundle |= _body(hook, _header(headers, b"content-type"), body)
    if hook.structure is not None:
        bundle = _fitted(hook, bundle)
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


def _fitted(hook: HookRow, bundle: dict[str, Any]) -> dict[str, Any]:
    try:
        return coerced(bundle, hook.fields or (), UTC)
    except SegconnectError as error:
        raise UnreadableError(error.why) from None


def _inflated(body: bytes, encoding: str) -> bytes:
    if encoding not in _ENCODINGS:
        raise UnreadableError(
            f"the Content-Encoding {encoding[:40]!r} is not known; send the body plain, or as gzip",
            status=415,
        )
    reader = zlib.decompressobj(_ZLIB_OR_GZIP)
    try:
        plain = reader.decompress(body, MAX_BODY + 1)
    except zlib.error:
        raise UnreadableError(f"the body is not {encoding}") from None
    if len(plain) > MAX_BODY:
        raise UnreadableError(TOO_LARGE, status=413)
    if not reader.eof or reader.unused_data:
        raise UnreadableError(f"the body is not one whole {encoding}")
    return plain


def _body(hook: HookRow, content_type: str, body: bytes) -> dict[str, Any]:
    kind = content_type.partition(";")[0].strip().lower()
    named = _CHARSET.search(content_type)
    charset = None if named is None else named.group(1)
    if kind == "application/x-www-form-urlencoded":
        return pairs(fields(body, charset))
    if kind == "multipart/form-data":
        return pairs(parts(content_type, body))
    is_json = kind.endswith(("/json", "+json"))
    if not is_json and charset is None and not _is_text(kind):
        return {"value": _text_or_bytes(body)}
    text = text_of(body, charset)
    if is_json and hook.is_raw:
        return {"value": text}
    if not is_json and (kind not in ("", "text/plain") or hook.is_raw):
        return {"value": text}
    try:
        found = _json(text)
    except ModuleError as error:
        if is_json:
            raise UnreadableError(f"the body cannot be read: {error.why}") from None
        return {"value": text}
    return found if isinstance(found, dict) else {"value": found}


def _is_text(kind: str) -> bool:
    return not kind or kind.startswith("text/") or kind.endswith(_TEXTS)


def _text_or_bytes(body: bytes) -> str | bytes:
    try:
        return body.decode()
    except UnicodeDecodeError:
        return body


def _json(text: str) -> Any:
    found = read_json(text)
    if text.count("[") + text.count("{") > MAX_DEPTH:
        level, depth = [found], 0
        while level := [each for each in level if isinstance(each, (dict, list))]:
            depth += 1
            if depth > MAX_DEPTH:
                raise ModuleError("DataError", f"it is nested more than {MAX_DEPTH} levels deep")
            level = [
                inner
                for each in level
                for inner in (each.values() if isinstance(each, dict) else each)
            ]
    return found
