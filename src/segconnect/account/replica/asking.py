"""When a question was asked: what was acknowledged before has to be in its answer."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from time import monotonic

_asked_at: ContextVar[float | None] = ContextVar("asked_at", default=None)


@contextmanager
def asked_now() -> Iterator[None]:
    """Makes one question of all that is read within: it is as fresh as at the beginning, or newer.

    A page that reads several reports brings the copy up to date once for them.
    """
    token = _asked_at.set(monotonic())
    try:
        yield
    finally:
        _asked_at.reset(token)


def asked_at() -> float:
    """Answers when the question was asked that is being answered, by the monotonic clock."""
    return _asked_at.get() or monotonic()
