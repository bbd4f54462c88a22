"""What a webhook's caller is answered."""

from __future__ import annotations

import re
from typing import NamedTuple

from segconnect.scenario.engine.state import Response

Header = tuple[bytes, bytes]

PLAIN: Header = (b"content-type", b"text/plain; charset=utf-8")
ANY_PAGE: Header = (b"access-control-allow-origin", b"*")  # the address alone is the secret
METHODS = b"GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"

_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_OURS = frozenset(
    (
        *("connection", "content-length", "date", "keep-alive", "proxy-authenticate"),
        *("proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"),
    )
)
"""Headers that belong to the connection, and not to what is said over it."""


class Told(NamedTuple):
    """An answer; a body of None can have no length either."""

    status: int
    body: bytes | None
    headers: tuple[Header, ...] = (PLAIN, ANY_PAGE)

    def message(self) -> list[Header]:
        """Answers all headers."""
        if self.body is None:
            return list(self.headers)
        return [*self.headers, (b"content-length", b"%d" % len(self.body))]


ACCEPTED = Told(200, b"Accepted")
UNKNOWN = Told(404, b"There is no webhook at this address.")
GONE = Told(410, b"The webhook is not attached to a scenario.")
FULL = Told(400, b"Queue is full.")
SLOW = Told(408, b"The body did not come in time.")
FAULT = Told(500, b"A fault of the server, which has logged it.")
OPTIONS = Told(
    204,
    None,
    (
        (b"allow", METHODS),
        ANY_PAGE,
        (b"access-control-allow-methods", METHODS),
        (b"access-control-allow-headers", b"*"),
        (b"access-control-max-age", b"86400"),
    ),
)


def later(status: int, body: bytes, seconds: int) -> Told:
    """Answers that the caller should come again."""
    return Told(status, body, (PLAIN, ANY_PAGE, (b"retry-after", b"%d" % seconds)))


def told(response: Response) -> Told:
    """Makes an answer of what a scenario answers; what HTTP does not allow is left out."""
    headers = [
        (name.lower(), _CONTROL.sub("", value).strip())
        for name, value in response.headers
        if _NAME.fullmatch(name) and name.lower() not in _OURS
    ]
    names = {name for name, _ in headers}
    written = [(name.encode(), value.encode("latin-1", "replace")) for name, value in headers]
    written += [each for each in (PLAIN, ANY_PAGE) if each[0].decode() not in names]
    body = response.body
    content = bytes(body) if isinstance(body, (bytes, bytearray)) else _encoded(body)
    status = response.status if response.status >= 200 else 200  # others are no last word
    return Told(status, None if status in (204, 304) else content, tuple(written))


def _encoded(body: object) -> bytes:
    return ("" if body is None else str(body)).encode(errors="replace")
