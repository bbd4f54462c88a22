"""Sharing out whole units, so that the parts add up to the whole."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import floor

PLACES = 6  # of a unit: parts that differ by less than that are a tie, whatever computed them


def share_out(total: int, shares: Sequence[float | Fraction]) -> list[int]:
    """Shares out whole cents by largest remainder: the parts add up to the total, always.

    Each gets its share rounded down; the cents that are left go to those that lost most by it, and
    of those that lost the same, to the first.

    Args:
        total: Cents, or another whole unit.
        shares: One for each part, adding up to 1.
    """
    exact = [total * share for share in shares]
    parts = [floor(round(part, PLACES)) for part in exact]
    lost = [round(float(part - whole), PLACES) for part, whole in zip(exact, parts, strict=True)]
    by_loss = sorted(range(len(parts)), key=lambda place: (-lost[place], place))
    left = total - sum(parts)
    for place in by_loss[:left] if left >= 0 else by_loss[left:]:
        parts[place] += 1 if left > 0 else -1
    return parts
