"""A web server on this machine that writes down what it is asked."""

from __future__ import annotations

import gzip
import json
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest


class Asked(list[tuple[str, str, str]]):
    """Method, path with query, and body of each request; and the headers beside them."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self.url = url
        self.headers: list[dict[str, str]] = []

    @property
    def host(self) -> str:
        return urlsplit(self.url).netloc


class Handler(BaseHTTPRequestHandler):
    asked: Asked

    def log_message(self, *_: Any) -> None:
        pass

    def answer(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length).decode("utf-8", "replace")
        self.asked.append((self.command, self.path, body))
        self.asked.headers.append({name.lower(): value for name, value in self.headers.items()})
        parts = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        kind, status, headers = "application/json", 200, {}
        told: Any = {"path": parts.path, "query": query, "method": self.command}
        first, _, rest = parts.path.strip("/").partition("/")
        match first:
            case "status":
                status, told = int(rest), {"message": "no"}
            case "redirect":
                status, headers = 302, {"Location": query["to"]}
            case "slow":
                time.sleep(1.5)
            case "large":
                told = "x" * 100_000
            case "feed.xml":
                kind, told = "application/rss+xml", FEED
            case "file":
                kind, told = "application/octet-stream", b"\x00\x01"
            case "token":
                told = {"access_token": "T0KEN", "token_type": "bearer"}
            case "gzip":
                kind, told = "text/plain", gzip.compress(b"x" * int(rest))
                headers = {"Content-Encoding": "gzip"}
            case "echo":
                status, told = int(rest), {"message": f"no: {dict(self.headers)} {self.path}"}
            case "named":
                kind, told = "application/pdf", b"%PDF"
                headers = {"Content-Disposition": query["disposition"]}
            case "wait":
                time.sleep(0.4)
                status, headers = 302, {"Location": "/wait"}
            case "cookie":
                headers = {"Set-Cookie": "session=abc; Path=/"}
            case "pages":
                told = page(query, self.asked.url)
        raw = told if isinstance(told, bytes) else told if isinstance(told, str) else None
        sent = raw.encode() if isinstance(raw, str) else raw
        sent = json.dumps(told).encode() if sent is None else sent
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(sent)))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(sent)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = answer  # noqa: N815


def page(query: dict[str, str], url: str) -> dict[str, Any]:
    """Five items in pages of two, under every way of asking for the next page."""
    number = int(query.get("page", 1))
    start = int(query.get("offset", query.get("pageToken", 2 * (number - 1))))
    items = list(range(1, 6))[start : start + 2]
    following = start + 2 if start + 2 < 5 else None
    return {
        "items": items,
        "next": following and f"{url}/pages?offset={following}",
        "nextPageToken": following and str(following),
    }


FEED = """<?xml version="1.0"?><rss version="2.0"><channel><title>News</title>
<item><title>New</title><link>https://example.com/2</link>
<pubDate>Tue, 03 Mar 2026 08:00:00 GMT</pubDate></item>
<item><title>Old</title><link>https://example.com/1</link>
<pubDate>Sun, 01 Mar 2026 08:00:00 GMT</pubDate></item></channel></rss>"""


@pytest.fixture
def asked() -> Iterator[Asked]:
    """A server; what it is asked, in order."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    found = Asked(f"http://127.0.0.1:{server.server_address[1]}")
    server.RequestHandlerClass = type("Bound", (Handler,), {"asked": found})
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield found
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
