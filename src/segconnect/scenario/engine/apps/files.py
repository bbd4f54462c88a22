"""Files as sources: modules of our own, that the scenario builder has not."""

from __future__ import annotations

from collections.abc import Iterator

from segconnect.scenario.engine.registry import (
    Bundle,
    Call,
    Kind,
    Parameters,
    Values,
    module,
)
from segconnect.scenario.sources import SOURCES, open_source


@module(*SOURCES, kind=Kind.TRIGGER, polls=False)
def read(call: Call, parameters: Parameters, values: Values) -> Iterator[Bundle]:
    """Gives what is in a file, all at once; `scenario.runner` streams it."""
    for bundle in open_source(call.module, parameters, call.services.base, call.services).bundles():
        if bundle.error is not None:
            raise bundle.error
        yield bundle.values
