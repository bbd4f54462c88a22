"""The attribution models that a report can be asked for, and how they are named.

Credits of most are kept in the replica. Markov and Shapley look at all journeys together, and are
computed from what each journey was when they are asked for.
"""

from __future__ import annotations

from typing import NamedTuple

from segconnect.account.attribution import MODELS
from segconnect.account.attribution.models import Model, Settings
from segconnect.account.replica.crediting import EVERY_TOUCH, KEPT, Kept
from segconnect.errors import UsageError

DEFAULT = "any"
"""The hosted service's own. Source: help 293."""

TOGETHER = {"markov": "order", "shapley": "worth"}
"""Models that look at all journeys together, and the parameter that may follow them."""
REPORTED = (*KEPT, *TOGETHER)
NULL = "null"  # after Markov: journeys that did not convert count, too
RATE = "rate"  # of Shapley: what cannot be told without them


class Together(NamedTuple):
    """How a model is computed that looks at all journeys together."""

    settings: Settings
    with_null: bool  # whether journeys that did not convert count, too


class Crediting(NamedTuple):
    """What a report must know of the credits that it reads."""

    slug: str  # as it is named, with its window: linear@30
    model: str
    days: int | None  # before the conversion, in which visits earn credit; None: always
    is_fractional: bool  # whether credits add up to what there was
    together: Together | None = None

    @property
    def of_visits(self) -> str:
        """The model whose credits are read: of one over all journeys, the one that lists them."""
        return EVERY_TOUCH if self.together else self.model

    @property
    def kept(self) -> str:
        """The name under which the replica keeps what is read."""
        return str(Kept(self.of_visits, self.days))

    @property
    def title(self) -> str:
        """Its name for people, with what follows it."""
        rest, at, days = self.slug.removeprefix(self.model).partition("@")
        told = [rest.strip(":").replace(":", ", ")] if rest else []
        told += [f"{days} days"] if at else []
        return MODELS[self.model].label + (f" ({', '.join(told)})" if told else "")

    def of_each_visit(self) -> Crediting:
        """The same window, and every visit credited in full."""
        kept = Kept(EVERY_TOUCH, self.days)
        return Crediting(str(kept), kept.model, kept.days, MODELS[kept.model].is_fractional)


def find_model(name: str) -> Crediting:
    """Finds a model by its slug, its label or another name, with a window or without.

    Markov may be followed by its order and by null, Shapley by rate: markov:2:null@30.

    Raises:
        UsageError: There is none, or what follows it is not known.
    """
    asked, at, days = name[:100].partition("@")
    slug, *given = asked.split(":")
    model = MODELS[slug]
    if model.slug not in TOGETHER:
        kept = Kept.named(name[:100])
        return Crediting(str(kept), kept.model, kept.days, model.is_fractional)
    together = _together(model, given)
    window = Kept.named(f"{EVERY_TOUCH}{at}{days}").days
    parameter = TOGETHER[model.slug]
    told = [model.slug]
    if together.settings[parameter] != model.settings({})[parameter]:
        told.append(str(together.settings[parameter]))
    if together.with_null and model.slug == "markov":
        told.append(NULL)
    named = ":".join(told) + ("" if window is None else f"@{window}")
    return Crediting(named, model.slug, window, model.is_fractional, together)


def _together(model: Model, given: list[str]) -> Together:
    """Reads what follows a model: markov:2:null, shapley:rate."""
    asked = [each.strip().lower() for each in given]
    is_null = model.slug == "markov" and NULL in asked
    asked = [each for each in asked if not (is_null and each == NULL)]
    if len(asked) > 1:
        example = "markov:2:null" if model.slug == "markov" else "shapley:rate"
        raise UsageError(f"model {model.slug}: {':'.join(given)!r} is not known; such as {example}")
    settings = model.settings({TOGETHER[model.slug]: asked[0]} if asked else {})
    return Together(settings, is_null or settings.get("worth") == RATE)
