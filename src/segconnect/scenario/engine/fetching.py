"""HTTP for modules: which addresses may be reached, redirects, and the default transport."""

from __future__ import annotations

import ipaddress
import re
import socket
import time
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from threading import Lock
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

from segconnect.scenario.engine.errors import ModuleError
from segconnect.scenario.engine.services import Fetch, FetchRequest, FetchResponse

if TYPE_CHECKING:
    from pyreqwest.client import SyncClient

MOST_REDIRECTS = 10
MAX_URL = 16_000  # characters

NO_NETWORK = ("(none)",)
"""The allowed hosts of a run that reaches nothing, such as a test: names are not looked up."""

REDIRECTS = (301, 302, 303, 307, 308)
_KEPT_TO_THE_HOST = frozenset(("authorization", "cookie", "proxy-authorization"))
_HOST = re.compile(r"[a-z0-9._-]+|[0-9a-f:.]+", re.IGNORECASE)
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_LOCAL_NAT64 = ipaddress.IPv6Network("64:ff9b:1::/48")

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def refused(message: str) -> ModuleError:
    """Makes the error of a request that must not be sent."""
    return ModuleError("RuntimeError", message)


def late(seconds: float) -> ModuleError:
    """Makes the error of an answer that did not come in time."""
    return ModuleError("ModuleTimeoutError", f"no answer within {seconds:.3g} seconds")


