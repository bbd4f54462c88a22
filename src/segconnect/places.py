"""How many requests to an account may be under way at once.

One that waits to be sent again gives its place up meanwhile, so that it does not hold up others.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable


class Places:
    """So many places. They belong to one event loop.

    Args:
        count: How many.
        left: Called when a place is given up by somebody who waits to take one again.
    """

    def __init__(self, count: int, left: Callable[[], None]) -> None:
        self.free = count
        self._left = left
        self._waiting: deque[asyncio.Future[None]] = deque()

    @property
    def is_wanted(self) -> bool:
        """Whether somebody waits who had one before."""
        return bool(self._waiting)

    def take(self) -> None:
        """Takes one that is free."""
        self.free -= 1

    def give_up(self) -> None:
        """Gives one to whoever has waited longest, or makes it free."""
        while self._waiting:
            future = self._waiting.popleft()
            if not future.done():
                future.set_result(None)
                return
        self.free += 1

    def begin(self) -> None:
        """Gives one up for as long as a request waits to be sent again."""
        self.give_up()
        self._left()

    async def end(self) -> None:
        """Takes one again, as soon as there is one."""
        if self.free > 0:
            self.take()
            return
        future = asyncio.get_running_loop().create_future()
        self._waiting.append(future)
        await future
