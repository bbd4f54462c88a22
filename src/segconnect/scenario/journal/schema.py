"""The tables of the journal, the same on SQLite and PostgreSQL.

Times are milliseconds since 1970 UTC. What is nested is JSON text. The journal lies beside the
record store and shares nothing with it: in a database of its own on SQLite, where one process
writes at a time, and in the same database on PostgreSQL.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, MetaData, String, Table, Text

metadata = MetaData()

Id = String(32)
Millisecond = BigInteger

runs = Table(
    "runs",
    metadata,
    Column("id", Id, primary_key=True),
    Column("scenario", Text, nullable=False),  # its name
    Column("file", Text, nullable=False),  # its absolute path; others are relative to it
    Column("document", Text, nullable=False),  # the blueprint as it was when the run began
    Column("bindings", Text, nullable=False),
    Column("inputs", Text, nullable=False),
    Column("connection", Text),  # that SegMetrics modules send with, whatever is bound
    Column("cause", String(16), nullable=False),  # by hand, ...
    Column("state", String(16), nullable=False),
    Column(
        "asked", String(16)
    ),  # what a person wants of it: pause, cancel; of a queued one, its turn
    Column("created_at", Millisecond, nullable=False),
    Column("ended_at", Millisecond),
    Column("took", BigInteger, nullable=False),  # milliseconds in which it was at work
    Column("was_read", BigInteger, nullable=False),
    Column("filtered", BigInteger, nullable=False),
    Column("delivered", BigInteger, nullable=False),
    Column("refused", BigInteger, nullable=False),
    Column("operations", BigInteger, nullable=False),
    Column("cursor", Text),  # of the last bundle that was settled
    Column("error_kind", String(64)),
    Column("error", Text),
    Column("scenario_id", Id),  # of the scenario that is switched on, if one started it
    Column("takes", String(16), nullable=False),  # what goes through the scenario
    Column("origin", Id),  # the run whose bundles it takes up again
    Column("first", BigInteger, nullable=False),  # of those bundles, from 1; 0 is all
    Column("last", BigInteger, nullable=False),  # and the last one; 0 is all that follow
    Column("waiting", BigInteger, nullable=False),  # bundles that were set aside
    Column("given", Text),  # what the first module put out, where the run is one of the whole
    Column("modules", Text, nullable=False),  # operations and milliseconds by module
    Column("returned", Text),  # what a run of the whole gave back
    Index("ix_runs_created", "created_at"),
    Index("ix_runs_state", "state"),
    Index("ix_runs_scenario", "scenario_id", "created_at"),
)

windows = Table(
    "run_windows",
    metadata,
    Column("run_id", Id, primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),  # from 1
    Column("ended_at", Millisecond, nullable=False),
    Column("was_read", BigInteger, nullable=False),  # bundles of the run, at its end
    Column("cursor", Text),  # where the next one goes on
)

samples = Table(
    "run_samples",
    metadata,
    Column("run_id", Id, primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),  # of the operation, from 1
    Column("bundle", BigInteger, nullable=False),  # the number of the source's bundle; 0: none
    Column("module_id", BigInteger, nullable=False),
    Column("module", Text, nullable=False),
    Column("took", BigInteger, nullable=False),  # microseconds
    Column("input", Text, nullable=False),
    Column("output", Text, nullable=False),
    Column("error", Text),
)

scenarios = Table(
    "scenarios",
    metadata,
    Column("id", Id, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("file", Text, nullable=False),
    Column("document", Text, nullable=False),
    Column("bindings", Text, nullable=False),
    Column("inputs", Text, nullable=False),
    Column("connection", Text),
    Column("takes", String(16), nullable=False),  # what goes through it in a run
    Column("schedule", Text, nullable=False),  # as the builder's API has it
    Column("is_instant", Boolean, nullable=False),  # whether each request starts it at once
    Column("timezone", String(64), nullable=False),
    Column("hook", String(64)),  # the id of the webhook that starts it
    Column("is_on", Boolean, nullable=False),
    Column("created_at", Millisecond, nullable=False),
    Column("began_at", Millisecond, nullable=False),  # from which intervals are counted
    Column("next_at", Millisecond),  # when it starts next; None: never by itself
    Column("errors", Integer, nullable=False),  # failed runs in a row
    Column("told", Text),  # why it was switched off, or did not start
    Column("cursor", Text),  # where its source goes on
    Column("memory", Text, nullable=False),  # where polling triggers and counters stand
    Index("ix_scenarios_next", "is_on", "next_at"),
)

versions = Table(
    "scenario_versions",
    metadata,
    Column("scenario_id", Id, primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),  # from 1
    Column("at", Millisecond, nullable=False),
    Column("who", Text, nullable=False),
    Column("document", Text, nullable=False),
    Column("bindings", Text, nullable=False),
    Column("connection", Text),
    Column("schedule", Text, nullable=False),
)

incompletes = Table(
    "incompletes",
    metadata,
    Column("id", Id, primary_key=True),
    Column("run_id", Id, nullable=False),
    Column("scenario_id", Id),
    Column("scenario", Text, nullable=False),
    Column("file", Text, nullable=False),  # of the scenario that the module is in
    Column("number", BigInteger, nullable=False),  # of the source's bundle; 0: none
    Column("place", Text, nullable=False),
    Column("module_id", BigInteger, nullable=False),
    Column("module", Text, nullable=False),
    Column("kind", String(64), nullable=False),
    Column("reason", Text, nullable=False),
    Column("bundles", Text, nullable=False),
    Column("blueprint", Text, nullable=False),
    Column("is_before_filter", Boolean, nullable=False),
    Column("state", String(16), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("retries", Integer, nullable=False),  # of those that happen by themselves
    Column("interval", BigInteger),  # milliseconds between them; None: the usual back-off
    Column("next_at", Millisecond),
    Column("created_at", Millisecond, nullable=False),
    Column("ended_at", Millisecond),
    Index("ix_incompletes_run", "run_id"),
    Index("ix_incompletes_scenario", "scenario_id", "state"),
    Index("ix_incompletes_next", "state", "next_at"),
)

answers = Table(
    "hook_answers",
    metadata,
    Column("scenario_id", Id, primary_key=True),
    Column("item", BigInteger, primary_key=True, autoincrement=False),  # of the webhook's queue
    Column("status", Integer, nullable=False),
    Column("headers", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("created_at", Millisecond, nullable=False),
)

intents = Table(
    "intents",
    metadata,
    Column("run_id", Id, primary_key=True),
    Column("number", BigInteger, primary_key=True, autoincrement=False),  # of the source's bundle
    Column("operation", String(64), primary_key=True),
    Column("module", Text, nullable=False),
    Column("output", Text),  # None: its fate is not known
    Column("created_at", Millisecond, nullable=False),
)

refusals = Table(
    "run_refusals",
    metadata,
    Column("run_id", Id, primary_key=True),
    Column("number", BigInteger, primary_key=True, autoincrement=False),  # of the bundle, from 1
    Column("source", Text, nullable=False),
    Column("first", BigInteger, nullable=False),
    Column("last", BigInteger, nullable=False),
    Column("unit", String(16), nullable=False),
    Column("module", Text, nullable=False),
    Column("kind", String(64), nullable=False),
    Column("reason", Text, nullable=False),
    Column("bundle", Text, nullable=False),
)
