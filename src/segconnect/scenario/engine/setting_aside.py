"""Sets bundles aside that failed: incomplete executions, kept as objects."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import uuid4

from segconnect.errors import SegconnectError
from segconnect.mapping.values import to_boolean
from segconnect.scenario.engine.plan import Node, Plan
from segconnect.scenario.engine.result import Incomplete, Result
from segconnect.scenario.engine.services import Services

RETRIES_BY_ITSELF = 8
"""Tries of an incomplete execution, where no Break says otherwise. Source: help.make.com."""


class Aside:
    """The incomplete executions of one run.

    Args:
        plan: What runs.
        services: The clock and the limits.
        result: Where they are kept.
        retried: The one that this run takes up, if it does.
    """

    def __init__(
        self, plan: Plan, services: Services, result: Result, retried: Incomplete | None
    ) -> None:
        self._plan, self._services, self._result = plan, services, result
        self._retried, self._failed_again = retried, False
        self._blueprint: dict[str, Any] | None = None

    def put(
        self,
        node: Node,
        bundles: Mapping[Any, Any],
        error: SegconnectError,
        is_admitted: bool,
        retries: int,
        interval: timedelta | None = None,
    ) -> bool:
        """Keeps a bundle at the module that failed; False if there is no room and it may not go."""
        told = f"module {node.id}: {error.kind}: {error}"
        retried = self._retried
        if retried is not None and retried.module_id == node.id and bundles is retried.bundles:
            self._failed_again = True
            retried.reason, retried.kind, retried.cause = str(error), error.kind, error
            self._result.warn(told)
            return True
        if len(self._result.incomplete) >= self._services.limits.incomplete:
            if self._plan.settings.dataloss:
                self._result.warn(f"module {node.id}: the bundle is lost, the storage is full")
            return self._plan.settings.dataloss
        if self._blueprint is None:
            self._blueprint = copy.deepcopy(dict(self._plan.blueprint))
        self._result.incomplete.append(
            Incomplete(
                id=uuid4().hex,
                reason=str(error),
                kind=error.kind,
                module_id=node.id,
                bundles=dict(bundles),
                blueprint=self._blueprint,
                created=self._services.now(),
                execution_id=self._result.execution_id,
                cause=error,
                retries=retries,
                interval=interval,
                is_before_filter=not is_admitted,
                module=node.label,
                file=self._services.file,
            )
        )
        self._result.warn(told)
        return True

    def resolve(self, incomplete: Incomplete) -> None:
        """Tells in an incomplete execution what came of taking it up."""
        incomplete.is_resolved = not self._failed_again and self._result.error is None


def terms_of(values: Mapping[str, Any]) -> tuple[int, timedelta]:
    """Reads what a Break directive says: how often to try again, and how long to wait."""
    is_retried = to_boolean(values.get("retry"))
    retries = _number(values.get("count"), 3, 10_000) if is_retried else 0
    return retries, timedelta(minutes=_number(values.get("interval"), 15, 44_640))


def _number(value: Any, default: int, most: int) -> int:
    try:
        return min(max(1, int(value)), most)
    except (TypeError, ValueError, OverflowError):
        return default
