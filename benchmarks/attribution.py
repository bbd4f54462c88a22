"""Attribution of a million paths, against the same in loops and dictionaries.

By hand, it is what a careful programmer writes who has the table in lists: one pass over the paths
for each model, counting in dictionaries; the Markov chain of third order is counted that way and
solved by passing probabilities on, once for each channel. Reading the file is in neither: it is
shown beside.
"""

from __future__ import annotations

import gc
import random
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeAlias

from segconnect.account.attribution import MODELS
from segconnect.account.attribution.attributing import credited
from segconnect.account.attribution.reading import read_paths

Row: TypeAlias = tuple[tuple[str, ...], float, float]  # steps, conversions, null
Credit: TypeAlias = dict[str, float]

CHANNELS = 12
ORDER = 3


def paths(count: int) -> list[Row]:
    """Distinct paths of some four steps each, over twelve channels of which some are frequent."""
    chance = random.Random(7)
    names = [f"channel {at}" for at in range(CHANNELS)]
    weights = [1 / (at + 1) for at in range(CHANNELS)]
    found: dict[tuple[str, ...], None] = {}
    while len(found) < count:
        length = min(1 + int(chance.expovariate(0.25)), 30)
        found[tuple(chance.choices(names, weights, k=length))] = None
    return [(steps, chance.randrange(4), chance.randrange(9)) for steps in found]


def linear(rows: list[Row]) -> Credit:
    """An equal share to each step."""
    credit: Credit = defaultdict(float)
    for steps, conversions, _ in rows:
        share = conversions / len(steps)
        for step in steps:
            credit[step] += share
    return credit


def time_decay(rows: list[Row]) -> Credit:
    """Half as much for each seven steps before the last."""
    credit: Credit = defaultdict(float)
    weights = [0.5 ** (back / 7) for back in range(40)]
    sums = [0.0]
    for weight in weights:
        sums.append(sums[-1] + weight)
    for steps, conversions, _ in rows:
        share = conversions / sums[len(steps)]
        for back, step in enumerate(reversed(steps)):
            credit[step] += share * weights[back]
    return credit


def markov(rows: list[Row]) -> Credit:
    """The chain of third order, its probabilities passed on until hardly any is underway."""
    counts: dict[tuple[str, ...], dict[tuple[str, ...], float]] = defaultdict(
        lambda: defaultdict(float)
    )
    ends: dict[tuple[str, ...], float] = defaultdict(float)
    converts: dict[tuple[str, ...], float] = defaultdict(float)
    for steps, conversions, null in rows:
        state: tuple[str, ...] = ()
        for step in steps:
            following = (*state, step)[-ORDER:]
            counts[state][following] += conversions + null
            state = following
        ends[state] += conversions + null
        converts[state] += conversions
    chances = {}
    for state in {**counts, **ends}:
        row = counts.get(state, {})
        total = sum(row.values()) + ends[state]
        if total:
            onward = [(each, count / total) for each, count in row.items()]
            chances[state] = (onward, converts[state] / total)

    def reach(without: str | None) -> float:
        here: dict[tuple[str, ...], float] = {(): 1.0}
        found = 0.0
        while sum(here.values()) > 1e-13:
            after: dict[tuple[str, ...], float] = defaultdict(float)
            for state, mass in here.items():
                onward, converting = chances[state]
                found += mass * converting
                for each, chance in onward:
                    if each[-1] != without:
                        after[each] += mass * chance
            here = after
        return found

    everything = reach(None)
    channels = sorted({step for steps, _, _ in rows for step in steps})
    lost = {channel: 1 - reach(channel) / everything for channel in channels}
    conversions = sum(row[1] for row in rows)
    return {channel: each / sum(lost.values()) * conversions for channel, each in lost.items()}


WANTED = {"linear": "2", "time_decay": "2", "markov": "5"}  # times as fast as by hand
BY_HAND: dict[str, Callable[[list[Row]], Credit]] = {
    "linear": linear,
    "time_decay": time_decay,
    "markov": markov,
}


@dataclass(frozen=True)
class Found:
    """CPU seconds: of reading the file, and of each model, ours and by hand."""

    reading: float
    models: dict[str, tuple[float, float]]


def run(count: int) -> Found:
    """Measures each model on so many distinct paths, in turns, and checks that both agree."""
    rows = paths(count)
    gc.freeze()  # what the reference holds is no work of ours
    with TemporaryDirectory(prefix="segconnect-bench-") as directory:
        file = Path(directory) / "paths.csv"
        lines = (f"{' > '.join(steps)},{conversions},{null}\n" for steps, conversions, null in rows)
        file.write_text("path,conversions,null\n" + "".join(lines))
        began = time.process_time()
        read_paths(file)
        reading = time.process_time() - began
        table = read_paths(file)
    found = {}
    for name, by_hand in BY_HAND.items():
        model = MODELS[name]
        settings = model.settings({"order": ORDER} if name == "markov" else {})
        began = time.process_time()
        ours = credited(table, model, settings, with_null=name == "markov")
        took = time.process_time() - began
        began = time.process_time()
        theirs = by_hand(rows)
        found[name] = took, time.process_time() - began
        for row in ours.rows:
            assert abs(row["conversions"] - theirs[row["channel"]]) < 1e-4, (name, row)
    return Found(reading, found)


if __name__ == "__main__":
    measured = run(1_000_000)
    print(f"read {measured.reading:.2f} s")
    for name, (ours, by_hand) in measured.models.items():
        print(f"{name}: {ours:.3f} s, by hand {by_hand:.3f} s, ratio {by_hand / ours:.1f}")
