"""The tables of the journal, the same on SQLite and PostgreSQL.

Times are milliseconds since 1970 UTC. What is nested is JSON text. The journal lies beside the
record store and shares nothing with it: in a database of its own on SQLite, where one process
writes at a time, and in the same database on PostgreSQL.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, MetaData, String, Table, Text

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
    Column("asked", String(16)),  # what a person wants of the run that goes on: pause, cancel
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
    Index("ix_runs_created", "created_at"),
    Index("ix_runs_state", "state"),
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
