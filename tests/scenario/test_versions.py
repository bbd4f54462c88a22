"""What scenarios were before they were changed."""

from __future__ import annotations

from pathlib import Path

import pytest

from segconnect.errors import UsageError
from segconnect.scenario.journal import Journal
from segconnect.scenario.journal.versions import MOST

SCENARIO = {
    "file": "/tea.yaml",
    "document": "{}",
    "bindings": "{}",
    "inputs": "{}",
    "connection": None,
    "takes": "whole",
    "schedule": "{}",
    "is_instant": False,
    "timezone": "UTC",
}


def numbered(journal: Journal, id_: str) -> list[tuple[int, str, str]]:
    return [(each.number, each.document, each.who) for each in journal.versions.all(id_)]


def test_every_change_is_a_version_and_what_changes_nothing_is_none(tmp_path: Path) -> None:
    journal = Journal(f"sqlite:///{tmp_path / 'runs.db'}")
    id_ = journal.scenarios.put("Tea", SCENARIO, "ann").id
    journal.scenarios.put("Tea", SCENARIO, "bob")
    journal.scenarios.put("Tea", {**SCENARIO, "document": '{"name": "Tea"}'}, "bob")
    journal.scenarios.put("Coffee", SCENARIO)

    assert numbered(journal, id_) == [(2, '{"name": "Tea"}', "bob"), (1, "{}", "ann")]
    with pytest.raises(UsageError, match="no version 3"):
        journal.versions.get(id_, 3)
    journal.scenarios.remove(id_)
    assert numbered(journal, id_) == []
    journal.close()


def test_of_a_scenario_that_is_changed_often_the_oldest_are_forgotten(tmp_path: Path) -> None:
    journal = Journal(f"sqlite:///{tmp_path / 'runs.db'}")
    for number in range(MOST + 3):
        id_ = journal.scenarios.put("Tea", {**SCENARIO, "document": str(number)}).id

    found = journal.versions.all(id_)

    assert (len(found), found[0].number, found[-1].number) == (MOST, MOST + 3, 4)
    journal.close()
