"""The attribution models that a report can be asked for: those whose credits are kept."""

from __future__ import annotations

from segconnect.account.attribution import MODELS, Model
from segconnect.account.replica.crediting import KEPT
from segconnect.errors import UsageError

DEFAULT = "any"
"""The hosted service's own. Source: help 293."""


def find_model(name: str) -> Model:
    """Finds a model by its slug, its label or another name.

    Raises:
        UsageError: There is none, or its credits depend on everybody's journeys and are not kept.
    """
    model = MODELS[name[:100]]
    if model.slug not in KEPT:
        raise UsageError(
            f"reports do not know the model {model.slug}, which looks at all journeys together;"
            f" they know {', '.join(KEPT)}"
        )
    return model
