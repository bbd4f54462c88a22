"""Imports contacts for some seconds, in groups as a server commits them; prints how many a second.

A process of its own, so that reports can be asked meanwhile: python -m benchmarks.large.importing
DIRECTORY CONTACTS SECONDS
"""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.large.world import World, world
from segconnect.account.store.opening import open_writer
from segconnect.account.writing.committer import apply
from segconnect.account.writing.work import Operation

GROUP = 100


def change(place: World, pks: list[int], campaign: str) -> None:
    """Sends contacts again, of another campaign: what their orders are credited to changes."""
    writer = open_writer(place.url)
    for begin in range(0, len(pks), 1000):
        apply(writer, [_contact(place, pk, campaign) for pk in pks[begin : begin + 1000]])
    writer.close()


def rate(place: World, seconds: float, is_over: Callable[[], bool] = lambda: False) -> float:
    """Imports contacts until the time is over; answers how many a second were on disk."""
    writer, chance = open_writer(place.url), random.Random(4)
    campaign = f"imported at {time.time():.0f}"
    began, count = time.perf_counter(), 0
    while time.perf_counter() - began < seconds and not is_over():
        pks = [chance.randrange(1, place.contacts + 1) for _ in range(GROUP)]
        apply(writer, [_contact(place, pk, campaign) for pk in pks])
        count += GROUP
    took = time.perf_counter() - began
    writer.close()
    return count / took


def _contact(place: World, pk: int, campaign: str) -> Operation:
    fields = {"contact_id": f"c{pk:08}", "utm_campaign": campaign, "utm_source": "news"}
    return Operation("POST contact", place.account_pk, place.integration_pk, fields)


if __name__ == "__main__":
    print(rate(world(Path(sys.argv[1]), int(sys.argv[2])), float(sys.argv[3])))
