"""Scenarios as they are kept, for several pages: found, held to what is right, changed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from starlette.exceptions import HTTPException

from segconnect.errors import ScenarioError
from segconnect.scenario import blueprint
from segconnect.scenario.blueprint import Document
from segconnect.scenario.blueprint.bindings import Bindings, validated
from segconnect.scenario.journal.scenarios import ScenarioRow
from segconnect.scenario.keeping import keep
from segconnect.scenario.schedule_words import parse_schedule
from segconnect.web.house import House
from segconnect.web.users import User


def find(house: House, id_: str) -> ScenarioRow:
    """Finds a scenario.

    Raises:
        HTTPException: There is none.
    """
    row = house.journal.scenarios.find(id_)
    if row is None:
        raise HTTPException(404, "There is no such scenario; it may have been removed.")
    return row


def kept(
    house: House,
    content: str,
    bindings: dict[str, Any],
    connection: str,
    schedule: str,
    row: ScenarioRow | None,
    user: User,
    *,
    schedule_values: dict[str, Any] | None = None,
    timezone: str | None = None,
) -> ScenarioRow:
    """Keeps a scenario, new or changed, once nothing is wrong with it.

    Its time zone stays as it is, unless another one is given, or it says another one than before.

    Raises:
        ScenarioError: Something is.
    """
    document = blueprint.parse(content)
    bound = validated(bindings)
    _check(document, bound, connection)
    path = Path(row.file) if row else house.settings.data.expanduser() / "scenarios" / "new.yaml"
    values = parse_schedule(schedule) if schedule else schedule_values
    if row is not None and timezone in (None, row.timezone):
        before = blueprint.parse(row.document).blueprint.own_timezone
        is_same = document.blueprint.own_timezone == before
        timezone = row.timezone if is_same else None
    return keep(
        house.journal, house.hooks, house.settings, path, document, bound,
        name=row.name if row else None, connection=connection or None, schedule=values,
        timezone=timezone, who=user.email or user.name,
    )  # fmt: skip


def changed(house: House, row: ScenarioRow, content: str, user: User, told: str) -> ScenarioRow:
    """Changes what a scenario does, and nothing else of it."""
    found = kept(house, content, json.loads(row.bindings), row.connection or "", "", row, user)
    house.users.note(user, told)
    return found


def _check(document: Document, bindings: Bindings, connection: str) -> None:
    from segconnect.scenario.blueprint.segmetrics import is_segmetrics

    report = blueprint.check(document, bindings)
    told = [f"{each.path}: {each.message}" if each.path else each.message for each in report.errors]
    for need in report.missing:
        is_ours = need.kind is blueprint.NeedKind.CONNECTION and is_segmetrics(f"{need.app}:")
        if need.kind is not blueprint.NeedKind.WEBHOOK and not (is_ours and connection):
            told.append(f"{need.explained()}: choose what stands for it")
    if told:
        raise ScenarioError("; ".join(told))
