"""How sure a rate is."""

from __future__ import annotations

from math import sqrt

Z = 1.959963984540054  # of the normal distribution, for 95%


def wilson(of: float, per: float) -> tuple[float, float] | None:
    """Answers the 95% Wilson interval of a rate `of / per`, each end from 0 to 1.

    Unlike the usual one it stays within 0 and 1, and is honest where nobody, or everybody, did it.
    None where it is no rate: nobody was counted, or more did it than there were.
    """
    if per <= 0 or not 0 <= of <= per:
        return None
    rate = of / per
    base = 1 + Z**2 / per
    middle = (rate + Z**2 / (2 * per)) / base
    half = Z * sqrt(rate * (1 - rate) / per + Z**2 / (4 * per**2)) / base
    return max(0.0, middle - half), min(1.0, middle + half)
