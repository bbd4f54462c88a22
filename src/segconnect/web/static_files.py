"""Styles and scripts, each compressed once.

Pages are not: one that holds a secret beside what a stranger chose tells of it by its length.
"""

from __future__ import annotations

import asyncio
import gzip
import os
from functools import lru_cache
from pathlib import Path

from starlette.datastructures import Headers
from starlette.responses import FileResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

LEAST = 1_000  # bytes from which on it is worth it


class Compressed(StaticFiles):
    """Files of a directory, compressed where a browser takes that."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """Answers a file."""
        found = await super().get_response(path, scope)
        asked = Headers(scope=scope)
        found.headers["vary"] = "accept-encoding"
        if (
            not isinstance(found, FileResponse)
            or scope["method"] != "GET"
            or "range" in asked
            or "gzip" not in asked.get("accept-encoding", "")
            or int(found.headers["content-length"]) < LEAST
        ):
            return found
        changed = os.stat(found.path).st_mtime_ns
        content = await asyncio.to_thread(_compressed, str(found.path), changed)
        kept = {name: value for name, value in found.headers.items() if name != "content-length"}
        return Response(content, headers={**kept, "content-encoding": "gzip"})


@lru_cache(maxsize=64)
def _compressed(path: str, _changed: int) -> bytes:
    return gzip.compress(Path(path).read_bytes(), mtime=0)
