"""The attribution models that a report can be asked for: those whose credits are kept."""

from __future__ import annotations

from typing import NamedTuple

from segconnect.account.attribution import MODELS
from segconnect.account.replica.crediting import Kept

DEFAULT = "any"
"""The hosted service's own. Source: help 293."""


class Crediting(NamedTuple):
    """What a report must know of the credits that it reads."""

    slug: str  # with its window, as in linear@30
    model: str
    days: int | None  # before the conversion, in which visits earn credit; None: always
    is_fractional: bool  # whether credits add up to what there was


def find_model(name: str) -> Crediting:
    """Finds a model by its slug, its label or another name, with a window or without.

    Raises:
        UsageError: There is none, or its credits depend on everybody's journeys and are not kept.
    """
    kept = Kept.named(name[:100])
    return Crediting(str(kept), kept.model, kept.days, MODELS[kept.model].is_fractional)
