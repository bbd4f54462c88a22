"""Forms as browsers and shops send them: urlencoded, or in parts, with files."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import parse_qsl, unquote

MAX_FIELDS = 10_000
MAX_HEAD = 16_000  # bytes of what stands before a part's content

_CHARSETS = re.compile(
    r"utf-?8|utf-?16([lb]e)?|utf-?32([lb]e)?|us-ascii|ascii|iso-?8859-?\d{1,2}|latin-?\d{1,2}"
    r"|windows-?125\d|cp125\d|cp437|cp850|macroman|koi8-[ru]|shift_?jis|euc-?(jp|kr)|iso-2022-jp"
    r"|gb2312|gbk|gb18030|big5|tis-620",
    re.IGNORECASE,
)
"""Encodings of text that anybody sends; Python knows others that are no such thing."""

_BOUNDARY = re.compile(r';\s*boundary\s*=\s*(?:"([^"]{1,200})"|([^\s;"]{1,200}))', re.IGNORECASE)
_PARAMETER = re.compile(r';\s*([A-Za-z*-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s;"]*))')
_ESCAPED = re.compile(r'\\(["\\])')


class UnreadableError(ValueError):
    """The request cannot be read, and why."""

    def __init__(self, why: str, status: int = 400) -> None:
        self.status = status
        super().__init__(why)


def text_of(content: bytes, charset: str | None) -> str:
    """Reads bytes as text: in the encoding that is named, else in UTF-8, else as Windows does.

    Raises:
        UnreadableError: No such encoding is known.
    """
    if charset:
        if _CHARSETS.fullmatch(charset) is None:
            raise UnreadableError(f"the charset {charset[:40]!r} is not known; send UTF-8", 415)
        try:
            return content.decode(charset, "replace").removeprefix("\ufeff")
        except LookupError:
            raise UnreadableError(
                f"the charset {charset!r} is not known; send UTF-8", 415
            ) from None
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp1252", "replace")


def fields(content: bytes, charset: str | None) -> list[tuple[str, str]]:
    """Reads a query, or an urlencoded body.

    Raises:
        UnreadableError: There are too many fields.
    """
    if content.count(b"&") >= MAX_FIELDS:
        raise UnreadableError(f"there are more than {MAX_FIELDS:,} fields")
    text = text_of(content, charset)
    try:
        return parse_qsl(text, keep_blank_values=True, errors="strict")
    except UnicodeDecodeError:  # what is percent-coded is no UTF-8
        return parse_qsl(text, keep_blank_values=True, encoding="cp1252", errors="replace")


def parts(content_type: str, body: bytes) -> Iterator[tuple[str, Any]]:
    """Reads a body in parts: a field's text, or a file's name, type and bytes.

    Raises:
        UnreadableError: It is not such a body.
    """
    named = _BOUNDARY.search(content_type)
    if named is None:
        raise UnreadableError("the Content-Type of the form names no boundary")
    delimiter = b"\r\n--" + (named.group(1) or named.group(2)).encode("latin-1")
    _, *pieces = (b"\r\n" + body).split(delimiter, MAX_FIELDS + 1)
    if len(pieces) > MAX_FIELDS:
        raise UnreadableError(f"there are more than {MAX_FIELDS:,} fields")
    for piece in pieces:
        if piece.startswith(b"--"):
            return
        _, _, part = piece.partition(b"\r\n")  # blanks may stand behind a boundary
        head, blank, content = (b"\r\n" + part).partition(b"\r\n\r\n")
        if not blank or len(head) > MAX_HEAD:
            break
        yield _part(head, content)
    raise UnreadableError("the form has no end; its parts are not as its Content-Type says")


def _part(head: bytes, content: bytes) -> tuple[str, Any]:
    headers = {}
    for line in text_of(head, None).split("\r\n"):
        name, _, value = line.partition(":")
        headers[name.strip().lower()] = value.strip()
    given = {
        name.lower(): _ESCAPED.sub(r"\1", quoted) or plain
        for name, quoted, plain in _PARAMETER.findall(headers.get("content-disposition", ""))
    }
    name, filename = given.get("name", ""), given.get("filename")
    if (coded := given.get("filename*")) is not None:
        filename = unquote(coded.rpartition("'")[2], errors="replace")
    kind = headers.get("content-type", "")
    if filename is not None:
        mime = kind.partition(";")[0].strip() or "application/octet-stream"
        return name, {"name": filename, "mime": mime, "data": content}
    charset = re.search(r'charset="?([^";\s]+)', kind, re.IGNORECASE)
    return name, text_of(content, None if charset is None else charset.group(1))


def pairs(found: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """Makes a bundle of fields; of one that comes several times, or ends with [], an array."""
    bundle: dict[str, Any] = {}
    several: set[str] = set()
    for name, value in found:
        key = name.removesuffix("[]")
        if key in several:
            bundle[key].append(value)
        elif key in bundle:
            bundle[key] = [bundle[key], value]
            several.add(key)
        elif key != name:
            bundle[key] = [value]
            several.add(key)
        else:
            bundle[key] = value
    return bundle
