"""Keeps scenarios, to start by themselves: what command line and pages do alike."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from segconnect import clock
from segconnect.errors import UsageError
from segconnect.scenario.blueprint import Bindings, Document
from segconnect.scenario.hooks import Hooks
from segconnect.scenario.journal import Journal, Takes
from segconnect.scenario.journal.scenarios import ScenarioRow
from segconnect.scenario.moments import millisecond
from segconnect.scenario.preparing import Scenario, prepare
from segconnect.scenario.runner import reads_a_file
from segconnect.scenario.schedules import Schedule, next_after, zone_of
from segconnect.settings import Settings

USUAL = {"type": "indefinitely", "interval": 900}


def keep(
    journal: Journal,
    hooks: Hooks,
    settings: Settings,
    file: Path,
    document: Document,
    bindings: Bindings,
    *,
    name: str | None = None,
    connection: str | None = None,
    schedule: Mapping[str, Any] | None = None,
    timezone: str | None = None,
    who: str = "",
    options: Mapping[str, Any] | None = None,
) -> ScenarioRow:
    """Keeps a scenario, switched off at first; one of its name is replaced where it stands.

    Args:
        journal: Where it is kept.
        hooks: Where its webhook is kept, if it has one.
        settings: Where connections are kept.
        file: What its files are relative to.
        document: What was read, and checked.
        bindings: What its ids stand for.
        name: What to call it; None is its own name.
        connection: That SegMetrics modules send with, whatever is bound.
        schedule: When it starts; None is what it says itself, else what it had, else the usual.
        timezone: Of times of day; None is what it says itself, else what it had, else UTC.
        who: Who does it, for its versions; "" where nobody says.
        options: What its webhook is to do, by column; the others stay as they are.

    Raises:
        ScenarioError: It cannot run.
        ConnectionSetupError: A connection that it sends with is not there.
        UsageError: It does not start so.
    """
    scenario = prepare(file, document, bindings, settings, connection=connection)
    try:
        scenario.check_connections(settings)
        is_hook = scenario.plan.first.declaration.name.startswith("gateway:")
        called = name or scenario.plan.name or file.stem
        known = next((each for each in journal.scenarios.all() if each.name == called), None)
        values = schedule or document.scheduling or (known and json.loads(known.schedule))
        values = dict(values or ({"type": "immediately"} if is_hook else USUAL))
        read = Schedule.read(values)
        own = document.blueprint.own_timezone or (known and known.timezone)
        zone = zone_of(timezone or own or "UTC").key
        if read.type == "immediately" and not is_hook:
            raise UsageError(
                f"{called}: no webhook starts it, so it needs a schedule, such as 'every 15m'"
            )
        if options and not is_hook:
            raise no_hook(called)
        takes = Takes.SOURCE if reads_a_file(scenario.plan) else Takes.WHOLE
        kept = journal.scenarios.put(
            called,
            {
                "file": str(file.resolve()),
                "document": json.dumps(document.blueprint.raw),
                "bindings": json.dumps(bindings.to_values()),
                "inputs": "{}",
                "connection": connection,
                "takes": (Takes.HOOK if is_hook else takes).value,
                "schedule": json.dumps(values),
                "is_instant": is_hook and read.type == "immediately",
                "timezone": zone,
            },
            who,
        )
        if is_hook:
            _attach(journal, hooks, kept, scenario, options or {})
    finally:
        scenario.close()
    if kept.is_on:  # its schedule may be another one now
        switch_on(journal, kept)
    return journal.scenarios.get(kept.id)


def no_hook(name: str) -> UsageError:
    """Answers the error of options of a webhook that were given for another scenario."""
    return UsageError(
        f"{name}: no webhook starts it; leave out the options of webhooks, or let the scenario"
        " begin with the module gateway:CustomWebHook"
    )


def _attach(
    journal: Journal,
    hooks: Hooks,
    row: ScenarioRow,
    scenario: Scenario,
    options: Mapping[str, Any],
) -> None:
    """Gives a scenario its webhook."""
    nodes = scenario.plan.nodes.values()
    responds = any(node.declaration.name == "gateway:WebhookRespond" for node in nodes)
    values: dict[str, Any] = {"scenario_id": row.id, "detached_at": None, "responds": responds}
    values.update(options)
    if row.hook is None:
        hook = hooks.create(row.name, **values)
        journal.scenarios.set(row.id, hook=hook.id)
    else:
        hooks.set(row.hook, name=row.name, **values)


def switch_on(journal: Journal, row: ScenarioRow) -> None:
    """Lets a scenario start by itself.

    Raises:
        UsageError: By its schedule it never would.
    """
    now = clock.now()
    schedule = Schedule.read(json.loads(row.schedule))
    following = next_after(schedule, now, row.timezone, now)
    if following is None and schedule.starts_by_itself:
        raise UsageError(f"{row.name}: by its schedule it never starts again")
    journal.scenarios.set(
        row.id,
        is_on=True,
        began_at=millisecond(now),
        next_at=None if following is None else millisecond(following),
        errors=0,
        told=None,
    )
