"""What a run remembers while it goes: variables, counters, cookies, what it returns."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from segconnect.scenario.engine.stores import Change, DataStores, Store

if TYPE_CHECKING:
    from segconnect.scenario.engine.result import Result
    from segconnect.scenario.engine.services import Called


class Response(NamedTuple):
    """What a webhook's caller is answered."""

    status: int
    body: Any
    headers: list[tuple[str, str]]


@dataclass
class State:
    """The memory of one run.

    Attributes:
        variables: By scope: "roundtrip" lives for a cycle, "execution" for the run.
        counters: Of the increments that begin anew with a cycle or a run, by module id.
        inputs: The scenario inputs.
        returned: What the scenario gives back.
        response: What a webhook's caller is answered; of several, the first.
        cookies: By host; of requests that share them.
        tokens: Access tokens that connections were given, for as long as the run goes.
        secrets: What must not be shown, beside what the connections hold.
        stores: The data stores that it may change.
        cursors: Where triggers will stand once the cycle is committed, by module id.
        changes: What they held before, by module, for as long as it can be undone.
        name: What this run is called in the history.
        depth: How many scenarios called each other on the way to this one.
        nesting: How many bundles are on their way within each other.
        run_scenario: Runs another scenario with these inputs.
    """

    execution_id: str
    stores: DataStores
    inputs: dict[str, Any] = field(default_factory=dict)
    variables: dict[str, dict[str, Any]] = field(
        default_factory=lambda: {"roundtrip": {}, "execution": {}}
    )
    counters: dict[str, dict[int, int]] = field(
        default_factory=lambda: {"run": {}, "execution": {}}
    )
    returned: dict[str, Any] | None = None
    response: Response | None = None
    cookies: dict[str, dict[str, str]] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)
    secrets: list[str] = field(default_factory=list)
    cursors: dict[int, Any] = field(default_factory=dict)
    changes: list[tuple[int, Store, Change]] = field(default_factory=list)
    name: str = ""
    depth: int = 0
    nesting: int = 0
    run_scenario: Callable[[Called, Mapping[str, Any]], Result] | None = None

    def begin_run(self) -> None:
        """Forgets what lives for one run, of several that share what was opened for them."""
        self.variables["execution"] = {}
        self.counters["execution"] = {}
        self.returned = self.response = None
        self.begin_cycle()

    def begin_cycle(self) -> None:
        """Forgets what lives for one cycle."""
        self.variables["roundtrip"] = {}
        self.counters["run"] = {}
        self.changes = []
        self.cursors = {}

    def change(self, module_id: int, store: Store, change: Change) -> None:
        """Remembers what a module changed."""
        self.changes.append((module_id, store, change))

    def commit(self) -> None:
        """Makes durable what data stores were told."""
        self.stores.commit()

    def abandon(self, count: int) -> None:
        """Undoes what one operation changed that failed half way: all but the first changes."""
        self.stores.rollback()
        del self.changes[count:]

    def rollback(self, failed: int | None, *, auto_commit: bool) -> None:
        """Undoes what data stores were told in this cycle.

        Each module's work was committed already where `auto_commit` is on; then only what the
        failing module did is undone, as the builder has it.

        Source: make.com/en/help/errors/error-handlers/rollback-error-handler
        """
        self.stores.rollback()
        if auto_commit:
            mine = [(store, each) for module, store, each in self.changes if module == failed]
            for store, each in reversed(mine):
                store.undo(each)
            self.stores.commit()
        self.changes = []
