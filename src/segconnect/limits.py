"""How patient a client is, how fast, and who is told while it waits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, Self

from segconnect.settings import Settings


@dataclass(frozen=True, slots=True)
class Limits:
    """How patient a transport is, and how fast. Times are in seconds."""

    connect_timeout: float = 10.0
    read_timeout: float = 30.0  # without a byte of the answer
    timeout: float = 60.0  # of one attempt, from connecting to the last byte
    attempts: int = 6  # in all
    backoff: float = 0.5  # of the first pause, at most, and twice as much of each further one
    max_backoff: float = 30.0
    max_retry_after: float = 60.0  # an account that asks for more is asked again after this
    rate: float | None = None  # requests a second; None: as fast as the account takes them
    in_flight: int = 16  # requests under way at once, of many that are sent
    max_answer: int = 32 * 2**20  # bytes

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Answers the limits that the settings name; what they leave out is as always."""
        names = ("connect_timeout", "read_timeout", "timeout", "attempts", "rate", "in_flight")
        given = {name: getattr(settings, name) for name in names}
        return cls(**{name: value for name, value in given.items() if value is not None})


class Rest(Protocol):
    """Is told while a request is not under way, since it waits to be sent again."""

    def begin(self) -> None:
        """Says that a request waits."""

    async def end(self) -> None:
        """Says that it has waited, and waits until it may be under way again."""
