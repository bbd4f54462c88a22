"""How a run is left early, and what is known of a module whose handler runs."""

from __future__ import annotations

from segconnect.scenario.engine.plan import Node
from segconnect.scenario.engine.registry import Bundle


class Stop(Exception):  # noqa: N818  # it is no error: a directive asks for it, too
    """The run ends here."""

    def __init__(self, *, commits: bool, failed: int | None = None) -> None:
        self.commits, self.failed = commits, failed
        super().__init__()


class Failure:
    """A module that failed, while its handler runs."""

    def __init__(self) -> None:
        self.directive: Node | None = None
        self.values: Bundle = {}
