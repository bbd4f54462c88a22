"""What a template is evaluated against: the bundles so far, the moment, the zone, the variables."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, tzinfo
from typing import Any

from segconnect import clock
from segconnect.errors import MappingError
from segconnect.mapping.values import Value
from segconnect.types import find_zone, zone_named


class Context:
    """The world of one evaluation.

    Args:
        bundles: Module id (int, or the same as str) to what that module put out.
        now: The moment that `now` stands for; the clock is read, once, only if it is None.
        timezone: The organisation's zone: that of every date function and of texts read as dates.
        variables: What `var.team.x`, `executionId` and other bare names stand for: a collection of
            collections, such as {"team": {"x": 1}, "executionId": "..."}.
        read_clock: Says what time it is, where `now` is None.
    """

    __slots__ = ("_now", "_read_clock", "bundles", "timezone", "variables", "zone")

    def __init__(
        self,
        bundles: Mapping[Any, Value],
        now: datetime | None = None,
        timezone: str = "UTC",
        variables: Mapping[str, Value] | None = None,
        read_clock: Callable[[], datetime] | None = None,
    ) -> None:
        self.bundles = bundles
        self._now, self._read_clock = now, read_clock
        self.timezone = timezone
        self.zone = UTC if timezone == "UTC" else _organisation_zone(timezone)
        self.variables = variables or {}

    @property
    def now(self) -> datetime:
        if self._now is None:
            self._now = (self._read_clock or clock.now)()
        return self._now

    def zone_or_own(self, name: str) -> tzinfo:
        """The zone of that name, or the organisation's where there is none of that name."""
        return self.zone if not name else find_zone(name) or self.zone


def _organisation_zone(name: str) -> tzinfo:
    try:
        return zone_named(name)
    except ValueError as error:
        raise MappingError(str(error)) from None
