"""Sources that are not a scenario's own: what came in by a webhook, and bundles of earlier runs."""

from __future__ import annotations

from collections.abc import Iterator

from segconnect.scenario.bundle import Place, SourceBundle
from segconnect.scenario.hooks import Hooks
from segconnect.scenario.journal import Journal
from segconnect.scenario.sources import Cursor, Source

PAGE = 1_000


class RefusedSource:
    """The bundles that a run refused, in their order."""

    label = "Refused bundles"

    def __init__(self, journal: Journal, run_id: str) -> None:
        self._journal, self._id = journal, run_id
        self._total = journal.get(run_id).refused
        self._done = 0

    def bundles(self, after: Cursor | None = None) -> Iterator[SourceBundle]:
        """See `Source`."""
        last = 0 if after is None else int(after["number"])
        while rows := self._journal.refusals(self._id, PAGE, last):
            for number, refusal in rows:
                self._done += 1
                yield SourceBundle(refusal.values, refusal.place, None, {"number": number})
            last = rows[-1][0]

    def progress(self) -> tuple[int, int]:
        """See `Source`."""
        return self._done, self._total


class HookSource:
    """What came in by a webhook, in its order."""

    label = "Webhook"

    def __init__(self, hooks: Hooks, hook_id: str, name: str) -> None:
        self._hooks, self._id, self._name = hooks, hook_id, name
        self._done = 0

    def bundles(self, after: Cursor | None = None) -> Iterator[SourceBundle]:
        """See `Source`."""
        last = 0 if after is None else int(after["item"])
        while items := self._hooks.items(self._id, last, PAGE):
            for item in items:
                self._done += 1
                place = Place(f"webhook of {self._name}", item.id, item.id, "request")
                yield SourceBundle(item.bundle, place, None, {"item": item.id})
            last = items[-1].id

    def has_more(self, after: Cursor | None) -> bool:
        """Whether something came in after that."""
        return bool(self._hooks.items(self._id, 0 if after is None else int(after["item"]), 1))

    def progress(self) -> tuple[int, int]:
        """See `Source`."""
        return self._done, 0


class SomeOf:
    """Some of the bundles of a source, by their numbers.

    Args:
        source: The source.
        first: The number of the first one, from 1.
        last: The number of the last one; 0 is all that follow.
    """

    def __init__(self, source: Source, first: int, last: int) -> None:
        self._source, self._first, self._last = source, max(first, 1), last
        self.label = source.label

    def bundles(self, after: Cursor | None = None) -> Iterator[SourceBundle]:
        """See `Source`."""
        number = 0 if after is None else int(after["number"])
        for bundle in self._source.bundles(None if after is None else after["cursor"]):
            number += 1
            if self._last and number > self._last:
                return
            if number >= self._first:
                cursor = {"number": number, "cursor": bundle.cursor}
                yield SourceBundle(bundle.values, bundle.place, bundle.error, cursor)

    def progress(self) -> tuple[int, int]:
        """See `Source`."""
        return self._source.progress()
