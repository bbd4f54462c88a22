"""The attribution models, each in a few lines that a marketer could check.

This is what the models mean; `fast` computes the same for many paths at once.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import timedelta
from fractions import Fraction
from itertools import combinations
from math import comb
from typing import Annotated, TypeAlias

from segconnect.account.attribution.models import Path, Takes, attribution_model
from segconnect.account.attribution.touches import Journey

Shares: TypeAlias = dict[str, Fraction]
State: TypeAlias = tuple[str, ...]  # the last steps of a journey; none yet: ()
Graph: TypeAlias = dict[State, dict[State, Fraction]]

END: State = ("",)  # no channel has an empty name
EXACT_UP_TO = 16  # channels; twice the time for each one more
DAY = timedelta(days=1)

# -- one journey at a time -----------------------------------------------------------------------


def only(place: int | None, journey: Journey) -> list[Fraction]:
    """All credit to one touch; to none where there is no such place."""
    return [Fraction(at == place) for at in range(len(journey.touches))]


def in_proportion(weights: Sequence[Fraction]) -> list[Fraction]:
    """Shares that add up to 1; equal ones where nothing has a weight."""
    total = sum(weights)
    if not total:
        return [Fraction(1, len(weights))] * len(weights)
    return [weight / total for weight in weights]


@attribution_model(
    "any",
    label="Any Page View",
    aliases=("any_page_view", "any_touch", "linear_full", "linear_distributed"),
    fractional=False,
    formula="credit(channel) = conversions of journeys that the channel is in",
    caveat="Not fractional: rows add up to more than the total, so never add them up.",
)
def any_page_view(journey: Journey) -> list[Fraction]:
    """Gives every channel of a journey full credit, once, however often it was touched."""
    seen: set[str] = set()
    shares = []
    for touch in journey.touches:
        shares.append(Fraction(touch.channel not in seen))
        seen.add(touch.channel)
    return shares


@attribution_model(
    "first_touch",
    label="First Visit",
    aliases=("first_visit", "first", "first_click", "first_interaction"),
    formula="share(first touch) = 1",
    caveat="Knows nothing of what closed the sale, and blames old channels for new customers.",
)
def first_touch(journey: Journey) -> list[Fraction]:
    """Gives all credit to the first touch of a journey."""
    return only(0, journey)


@attribution_model(
    "optin",
    label="Opt-in",
    aliases=("opt_in", "opt_in_touch", "lead_creation"),
    needs_opt_in=True,
    formula="share(last touch at or before the opt-in) = 1",
    caveat="Ignores all that happened between sign-up and sale; nobody is credited for contacts"
    " that came without a known visit.",
)
def optin(journey: Journey) -> list[Fraction]:
    """Gives all credit to the last touch before the contact opted in."""
    return only(journey.opt_in, journey)


@attribution_model(
    "purchase",
    label="Purchase",
    aliases=("purchase_touch", "last_click_before_purchase"),
    formula="share(last touch at or before the purchase) = 1",
    caveat="Rewards whoever stands nearest to the till, often a brand search or an email.",
)
def purchase(journey: Journey) -> list[Fraction]:
    """Gives all credit to the last touch before the purchase."""
    return only(len(journey.touches) - 1, journey)


@attribution_model(
    "last_touch",
    label="Last Touch",
    aliases=("last", "last_click", "last_interaction"),
    formula="share(last touch) = 1",
    caveat="Ignores all that led up to the last touch, which is often a direct visit.",
)
def last_touch(journey: Journey) -> list[Fraction]:
    """Gives all credit to the last touch of a journey, also where that was a direct visit."""
    return only(len(journey.touches) - 1, journey)


@attribution_model(
    "last_non_direct",
    label="Last Non-Direct",
    aliases=("last_non_direct_click", "last_non_direct_touch"),
    formula="share(last touch that was not direct) = 1; of a journey of direct touches, the last",
    caveat="Hides how many people come back by themselves.",
)
def last_non_direct(journey: Journey) -> list[Fraction]:
    """Gives all credit to the last touch that was not direct, if there is one."""
    places = [place for place, touch in enumerate(journey.touches) if not touch.is_direct]
    return only(places[-1] if places else len(journey.touches) - 1, journey)


@attribution_model(
    "linear",
    label="Linear",
    aliases=("even", "linear_touch"),
    formula="share(touch) = 1 / number of touches",
    caveat="A channel that people meet often earns much, whether it helps or not.",
)
def linear(journey: Journey) -> list[Fraction]:
    """Gives every touch of a journey the same share."""
    return [Fraction(1, len(journey.touches))] * len(journey.touches)


@attribution_model(
    "position",
    label="Position (U)",
    aliases=("position_u", "position_based", "u_shaped", "forty_twenty_forty"),
    formula="share(first) = 0.4, share(last) = 0.4, those between share 0.2; of two, half each",
    caveat="The percentages are a convention and not a measurement.",
)
def position(
    journey: Journey,
    *,
    first: Annotated[float, Takes("Share of the first touch.", 0, 1)] = 0.4,
    last: Annotated[float, Takes("Share of the last touch.", 0, 1)] = 0.4,
) -> list[Fraction]:
    """Gives most to the first and the last touch, and the rest to those between them."""
    anchors: dict[int, Fraction] = defaultdict(Fraction)
    anchors[0] += exact(first)
    anchors[len(journey.touches) - 1] += exact(last)
    return anchored(journey, anchors, max(1 - exact(first) - exact(last), Fraction()))


@attribution_model(
    "position_w",
    label="Position (W)",
    aliases=("w_shaped",),
    needs_opt_in=True,
    formula="share(first) = share(opt-in) = share(last) = 0.3, the others share 0.1",
    caveat="The percentages are a convention; without a known opt-in it is U-shaped.",
)
def position_w(
    journey: Journey,
    *,
    anchor: Annotated[float, Takes("Share of each of the three.", 0, 0.33)] = 0.3,
) -> list[Fraction]:
    """Gives most to the first touch, to that of the opt-in and to the last one."""
    places = [0, journey.opt_in, len(journey.touches) - 1]
    anchors: dict[int, Fraction] = defaultdict(Fraction)
    for place in places:
        if place is not None:
            anchors[place] += exact(anchor)
    return anchored(journey, anchors, 1 - 3 * exact(anchor))


def anchored(journey: Journey, anchors: dict[int, Fraction], others: Fraction) -> list[Fraction]:
    """Shares of some touches; the others share what is theirs, and all is brought to 1."""
    count = len(journey.touches) - len(anchors)
    return in_proportion(
        [anchors[at] if at in anchors else others / count for at in range(len(journey.touches))]
    )


def exact(number: float) -> Fraction:
    """The number as it is written: 0.4 is two fifths."""
    return Fraction(str(number))


@attribution_model(
    "time_decay",
    label="Time Decay",
    aliases=("decay", "half_life_decay"),
    formula="share(touch) ~ 0.5 ** (days between touch and last touch / half_life)",
    caveat="Makes what starts long journeys look weak; the half-life is a choice.",
)
def time_decay(
    journey: Journey,
    *,
    half_life: Annotated[
        float, Takes("Days after which a touch counts half; in a table, steps.", 0.01, 3650)
    ] = 7.0,
) -> list[Fraction]:
    """Gives more the nearer a touch is to the end: half as much for each half-life before it."""
    end = journey.touches[-1].moment
    days = [(end - touch.moment) / DAY for touch in journey.touches]
    return in_proportion([Fraction(0.5 ** (each / half_life)) for each in days])


# -- all paths together --------------------------------------------------------------------------


@attribution_model(
    "markov",
    label="Markov Chain",
    aliases=("markov_chain", "removal_effect", "data_driven"),
    formula="share(channel) ~ 1 - P(conversion without the channel) / P(conversion)",
    caveat="Shows what goes with conversions and not what causes them; a high order needs many"
    " journeys, and without those that did not convert (--null) it sees success only.",
)
def markov(
    paths: Sequence[Path],
    of: str = "conversions",
    *,
    order: Annotated[int, Takes("How many steps back a journey remembers.", 1, 3)] = 1,
) -> Shares:
    """Shares by how many conversions would be lost if all visits of a channel led to nothing."""
    graph = transitions(paths, of, order)
    everything = reach(graph)
    channels = sorted({step for path in paths for step in path.steps})
    lost = {channel: everything - reach(graph, without=channel) for channel in channels}
    total = sum(lost.values())
    return {channel: each / total if total else Fraction() for channel, each in lost.items()}


def transitions(paths: Iterable[Path], of: str, order: int) -> Graph:
    """How likely each state, the last steps of a journey, is followed by each other one.

    What it leads to in the end is the chance of a conversion; of value, the mean of it.
    """
    counts: Graph = defaultdict(lambda: defaultdict(Fraction))
    passed: dict[State, Fraction] = defaultdict(Fraction)
    for path in paths:
        journeys = Fraction(path.conversions) + Fraction(path.null)
        state: State = ()
        for step in path.steps if journeys else ():
            following = (*state, step)[-order:]
            counts[state][following] += journeys
            passed[state] += journeys
            state = following
        if journeys:
            counts[state][END] += Fraction(getattr(path, of))
            passed[state] += journeys
    return {
        state: {each: count / passed[state] for each, count in row.items()}
        for state, row in counts.items()
    }


def reach(graph: Graph, without: str | None = None) -> Fraction:
    """What a journey comes to on average, where each visit of a channel leads to nothing.

    One state after another is taken out, and what led to it is led on to what it led to.
    """
    rest = {
        state: {each: chance for each, chance in row.items() if each[-1:] != (without,)}
        for state, row in graph.items()
    }
    for state in [each for each in rest if each]:
        out = rest.pop(state)
        stays = out.pop(state, Fraction())
        for row in rest.values():
            arrives = row.pop(state, Fraction())
            for each, chance in out.items() if arrives else ():
                row[each] = row.get(each, Fraction()) + arrives * chance / (1 - stays)
    return rest.get((), {}).get(END, Fraction())


@attribution_model(
    "shapley",
    label="Shapley Value",
    aliases=("shapley_value", "cooperative"),
    formula="share(channel) = mean of v(channels before it and it) - v(channels before it), over"
    " all orders in which channels can join",
    caveat="Knows which channels a journey had, and neither their order nor their number; by rate"
    " a channel that goes with lost journeys can get less than nothing.",
)
def shapley(
    paths: Sequence[Path],
    of: str = "conversions",
    *,
    worth: Annotated[
        str,
        Takes(
            "What a set of channels is worth: the conversions of the journeys that they suffice"
            " for, or the rate of them that converted.",
            choices=("conversions", "rate"),
        ),
    ] = "conversions",
    samples: Annotated[
        int, Takes(f"Orders to draw where a rate has more than {EXACT_UP_TO} channels.", 2, 10**6)
    ] = 2000,
    seed: Annotated[int, Takes("Where the drawing starts.", 0, 2**32 - 1)] = 0,
) -> Shares:
    """Shares by what each channel adds to the others, on average over all orders of joining."""
    del samples, seed  # all orders are gone through here
    channels = sorted({step for path in paths for step in path.steps})

    def value(members: frozenset[str]) -> Fraction:
        inside = [path for path in paths if members.issuperset(path.steps)]
        earned = sum((Fraction(getattr(path, of)) for path in inside), Fraction())
        journeys = sum((Fraction(path.conversions + path.null) for path in inside), Fraction())
        return earned / journeys if worth == "rate" and journeys else earned

    adds: dict[str, Fraction] = {}
    for channel in channels:
        others = [each for each in channels if each != channel]
        adds[channel] = sum(
            (
                (value(frozenset({*before, channel})) - value(frozenset(before)))
                / (len(channels) * comb(len(others), size))
                for size in range(len(channels))
                for before in combinations(others, size)
            ),
            Fraction(),
        )
    total = sum(adds.values())
    return {channel: each / total if total else Fraction() for channel, each in adds.items()}
