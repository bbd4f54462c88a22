"""Counts the operations of a run, and keeps them as the inspector shows them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from segconnect.errors import SegconnectError
from segconnect.scenario.engine.errors import bundle_of
from segconnect.scenario.engine.measure import size
from segconnect.scenario.engine.plan import Node
from segconnect.scenario.engine.result import Operation, Result
from segconnect.scenario.engine.services import Services
from segconnect.scenario.engine.trace import HIDDEN, Masker, secrets_of


class Recorder:
    """The operations of one run.

    Args:
        result: Where they are counted and kept.
        services: Whose limits hold, and who is told of each operation.
        secrets: What must not be shown, beside what the connections hold; it may grow.
        keeps: Whether they are kept with their bundles.
        is_confidential: Whether bundles are shown to nobody.
    """

    def __init__(
        self,
        result: Result,
        services: Services,
        secrets: Sequence[str],
        *,
        keeps: bool,
        is_confidential: bool,
    ) -> None:
        self.result, self.limits, self._tell = result, services.limits, services.on_operation
        self._keeps, self._hides = keeps, is_confidential
        self._masker = Masker(services.limits, secrets_of(services.connections), secrets)
        self._room = services.limits.trace_bytes
        self._number = 0
        self._monotonic, self._began = services.monotonic, 0.0
        self._unseen = Operation(0, 0, 0, "", {})  # stands for all that nobody looks at

    def tell(self, tell: Callable[[Operation], None] | None) -> None:
        """Says who is told of each operation from now on; None: nobody."""
        self._tell = tell

    def begin(self, node: Node) -> Operation:
        """Counts an operation, and begins to keep it."""
        if node.declaration.counts:
            self.result.operations[node.id] += 1
            self.result.total += 1
        if not self._keeps and self._tell is None:
            return self._unseen
        self._number += 1
        self._began = self._monotonic()
        operation = Operation(self._number, self.result.cycles, node.id, node.module, {})
        if self._keeps and node.declaration.counts:
            if len(self.result.trace) < self.limits.trace and self._room > 0:
                self.result.trace.append(operation)
            else:
                self.result.is_trace_cut = True
        return operation

    def took(self, operation: Operation, values: Mapping[str, Any]) -> None:
        """Notes what a module was given."""
        if self._keeps or self._tell is not None:
            operation.input = self._shown(values)

    def gave(self, operation: Operation, outputs: Sequence[Mapping[str, Any]]) -> None:
        """Notes what a module put out; the operation is over."""
        if self._keeps or self._tell is not None:
            operation.seconds = self._monotonic() - self._began
            operation.output = [self._shown(each) for each in outputs[: self.limits.trace_items]]
        if self._tell is not None:
            self._tell(operation)

    def failed(self, operation: Operation, error: SegconnectError) -> None:
        """Notes why a module failed; the operation is over."""
        if not self._keeps and self._tell is None:
            return
        operation.seconds = self._monotonic() - self._began
        if self._hides:
            operation.error = {"type": error.kind, "message": HIDDEN}
        else:
            operation.error = self._masker.shown(bundle_of(error))
        if self._tell is not None:
            self._tell(operation)

    def masked(self, error: SegconnectError) -> SegconnectError:
        """Answers an error whose words hold no secret of a connection; mostly the same one."""
        return self._masker.error(error)

    def _shown(self, value: Any) -> Any:
        if self._hides:
            return HIDDEN
        shown = self._masker.shown(value)
        if self._keeps:
            self._room -= size(shown, self._room)
        return shown
