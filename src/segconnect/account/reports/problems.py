"""What is wrong with a query, told together."""

from __future__ import annotations

from typing import Any

from segconnect.errors import UsageError


class Problems:
    """Collects what is wrong, so that all of it is told at once."""

    def __init__(self) -> None:
        self._told: list[str] = []

    def read(self, read: Any, *arguments: Any, default: Any = None, **named: Any) -> Any:
        """Reads a part; where it is wrong, notes why and answers the default."""
        try:
            return read(*arguments, **named)
        except UsageError as error:
            self.add(str(error))
            return default

    def add(self, text: str) -> None:
        """Notes a problem."""
        self._told.append(text)

    def tell(self) -> None:
        """Ends it.

        Raises:
            UsageError: There were problems.
        """
        if self._told:
            raise UsageError("; ".join(dict.fromkeys(self._told)))
