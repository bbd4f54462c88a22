"""`segconnect worker`: goes on with the runs of processes that died."""

from __future__ import annotations

import typer

from segconnect.cli.options import Data
from segconnect.settings import load

LOOK_SECONDS = 5.0  # between two looks for runs whose process is dead


def command(data: Data = None) -> None:
    """Takes over runs whose process was killed, until it is ended (Ctrl-C, SIGTERM).

    Over PostgreSQL there may be workers on as many machines as there are files to read.
    """
    import signal
    from contextlib import closing
    from threading import Event

    from segconnect.scenario.durable import Worker
    from segconnect.scenario.journal import Journal, url_of

    settings = load(data=data)
    is_ended = Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: is_ended.set())
    with closing(Journal(url_of(settings))) as journal, Worker(settings, journal) as worker:
        typer.echo("At work. Ctrl-C ends it; what it is at goes on in another one, or later.")
        while not is_ended.is_set():
            for run in worker.take_over():
                typer.echo(f"Took over run {run}")
            is_ended.wait(LOOK_SECONDS)
