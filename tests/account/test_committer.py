"""Group commit: what waits for what."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from segconnect.account.writing import committer
from segconnect.account.writing.committer import Committer, Reply
from segconnect.account.writing.work import Operation

OPERATION = Operation("POST contact", 1, 1, {"email": "joey@bloggs.com"})


class Writer:
    """Writes nothing, at once."""

    def __init__(self) -> None:
        self.groups: list[int] = []

    async def write(self, operations: Sequence[Operation]) -> list[Reply]:
        """Counts the operations of a group."""
        self.groups.append(len(operations))
        await asyncio.sleep(0)
        return [(200, b"{}")] * len(operations)

    async def close(self) -> None:
        """Has nothing to close."""


def test_a_batch_is_written_at_once_though_a_group_gathers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(committer, "GATHER_SECONDS", 60)

    async def play() -> list[int]:
        writer = Writer()
        commits = Committer(writer)
        await asyncio.gather(*(commits.submit(OPERATION) for _ in range(8)))  # four are awaited
        await asyncio.sleep(0.01)  # while it gathers
        single = commits.submit(OPERATION)
        batch = commits.submit_all([OPERATION] * 3)
        await asyncio.wait_for(asyncio.gather(single, batch), timeout=5)
        await commits.close()
        return writer.groups

    assert asyncio.run(play()) == [8, 3, 1]


def test_a_group_of_many_waits_for_half_as_many() -> None:
    async def play() -> list[int]:
        writer = Writer()
        commits = Committer(writer)
        await asyncio.gather(*(commits.submit(OPERATION) for _ in range(8)))
        again = [commits.submit(OPERATION) for _ in range(4)]
        await asyncio.gather(*again)
        await commits.close()
        return writer.groups

    assert asyncio.run(play()) == [8, 4]
