"""What HTTP modules send: the URL, headers, and the body with its type."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote, urlencode, urlsplit, urlunsplit
from uuid import uuid4

from segconnect.mapping.values import to_array, to_text
from segconnect.scenario.engine.errors import invalid, missing
from segconnect.scenario.engine.registry import Values

Pairs = list[tuple[str, str]]


def pairs_of(value: Any, what: str) -> Pairs:
    """Reads rows of name (or key) and value; or a collection."""
    if isinstance(value, Mapping):
        rows: list[Mapping[Any, Any]] = [{"name": n, "value": item} for n, item in value.items()]
    else:
        rows = [each for each in to_array(value) if isinstance(each, Mapping)]
    found = []
    for row in rows:
        name = to_text(row.get("name", row.get("key"))).strip()
        text = to_text(row.get("value"))
        if not name:
            continue
        if set("\r\n\0") & set(name + (text if what == "headers" else "")):
            raise invalid([f"Invalid value in parameter '{what}': {name[:40]!r}."])
        found.append((name, text))
    return found


def url_of(values: Values, query: Pairs) -> str:
    """Makes the URL, with what it may not hold coded, and the query behind its own.

    Raises:
        ModuleError: BundleValidationError, if it is none.
    """
    text = to_text(values.get("url")).strip()
    if not text:
        raise missing("url")
    if "://" not in text:
        raise invalid(["Invalid URL in parameter 'url'."])
    try:
        parts = urlsplit(text)
        host = parts.netloc.encode("idna").decode() if not parts.netloc.isascii() else parts.netloc
    except (ValueError, UnicodeError):
        raise invalid(["Invalid URL in parameter 'url'."]) from None
    path = quote(parts.path or "/", safe="/%:@!$&'()*+,;=~-._")
    own = quote(parts.query, safe="/%:@!$&'()*+,;=~-._?[]")
    return urlunsplit(
        (parts.scheme, host, path, "&".join(filter(None, (own, urlencode(query)))), "")
    )


def body_of(values: Values) -> tuple[bytes | None, str]:
    """Makes the body, and its content type; None: there is none."""
    kind = str(values.get("bodyType") or values.get("contentType") or "")
    if kind in ("x_www_form_urlencoded", "urlEncoded"):
        return urlencode(_form(values)).encode(), "application/x-www-form-urlencoded"
    if kind in ("multipart_form_data", "multipart"):
        return _multipart(_fields(values))
    if kind == "json":
        text = values.get("jsonStringBodyContent")
        if text is None and values.get("inputMethod") == "dataStructure":
            text = json.dumps(values.get("dataStructureBodyContent") or {}, default=to_text)
        return (None if text is None else _bytes(text)), "application/json"
    found = values.get("data", values.get("customBodyContent", values.get("body")))
    if found is None or kind not in ("raw", "custom", ""):
        return None, ""
    own = values.get("contentType") if kind == "raw" else None
    named = to_text(values.get("customContentType") if own in (None, "custom") else own)
    is_json = isinstance(found, (Mapping, list))
    return _bytes(found), named or ("application/json" if is_json else "")


def _bytes(value: Any) -> bytes:
    is_buffer = isinstance(value, (bytes, bytearray, memoryview))
    return bytes(value) if is_buffer else to_text(value).encode("utf-8", "replace")


def _fields(values: Values) -> list[Mapping[str, Any]]:
    names = ("formFields", "urlEncodedBodyContent", "multipartBodyContent", "bodyFields")
    found = next((values[name] for name in names if values.get(name) is not None), None)
    if isinstance(found, Mapping):
        return [{"key": name, "value": item} for name, item in found.items()]
    return [each for each in to_array(found) if isinstance(each, Mapping)]


def _form(values: Values) -> Pairs:
    return pairs_of(_fields(values), "formFields")


def _multipart(fields: Sequence[Mapping[str, Any]]) -> tuple[bytes, str]:
    boundary = uuid4().hex
    pieces = []
    for field in fields:
        name = _quoted(to_text(field.get("key", field.get("name"))))
        file = field.get("data")
        filename = field.get("filename", field.get("fileName"))
        disposition = f'Content-Disposition: form-data; name="{name}"'
        if file is not None or filename is not None:
            disposition += f'; filename="{_quoted(to_text(filename) or "file")}"'
            kind = (
                to_text(field.get("mime", field.get("contentType"))) or "application/octet-stream"
            )
            disposition += f"\r\nContent-Type: {_quoted(kind)}"
        content = _bytes(file if file is not None else field.get("value"))
        pieces.append(f"--{boundary}\r\n{disposition}\r\n\r\n".encode() + content + b"\r\n")
    pieces.append(f"--{boundary}--\r\n".encode())
    return b"".join(pieces), f"multipart/form-data; boundary={boundary}"


def _quoted(text: str) -> str:
    return text.replace("\r", "").replace("\n", "").replace('"', "%22")
