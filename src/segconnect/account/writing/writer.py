"""Writes groups in a thread of the server, or in a process beside it.

The rules, and SQLite itself, work inside the process that calls them: in the server's own they
would take turns with the answering of requests. A process of its own nearly doubles what two
processors take in.
"""

from __future__ import annotations

import asyncio
import marshal
import os
import socket
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from struct import Struct

from pydantic_core import to_json

from segconnect.account.writing.committer import Reply, Store, apply
from segconnect.account.writing.work import Operation
from segconnect.nursery import Forked, Nursery

LENGTH = Struct("<Q")
URL = "SEGCONNECT_WRITER_URL"


class ThreadWriter:
    """Writes in a thread, for tests and small tools."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="writer")

    async def write(self, operations: Sequence[Operation]) -> list[Reply]:
        """See `Writer`."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, apply, self._store, operations)

    async def close(self) -> None:
        """See `Writer`."""
        self._thread.shutdown()
        self._store.close()


class ProcessWriter:
    """Writes in a process of its own, started anew if it was killed.

    Args:
        database_url: The store.
        nursery: Forks the process; without one it is begun anew.
    """

    def __init__(self, database_url: str, nursery: Nursery | None = None) -> None:
        self._url, self._nursery = database_url, nursery
        self._start()

    def _start(self) -> None:
        self._socket, theirs = socket.socketpair()
        with theirs:
            self._process = self._begun(theirs)
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    def _begun(self, theirs: socket.socket) -> Forked | subprocess.Popen[bytes]:
        if self._nursery is not None:
            with suppress(OSError):
                return self._nursery.start(f"{__name__}:serve", theirs, self._url)
        return subprocess.Popen(  # noqa: S603  # our own interpreter and module
            [sys.executable, "-m", __name__, str(theirs.fileno())],
            env={**os.environ, URL: self._url},  # it may hold a password: not an argument
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
        )

    async def write(self, operations: Sequence[Operation]) -> list[Reply]:
        """See `Writer`."""
        if self._streams is None:
            self._streams = await asyncio.open_connection(sock=self._socket)
        reader, writer = self._streams
        message = marshal.dumps([tuple(operation) for operation in operations])
        try:
            writer.write(LENGTH.pack(len(message)) + message)
            (length,) = LENGTH.unpack(await reader.readexactly(LENGTH.size))
            replies: list[Reply] = marshal.loads(await reader.readexactly(length))  # noqa: S302  # from our own child
        except (OSError, EOFError):
            await self.close()
            self._start()
            return [(503, to_json({"status": "error", "errors": [LOST]}))] * len(operations)
        return replies

    async def close(self) -> None:
        """See `Writer`."""
        if self._streams is None:
            self._socket.close()
        else:
            self._streams[1].close()
        await asyncio.to_thread(self._process.wait)


LOST = "the store's writer was stopped; what you sent may be stored or not: send it again"


def serve(connection: socket.socket, database_url: str) -> None:
    """Serves groups from a socket until its other end is closed."""
    import signal

    from segconnect.account.store.opening import open_writer

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the server, which closes us
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    store = open_writer(database_url)
    with connection.makefile("rwb") as stream:
        while head := stream.read(LENGTH.size):
            (length,) = LENGTH.unpack(head)
            operations = [Operation(*o) for o in marshal.loads(stream.read(length))]  # noqa: S302  # from our parent
            replies = marshal.dumps(apply(store, operations))
            stream.write(LENGTH.pack(len(replies)) + replies)
            stream.flush()
    store.close()


if __name__ == "__main__":
    with socket.socket(fileno=int(sys.argv[1])) as given:
        serve(given, os.environ.pop(URL))
