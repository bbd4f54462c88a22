"""What the callers of webhooks are answered, on its way from who runs a scenario to who serves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Engine, delete, select

from segconnect.scenario import values_json
from segconnect.scenario.engine.state import Response
from segconnect.scenario.journal.schema import answers
from segconnect.scenario.moments import now

KEPT = 10 * 60_000  # milliseconds; who asked has gone by then


class Answers:
    """The answers of a journal."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def to(self, scenario_id: str, items: Sequence[int]) -> dict[int, Response]:
        """Answers what is known of these items of a scenario's queue."""
        mine = (answers.c.scenario_id == scenario_id) & answers.c.item.in_(items)
        with self._engine.connect() as connection:
            return {
                row.item: Response(
                    row.status,
                    values_json.loads(row.body),
                    [(name, value) for name, value in values_json.loads(row.headers)],
                )
                for row in connection.execute(select(answers).where(mine))
            }

    def forget(self) -> None:
        """Deletes those that nobody waits for any more."""
        with self._engine.begin() as connection:
            connection.execute(delete(answers).where(answers.c.created_at < now() - KEPT))


def answer_columns(scenario_id: str, item: int, response: Response) -> dict[str, Any]:
    """Answers the row of an answer."""
    return {
        "scenario_id": scenario_id,
        "item": item,
        "status": response.status,
        "headers": values_json.dumps(response.headers),
        "body": values_json.dumps(response.body),
        "created_at": now(),
    }
