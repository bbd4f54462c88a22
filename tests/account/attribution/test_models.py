"""The models: what each one means, by its plain form, and that the fast form means the same."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from datetime import timedelta
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from segconnect.account.attribution import (
    MODELS,
    Conversion,
    Journey,
    Model,
    Path,
    attribute,
    counting,
    credits_of,
    markov,
    plain,
    shapley,
    share_out,
)
from segconnect.account.attribution.attributing import NOBODY, credited
from segconnect.account.attribution.fast import WEIGHTS
from segconnect.account.attribution.table import table_of
from segconnect.errors import UsageError
from tests.account.attribution.worlds import CHANNELS, NOON, at, settings_of, tables

EACH_MODEL = pytest.mark.parametrize("model", MODELS.values(), ids=str)
OF_JOURNEYS = pytest.mark.parametrize(
    "model", [model for model in MODELS.values() if not model.is_of_table], ids=str
)


def shares(model: str, *channels: str, opt_in: int | None = None, **settings: Any) -> list[float]:
    """What a model gives the steps of a path."""
    found = MODELS[model].shares(Journey.of(channels, opt_in), **settings)
    return [round(float(share), 4) for share in found]


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("any", [1, 1, 0, 1]),
        ("first_touch", [1, 0, 0, 0]),
        ("optin", [0, 1, 0, 0]),
        ("purchase", [0, 0, 0, 1]),
        ("last_touch", [0, 0, 0, 1]),
        ("last_non_direct", [0, 0, 1, 0]),
        ("linear", [0.25, 0.25, 0.25, 0.25]),
        ("position", [0.4, 0.1, 0.1, 0.4]),
        ("position_w", [0.3, 0.3, 0.1, 0.3]),
    ],
)
def test_a_model_shares_out_a_journey(model: str, expected: list[float]) -> None:
    assert shares(model, "ad", "email", "ad", "direct", opt_in=1) == expected


def test_time_decay_halves_the_weight_for_each_half_life() -> None:
    assert shares("time_decay", "ad", "email", half_life=1) == [0.3333, 0.6667]
    week = shares("time_decay", *["ad"] * 8, half_life=7)
    assert week[0] == pytest.approx(week[-1] / 2, abs=1e-4)


@pytest.mark.parametrize(
    ("path", "expected"), [(["ad"], [1]), (["ad", "email"], [0.5, 0.5])], ids=["one", "two"]
)
def test_position_of_one_touch_is_all_and_of_two_touches_half_each(
    path: list[str], expected: list[float]
) -> None:
    assert shares("position", *path) == expected
    assert shares("position_w", *path) == expected


def test_the_anchors_of_position_can_be_moved_or_left_out() -> None:
    assert shares("position", "ad", "email", "ad", first=0.5, last=0.25) == [0.5, 0.25, 0.25]
    assert shares("position", "ad", "email", "ad", first=0, last=0) == [0, 1, 0]
    assert shares("position", "ad", "email", first=0, last=0) == [0.5, 0.5]


def test_a_journey_of_direct_visits_credits_the_last_of_them() -> None:
    assert shares("last_non_direct", "direct", "(direct)", "(direct) / (none)") == [0, 0, 1]


def test_any_page_view_credits_each_channel_in_full_and_so_adds_up_to_more() -> None:
    rows = attribute([("ad > email > ad", 2, 30.0)], "any")

    assert rows == [
        {"channel": "ad", "conversions": 2, "value": 30},
        {"channel": "email", "conversions": 2, "value": 30},
    ]
    assert not MODELS["any"].is_fractional


@OF_JOURNEYS
@given(data=st.data())
def test_the_fast_form_of_a_model_means_what_the_plain_one_says(
    model: Model, data: st.DataObject
) -> None:
    table = data.draw(tables)
    settings = model.settings(data.draw(settings_of(model)))
    expected: dict[str, float] = defaultdict(float)
    for path in table:
        journey = Journey.of(path.steps, path.opt_in)
        for step, share in zip(path.steps, model.shares(journey, **settings), strict=True):
            expected[step] += float(share) * path.conversions

    rows = credited(table_of(table), model, settings).rows

    found = {row["channel"]: row["conversions"] for row in rows if row["channel"] != NOBODY}
    whole = dict(expected) | dict.fromkeys(found.keys() - expected, 0)
    assert found == pytest.approx(whole, abs=1e-8)  # nine decimals are shown


@pytest.mark.parametrize("model", [MODELS["markov"], MODELS["shapley"]], ids=str)
@pytest.mark.parametrize("of", ["conversions", "value"])
@given(data=st.data())
def test_the_fast_form_of_a_model_of_tables_means_what_the_plain_one_says(
    model: Model, of: str, data: st.DataObject
) -> None:
    table = data.draw(tables)
    settings = model.settings(data.draw(settings_of(model)))
    shares = model.plain(table, of, **settings)
    total = sum(getattr(path, of) for path in table)

    rows = credited(table_of(table), model, settings, with_null=True).rows

    by_channel = {
        row["channel"]: row["conversions" if of == "conversions" else "value"] for row in rows
    }
    expected = {channel: float(share) * total for channel, share in shares.items()}
    assert {each: by_channel[each] for each in expected} == pytest.approx(expected, abs=0.0101)


@EACH_MODEL
@given(data=st.data())
def test_a_fractional_model_adds_up_to_what_there_was_to_the_cent(
    model: Model, data: st.DataObject
) -> None:
    table = data.draw(tables)
    settings = model.settings(data.draw(settings_of(model)))
    rows = credited(table_of(table), model, settings, with_null=True).rows

    cents = sum(round(path.value * 100) for path in table)
    credited_cents = sum(round((row["value"] or 0) * 100) for row in rows)
    conversions = sum(row["conversions"] for row in rows)
    if model.is_fractional:
        assert credited_cents == cents
        assert conversions == pytest.approx(sum(path.conversions for path in table))
    else:
        assert credited_cents >= cents


@OF_JOURNEYS
@given(data=st.data(), value=st.integers(-10_000, 10**12), count=st.integers(0, 40))
def test_the_credits_of_an_order_add_up_to_its_value_to_the_cent(
    model: Model, data: st.DataObject, value: int, count: int
) -> None:
    touches = [at(day * 1440, data.draw(st.sampled_from(CHANNELS))) for day in range(count)]
    opt_in = data.draw(st.none() | st.integers(0, count - 1)) if count else None
    order = Conversion("O-1", NOON + timedelta(days=count), value, "joey@bloggs.com")
    settings = data.draw(settings_of(model))

    found = credits_of(order, Journey(touches, opt_in), model, **settings)

    if model.is_fractional:
        assert sum(credit.share for credit in found) == 1
        assert sum(credit.cents for credit in found) == value
    assert [credit.touch for credit in found if credit.touch] == touches


def test_what_no_touch_earned_is_a_credit_of_nobody() -> None:
    order = Conversion("O-1", NOON, 1250, "joey@bloggs.com")

    assert [each.cents for each in credits_of(order, Journey([]), MODELS["linear"])] == [1250]
    assert attribute([("ad > email", 1, 10.0, 0, 0), ("ad", 2, 5, 0, 1)], "optin") == [
        {"channel": "ad", "conversions": 2, "value": 5},
        {"channel": "(none)", "conversions": 1, "value": 10},
        {"channel": "email", "conversions": 0, "value": 0},
    ]


def test_a_cent_that_cannot_be_split_goes_to_whoever_lost_most_and_then_to_the_first() -> None:
    assert share_out(100, [Fraction(1, 3)] * 3) == [34, 33, 33]
    assert share_out(100, [1 / 3] * 3) == [34, 33, 33]
    assert share_out(10, [0.26, 0.37, 0.37]) == [2, 4, 4]
    assert share_out(-100, [Fraction(1, 3)] * 3) == [-33, -33, -34]


@given(
    total=st.integers(-(10**13), 10**13),
    weights=st.lists(st.integers(0, 10**6), min_size=1, max_size=50).filter(any),
)
def test_parts_are_within_a_unit_of_their_share_and_add_up(total: int, weights: list[int]) -> None:
    shares = [Fraction(weight, sum(weights)) for weight in weights]

    parts = share_out(total, shares)

    assert sum(parts) == total
    assert all(abs(part - total * each) <= 1 for part, each in zip(parts, shares, strict=True))


@EACH_MODEL
def test_every_model_says_what_a_client_a_page_and_a_card_need(model: Model) -> None:
    assert model.slug == model.slug.lower()
    for text in (model.label, model.help, model.formula, model.caveat):
        assert text
    for parameter in model.parameters:
        assert parameter.read(parameter.default) == parameter.default
        assert parameter.takes.help.endswith(".")
    assert model.is_of_table or model.slug in WEIGHTS
    for name in (model.slug, model.label, *model.aliases, model.slug.upper().replace("_", "-")):
        assert MODELS[name] is model


@pytest.mark.parametrize(
    ("alias", "slug"),
    [("first_touch", "first_touch"), ("last_touch", "last_touch"), ("Any Page View", "any")],
)
def test_names_as_clients_send_them_are_known(alias: str, slug: str) -> None:
    assert MODELS[alias].slug == slug


@pytest.mark.parametrize(
    ("model", "settings", "message"),
    [
        ("markv", {}, "unknown attribution model 'markv'; did you mean 'markov'?"),
        ("qqq", {}, "unknown attribution model 'qqq'; known are any, first_touch, last_non_direct"),
        ("markov", {"order": 4}, "model markov: order: 4 is out of range; expected 1 to 3"),
        ("markov", {"order": 1.5}, "order: 1.5 is not a whole number"),
        ("markov", {"order": True}, "order: True is not a whole number"),
        ("markov", {"oder": 2}, "model markov: unknown parameter 'oder'; did you mean 'order'?"),
        ("linear", {"order": 2}, "model linear has no parameters, and order was given"),
        ("time_decay", {"half_life": "week"}, "half_life: 'week' is not a number"),
        ("time_decay", {"half_life": float("nan")}, "half_life: nan is out of range"),
        ("shapley", {"worth": "x"}, "worth: 'x' is unknown; known are conversions, rate"),
        ("shapley", {"worth": "rate"}, "needs the column null"),
        ("markov", {"null": True}, "needs the column null"),
        ("optin", {}, "needs to know the opt-in: the column optin"),
    ],
)
def test_what_a_model_cannot_use_is_told(
    model: str, settings: dict[str, Any], message: str
) -> None:
    with pytest.raises(UsageError) as error:
        attribute([("ad", 1)], model, **settings)

    assert message in str(error.value)


@given(table=tables, order=st.integers(1, 3))
def test_following_journeys_finds_what_solving_for_them_does(table: list[Path], order: int) -> None:
    chain = markov.chain_of(table_of(table), order, with_null=True)
    straight = markov._without_loops(chain)
    rewards = np.column_stack([straight.converts, straight.earns])

    solved, followed = markov._solved(straight, rewards), markov._followed(straight, rewards)

    assert followed is not None
    for one, other in zip(solved, followed, strict=True):
        assert one == pytest.approx(other, abs=1e-9)


@given(table=tables, order=st.integers(1, 3), bits=st.sampled_from((3, 6, 15)))
def test_a_chain_counted_from_packed_journeys_is_that_of_their_steps(
    table: list[Path], order: int, bits: int
) -> None:
    paths = table_of(table)
    journeys = paths.journeys(with_null=True)
    assert paths.values is not None
    earned = np.column_stack([paths.conversions, paths.values])
    fit = paths.lengths * bits <= 63
    packed = np.zeros(len(journeys), dtype=np.int64)
    for at_path, path in enumerate(np.split(paths.steps + 1, paths.starts[1:])):
        packed[at_path] = sum(int(code) << bits * place for place, code in enumerate(path)
                              if fit[at_path])  # fmt: skip
    several = [  # each journey for itself: those that do not fit count one at a time
        (path, earned[at_path] / journeys[at_path])
        for at_path, path in enumerate(np.split(paths.steps + 1, paths.starts[1:]))
        for _ in range(int(journeys[at_path]) if not fit[at_path] else 0)
    ]
    lengths = [len(path) for path, _ in several]
    long = counting.Long(
        np.concatenate([np.zeros(0, dtype=np.int64), *(path for path, _ in several)]),
        np.cumsum([0, *lengths], dtype=np.int64)[:-1],
        np.array([each for _, each in several]).reshape(-1, 2),
    )
    taken = fit & (journeys > 0)
    short = counting.Packed(packed[taken], journeys[taken], earned[taken])

    found = counting.chain_of(paths.channels, bits, order, [short], [long])

    expected = markov.chain_of(paths, order, with_null=True)
    assert _transitions(found) == pytest.approx(_transitions(expected))
    for one, other in zip(_ends(found), _ends(expected), strict=True):
        assert one == pytest.approx(other)


def _transitions(chain: markov.Chain) -> dict[tuple[int, int], float]:
    return {
        (int(chain.keys[source]), int(chain.keys[target])): chance
        for source, target, chance in zip(
            chain.sources, chain.targets, chain.chances.tolist(), strict=True
        )
    }


def _ends(chain: markov.Chain) -> list[dict[int, float]]:
    columns = [chain.converts, *chain.earns.T]
    return [dict(zip(chain.keys.tolist(), each.tolist(), strict=True)) for each in columns]


def test_journeys_that_hardly_ever_end_are_solved_for_and_not_followed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rows = [(" > ".join(["ad", "email"] * 2000), 1, 1.0, 1), ("search", 1, 1.0, 1)]
    expected = attribute(rows, "markov", null=True)
    monkeypatch.setattr(markov, "SMALL", 0)

    assert attribute(rows, "markov", null=True) == expected
    monkeypatch.setattr(markov, "MOST_DENSE", 2)
    with pytest.raises(UsageError, match=r"too long for order 1 with 4 states; take a lower"):
        attribute(rows, "markov", null=True)


def test_a_markov_model_of_many_channels_says_what_it_can_do() -> None:
    table = replace(table_of([Path(("ad",), 1)]), channels=("ad",) * 1_700_000)

    with pytest.raises(UsageError, match="1,700,000 channels are too many for order 3"):
        markov.chain_of(table, 3, with_null=False)


def test_drawn_orders_are_within_their_standard_errors_of_all_sets(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rows = [
        *[(f"c{at} > c{at * 3 % 7} > c{at * 5 % 6}", at + 1, 0, 20 - at) for at in range(9)],
        ("c0 > c8", 9, 0, 3),
    ]
    table = table_of(Path(tuple(row[0].split(" > ")), *row[1:]) for row in rows)
    settings = MODELS["shapley"].settings({"worth": "rate"})
    exact = credited(table, MODELS["shapley"], settings)
    monkeypatch.setattr(shapley, "EXACT_UP_TO", 0)

    drawn = credited(table, MODELS["shapley"], settings)

    expected = {row["channel"]: row["conversions"] for row in exact.rows}
    away = [
        (row["conversions"] - expected[row["channel"]]) / drawn.errors[row["channel"]]
        for row in drawn.rows
    ]
    assert exact.errors == {}
    assert all(0 < error < 2 for error in drawn.errors.values())
    assert max(map(abs, away)) < 4
    assert float(np.sqrt(np.mean(np.square(away)))) > 0.2  # and they are not far too wide
    assert drawn.rows == credited(table, MODELS["shapley"], settings).rows  # by the same seed


def test_a_channel_that_goes_with_lost_journeys_can_get_less_than_nothing_by_rate() -> None:
    rows = attribute([("ad", 5, 0, 5), ("email", 1, 0, 99)], "shapley", worth="rate")

    assert {row["channel"]: round(row["conversions"], 2) for row in rows}["email"] < 0
    assert sum(row["conversions"] for row in rows) == pytest.approx(6)


def test_a_channel_may_be_called_as_the_ends_of_a_journey_are() -> None:
    rows = [("(conversion) > (null)", 1, 0, 1), ("(start)", 1, 0, 0), ("(none)", 1, 0, 0)]

    shares = plain.markov([Path(tuple(row[0].split(" > ")), *row[1:]) for row in rows])

    assert {row["channel"]: row["conversions"] for row in attribute(rows, "markov", null=True)} == (
        pytest.approx({channel: float(share) * 3 for channel, share in shares.items()})
    )
