"""Templates per second of the mapping language, against the same mapping written in Python.

The mapping is one of a shop that sends its orders and their contacts: what a form of this kind is
filled with, several things from each family of functions. By hand, it is what a careful programmer
writes who knows what each field holds: missing fields are allowed for, amounts are decimals, and a
half is rounded up. Jinja2 (not sandboxed, which is faster) renders the same as text, with filters
where it has none of its own.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, TypeAlias

from jinja2 import Environment

from segconnect.mapping import IGNORE, Context, compile_template

Order: TypeAlias = dict[str, Any]

BUNDLES = 400
ROUNDS = 41  # short ones, in turns; the quickest counts, which is the least disturbed


@dataclass(frozen=True)
class Field:
    """A field of the mapping, in three languages."""

    template: str
    by_hand: Callable[[Order], object]
    jinja: str


def number(text: str) -> int | Decimal:
    """Reads "1,250.50"."""
    value = Decimal(text.replace(",", ""))
    return int(value) if value == value.to_integral_value() else value


def rounded(value: int | Decimal) -> int:
    """Rounds a half up."""
    return int(value.to_integral_value(ROUND_HALF_UP)) if isinstance(value, Decimal) else value


def email(order: Order) -> object:
    """The address, tidied."""
    address = order.get("email")
    return None if address is None else address.strip().lower()


def name(order: Order) -> object:
    """Both names."""
    return f"{order.get('first_name') or ''} {order.get('last_name') or ''}"


def country(order: Order) -> object:
    """A capital code, from inside the order."""
    address = order.get("billing") or {}
    code = address.get("country")
    return None if code is None else code.upper()


def phone(order: Order) -> object:
    """Left out where there is none."""
    return order.get("phone") or IGNORE


def digits(order: Order) -> object:
    """The phone number without dashes."""
    text = order.get("phone")
    return None if text is None else text.replace("-", "")


def area(order: Order) -> object:
    """The beginning of the post code."""
    code = order.get("zip")
    return None if code is None else code[0:3]


def amount(order: Order) -> object:
    """Cents of a text with thousands separators."""
    total = order.get("total")
    return None if total is None else rounded(number(total) * 100)


def shipping(order: Order) -> object:
    """Cents of a number."""
    price = order.get("shipping")
    return None if price is None else rounded(Decimal(str(price)) * 100)


def months(order: Order) -> object:
    """A number reckoned from a text."""
    years = order.get("years")
    return None if years is None else number(years) * 12 + 1


def kind(order: Order) -> object:
    """One of two words, by two conditions."""
    plan, seats = order.get("plan"), order.get("seats")
    return "team" if plan == "pro" and seats is not None and seats > 1 else "single"


def status(order: Order) -> object:
    """One of several words."""
    match order.get("state"):
        case "paid" | "done":
            return "active"
        case "refunded":
            return "void"
    return "pending"


def day(order: Order) -> object:
    """A date in another form."""
    text = order.get("created")
    if text is None:
        return None
    return datetime.strptime(text, "%d/%m/%Y %H:%M").replace(tzinfo=UTC).strftime("%Y-%m-%d")


def tags(order: Order) -> object:
    """A list in a text, separated otherwise."""
    text = order.get("tags")
    return None if text is None else ", ".join(text.split(","))


def products(order: Order) -> object:
    """The names of the items."""
    items = order.get("items")
    if items is None:
        return None
    return ", ".join([item["name"] for item in items if item.get("name") is not None])


def quantity(order: Order) -> object:
    """The items counted."""
    items = order.get("items") or []
    return sum([item["quantity"] for item in items if item.get("quantity") is not None])


def first_product(order: Order) -> object:
    """An item of the first of the items."""
    items = order.get("items")
    return items[0].get("sku") if items else None


def source(order: Order) -> object:
    """A value somewhere inside."""
    visit = (order.get("meta") or {}).get("visit") or {}
    return visit.get("utm_source")


def note(order: Order) -> object:
    """A sentence."""
    return (
        f"Order {order.get('id') or ''} of {order.get('first_name') or ''}"
        f" ({order.get('state') or ''})"
    )


def is_vip(order: Order) -> object:
    """Whether a text has another in it."""
    return "VIP" if "vip" in (order.get("tags") or "") else "Standard"


FIELDS = [
    Field("{{lower(trim(1.email))}}", email, "{{ email|trim|lower }}"),
    Field("{{1.first_name}} {{1.last_name}}", name, "{{ first_name }} {{ last_name }}"),
    Field("{{upper(1.billing.country)}}", country, "{{ billing.country|upper }}"),
    Field("{{ifempty(1.phone; ignore)}}", phone, "{{ phone or '' }}"),
    Field('{{replace(1.phone; "-"; "")}}', digits, "{{ phone|replace('-', '') }}"),
    Field("{{substring(1.zip; 0; 3)}}", area, "{{ zip[0:3] }}"),
    Field("{{round(parseNumber(1.total) * 100)}}", amount, "{{ (total|number * 100)|rounded }}"),
    Field("{{round(1.shipping * 100)}}", shipping, "{{ (shipping|string|number * 100)|rounded }}"),
    Field("{{parseNumber(1.years) * 12 + 1}}", months, "{{ years|number * 12 + 1 }}"),
    Field(
        '{{if(1.plan = "pro" & 1.seats > 1; "team"; "single")}}',
        kind,
        "{{ 'team' if plan == 'pro' and seats > 1 else 'single' }}",
    ),
    Field(
        '{{switch(1.state; "paid"; "active"; "done"; "active"; "refunded"; "void"; "pending")}}',
        status,
        "{{ states.get(state, 'pending') }}",
    ),
    Field(
        '{{formatDate(parseDate(1.created; "DD/MM/YYYY HH:mm"); "YYYY-MM-DD")}}',
        day,
        "{{ created|read_day }}",
    ),
    Field('{{join(split(1.tags; ","); ", ")}}', tags, "{{ tags.split(',')|join(', ') }}"),
    Field(
        '{{join(map(1.items; "name"); ", ")}}',
        products,
        "{{ items|map(attribute='name')|join(', ') }}",
    ),
    Field('{{sum(map(1.items; "quantity"))}}', quantity, "{{ items|sum(attribute='quantity') }}"),
    Field("{{first(1.items).sku}}", first_product, "{{ (items|first).sku }}"),
    Field('{{get(1.meta; "visit.utm_source")}}', source, "{{ meta.visit.utm_source }}"),
    Field(
        "Order {{1.id}} of {{1.first_name}} ({{1.state}})",
        note,
        "Order {{ id }} of {{ first_name }} ({{ state }})",
    ),
    Field(
        '{{if(contains(1.tags; "vip"); "VIP"; "Standard")}}',
        is_vip,
        "{{ 'VIP' if 'vip' in tags else 'Standard' }}",
    ),
]


def orders(count: int) -> list[Order]:
    """Orders, no two alike; each has all of the fields."""
    return [
        {
            "id": 10_000 + at,
            "email": f" Person{at}@Example.com ",
            "first_name": f"Joey{at}",
            "last_name": "Bloggs",
            "phone": f"+47-22-33-{at:04}",
            "zip": f"{at:05}",
            "billing": {"country": "no", "city": "Oslo"},
            "total": f"{at % 9 + 1},{at % 1000:03}.{at % 100:02}",
            "shipping": at % 50 + 0.25,
            "years": str(at % 5 + 1),
            "plan": "pro" if at % 2 else "free",
            "seats": at % 4,
            "state": ("paid", "done", "refunded", "open")[at % 4],
            "created": f"{at % 28 + 1:02}/{at % 12 + 1:02}/2026 10:{at % 60:02}",
            "tags": "new lead,webinar,vip" if at % 3 else "new lead,webinar",
            "items": [
                {"name": f"Tea {at}", "sku": f"T-{at}", "quantity": at % 3 + 1},
                {"name": "Pot", "sku": "P-1", "quantity": 1},
                {"name": "Cup", "sku": "C-1", "quantity": 6},
            ],
            "meta": {"visit": {"utm_source": "google", "utm_campaign": "spring"}},
        }
        for at in range(count)
    ]


def environment() -> Environment:
    """Jinja2 with the filters that the mapping needs, which are the functions written by hand."""
    made = Environment(autoescape=False)
    made.filters.update(
        number=number, rounded=rounded, read_day=lambda text: day({"created": text})
    )
    made.globals["states"] = {"paid": "active", "done": "active", "refunded": "void"}
    return made


def timed(work: Callable[[Any], object], worlds: Iterable[Any]) -> float:
    """Seconds that work takes for all of the worlds."""
    began = time.perf_counter()
    for world in worlds:
        work(world)
    return time.perf_counter() - began


@dataclass(frozen=True)
class Found:
    """What was measured: seconds of each field for all bundles; ours, by hand, and Jinja2's."""

    fields: dict[str, tuple[float, float, float]]

    def rates(self) -> tuple[float, float, float]:
        """Templates per second over the whole mapping."""
        count = len(self.fields) * BUNDLES
        ours, by_hand, by_jinja = (
            sum(column) for column in zip(*self.fields.values(), strict=True)
        )
        return count / ours, count / by_hand, count / by_jinja

    def slowest(self) -> tuple[float, str]:
        """The template that takes the most of what is written by hand, and how much."""
        return max((ours / by_hand, name) for name, (ours, by_hand, _) in self.fields.items())


def run() -> Found:
    """Measures every field of the mapping, in turns."""
    bundles = orders(BUNDLES)
    contexts = [Context({1: bundle}) for bundle in bundles]
    jinja = environment()
    found = {}
    for field in FIELDS:
        evaluate = compile_template(field.template).evaluate
        render = jinja.from_string(field.jinja).render
        for bundle, context in zip(bundles, contexts, strict=True):
            assert evaluate(context) == field.by_hand(bundle), (field.template, bundle)
        rounds = [
            (timed(evaluate, contexts), timed(field.by_hand, bundles), timed(render, bundles))
            for _ in range(ROUNDS)
        ]
        ours, by_hand, by_jinja = (min(column) for column in zip(*rounds, strict=True))
        found[field.template] = (ours, by_hand, by_jinja)
    return Found(found)


if __name__ == "__main__":
    found = run()
    for template, (ours, by_hand, by_jinja) in found.fields.items():
        each = [f"{seconds / BUNDLES * 1e9:6.0f} ns" for seconds in (ours, by_hand, by_jinja)]
        print(f"{ours / by_hand:5.2f} ", *each, template)
    print(*(f"{rate:,.0f}/s" for rate in found.rates()))
