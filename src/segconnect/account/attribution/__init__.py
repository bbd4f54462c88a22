"""Who gets the credit for a sale: the attribution models, over journeys and tables of paths.

`attribute` credits the channels of a table of paths, and needs no account. `MODELS` holds the
models as they are declared; `credits_of` credits the touches of one journey, which `fold` and
`Window.journey` make of what is known of a contact.
"""

from typing import TYPE_CHECKING, Any

from segconnect.account.attribution import plain as plain  # declares the models
from segconnect.account.attribution.crediting import Credit, credits_of
from segconnect.account.attribution.models import MODELS, Model, Models, Path
from segconnect.account.attribution.rounding import share_out
from segconnect.account.attribution.touches import (
    Conversion,
    DatedBy,
    Journey,
    Kind,
    Source,
    Touch,
    Window,
    fold,
)

if TYPE_CHECKING:
    from segconnect.account.attribution.attributing import CreditRow, attribute

__all__ = [
    "MODELS",
    "Conversion",
    "Credit",
    "CreditRow",
    "DatedBy",
    "Journey",
    "Kind",
    "Model",
    "Models",
    "Path",
    "Source",
    "Touch",
    "Window",
    "attribute",
    "credits_of",
    "fold",
    "share_out",
]


def __getattr__(name: str) -> Any:
    """Imports what computes on tables when it is asked for: an idle server needs no numpy."""
    if name in ("CreditRow", "attribute"):
        from segconnect.account.attribution import attributing

        return getattr(attributing, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
