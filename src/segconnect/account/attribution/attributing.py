"""Attributing a table of paths by any model; what an analyst without an account calls."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypedDict

import numpy as np

from segconnect.account.attribution import markov, shapley
from segconnect.account.attribution.fast import WEIGHTS
from segconnect.account.attribution.models import MODELS, Model, Settings
from segconnect.account.attribution.reading import Rows, read_paths
from segconnect.account.attribution.rounding import share_out
from segconnect.account.attribution.table import FloatArray, PathTable, exact_total, summed
from segconnect.errors import UsageError

START, CONVERSION, NULL = "(start)", "(conversion)", "(null)"
NOBODY = "(none)"  # what no touch earned
CONVERSION_PLACES = 9
DIGITS = 15  # of a float


TransitionRow = TypedDict("TransitionRow", {"from": str, "to": str, "probability": float})
"""How likely a state, the last steps of a journey, is followed by another one."""


class CreditRow(TypedDict):
    """What a channel is credited with; value is null where the table has none."""

    channel: str
    conversions: float
    value: float | None


@dataclass(frozen=True)
class Credited:
    """What all channels are credited with by a model, the most first."""

    model: Model
    settings: Settings
    rows: list[CreditRow]
    conversions: float  # what there was; of a model that is not fractional, not the rows' sum
    value: float | None
    places: int  # decimals of values
    effects: markov.Effects | None = None
    channels: tuple[str, ...] = ()  # by which effects and errors are ordered
    errors: dict[str, float] = field(default_factory=dict)  # standard errors of conversions


def attribute(
    paths: Rows,
    model: str = "any",
    *,
    null: bool = False,
    separator: str = ">",
    **settings: Any,
) -> list[CreditRow]:
    """Credits channels with the conversions and the value of a table of paths.

        attribute("paths.csv", model="markov", order=2, null=True)
        attribute([{"path": "ad > email", "conversions": 2, "value": 30}], model="linear")

    Args:
        paths: A CSV file by its name, or rows: mappings with path, conversions and, where they are
            known, value, null and optin; or sequences in that order.
        model: A model by its slug, label or alias.
        null: Whether the column null, journeys that did not convert, counts; Markov only.
        separator: What stands between the steps of a path.
        settings: The model's own parameters.

    Returns:
        One row for each channel, the most credited first. Of a fractional model they add up to
        what there was, values to the cent; what no touch earned is the row `(none)`.

    Raises:
        PathsError: The table cannot be used; it tells all problems, with their lines.
        UsageError: The model or one of its parameters is unknown, or the table lacks what it needs.
    """
    found = MODELS[model]
    read = found.settings(settings)
    return credited(read_paths(paths, separator), found, read, with_null=null).rows


def credited(
    table: PathTable, model: Model, settings: Settings, *, with_null: bool = False
) -> Credited:
    """Credits the channels of a table, with what else the model finds out.

    Raises:
        UsageError: The table lacks what the model or a parameter needs.
    """
    if why := unusable(table, model, settings, with_null=with_null):
        raise UsageError(f"model {model.slug}: {why}")
    bare = Credited(model, settings, [], 0.0, None, table.places, channels=table.channels)
    if model.slug == "markov":
        chain = markov.chain_of(table, int(settings["order"]), with_null=with_null)
        effects = markov.removal_effects(chain)
        found = replace(bare, effects=effects)
        return _shared(
            found, table, shares_of(effects.conversions), shares_of(effects.values[:, 0])
        )
    if model.slug == "shapley":
        return _by_shapley(bare, table)
    weights = WEIGHTS[model.slug](table, **settings)
    per_path = table.conversions, table.values
    conversions, values = (
        None
        if each is None
        else summed(table.steps, weights * np.repeat(each, table.lengths), len(table.channels))
        for each in per_path
    )
    assert conversions is not None
    if model.is_fractional:
        total = table.conversions.sum()
        worth = 0.0 if table.values is None else table.values.sum()
        return _shared(
            bare,
            table,
            conversions / total if total else conversions,
            values / worth if values is not None and worth else values,
        )
    return _rows(
        bare,
        table,
        [round(each, CONVERSION_PLACES) for each in conversions.tolist()],
        None if values is None else [round(each, table.places) for each in values.tolist()],
    )


def transition_rows(table: PathTable, order: int, *, with_null: bool) -> list[TransitionRow]:
    """Answers all transitions of the Markov model: by state, the start first, the likeliest first.

    From `(start)`; to `(conversion)` and, where they are counted, to `(null)`.
    """
    chain = markov.chain_of(table, order, with_null=with_null)
    names = [" > ".join(chain.names(state)) or START for state in range(len(chain.keys))]
    moves = [
        (source, names[target], chance)
        for source, target, chance in zip(
            chain.sources.tolist(), chain.targets.tolist(), chain.chances.tolist(), strict=True
        )
    ]
    goes_on = summed(chain.sources, chain.chances, len(names))
    for state, converts in enumerate(chain.converts.tolist()):
        loses = 1 - float(goes_on[state]) - converts
        moves.append((state, CONVERSION, converts))
        moves.append((state, NULL, round(loses, CONVERSION_PLACES)))
    moves.sort(key=lambda move: (names[move[0]] != START, names[move[0]], -move[2], move[1]))
    return [
        {"from": names[state], "to": to, "probability": chance}
        for state, to, chance in moves
        if chance > 0
    ]


def unusable(
    table: PathTable, model: Model, settings: Settings, *, with_null: bool = False
) -> str | None:
    """Says what a table lacks for a model; None where it can be used."""
    if model.needs_opt_in and table.opt_ins is None:
        return "needs to know the opt-in: the column optin, the step that led to it, counted from 1"
    counts_null = (with_null and model.slug == "markov") or settings.get("worth") == "rate"
    if table.nulls is None and counts_null:
        return "needs the column null, the journeys that did not convert, and the table has none"
    return None


def _by_shapley(bare: Credited, table: PathTable) -> Credited:
    def added(earned: FloatArray) -> shapley.Added:
        if bare.settings["worth"] == "conversions":
            return shapley.by_conversions(table, earned)
        journeys = table.journeys(with_null=True)
        samples, seed = int(bare.settings["samples"]), int(bare.settings["seed"])
        return shapley.by_rate(table, earned, journeys, samples, seed)

    by_conversions = added(table.conversions)
    by_value = None if table.values is None else added(table.values).shares
    found = bare
    if by_conversions.errors is not None:
        errors = by_conversions.errors * table.conversions.sum()
        found = replace(bare, errors=dict(zip(table.channels, errors.tolist(), strict=True)))
    return _shared(found, table, by_conversions.shares, by_value)


def shares_of(lost: FloatArray) -> FloatArray:
    """Shares in proportion to removal effects: (C,), adding up to 1 unless all are 0."""
    total = lost.sum()
    return lost / total if total else lost


def _shared(
    bare: Credited, table: PathTable, conversions: FloatArray, values: FloatArray | None
) -> Credited:
    """Shares out what there was, so that it adds up; what no channel has a share in is nobody's."""
    total = float(exact_total(table.conversions, CONVERSION_PLACES))
    whole = len(str(int(total)))
    places = max(0, min(CONVERSION_PLACES, DIGITS - whole))
    shared = share_total(total, conversions, places)
    if table.values is None or values is None:
        return _rows(bare, table, shared, None)
    worth = float(exact_total(table.values, table.places))
    return _rows(bare, table, shared, share_total(worth, values, table.places))


def share_total(total: float, shares: FloatArray, places: int) -> list[float]:
    """Shares out a total, with so many decimals; the last one is nobody's."""
    left = max(0.0, 1 - float(shares.sum()))
    parts = share_out(round(total * 10**places), [*shares.tolist(), left])
    return [part / 10**places for part in parts]


def _rows(
    bare: Credited, table: PathTable, conversions: Sequence[float], values: Sequence[float] | None
) -> Credited:
    names = [*table.channels, NOBODY][: len(conversions)]
    rows = [
        CreditRow(channel=name, conversions=each, value=None if values is None else values[place])
        for place, (name, each) in enumerate(zip(names, conversions, strict=True))
        if place < len(table.channels) or each or (values is not None and values[place])
    ]
    rows.sort(key=lambda row: (-row["conversions"], -(row["value"] or 0), row["channel"]))
    worth = None if table.values is None else float(exact_total(table.values, table.places))
    total = float(exact_total(table.conversions, CONVERSION_PLACES))
    return replace(bare, rows=rows, conversions=total, value=worth)
