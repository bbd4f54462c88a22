"""What a run holds on to: nothing of a bundle that is settled, whatever came of it."""

from __future__ import annotations

import gc
from collections import Counter
from pathlib import Path

from benchmarks.faults import Plan, faulty
from benchmarks.job import SCENARIO, Place, write_people
from segconnect.errors import SegconnectError
from segconnect.scenario import blueprint
from segconnect.scenario.blueprint.bindings import validated
from segconnect.scenario.preparing import prepare
from segconnect.scenario.runner import Run
from segconnect.scenario.streaming import _Pending
from segconnect.units import Unit
from segconnect.wire.request import Answer

HELD = (Unit, _Pending, SegconnectError, Answer)


def test_what_was_settled_is_freed_at_once_and_not_when_cycles_are_looked_for(
    tmp_path: Path,
) -> None:
    """They are looked for rarely during a run, and an error holds frames with all they hold."""
    with faulty() as sink:
        place = Place(tmp_path, sink.address, {})
        (tmp_path / "people.yaml").write_text(SCENARIO)
        write_people(tmp_path / "people.csv", 300)
        document = blueprint.parse(SCENARIO)
        scenario = prepare(
            tmp_path / "people.yaml", document, validated({}), place.settings, connection="sink"
        )
        sink.begin(Plan({"500": 0.3}, most=2))
        gc.collect()
        before = {id(each) for each in gc.get_objects() if isinstance(each, HELD)}
        gc.disable()
        try:
            report = Run(scenario).run()
            left = Counter(
                type(each).__name__
                for each in gc.get_objects()
                if isinstance(each, HELD) and id(each) not in before
            )
        finally:
            gc.enable()
    assert report.delivered == 300
    assert not left
