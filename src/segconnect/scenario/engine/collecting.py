"""What an aggregator has collected, for one bundle that entered its feeder."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from segconnect.mapping import Context
from segconnect.mapping.comparison import identity
from segconnect.scenario.engine.errors import ModuleError
from segconnect.scenario.engine.measure import size
from segconnect.scenario.engine.settings import Limits

if TYPE_CHECKING:
    from segconnect.scenario.engine.plan import Node


class Collector:
    """The values so far, by the key of groupBy.

    Attributes:
        node: The aggregator.
        bundles: What stands before the feeder; the aggregator's output is seen beside it.
        is_entered: Whether a bundle came into the route of the aggregator.
    """

    def __init__(self, node: Node, bundles: dict[Any, Any]) -> None:
        self.node, self.bundles = node, bundles
        self.is_entered = node.feeder is None or node.chain is node.feeder.chain
        self._groups: dict[Any, tuple[Any, list[dict[str, Any]]]] = {}
        self._count = self._bytes = 0

    def add(self, context: Context, limits: Limits) -> None:
        """Adds what the aggregator's mapping makes of a bundle."""
        node = self.node
        self._count += 1
        if self._count > limits.items:
            raise ModuleError(
                "MaxResultsExceededError",
                f"an aggregator cannot collect more than {limits.items:,}",
            )
        key = None if node.group_by is None else node.group_by(context)
        mark = None if node.group_by is None else identity(key)
        values = node.values(context)
        self._bytes += size(values, limits.module_bytes)
        if self._bytes > limits.module_bytes:
            raise ModuleError(
                "MaxFileSizeExceededError",
                f"an aggregator cannot collect more than {limits.module_bytes:,} bytes",
            )
        self._groups.setdefault(mark, (key, []))[1].append(values)

    def groups(self) -> Iterator[tuple[Any, list[dict[str, Any]]]]:
        """Gives each key with its values; of an empty set one without any, unless it stops."""
        if self._groups:
            yield from self._groups.values()
        elif self.is_entered and not self.node.stops_if_empty and self.node.group_by is None:
            yield None, []
