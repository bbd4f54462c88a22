"""What credit is given for, and to whom: touches, conversions, and the journey between them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import Enum

VISIT = timedelta(
    minutes=30
)  # what follows within it, and names no other origin, is the same visit
TOLD = timedelta(hours=24)  # how long a page view speaks for what the contact's own fields say


class Source(Enum):
    """How a touch became known; the first of these tells most about one."""

    PAGE_VIEW = "page view"
    AD = "ad id"
    CONTACT = "contact's own UTM fields"


class Kind(Enum):
    """What happened at a touch."""

    VISIT = "visit"
    OPT_IN = "opt-in"


@dataclass(frozen=True, slots=True)
class Touch:
    """A visit that can earn credit."""

    moment: datetime
    channel: str  # what credit is summed by: a channel, or a source, a campaign, an ad
    is_direct: bool = False
    source: Source = Source.PAGE_VIEW
    kind: Kind = Kind.VISIT
    ad_id: str = ""
    utm: tuple[str, ...] = ()  # source, medium, campaign, content, term, as the visit gave them

    def may_be(self, other: Touch) -> bool:
        """Whether two touches can be the same visit: nothing that both tell differs."""
        return self.channel == other.channel and all(
            mine == theirs or not mine or not theirs
            for mine, theirs in ((self.ad_id, other.ad_id), (self.utm, other.utm))
        )


@dataclass(frozen=True, slots=True)
class Conversion:
    """Something to give credit for: an order; of a lead, the opt-in with a value of 0."""

    order_id: str
    moment: datetime
    value: int  # cents
    contact: str
    opt_in: datetime | None = None  # when the contact gave the email address


@dataclass(frozen=True, slots=True)
class Journey:
    """A contact's touches that a conversion may credit, in order of time."""

    touches: Sequence[Touch]
    opt_in: int | None = None  # the place of the last touch before the opt-in

    @classmethod
    def of(cls, path: Sequence[str], opt_in: int | None = None) -> Journey:
        """Makes one of a path of channels, which has no dates: its steps are a day apart."""
        end = datetime(2000, 1, 1)  # noqa: DTZ001  # only the days between touches matter
        days = range(len(path) - 1, -1, -1)
        return cls(
            [
                Touch(end - timedelta(days=before), channel, is_direct=is_direct(channel))
                for before, channel in zip(days, path, strict=True)
            ],
            opt_in,
        )


def is_direct(channel: str) -> bool:
    """Whether a channel of this name is the one of visits that name no origin."""
    plain = channel.translate({ord("("): None, ord(")"): None}).strip().lower()
    return plain in ("direct", "direct / none")


class DatedBy(Enum):
    """The day that credit is reported on."""

    SALE = "sale"
    CLICK = "click"


@dataclass(frozen=True, slots=True)
class Window:
    """Which touches may earn credit: those at most so long before the conversion."""

    look_back: timedelta | None = None  # None: all of them
    dated_by: DatedBy = DatedBy.SALE

    def journey(self, touches: Iterable[Touch], conversion: Conversion) -> Journey:
        """Answers the touches that the conversion may credit; those after it never do.

        Args:
            touches: Of the conversion's contact, folded, in any order.
            conversion: What is credited.
        """
        earliest = None if self.look_back is None else conversion.moment - self.look_back
        inside = sorted(
            (
                touch
                for touch in touches
                if touch.moment <= conversion.moment
                and (earliest is None or earliest <= touch.moment)
            ),
            key=_order,
        )
        before = [
            place
            for place, touch in enumerate(inside)
            if conversion.opt_in is not None and touch.moment <= conversion.opt_in
        ]
        return Journey(inside, before[-1] if before else None)

    def reported_at(self, touch: Touch | None, conversion: Conversion) -> datetime:
        """The moment that a touch's credit is reported at; the sale's where no touch earned it."""
        if touch is None or self.dated_by is DatedBy.SALE:
            return conversion.moment
        return touch.moment


@dataclass(slots=True)
class _Visit:
    """A visit that may still go on."""

    touch: Touch
    until: datetime = field(init=False)

    def __post_init__(self) -> None:
        self.until = self.touch.moment + VISIT


def fold(touches: Iterable[Touch]) -> list[Touch]:
    """Makes one touch of all that is known of the same visit; in order of time.

    A contact's page views, ad ids and own UTM fields often tell of one visit several times:

    - A page view less than 30 minutes after another one of the visit is the same visit where it
      is direct (the site's own pages are) or tells nothing else.
    - A touch by ad id, or by the contact's fields, is the same visit within 30 minutes, too; where
      the visit was direct, it takes the origin that they tell.
    - What the contact's own fields tell is left out where another touch that was not direct came
      within the 24 hours before: what was seen is believed before what was told.

    Folding what is folded changes nothing, and the order of what comes in does not matter.

    Args:
        touches: Of one contact, in any order.
    """
    visits: list[_Visit] = []
    for touch in sorted(touches, key=_order):
        last = visits[-1] if visits and touch.moment < visits[-1].until else None
        if last is not None and (
            (touch.is_direct and touch.source is Source.PAGE_VIEW) or touch.may_be(last.touch)
        ):
            last.touch = _joined(last.touch, touch)
        elif touch.source is Source.CONTACT and _is_told(touch, visits):
            continue
        elif last is not None and last.touch.is_direct and touch.source is not Source.PAGE_VIEW:
            last.touch = replace(touch, moment=last.touch.moment)
        else:
            visits.append(_Visit(touch))
            continue
        last.until = touch.moment + VISIT
    return [visit.touch for visit in visits]


def _order(touch: Touch) -> tuple[object, ...]:
    place = list(Source).index(touch.source)
    return (touch.moment, place, touch.is_direct, touch.channel, touch.utm, touch.ad_id)


def _is_told(touch: Touch, visits: list[_Visit]) -> bool:
    return any(
        not visit.touch.is_direct and touch.moment - visit.touch.moment <= TOLD for visit in visits
    )


def _joined(first: Touch, second: Touch) -> Touch:
    """One touch of two of the same visit: the first, with what only the second one tells."""
    same = first.may_be(second)
    return replace(
        first,
        source=min(first.source, second.source, key=list(Source).index) if same else first.source,
        kind=Kind.OPT_IN if Kind.OPT_IN in (first.kind, second.kind) else first.kind,
        ad_id=first.ad_id or (second.ad_id if same else ""),
        utm=first.utm or (second.utm if same else ()),
    )
