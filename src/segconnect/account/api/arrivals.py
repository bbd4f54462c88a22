"""What came from the pages of a site lately: for who puts the snippet in and waits for a sign.

It is kept in the memory of the process that it came to, a few for each account.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from typing import NamedTuple

MOST = 20  # that are kept for an account
MOST_ACCOUNTS = 1_000

COUNTED = "counted"
OWN = "your own traffic: not counted"
ASKS_NOT = "its browser asks not to be tracked: not counted"
HAS_NOT_AGREED = "the visitor has not agreed: not counted"


class Arrival(NamedTuple):
    """A page view that came, or that the script was loaded."""

    at: int  # milliseconds since 1970
    page: str  # host and path; "" where it was the script
    device: str
    channel: str  # "" where it is not counted
    outcome: str

    @property
    def is_script(self) -> bool:
        """Whether a page loaded the script, and has sent nothing yet."""
        return not self.page

    @property
    def is_counted(self) -> bool:
        """Whether reports see it."""
        return self.outcome == COUNTED and self.device != "bot"


class Arrivals:
    """The latest ones, by account."""

    def __init__(self) -> None:
        self._latest: OrderedDict[str, deque[Arrival]] = OrderedDict()

    def note(self, account_id: str, arrival: Arrival) -> None:
        """Keeps one."""
        kept = self._latest.get(account_id)
        if kept is None:
            kept = self._latest[account_id] = deque(maxlen=MOST)
            if len(self._latest) > MOST_ACCOUNTS:
                self._latest.popitem(last=False)
        kept.append(arrival)

    def since(self, account_id: str, at: int) -> list[Arrival]:
        """Answers what came to an account from a moment on, the latest first."""
        return [each for each in reversed(self._latest.get(account_id, ())) if each.at >= at]
