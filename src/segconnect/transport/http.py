"""What a way to an account must do: take a request there, and bring back what came of it."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import NamedTuple, Protocol

from pydantic_core import to_json

from segconnect.wire.request import Request

BATCH_HEADER = "segconnect-batch"
AGENT = "segconnect"


class Reply(NamedTuple):
    """What came back.

    Attributes:
        status: The HTTP status.
        headers: By lower-case name; None for the success of a call, of which nobody reads them.
        raw: The body.
        offered: What the account says of batches, if it does.
    """

    status: int
    headers: Mapping[str, str] | None
    raw: bytes
    offered: str | None


class BrokenError(Exception):
    """No answer came, or none that is HTTP.

    Args:
        reason: Why, in the words of the system.
        may_have_arrived: Whether the account may have got the request.
        is_late: Whether the time was over.
        is_untrusted: Whether the host's certificate is not trusted.
    """

    def __init__(
        self,
        reason: str,
        *,
        may_have_arrived: bool,
        is_late: bool = False,
        is_untrusted: bool = False,
    ) -> None:
        super().__init__(reason)
        self.reason, self.may_have_arrived = reason, may_have_arrived
        self.is_late, self.is_untrusted = is_late, is_untrusted


class TooLongError(Exception):
    """The body is longer than what is read."""


class Http(Protocol):
    """A way to one API root. It belongs to one event loop."""

    async def exchange(self, request: Request) -> Reply:
        """Sends a request once, and reads the answer.

        Raises:
            BrokenError: There is none.
            TooLongError: It is too long.
            ValueError: The request cannot be written.
        """

    async def close(self) -> None:
        """Closes the connections, and breaks off what is under way."""


def written(body: object) -> bytes:
    """Answers a body as bytes: a text as it is, all else but bytes as JSON.

    Raises:
        ValueError: It cannot be written as JSON.
    """
    if isinstance(body, bytes):
        return body
    return body.encode() if isinstance(body, str) else to_json(body)


def is_loopback(host: str) -> bool:
    """Tells whether a host name or address is this machine itself."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
