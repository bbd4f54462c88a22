"""Takes somebody out of what runs left behind: samples, what was refused, and what waits."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Column, ColumnElement, Engine, delete, func, null, or_, update

from segconnect.scenario.journal.schema import incompletes, refusals, runs, samples

HELD = {
    samples: (samples.c.input, samples.c.output, samples.c.error),
    refusals: (refusals.c.bundle, refusals.c.reason),
    incompletes: (incompletes.c.bundles, incompletes.c.reason),
}


def holds(columns: Sequence[Column[str]], texts: Sequence[str]) -> ColumnElement[bool]:
    """Whether one of the columns holds one of the texts, in whatever case."""
    return or_(
        *(
            func.lower(column).contains(text.lower(), autoescape=True)
            for column in columns
            for text in texts
        )
    )


def erase(engine: Engine, texts: Sequence[str]) -> int:
    """Deletes what holds one of the texts; answers how much it was.

    What a run that goes on hands from one module to the next stays until it ends.
    """
    if not texts:
        return 0
    count = 0
    with engine.begin() as connection:
        if engine.dialect.name == "sqlite":
            connection.exec_driver_sql("pragma secure_delete=on")  # zeros over what is deleted
        for table, columns in HELD.items():
            count += connection.execute(delete(table).where(holds(columns, texts))).rowcount
        for column in (runs.c.given, runs.c.returned):
            ended = runs.c.ended_at.is_not(None) & holds((column,), texts)
            count += connection.execute(
                update(runs).where(ended).values({column: null()})
            ).rowcount  # fmt: skip
    return count
