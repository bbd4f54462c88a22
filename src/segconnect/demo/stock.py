"""What the invented shop is made of: names, teas, plans and ads, and the dice that mix them.

Brindlemoor Tea does not exist; neither do its customers.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from segconnect.types import Cents

T = TypeVar("T")


class Dice:
    """Chance that falls the same way on every Python: only `Random.random` keeps that promise."""

    def __init__(self, seed: int) -> None:
        self._draw = Random(seed).random

    def below(self, end: int) -> int:
        """Draws a whole number from 0 up to, not including, `end`."""
        return int(self._draw() * end)

    def between(self, first: int, last: int) -> int:
        """Draws a whole number from `first` to `last`, both included."""
        return first + self.below(last - first + 1)

    def pick(self, choices: Sequence[T]) -> T:
        """Draws one of the choices; name one twice to make it twice as likely."""
        return choices[self.below(len(choices))]

    def happens(self, percent: int) -> bool:
        """Answers yes in so many cases of a hundred."""
        return self.below(100) < percent

    def shuffled(self, items: Sequence[T]) -> list[T]:
        """Answers the items in a new order."""
        mixed = list(items)
        for last in range(len(mixed) - 1, 0, -1):
            other = self.below(last + 1)
            mixed[last], mixed[other] = mixed[other], mixed[last]
        return mixed


@dataclass(frozen=True)
class Product:
    """A thing on the shelf."""

    sku: str
    name: str
    price: Cents


@dataclass(frozen=True)
class Plan:
    """A subscription on offer: so much every `count` intervals."""

    product: str
    price: str
    name: str
    amount: Cents
    interval: str
    count: int
    share: int  # how many of a hundred subscribers take it


@dataclass(frozen=True)
class Ad:
    """An ad, with the ad set and the campaign that it belongs to."""

    id: str
    name: str
    ad_set_id: str
    ad_set: str
    campaign_id: str
    campaign: str
    spend: Cents  # on a usual day


@dataclass(frozen=True)
class Town:
    """Where a parcel goes."""

    city: str
    zip_code: str
    province: str


@dataclass(frozen=True)
class Utm:
    """Where somebody came from, as the link said."""

    source: str
    medium: str
    campaign: str


PRODUCTS = (
    Product("BM-BRK-250", "Brindlemoor Breakfast, loose leaf 250 g", 1450),
    Product("BM-EGC-020", "Crème de Earl Grey – 20 pyramids", 1195),
    Product("BM-ASM-100", 'The "Late Riser" Assam', 1325),
    Product("BM-GYO-050", "Gyokuro 玉露, first flush", 2890),
    Product("BM-SEN-100", "Sencha “Morning Dew”", 1675),
    Product("BM-MAT-100", "Maté & Mint", 985),
    Product("BM-ROO-100", "Rooibos, Vanilla & Honeybush", 1040),
    Product("BM-OOL-075", 'Oolong, "Iron Goddess" style, 75\u202fg', 2215),
    Product("BM-CHA-150", "Chai for the Chilly", 1180),
    Product("BM-POT-080", "Cast\u2010iron teapot, 0.8 L", 5850),
    Product("BM-INF-350", "Travel infuser 12 oz / 350 ml", 2499),
    Product("BM-BOX-006", "Gift box: six small tins", 4275),
    Product("BM-WHK-004", 'Bamboo whisk 4"', 1899),
    Product("BM-HNY-340", "Heather honey, 12 oz", 1365),
)
WHOLESALE = Product("BM-WHS-005", "Wholesale carton, 5 kg", 12990)

PLANS = (
    Plan("prod_BMclub0001", "price_BMclubMonth", "Tea Club, monthly", 1900, "month", 1, 45),
    Plan("prod_BMclub0001", "price_BMclubQuart", "Tea Club, quarterly", 5400, "month", 3, 20),
    Plan("prod_BMclub0001", "price_BMclubYear1", "Tea Club, yearly", 19900, "year", 1, 15),
    Plan("prod_BMoffice01", "price_BMofficeWk1", "Office Tin, weekly", 1250, "week", 1, 12),
    Plan("prod_BMoffice01", "price_BMofficeWk2", "Office Tin, fortnightly", 2350, "week", 2, 8),
)

_META = {"F": "Fall Blends – Purchase", "G": "Gifts, early birds", "B": "Come back"}
_META_SETS = {
    "1": "Tea lovers, 25–54",
    "2": "Lookalike 1 %",
    "3": "Gift givers",
    "4": "Visited, 30 days",
}
META_ADS = tuple(
    Ad(
        id=f"1202110840177{ending}",
        name=name,
        ad_set_id=f"1202110840172020{of[1]}1",
        ad_set=_META_SETS[of[1]],
        campaign_id=f"1202110840171010{'FGB'.index(of[0]) + 1}3",
        campaign=_META[of[0]],
        spend=spend,
    )
    for ending, name, of, spend in (
        ("30101", "Kettle video 15s", "F1", 1240),
        ("30207", "Carousel, five tins", "F1", 980),
        ("30313", 'Static "Slow mornings"', "F2", 870),
        ("30419", "Gift box, unboxing", "G3", 760),
        ("30521", "Gift box, reviews", "G3", 540),
        ("30627", "We miss you", "B4", 310),
    )
)
GOOGLE_ADS = tuple(
    Ad(ad, "", ad_set, ad_set_name, campaign, title, spend)
    for ad, ad_set, ad_set_name, campaign, title, spend in (
        ("708215550011", "158800420011", "Brindlemoor", "21560010001", "Brand - Search", 420),
        ("708215550028", "158800420011", "Brindlemoor", "21560010001", "Brand - Search", 350),
        ("708215550035", "158800420028", "Loose leaf tea", "21560010018", "Tea & Teaware", 1350),
        ("708215550042", "158800420028", "Loose leaf tea", "21560010018", "Tea & Teaware", 1180),
        ("708215550059", "158800420035", "Teapots", "21560010018", "Tea & Teaware", 690),
        ("708215550066", "158800420042", "Gifts for tea lovers", "21560010025", "Gifts", 810),
    )
)

UTMS = (
    Utm("facebook", "paid_social", "fall_blends"),
    Utm("facebook", "paid_social", "gifts_early_birds"),
    Utm("facebook", "paid_social", "fall_blends"),
    Utm("google", "cpc", "tea_and_teaware"),
    Utm("google", "cpc", "brand_search"),
    Utm("google", "organic", ""),
    Utm("instagram", "social", "slow_mornings"),
    Utm("newsletter", "email", "the_monthly_leaf"),
    Utm("newsletter", "email", "first_flush"),
    Utm("podcast", "audio", "kettle_talk"),
)

TAGS = (
    "VIP",
    "Blog",
    "Loose leaf",
    "Green, please",
    "Gift buyer",
    "Wholesale",
    "Café owner",
    "Quiz 2026",
)
COMPANIES = (
    *("",) * 5,
    "Thistle & Crumb",
    "Café Ølhaven",
    "Lark Lane Books, LLC",
    "Pemberly Dental",
)
NOTES = (
    "Please leave it with the neighbor.\nThank you!",
    'Gift card should say: "Happy birthday, Nan"',
    "Ring twice, the bell is shy",
    "No plastic, please.\n\nIf the tin is dented, that is fine.",
)

TOWNS = (
    Town("Cambridge", "02139", "MA"),
    Town("Portland", "04101", "ME"),
    Town("Burlington", "05401", "VT"),
    Town("Hoboken", "07030", "NJ"),
    Town("Brooklyn", "11215", "NY"),
    Town("Richmond", "23220", "VA"),
    Town("Cañon City", "81212", "CO"),
    Town("Oakland", "94607", "CA"),
)
EUROPE = ("Zürich", "Malmö", "Besançon", "Köln", "L’Aquila", "Århus")

FIRST_NAMES = (
    "Ada", "Amélie", "Anders", "Beatriz", "Ben", "Björn", "Carla", "Cedric", "Chloé", "Dara",
    "Dev", "Edith", "Elena", "Emeka", "Fay", "Felix", "Gretchen", "Gus", "Hana", "Hugo",
    "Ines", "Ivan", "Jonas", "Joy", "Kofi", "Leïla", "Liam", "Lotte", "Maeve", "Mateo",
    "Mina", "Nadia", "Niall", "Noor", "Odile", "Olu", "Pia", "Priya", "Quentin", "Rosa",
    "Sanna", "Søren", "Tess", "Theo", "Uma", "Viggo", "Wren", "Zoë",
)  # fmt: skip
LAST_NAMES = (
    "Abara", "Ackerley", "Alderwood", "Bramhall", "Brightwater", "Calloway", "Cassidy-Moor",
    "Castañeda", "Corrigan", "Dahlström", "Delacroix", "Dunmore", "Eastlake", "Eriksson",
    "Fairweather", "Farrow", "Fernández", "Gallowglen", "Grünwald", "Hartigan", "Hollins",
    "Ibarra", "Iyer", "Jessop", "Jørgensen", "Kessler", "Kilbride", "Lachance", "Lindqvist",
    "Marchetti", "Merriweather", "Nakamura", "Norrby", "O’Shaunessy", "Okafor", "Pellworth",
    "Petrovic", "Quigley", "Ramanathan", "Rowntree-Hill", "Sandoval", "Schröder", "Tennant",
    "Thorley", "Underhill", "Vasquez", "Vantongeren", "Wexcombe", "Whitlock", "Yarborough",
)  # fmt: skip
BEYOND_CP1252 = (("Łucja", "Żurawska"), ("美咲", "Hoshino"), ("Eleni", "Παππά"))
"""People whose names only Unicode can write."""
DOMAINS = ("example.com", "example.com", "mail.example", "post.example", "studio.example")

_LETTERS = "abcdefghijklmnopqrstuvwxyz.-"
_ASCII = str.maketrans({"ø": "o", "æ": "ae", "ł": "l", "ß": "ss"})


def address_of(first_name: str, last_name: str, suffix: str, domain: str) -> str:
    """Spells the e-mail address of a name: small letters without accents, a dot between."""
    plain = unicodedata.normalize("NFKD", f"{first_name}.{last_name}".lower().translate(_ASCII))
    kept = "".join(letter for letter in plain if letter in _LETTERS)
    return f"{kept.strip('.-')}{suffix}@{domain}"
