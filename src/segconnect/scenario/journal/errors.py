"""Errors as they come back from the journal."""

from __future__ import annotations

from segconnect.errors import Recovery, SegconnectError


class KeptError(SegconnectError):
    """An error as the journal kept it."""

    def __init__(self, kind: str, message: str) -> None:
        self.kind, self.recovery = kind, Recovery.FIX
        super().__init__(message)