def is_public(address: Address) -> bool:
    """Whether an address is one of the open network, however it is written."""
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return is_public(address.ipv4_mapped)
        if address.sixtofour is not None:
            return is_public(address.sixtofour)
        if address.teredo is not None:
            return False
        if address in _NAT64:
            return is_public(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
        if address.is_site_local or address in _LOCAL_NAT64:
            return False
    return address.is_global and not (address.is_multicast or address.is_reserved)


def checked(url: str, allowed: Sequence[str]) -> str:
    """Answers the IP address that a URL may be fetched from.

    The connection is made to this very address, so that a name cannot mean another one a moment
    later.

    Raises:
        ModuleError: The URL is none of http or https, or leads to a private address that the
            settings do not allow; or its host is not known.
    """
    if len(url) > MAX_URL:
        raise refused(f"the URL is longer than {MAX_URL:,} characters")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise refused(f"{url[:80]!r} is not a URL") from None
    if parts.scheme not in ("http", "https"):
        raise refused(f"a URL begins with http:// or https://, not {parts.scheme[:20]!r}")
    if not host:
        raise refused(f"the URL {url[:80]!r} has no host")
    # Of other characters, such as %2e, a back slash or a full-width digit, the transport makes
    # another host than the one that is looked up here.
    if not _HOST.fullmatch(host):
        raise refused(f"the host {host[:80]!r} is not written in letters, digits, dots and dashes")
    if "@" in parts.netloc:
        raise refused("the URL holds a user name; use the fields for user name and password")
    if allowed is NO_NETWORK:
        return ""
    port = port or (443 if parts.scheme == "https" else 80)
    found = _resolved(host, port)
    if _is_allowed(host, port, allowed):
        return str(found[0])
    for address in found:
        if not is_public(address):
            raise refused(
                f"{host} is at {address}, an address of a private network; if it may be reached,"
                f" add {host}:{port} to the allowed hosts"
            )
    return str(found[0])


def _is_allowed(host: str, port: int, allowed: Sequence[str]) -> bool:
    bracketed = f"[{host}]" if ":" in host else host
    names = {host.lower(), bracketed.lower(), f"{bracketed.lower()}:{port}"}
    return any(each.lower() in names for each in allowed)


def _resolved(host: str, port: int) -> list[Address]:
    try:
        return [ipaddress.ip_address(host)]
    except ValueError:
        pass
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise ModuleError("ConnectionError", f"the host {host[:100]!r} is not known") from None
    return [ipaddress.ip_address(str(each[4][0]).partition("%")[0]) for each in found]


def fetch_following(
    fetch: Fetch,
    request: FetchRequest,
    allowed: Sequence[str],
    *,
    follows: bool = True,
    follows_all: bool = False,
) -> tuple[FetchResponse, str]:
    """Sends a request, and follows redirects, each checked as the first URL is.

    Args:
        fetch: Sends one request.
        request: The first one; its address is found here.
        allowed: Hosts that may be reached though they are private.
        follows: Whether redirects of GET and HEAD are followed.
        follows_all: Whether those of other methods are, too.

    Returns:
        The last answer, and the URL that it came from.
    """
    method, url, headers, body = request.method, request.url, list(request.headers), request.body
    until = time.monotonic() + request.timeout
    left = request.timeout
    for _ in range(MOST_REDIRECTS + 1):
        address = checked(url, allowed)
        response = fetch(
            replace(
                request,
                method=method, url=url, headers=headers, body=body, timeout=left, address=address,
            )
        )  # fmt: skip
        target = header(response.headers, "location")
        goes_on = follows_all or (follows and method in ("GET", "HEAD"))
        if response.status not in REDIRECTS or not target or not goes_on:
            return response, url
        try:
            following = urljoin(url, target)
            is_elsewhere = origin(following) != origin(url)
        except ValueError:
            raise refused("the answer redirects to what is not a URL") from None
        if is_elsewhere:
            headers = [each for each in headers if each[0].lower() not in _secret_names(headers)]
        if response.status == 303 or (response.status in (301, 302) and method == "POST"):
            method, body = "HEAD" if method == "HEAD" else "GET", None
            headers = [h for h in headers if not h[0].lower().startswith("content-")]
        url, left = following, until - time.monotonic()
        if left <= 0:
            raise late(request.timeout)
    raise refused(f"the answer redirects more than {MOST_REDIRECTS} times")


def _secret_names(headers: Sequence[tuple[str, str]]) -> set[str]:
    """What is not carried to another host: what signs in, under whatever name."""
    words = ("key", "token", "secret", "auth", "session")
    found = {name.lower() for name, _ in headers}
    return {n for n in found if n in _KEPT_TO_THE_HOST or any(word in n for word in words)}


def origin(url: str) -> tuple[str, str, int | None]:
    """Answers what makes two URLs lead to the same server."""
    parts = urlsplit(url)
    port = parts.port or {"http": 80, "https": 443}.get(parts.scheme)
    return parts.scheme, parts.hostname or "", port


def header(headers: Sequence[tuple[str, str]], name: str) -> str:
    """Answers the first header of that name, or an empty text."""
    return next((value for key, value in headers if key.lower() == name), "")


class Transport:
    """Sends requests over pyreqwest; connections to the same address are used again."""

    def __init__(self) -> None:
        self._clients: OrderedDict[tuple[str, str, bool], SyncClient] = OrderedDict()
        self._lock = Lock()

    def __call__(self, request: FetchRequest) -> FetchResponse:
        """Sends one request.

        Raises:
            ModuleError: No answer came, or it was too large.
        """
        from pyreqwest.exceptions import PyreqwestError  # 6 MB, only where requests are made

        client = self._client(request)
        try:
            builder = client.request(request.method, request.url)
            builder = builder.timeout(timedelta(seconds=request.timeout))
            for name, value in request.headers:
                builder = builder.header(name, value)
            if request.body is not None:
                builder = builder.body_bytes(request.body)
            with builder.build_streamed() as response:
                headers = list(response.headers.items())
                pieces, length = [], 0
                reader = response.body_reader
                while (piece := reader.read_chunk()) is not None:
                    length += len(piece)
                    if length > request.max_bytes:
                        raise ModuleError(
                            "MaxFileSizeExceededError",
                            f"the answer is larger than {request.max_bytes:,} bytes",
                        )
                    pieces.append(bytes(piece))
                return FetchResponse(response.status, headers, b"".join(pieces))
        except TimeoutError:
            raise late(request.timeout) from None
        except PyreqwestError as error:
            host = urlsplit(request.url).hostname
            raise ModuleError(
                "ConnectionError", f"{host} cannot be reached: {type(error).__name__}"
            ) from None
        except ValueError as error:
            raise refused(f"the request cannot be sent: {error}") from None

    def _client(self, request: FetchRequest) -> SyncClient:
        from pyreqwest.client import SyncClientBuilder

        parts = urlsplit(request.url)
        host, address = parts.hostname or "", request.address or ""
        port = parts.port or (443 if parts.scheme == "https" else 80)
        key = (f"{host}:{port}", address, request.verify)
        with self._lock:
            client = self._clients.get(key)
            if client is None:
                # A proxy of the environment would look the name up once more, and elsewhere.
                builder = SyncClientBuilder().follow_redirects(False).no_proxy()
                if address and host != address:
                    builder = builder.resolve(host, address, port)
                if not request.verify:
                    builder = builder.danger_accept_invalid_certs(True)
                client = self._clients[key] = builder.build()
                if len(self._clients) > 32:
                    self._clients.popitem(last=False)
            self._clients.move_to_end(key)
            return client


default_fetch = Transport()
