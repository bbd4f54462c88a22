"""What travels to an account together, and what comes of it.

A unit is a module, or several of which each is sent once those before it were done.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from segconnect.errors import PartlyDoneError, SegconnectError, UnreachableError
from segconnect.limits import Rest
from segconnect.modules.base import Module
from segconnect.transport import Transport
from segconnect.wire.request import Answer, Request

NOBODY: frozenset[Unit] = frozenset()


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one module: its output, or the error that kept it from arriving."""

    index: int  # its place among the modules given, from 0
    module: Module
    output: Any = None
    error: SegconnectError | None = None


class Unit:
    """Modules that are sent one after another, for as long as none fails.

    Attributes:
        modules: Those that are to be sent.
        is_part: Whether more may follow, which depends on what comes of these.
        awaited: Modules that may follow, for whose sake others are to wait; they are not sent.
        outcomes: The output of each that was done; last, the error of one that failed.
        note: What the caller keeps with it.
    """

    __slots__ = (
        *("awaited", "broken", "calls", "followers", "index", "is_alone", "is_over", "is_part"),
        *("keys", "last_line", "leaders", "lines", "modules", "note", "outcomes", "waits"),
    )

    def __init__(
        self,
        modules: Sequence[Module],
        note: Any = None,
        *,
        is_part: bool = False,
        awaited: Sequence[Module] = (),
    ) -> None:
        self.modules, self.note = modules, note
        self.is_part, self.awaited = is_part, awaited
        self.outcomes: list[Any] = []
        self.index = 0
        self.calls: list[list[Request]] = []  # of each module
        self.broken: SegconnectError | None = None  # of a module whose calls cannot be made
        self.lines: list[bytes] | None = None  # of a batch; None: it cannot travel in one
        self.keys: tuple[str, ...] = ()
        self.is_over = self.is_alone = False
        self.waits = 0  # how many units before it must be through
        self.followers: list[Unit] = []  # units that wait for it
        self.leaders: frozenset[Unit] = NOBODY  # of the same batch, that must be done before it
        self.last_line = 0  # its number in the batch

    @property
    def error(self) -> SegconnectError | None:
        """Why it did not get to the end, if it did not."""
        last = self.outcomes[-1] if self.outcomes else None
        return last if isinstance(last, SegconnectError) else None


class Further(NamedTuple):
    """What is decided about a unit that somebody was asked about: no module ends it."""

    unit: Unit
    modules: Sequence[Module]
    is_part: bool = False
    awaited: Sequence[Module] = ()


async def send(transport: Transport, requests: Sequence[Request], rest: Rest | None = None) -> Any:
    """Sends the requests of one module in their order, and answers its output."""
    if len(requests) == 1:
        return output_of(requests[0], await transport.send(requests[0], rest))
    outcomes: list[Any] = []
    for request in requests:
        try:
            outcomes.append(output_of(request, await transport.send(request, rest)))
        except SegconnectError as error:
            outcomes.append(error)
            break
    return joined(requests, outcomes)


def output_of(request: Request, answer: Answer) -> Any:
    if request.endpoint is not None:
        return answer.body
    return {
        "statusCode": answer.status,
        "headers": dict(answer.headers),
        "body": answer.body,
    }


def joined(requests: Sequence[Request], outcomes: Sequence[Any]) -> Any:
    """Answers the output of a module from what its requests came to: outputs and errors.

    Raises:
        PartlyDoneError: Some failed, some did not; where none was done, the first one's own error.
    """
    if len(outcomes) == len(requests) == 1 and not isinstance(outcomes[0], SegconnectError):
        return outcomes[0]
    names = [_subject(request, number) for number, request in enumerate(requests, 1)]
    done, failed = [], []
    for name, outcome in zip(names, outcomes, strict=False):
        if isinstance(outcome, SegconnectError):
            failed.append((name, outcome))
        else:
            done.append(name)
    if not failed:
        return {"status": "success", "results": list(outcomes)}
    name, error = failed[0]
    if not done:
        raise error
    raise PartlyDoneError(requests[0].label, done, name, len(requests), error) from error


def _subject(request: Request, number: int) -> str:
    """Says what a request is about, such as "ad 123": the first object in its body with an ID."""
    for name, part in (request.body or {}).items():
        if isinstance(part, dict) and "id" in part:
            return f"{name} {part['id']}"
    return f"call {number}"


def keys_of(unit: Unit) -> tuple[str, ...]:
    """Answers what a unit is about."""
    if len(unit.modules) == 1 and not unit.awaited:
        return unit.modules[0].keys()
    found: dict[str, None] = {}
    for module in (*unit.modules, *unit.awaited):
        found.update(dict.fromkeys(module.keys()))
    return tuple(found)


def read_lines(answer: Answer, count: int) -> list[Answer]:
    """Reads the answer to a batch, a line for each of its lines.

    Raises:
        UnreachableError: It does not fit the batch.
    """
    try:
        lines = [Answer(line["status"], {}, line["body"]) for line in answer.body]
        if len(lines) == count and all(type(line.status) is int for line in lines):
            return lines
    except (TypeError, KeyError):
        pass
    raise UnreachableError(
        f"the account answered a batch of {count} lines with something else; try again later",
        may_have_arrived=True,
    )
