"""What an error does: its module's handler runs, else the bundle is set aside or the run ends."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any, Protocol

from segconnect.errors import SegconnectError
from segconnect.mapping import Context
from segconnect.scenario.engine.errors import ModuleError, bundle_of, error_type
from segconnect.scenario.engine.plan import Chain, Node, Plan
from segconnect.scenario.engine.recording import Recorder
from segconnect.scenario.engine.registry import Bundle
from segconnect.scenario.engine.result import Operation, Result
from segconnect.scenario.engine.setting_aside import RETRIES_BY_ITSELF, Aside, terms_of
from segconnect.scenario.engine.stopping import Failure, Stop

Bundles = dict[Any, Any]  # what each module put out, by its id


class Walks(Protocol):
    """Takes bundles through modules."""

    def walk(
        self, chain: Chain, position: int, bundles: Bundles, *, is_admitted: bool = False
    ) -> None:
        """Takes one bundle through a chain from a position on."""

    def admits(self, node: Node, bundles: Bundles) -> bool | None:
        """Tells whether a module's filter lets a bundle pass; None if the filter failed."""

    def context(self, bundles: Bundles) -> Context:
        """What templates are evaluated with."""


class Handling:
    """The errors of one run.

    Args:
        walks: Takes bundles through handlers.
        plan: What runs.
        result: Where it is noted how the run ends.
        recorder: Is told of failed operations.
        aside: Where bundles are set aside.
        on_failure: Called before anything is done about an error; what it raises ends the run.
    """

    def __init__(
        self,
        walks: Walks,
        plan: Plan,
        result: Result,
        recorder: Recorder,
        aside: Aside,
        on_failure: Callable[[], None] | None = None,
    ) -> None:
        self._on_failure = on_failure
        self._walks, self._settings, self._result = walks, plan.settings, result
        self._recorder, self._aside = recorder, aside
        self._failures: list[Failure] = []  # modules whose handlers run, the innermost last

    def failed(
        self,
        node: Node,
        bundles: Bundles,
        error: SegconnectError,
        operation: Operation,
        *,
        is_admitted: bool = True,
    ) -> list[Bundle]:
        """Deals with an error; answers what goes on instead of the module's output.

        Args:
            node: The module that failed.
            bundles: What stood before it.
            error: Why it failed; what is kept of it holds no secret.
            operation: The operation that it was.
            is_admitted: Whether the module itself failed, and not its filter.

        Raises:
            Stop: The run ends.
        """
        if self._on_failure is not None:
            self._on_failure()
        error = self._recorder.masked(error)
        self._recorder.failed(operation, error)
        failure = None
        if error_type(error.kind).is_handled:
            failure = self._handled(node, bundles, bundle_of(error))
        if failure is None:
            return self._unhandled(node, bundles, error, is_admitted)
        name = failure.directive.module if failure.directive else "builtin:Ignore"
        operation.handled_by = name
        match name:
            case "builtin:Resume":
                return [failure.values]
            case "builtin:Commit":
                raise Stop(commits=True)
            case "builtin:Rollback":
                self._result.fail(error, node.id, node.module, is_handled=True)
                raise Stop(commits=False, failed=node.id)
            case "builtin:Break":
                self._break(node, bundles, error, failure.values, is_admitted)
        return []

    def direct(self, node: Node, bundles: Bundles) -> None:
        """A directive is reached: the first one decides what becomes of the bundle that failed."""
        failure = self._failures[-1]
        if failure.directive is None:
            try:
                failure.values = node.values(self._walks.context(bundles))
            except SegconnectError as error:
                masked = self._recorder.masked(error)
                self._result.fail(masked, node.id, node.module, is_handled=False)
                raise Stop(commits=False, failed=node.id) from None
            failure.directive = node

    def _handled(self, node: Node, bundles: Bundles, told: dict[str, Any]) -> Failure | None:
        """Runs a module's handler; None if it has none that takes this bundle."""
        handler = node.onerror
        if handler is None:
            return None
        scope = {**bundles, node.id: {"error": told}}
        failure = Failure()
        self._failures.append(failure)
        try:
            admitted = self._walks.admits(handler.nodes[0], scope)
            if admitted is False:
                return None
            if admitted:
                self._walks.walk(handler, 0, scope, is_admitted=True)
        finally:
            self._failures.pop()
        return failure

    def _unhandled(
        self, node: Node, bundles: Bundles, error: SegconnectError, is_admitted: bool
    ) -> list[Bundle]:
        kind = error_type(error.kind)
        keeps = self._settings.dlq and kind.is_stored and not node.is_first
        if (keeps or kind.asks) and not self._failures:
            retries = RETRIES_BY_ITSELF if kind.is_retried else 0
            self._set_aside(node, bundles, error, is_admitted, retries)
            self._result.rest(error)
            if not kind.disables:
                return []
            self._result.fail(error, node.id, node.module, is_handled=False)
            raise Stop(commits=True)
        self._result.fail(error, node.id, node.module, is_handled=False)
        raise Stop(commits=kind.is_warning, failed=node.id)

    def _break(
        self,
        node: Node,
        bundles: Bundles,
        error: SegconnectError,
        values: Bundle,
        is_admitted: bool,
    ) -> None:
        """Sets a bundle aside, to be tried again as the directive says."""
        if not self._settings.dlq or self._failures:
            why = (
                "in an error handler" if self._failures else "incomplete executions are not stored"
            )
            told = ModuleError(error.kind, f"{error} (Break sets nothing aside: {why})")
            self._result.fail(told, node.id, node.module, is_handled=False)
            raise Stop(commits=False, failed=node.id)
        self._set_aside(node, bundles, error, is_admitted, *terms_of(values))

    def _set_aside(
        self,
        node: Node,
        bundles: Bundles,
        error: SegconnectError,
        is_admitted: bool,
        retries: int,
        interval: timedelta | None = None,
    ) -> None:
        if not self._aside.put(node, bundles, error, is_admitted, retries, interval):
            self._result.fail(error, node.id, node.module, is_handled=False)
            self._result.disables = True
            raise Stop(commits=False, failed=node.id)
