"""The scenarios of examples/datasets: `make verify-data` runs them on the sets themselves."""

from __future__ import annotations

from pathlib import Path

import pytest

from segconnect.scenario import blueprint
from segconnect.scenario.testing import cases_of, run_case
from segconnect.settings import Settings

SCENARIOS = sorted((Path(__file__).parents[2] / "examples" / "datasets").glob("*.yaml"))


@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: path.stem)
def test_a_scenario_makes_of_an_awkward_row_what_it_says(path: Path) -> None:
    document = blueprint.read(path)
    cases = cases_of(path, document)

    assert blueprint.check(document).verdict is blueprint.Verdict.RUNNABLE
    assert cases
    for case in cases:
        verdict = run_case(case, path, document, blueprint.Bindings(), Settings())
        assert verdict.problems == []
