"""Every error that segconnect raises on purpose.

An error belongs to a family by what helps: FIX (mend the bundle), RETRY (try again later) or STOP
(mend the connection or the scenario first). Its `kind` is the name that run history shows and that
an error handler is set on; the names are the ones scenario builders know.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from enum import Enum

_BLANKS = dict.fromkeys((*range(32), 133, 8232, 8233), " ")  # so the mark stays below


class Recovery(Enum):
    """What helps after an error."""

    FIX = "fix"
    RETRY = "retry"
    STOP = "stop"


class SegconnectError(Exception):
    """An error with a message for people: the place, the value found, and what to do next."""

    kind = "RuntimeError"
    recovery = Recovery.STOP
    is_absent = False  # whether nobody was there to ask, so that every bundle would come to this

    @property
    def why(self) -> str:
        """The message in one line, where the module is shown beside it."""
        return str(self)


class MappingError(SegconnectError):
    """A template could not be read, or could not be evaluated for a bundle."""

    kind = "DataError"
    recovery = Recovery.FIX

    def __init__(
        self, reason: str, *, template: str = "", start: int = 0, end: int = 0, field: str = ""
    ) -> None:
        self.reason = reason  # one sentence, without the place
        self.template, self.start, self.end = template, start, end  # characters start to end of it
        self.field = field  # the field that is filled, such as "items[2].amount"; "" if not known
        super().__init__(reason)

    def __str__(self) -> str:
        message = f"Failed to map {self.field!r}: {self.reason}" if self.field else self.reason
        return f"{message}\n{self.excerpt()}" if self.template else message

    @property
    def why(self) -> str:
        """The field and the reason."""
        return f"{self.field}: {self.reason}" if self.field else self.reason

    def excerpt(self) -> str:
        """The line of the template where it went wrong, and under it the place."""
        first = self.template.rfind("\n", 0, self.start) + 1
        newline = self.template.find("\n", self.start)
        last = len(self.template) if newline < 0 else newline
        left, right = max(first, self.start - 60), min(last, max(self.end, self.start + 1) + 40)
        right = min(right, self.start + 120)
        before = "..." if left > first else ""
        line = before + self.template[left:right] + ("..." if right < last else "")
        indent = " " * (len(before) + self.start - left)
        width = max(1, min(self.end, right) - self.start)
        return f"  {line.translate(_BLANKS)}\n  {indent}{'^' * width}"


class InvalidBundleError(SegconnectError):
    """The values given to a module do not fit its fields; nothing was sent."""

    kind = "BundleValidationError"
    recovery = Recovery.FIX

    def __init__(self, label: str, problems: Sequence[str]) -> None:
        self.label, self.problems = label, list(problems)  # one sentence for each problem
        super().__init__(f"{label}: {self.why}")

    @property
    def why(self) -> str:
        """The problems."""
        return "; ".join(self.problems)


class RefusedError(SegconnectError):
    """The account read the request and refused it (HTTP 400); sending it again would not help."""

    kind = "DataError"
    recovery = Recovery.FIX

    def __init__(self, label: str, errors: Sequence[str], status: int = 400) -> None:
        self.label, self.errors, self.status = label, list(errors), status
        super().__init__(f"{label}: the account refused the bundle: {self.why}")

    @property
    def why(self) -> str:
        """The account's sentences."""
        return "; ".join(self.errors)


class UnauthorizedError(SegconnectError):
    """The account does not accept the connection's API key, account ID or integration ID."""

    kind = "InvalidAccessTokenError"
    recovery = Recovery.STOP


class ThrottledError(SegconnectError):
    """The account asked for a pause (HTTP 429)."""

    kind = "RateLimitError"
    recovery = Recovery.RETRY

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        self.retry_after = retry_after  # seconds that the account asked for
        super().__init__(message)


class UnreachableError(SegconnectError):
    """No usable answer came: no connection, a time-out, or a server error (HTTP 5xx)."""

    kind = "ConnectionError"
    recovery = Recovery.RETRY

    def __init__(
        self, message: str, *, may_have_arrived: bool, retry_after: float | None = None
    ) -> None:
        self.may_have_arrived = may_have_arrived  # whether the account may have acted on it
        self.retry_after = retry_after  # seconds that the account asked for, if it did
        super().__init__(message)


class PartlyDoneError(SegconnectError):
    """A module that takes several calls got through some of them.

    Its kind and recovery are those of its cause, the first error. Each of the calls is an upsert,
    so sending the whole module again is harmless.
    """

    def __init__(
        self, label: str, done: Sequence[str], failed: str, count: int, cause: SegconnectError
    ) -> None:
        self.label, self.done, self.failed, self.count = label, list(done), failed, count
        self.cause, self.kind, self.recovery = cause, cause.kind, cause.recovery
        self.is_absent = cause.is_absent
        super().__init__(f"{label}: {self.why}")

    @property
    def why(self) -> str:
        """What was done, and why the rest was not."""
        return (
            f"{len(self.done)} of {self.count} were recorded ({', '.join(self.done)}), but"
            f" {self.failed} failed: {self.cause.why}; sending all of them again is harmless"
        )


class SourceError(SegconnectError):
    """A source cannot be read as it was described."""

    kind = "DataError"
    recovery = Recovery.FIX


class PathsError(SegconnectError):
    """A table of paths cannot be attributed as it is; all that is wrong is told at once."""

    kind = "DataError"
    recovery = Recovery.FIX
    MOST = 20  # problems in the message; all of them are in `problems`

    def __init__(self, name: str, problems: Sequence[str]) -> None:
        self.name, self.problems = name, list(problems)
        told = self.problems[: self.MOST]
        if len(self.problems) > self.MOST:
            told.append(f"... and {len(self.problems) - self.MOST:,} more")
        super().__init__("\n  ".join([f"{name}:", *told]) if told[1:] else f"{name}: {told[0]}")


class ScenarioError(SegconnectError):
    """A scenario file, or something it names, is not usable; nothing was sent."""

    kind = "InvalidConfigurationError"
    recovery = Recovery.STOP


class ConnectionSetupError(SegconnectError):
    """A connection is missing, incomplete, or its API key cannot be read."""

    kind = "AccountValidationError"
    recovery = Recovery.STOP


class StoreError(SegconnectError):
    """The record store cannot be opened or written."""

    kind = "RuntimeError"
    recovery = Recovery.STOP


class UsageError(SegconnectError):
    """A command or setting was given something that it cannot use."""

    kind = "InvalidConfigurationError"
    recovery = Recovery.STOP


class UnfitError(UsageError):
    """What was typed into a form does not do: what is wrong, by field."""

    def __init__(self, **problems: str) -> None:
        self.problems = problems
        super().__init__("; ".join(problems.values()))


def unknown_name(what: str, name: str, known: Iterable[str]) -> str:
    """Says that a name is unknown, and guesses the known one that was meant."""
    names = list(known)
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
    if close:
        return f"unknown {what} {name!r}; did you mean {close[0]!r}?"
    return f"unknown {what} {name!r}; known are {', '.join(sorted(names))}"
