"""The error types of a run, and what each does where no handler takes it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from segconnect.errors import Recovery, SegconnectError, ThrottledError


class ModuleError(SegconnectError):
    """A module failed on a bundle.

    Args:
        kind: The error type, such as "DataError": what history shows, and what decides.
        message: What people read.
        detail: More of it, for `{{N.error.detail}}`.
        delay: The seconds that the other side asked to wait.
    """

    def __init__(
        self, kind: str, message: str, *, detail: Any = None, delay: float | None = None
    ) -> None:
        self.kind, self.detail, self.delay = kind, detail, delay
        self.recovery = error_type(kind).recovery
        super().__init__(message)

    @property
    def why(self) -> str:
        """The message; of fields that do not fit, what is wrong with each."""
        if self.kind == "BundleValidationError" and isinstance(self.detail, list):
            return "; ".join(each.removesuffix(".") for each in self.detail)
        return str(self)


@dataclass(frozen=True, slots=True)
class ErrorType:
    """What an error of this name does where nothing handles it."""

    name: str
    is_stored: bool = False  # may become an incomplete execution, where the scenario keeps them
    is_retried: bool = False  # such an execution is tried again by itself
    disables: bool = False  # the scenario is switched off at once
    is_warning: bool = False  # the run ends with a warning, and what was done is committed
    is_handled: bool = True  # whether an error handler may take it
    asks: bool = False  # a person must say what is to be done, whatever the scenario keeps
    delay: float | None = None  # seconds for which the scenario rests

    @property
    def recovery(self) -> Recovery:
        """What helps: of an error that no other bundle would be spared, the scenario is mended."""
        if self.disables or self.name == "AccountValidationError":
            return Recovery.STOP
        return Recovery.RETRY if self.is_retried else Recovery.FIX


ERROR_TYPES = {
    each.name: each
    for each in (
        ErrorType("RuntimeError"),
        ErrorType("BundleValidationError"),
        ErrorType("DuplicateDataError"),
        ErrorType("DataError", is_stored=True),
        ErrorType("RateLimitError", is_stored=True, is_retried=True, delay=20 * 60),
        ErrorType("ConnectionError", is_stored=True, is_retried=True),
        ErrorType("ModuleTimeoutError", is_stored=True, is_retried=True),
        ErrorType("OutOfSpaceError", is_stored=True, is_retried=True),
        ErrorType("InvalidConfigurationError", is_stored=True, disables=True),
        ErrorType("InvalidAccessTokenError", is_stored=True, disables=True),
        ErrorType("UnexpectedError", is_stored=True, disables=True),
        ErrorType("MaxFileSizeExceededError", is_stored=True),
        ErrorType("MaxResultsExceededError", is_stored=True, disables=True),
        ErrorType("UnknownFateError", is_stored=True, is_handled=False, asks=True),
        ErrorType("InconsistencyError", disables=True, is_handled=False),
        ErrorType("AccountValidationError", is_handled=False),
        ErrorType("IncompleteDataError", is_warning=True),
        ErrorType("ScenarioTimeoutError", is_warning=True),
        ErrorType("ExecutionInterruptedError", is_warning=True),
        ErrorType("OperationsLimitExceededError", disables=True),
        ErrorType("DataSizeLimitExceededError", disables=True),
    )
}
"""Every error type by its name; one that is not here does what RuntimeError does."""


def error_type(kind: str) -> ErrorType:
    """Finds what an error type does."""
    return ERROR_TYPES.get(kind) or ErrorType(kind)


def invalid(problems: Iterable[str]) -> ModuleError:
    """Makes the error of fields that do not fit, in the builder's own words."""
    told = list(problems)
    return ModuleError(
        "BundleValidationError",
        f"Validation failed for {len(told)} parameter(s). {' '.join(told)}",
        detail=told,
    )


def missing(*names: str) -> ModuleError:
    """Makes the error of required fields that got no value."""
    return invalid(f"Missing value of required parameter '{name}'." for name in names)


def as_error(error: Exception) -> SegconnectError:
    """Passes our own errors on, and makes one of whatever else a module raised."""
    if isinstance(error, SegconnectError):
        return error
    if isinstance(error, (RecursionError, MemoryError)):
        return ModuleError("DataError", "the data is nested too deeply, or too large")
    return ModuleError("RuntimeError", f"{type(error).__name__}: {error}")


def delay_of(error: SegconnectError) -> float | None:
    """The seconds to wait that the other side asked for, or that the error type has."""
    asked = error.delay if isinstance(error, ModuleError) else None
    if isinstance(error, ThrottledError):
        asked = error.retry_after
    return asked if asked is not None else error_type(error.kind).delay


def bundle_of(error: SegconnectError) -> dict[str, Any]:
    """What `{{N.error.…}}` reads in an error handler."""
    detail = error.detail if isinstance(error, ModuleError) else None
    told = {"type": error.kind, "name": error.kind, "message": str(error)}
    return told if detail is None else {**told, "detail": detail}
