"""Waits for what scenarios answer the callers of their webhooks."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from contextlib import suppress
from time import monotonic

from sqlalchemy.exc import SQLAlchemyError

from segconnect.scenario.engine.state import Response
from segconnect.scenario.journal import Journal

MOST_WAIT = 300.0  # seconds. Source: help.make.com
LOOK_SECONDS = 0.02  # between two looks
LOOK_SHARE = 4  # a pause is at least so many times as long as the look before it
PAGE = 500
LOG = logging.getLogger(__name__)


class Asking:
    """Looks into the journal for answers while anybody waits; it belongs to one event loop."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._asked: dict[str, dict[int, asyncio.Future[Response]]] = {}
        self._looking: asyncio.Task[None] | None = None

    async def response(self, scenario_id: str, item: int) -> Response | None:
        """Answers what a scenario answers to an item; None: nothing, or not in time."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Response] = loop.create_future()
        self._asked.setdefault(scenario_id, {})[item] = future
        if self._looking is None:
            self._looking = loop.create_task(self._look())
        try:
            # A server that ends cancels who waits: the item is on disk, and is run all the same.
            with suppress(TimeoutError, asyncio.CancelledError):
                return await asyncio.wait_for(future, MOST_WAIT)
            return None
        finally:
            asked = self._asked[scenario_id]
            del asked[item]
            if not asked:
                del self._asked[scenario_id]

    def close(self) -> None:
        """Ends; nobody is answered any more."""
        if self._looking is not None:
            self._looking.cancel()

    async def _look(self) -> None:
        try:
            while self._asked:
                began = monotonic()
                for scenario_id, asked in list(self._asked.items()):
                    try:
                        found = await asyncio.to_thread(self._found, scenario_id, sorted(asked))
                    except SQLAlchemyError:
                        LOG.exception("answers cannot be read")
                        continue
                    for item, response in found.items():
                        future = asked.get(item)
                        if future is not None and not future.done():
                            future.set_result(response)
                await asyncio.sleep(max(LOOK_SECONDS, LOOK_SHARE * (monotonic() - began)))
        finally:
            self._looking = None

    def _found(self, scenario_id: str, items: Sequence[int]) -> dict[int, Response]:
        found: dict[int, Response] = {}
        for start in range(0, len(items), PAGE):
            found |= self._journal.answers.to(scenario_id, items[start : start + PAGE])
        return found
