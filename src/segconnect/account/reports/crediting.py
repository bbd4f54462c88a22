"""The attribution models that a report can be asked for, by the names that clients use."""

from __future__ import annotations

from typing import NamedTuple

from segconnect.errors import UsageError, unknown_name


class Crediting(NamedTuple):
    """What a report must know of a model."""

    slug: str
    label: str
    is_fractional: bool = True  # whether its credits add up to what there was
    aliases: tuple[str, ...] = ()

    def __str__(self) -> str:
        return self.slug


MODELS = {
    each.slug: each
    for each in (
        Crediting("any", "Any Page View", False, ("any_page_view", "linear_full")),
        Crediting("first_touch", "First Visit", True, ("first", "first_click")),
        Crediting("optin", "Opt-in", True, ("opt_in",)),
        Crediting("purchase", "Purchase"),
        Crediting("last_touch", "Last Touch", True, ("last", "last_click")),
        Crediting("last_non_direct", "Last Non-Direct"),
        Crediting("linear", "Linear"),
        Crediting("position", "Position (U)", True, ("u_shaped",)),
        Crediting("position_w", "Position (W)", True, ("w_shaped",)),
        Crediting("time_decay", "Time Decay"),
    )
}
DEFAULT = "any"
"""The hosted service's own. Source: help 293."""


def find_model(name: str) -> Crediting:
    """Finds a model by its slug, its label or another name.

    Raises:
        UsageError: There is none.
    """
    folded = _folded(name)
    for model in MODELS.values():
        if folded in map(_folded, (model.slug, model.label, *model.aliases)):
            return model
    raise UsageError(unknown_name("attribution model", name[:100], MODELS))


def _folded(name: str) -> str:
    return name.strip().lower().replace("-", "_").replace(" ", "_")
