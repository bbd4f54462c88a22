"""Scenarios that are switched on, incomplete executions, intents, and more of the history."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

ID = sa.String(length=32)


def upgrade() -> None:
    """Adds to what runs leave behind."""
    _runs()
    op.create_table(
        "run_windows",
        sa.Column("run_id", ID, nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=False),
        sa.Column("was_read", sa.BigInteger(), nullable=False),
        sa.Column("cursor", sa.Text()),
        sa.PrimaryKeyConstraint("run_id", "number"),
    )
    op.create_table(
        "run_samples",
        sa.Column("run_id", ID, nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("bundle", sa.BigInteger(), nullable=False),
        sa.Column("module_id", sa.BigInteger(), nullable=False),
        sa.Column("module", sa.Text(), nullable=False),
        sa.Column("took", sa.BigInteger(), nullable=False),
        sa.Column("input", sa.Text(), nullable=False),
        sa.Column("output", sa.Text(), nullable=False),
        sa.Column("error", sa.Text()),
        sa.PrimaryKeyConstraint("run_id", "number"),
    )
    _scenarios()
    _incompletes()
    op.create_table(
        "hook_answers",
        sa.Column("scenario_id", ID, nullable=False),
        sa.Column("item", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("headers", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("scenario_id", "item"),
    )
    op.create_table(
        "intents",
        sa.Column("run_id", ID, nullable=False),
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("operation", sa.String(length=64), nullable=False),
        sa.Column("module", sa.Text(), nullable=False),
        sa.Column("output", sa.Text()),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("run_id", "number", "operation"),
    )


def _runs() -> None:
    for column in (
        sa.Column("scenario_id", ID),
        sa.Column("takes", sa.String(length=16), nullable=False, server_default="source"),
        sa.Column("origin", ID),
        sa.Column("first", sa.BigInteger(), nullable=False, server_default="0"),
        sa.Column("last", sa.BigInteger(), nullable=False, server_default="0"),
        sa.Column("waiting", sa.BigInteger(), nullable=False, server_default="0"),
        sa.Column("given", sa.Text()),
        sa.Column("modules", sa.Text(), nullable=False, server_default="{}"),
        sa.Column("returned", sa.Text()),
    ):
        op.add_column("runs", column)
    op.create_index("ix_runs_scenario", "runs", ["scenario_id", "created_at"])


def _scenarios() -> None:
    op.create_table(
        "scenarios",
        sa.Column("id", ID, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("file", sa.Text(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("bindings", sa.Text(), nullable=False),
        sa.Column("inputs", sa.Text(), nullable=False),
        sa.Column("connection", sa.Text()),
        sa.Column("takes", sa.String(length=16), nullable=False),
        sa.Column("schedule", sa.Text(), nullable=False),
        sa.Column("is_instant", sa.Boolean(), nullable=False),
        sa.Column("timezone", sa.String(length=64), nullable=False),
        sa.Column("hook", sa.String(length=64)),
        sa.Column("is_on", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("began_at", sa.BigInteger(), nullable=False),
        sa.Column("next_at", sa.BigInteger()),
        sa.Column("errors", sa.Integer(), nullable=False),
        sa.Column("told", sa.Text()),
        sa.Column("cursor", sa.Text()),
        sa.Column("memory", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("name"),
    )
    op.create_index("ix_scenarios_next", "scenarios", ["is_on", "next_at"])


def _incompletes() -> None:
    op.create_table(
        "incompletes",
        sa.Column("id", ID, nullable=False),
        sa.Column("run_id", ID, nullable=False),
        sa.Column("scenario_id", ID),
        sa.Column("scenario", sa.Text(), nullable=False),
        sa.Column("file", sa.Text(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("place", sa.Text(), nullable=False),
        sa.Column("module_id", sa.BigInteger(), nullable=False),
        sa.Column("module", sa.Text(), nullable=False),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("bundles", sa.Text(), nullable=False),
        sa.Column("blueprint", sa.Text(), nullable=False),
        sa.Column("is_before_filter", sa.Boolean(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("retries", sa.Integer(), nullable=False),
        sa.Column("interval", sa.BigInteger()),
        sa.Column("next_at", sa.BigInteger()),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger()),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_incompletes_run", "incompletes", ["run_id"])
    op.create_index("ix_incompletes_scenario", "incompletes", ["scenario_id", "state"])
    op.create_index("ix_incompletes_next", "incompletes", ["state", "next_at"])
