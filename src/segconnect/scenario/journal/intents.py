"""Operations that may not be repeated: written down before they happen, and when they are done.

After a crash one that was done is not done again, and of one that was only begun nobody knows:
that is for a person to say.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Engine, delete, insert, select, update

from segconnect import clock
from segconnect.scenario import values_json
from segconnect.scenario.engine.errors import ModuleError
from segconnect.scenario.journal.schema import intents


class JournalIntents:
    """The operations of one run. See `segconnect.scenario.engine.services.Intents`."""

    def __init__(self, engine: Engine, run_id: str) -> None:
        self._engine, self._id = engine, run_id
        self._number = 0
        self._seen: Counter[str] = Counter()
        self.is_used = False
        """Whether there was any, so that there may be some to forget."""

    def enter(self, number: int) -> None:
        """Says which bundle of the source comes now, from 1."""
        self._number = number
        self._seen.clear()

    def begin(self, module: str, digest: str) -> tuple[str, Sequence[Mapping[str, Any]] | None]:
        """See `Intents`. The same operation several times on one bundle is told apart by order."""
        self._seen[digest] += 1
        operation = f"{digest}.{self._seen[digest]}"
        self.is_used = True
        with self._engine.begin() as connection:
            query = select(intents.c.output).where(*self._key(operation))
            known = connection.execute(query).first()
            if known is None:
                values = {
                    "run_id": self._id,
                    "number": self._number,
                    "operation": operation,
                    "module": module,
                    "created_at": int(clock.now().timestamp() * 1000),
                }
                connection.execute(insert(intents), values)
                return operation, None
        if known.output is None:
            raise ModuleError(
                "UnknownFateError",
                f"{module} was begun before segconnect was stopped, and may have been done; look"
                " there, then retry it, or retry it as done",
            )
        outputs: list[Mapping[str, Any]] = values_json.loads(known.output)
        return operation, outputs

    def done(self, operation: str, outputs: Sequence[Mapping[str, Any]]) -> None:
        """See `Intents`."""
        change = update(intents).where(*self._key(operation))
        with self._engine.begin() as connection:
            connection.execute(change.values(output=values_json.dumps(list(outputs))))

    def failed(self, operation: str) -> None:
        """See `Intents`."""
        with self._engine.begin() as connection:
            connection.execute(delete(intents).where(*self._key(operation)))

    def _key(self, operation: str) -> tuple[Any, ...]:
        return (
            intents.c.run_id == self._id,
            intents.c.number == self._number,
            intents.c.operation == operation,
        )
