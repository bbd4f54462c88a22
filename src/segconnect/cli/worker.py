"""`segconnect worker`: runs what is due, and goes on with the runs of processes that died."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from segconnect.cli.options import Data
from segconnect.settings import Settings, load

if TYPE_CHECKING:
    import socket

LOOK_SECONDS = 5.0  # between two looks for runs whose process is dead
TURN_SECONDS = 0.1  # between two looks for what is due


def command(
    data: Data = None,
    until_eof: Annotated[
        bool, typer.Option("--until-eof", hidden=True, help="Ends with its standard input.")
    ] = False,
) -> None:
    """Runs what schedules and webhooks start, until it is ended (Ctrl-C, SIGTERM).

    It takes up incomplete executions that are due, and runs whose process was killed. Over
    PostgreSQL there may be workers on as many machines as there are files to read.
    """
    import sys

    settings = load(data=data)
    if until_eof:
        work(settings, sys.stdin.read)
    else:
        work(settings)


def beside(server: socket.socket, data: str, database_url: str | None = None) -> None:
    """Works beside a server, in a process that it forked, until that closes the socket."""
    import os

    os.setsid()  # Ctrl-C is for the server, which ends us
    work(load(data=Path(data), database=database_url), lambda: server.recv(1))


def work(settings: Settings, wait: Callable[[], object] | None = None) -> None:
    """Works until it is ended, or what it is to wait for is over."""
    import signal
    from contextlib import closing
    from threading import Event, Thread
    from time import monotonic

    from segconnect.scenario import hooks
    from segconnect.scenario.durable import Worker
    from segconnect.scenario.journal import Journal, url_of
    from segconnect.scenario.scheduler import Scheduler

    is_ended = Event()

    def end(*_: object) -> None:
        is_ended.set()

    def await_end(wait: Callable[[], object]) -> None:
        wait()
        is_ended.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, end)
    if wait is not None:
        Thread(target=await_end, args=[wait], daemon=True).start()
    with (
        closing(Journal(url_of(settings))) as journal,
        closing(hooks.Hooks(hooks.url_of(settings))) as came_in,
        Worker(settings, journal) as worker,
    ):
        scheduler = Scheduler(worker, came_in)
        if wait is None:
            typer.echo("At work. Ctrl-C ends it; what it is at goes on in another one, or later.")
        looks_at = 0.0
        while not is_ended.is_set():
            if monotonic() >= looks_at:
                looks_at = monotonic() + LOOK_SECONDS
                for run in worker.take_over():
                    typer.echo(f"Took over run {run}")
            scheduler.turn()
            is_ended.wait(TURN_SECONDS)
