"""Processes that begin as copies of one that has imported what they need.

A process that is forked shares the memory of what was imported before, for as long as neither
writes to it: three processes hold little more than one. It is safe only where no thread has
begun, so a server forks one process at its very start, which then waits, and forks the others.
"""

from __future__ import annotations

import ctypes
import gc
import json
import os
import signal
import socket
import subprocess
import sys
import traceback
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from importlib import import_module
from pathlib import Path

MOST = 65_536  # bytes of a message
FORKED = 10.0  # seconds in which a process must have begun
ARENA_MAX = -8  # the number by which mallopt knows the most arenas


class Nursery:
    """Forks processes from one that waits; it ends when this process does, however that ends."""

    def __init__(self) -> None:
        for each in (sys.stdout, sys.stderr):
            each.flush()  # or what waits in them would be written twice
        gc.collect()
        _tidy()
        gc.freeze()  # or each process's first collection would write to every object
        # A message arrives whole, and its descriptors with it.
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._process = os.fork()
        if self._process == 0:
            self._socket.close()
            _run(partial(_wait, theirs))
        theirs.close()

    @classmethod
    def begin(cls) -> Nursery | None:
        """Begins one; None where that is not safe, and a process has to be begun anew."""
        return cls() if _may_fork() else None

    def start(self, target: str, end: socket.socket, *arguments: str) -> Forked:
        """Begins a process.

        Args:
            target: What it does, "module:function", called with a socket and the arguments.
            end: The socket; the caller closes its own copy.
            arguments: Seen by nobody else, unlike those of a command.

        Raises:
            OSError: The process that forks was killed.
        """
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        message = json.dumps([target, *arguments]).encode()
        try:
            with theirs:
                socket.send_fds(self._socket, [message], [end.fileno(), theirs.fileno()])
            ours.settimeout(FORKED)
            found = ours.recv(MOST)
        except OSError:
            ours.close()
            raise
        if not found:
            ours.close()
            raise OSError("no process could be forked")
        return Forked(int(found), ours)

    def close(self) -> None:
        """Ends the process that waits; those that it forked go on."""
        self._socket.close()
        os.waitpid(self._process, 0)


def apart(call: Callable[[], None]) -> bool:
    """Calls a function in a process that then ends, and with it what the function imported.

    Returns:
        Whether it did so, and all went well; if not, the caller is left with it.
    """
    if not _may_fork():
        return False
    process = os.fork()
    if process == 0:
        _run(call, is_silent=True)
    return os.waitpid(process, 0)[1] == 0


def _tidy() -> None:
    """Gives memory that is free back, and lets threads have few arenas, here and in the forked."""
    with suppress(OSError, AttributeError):  # a library of C without them
        library = ctypes.CDLL(None)
        library.mallopt(ARENA_MAX, 2)
        library.malloc_trim(0)


def _may_fork() -> bool:
    """Whether this process has one thread alone, which is all that a forked one would have."""
    return sys.platform == "linux" and len(list(Path("/proc/self/task").iterdir())) == 1


class Forked:
    """A process that was begun: what one asks of a `subprocess.Popen`.

    Args:
        pid: Its number.
        life: A socket whose other end only that process holds.
    """

    def __init__(self, pid: int, life: socket.socket) -> None:
        self.pid, self._life = pid, life
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """Answers 0 if it ended well, 1 if not, None if it goes on."""
        with suppress(TimeoutError):
            self._await(0.0)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Waits for its end.

        Raises:
            subprocess.TimeoutExpired: It goes on.
        """
        try:
            return self._await(timeout)
        except TimeoutError:
            raise subprocess.TimeoutExpired(str(self.pid), timeout or 0.0) from None

    def kill(self) -> None:
        """Ends it at once."""
        if self.poll() is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)

    def _await(self, timeout: float | None) -> int:
        if self.returncode is None:
            self._life.settimeout(timeout)
            try:
                said = self._life.recv(1)
            except BlockingIOError:  # what a socket without any timeout raises
                raise TimeoutError from None
            except ConnectionError:
                said = b""
            self._life.close()
            self.returncode = 0 if said else 1
        return self.returncode


def _run(call: Callable[[], None], *, is_silent: bool = False) -> None:
    """Ends this process with a function, and never returns to where it was forked."""
    code = 1
    try:
        call()
        code = 0
    except BaseException:
        if not is_silent:
            traceback.print_exc()
    finally:
        with suppress(OSError, ValueError):
            if not is_silent:
                sys.stdout.flush()
                sys.stderr.flush()
        os._exit(code)


def _wait(requests: socket.socket) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the server, which closes us
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits here for those that end
    while True:
        message, descriptors, _, _ = socket.recv_fds(requests, MOST, 2)
        if not message:
            return
        if os.fork() == 0:
            requests.close()
            _run(partial(_begin, json.loads(message), *descriptors))
        for each in descriptors:
            os.close(each)


def _begin(message: list[str], end: int, life: int) -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGCHLD):
        signal.signal(number, signal.SIG_DFL)
    for each in (end, life):
        os.set_inheritable(each, False)  # what it starts itself must not hold them open
    target, *arguments = message
    module, _, name = target.partition(":")
    with socket.socket(fileno=life) as told:
        told.sendall(str(os.getpid()).encode())
        with socket.socket(fileno=end) as given:
            getattr(import_module(module), name)(given, *arguments)
        with suppress(OSError):  # the server may have ended before us
            told.sendall(b"0")
