"""Proposes a mapping for a file that no recipe fits, by the names and the values of its columns.

It is a beginning to edit, and is never run by itself: a guess about money is told, not made.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Any

from segconnect.errors import SourceError
from segconnect.scenario.sources.export import Raw

LOOKED_AT = 200  # bundles
FILL_IN = "{{fillIn()}}"
"""Stands for what nothing tells; there is no such function, so that a proposal does not run."""

_ITEMS = ("data", "items", "results", "records", "orders", "contacts", "customers", "subscribers")
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_NUMBER = re.compile(r"\W{0,3}\d[\d.,\s]*\W{0,3}")
_DATE = re.compile(r"(\d{4}([/.-]\d\d?){2}|(\d\d?[/.-]){2}(\d{4}|\d\d))(?![\d.]).*")

_WORDS = {
    "email": r"e-?mail|courriel|correo",
    "first_name": r"first.?name|given.?name|fname|vorname|pr[ée]nom|nombre",
    "last_name": r"last.?name|surname|family.?name|lname|nachname|apellidos?|nom de famille",
    "tags": r"tags?|labels?|schlagw[oö]rter|[ée]tiquettes",
    "clicks": r"(link.?)?clicks?|klicks|clics?",
    "impressions": r"impr(essions?|essionen)?\.?|impresiones",
    "spend": r".*\b(spend|spent|cost|kosten|ausgaben|co[uû]t|coste|gasto)\b.*",
    "paid": r".*\b(paid|bezahlt|pay[ée])\b.*",
    "amount": r".*\b(total|amount|price|revenue|sum|betrag|montant|importe|gesamt)\b.*",
    "date": r".*(date|created|day\b|\btag\b|datum|jour|fecha|time|registered).*",
    "id": r"(.*\b)?(order|invoice|transaction|bestell|rechnungs?|charge) ?(id|number|no|nr)?\b.*"
    r"|id|number|name",
    "campaign": r".*(campaign|kampagne|campagne|campa[ñn]a).*",
    "ad": r"ad[ _-]?(id|name)?|anzeige.*|annonce.*",
}
_KIND = {"email": _EMAIL, "amount": _NUMBER, "paid": _NUMBER, "spend": _NUMBER, "date": _DATE}
_KIND |= {"clicks": _NUMBER, "impressions": _NUMBER}


@dataclass(frozen=True)
class _Column:
    steps: tuple[str, ...]  # of a table, only one
    values: Sequence[str]

    @property
    def name(self) -> str:
        return ".".join(self.steps)

    def fits(self, kind: str) -> bool:
        """Whether its name, and what it holds, look like this kind."""
        last = " ".join(self.steps[-1].replace("_", " ").split())
        if re.fullmatch(_WORDS[kind], last, re.IGNORECASE) is None:
            return kind in ("email", "date") and self._hold(_KIND[kind])
        return kind not in _KIND or self._hold(_KIND[kind])

    def _hold(self, pattern: re.Pattern[str]) -> bool:
        return sum(bool(pattern.fullmatch(value)) for value in self.values) * 2 > len(self.values)


_Found = Mapping[str, _Column]


def propose(path: Path) -> str:
    """Writes a scenario for a file, in YAML, to be read and changed.

    Raises:
        SourceError: The file cannot be read, or holds nothing.
    """
    raw, items = _opened(path)
    columns = list(_columns(raw))
    if not columns:
        broken = next((bundle.error for bundle in raw.bundles() if bundle.error), None)
        why = broken or "there is neither a table nor a record in it"
        raise SourceError(f"{path.name}: no mapping can be proposed: {why}")
    found: dict[str, _Column] = {}
    for kind in _WORDS:
        fitting = [each for each in columns if each not in found.values() and each.fits(kind)]
        if fitting:
            found[kind] = fitting[0]
    parameters: dict[str, Any] = {"file": str(path.absolute())}
    if items is not None:
        parameters["items"] = items
    if raw.is_table:
        kinds = ("amount", "paid", "spend", "clicks", "impressions")
        parameters["numbers"] = [found[kind].name for kind in kinds if kind in found]
        parameters["dates"] = [found["date"].name] if "date" in found else []
    module, mapper = _filled(found, columns)
    lines = [
        f"# A proposal by the names and values of the columns of {path.name}: read it, and change",
        f"# what is wrong. It does not run before every {FILL_IN} is replaced.",
        f"name: {_quoted(path.stem)}",
        "timezone: UTC # of dates without one",
        "",
        "flow:",
        "  - id: 1",
        "    module: export",
        "    parameters:",
        *(f"      {key}: {_quoted(value)}" for key, value in parameters.items() if value),
        "",
        "  - id: 2",
        f"    module: {module}",
        "    mapper:",
        *(f"      {line}" for line in mapper),
        "",
        "# The columns, and what the first rows have there:",
        *(f"#   {column.name}: {', '.join(column.values[:3])[:80]}" for column in columns),
    ]
    return "\n".join(" ".join(line.splitlines()) for line in lines) + "\n"


def _filled(found: _Found, columns: Sequence[_Column]) -> tuple[str, list[str]]:
    """Chooses a module by what was found, and fills it in."""
    has = found.keys()
    if "spend" in has and has & {"clicks", "impressions"}:
        return "record-ad-performance", list(_ad(found))
    if "email" in has and has & {"amount", "paid"}:
        return "add-update-order", list(_order(found))
    return "add-update-contact", list(_contact(found, columns))


def _ad(found: _Found) -> Iterator[str]:
    ad = found.get("ad") or found.get("campaign")
    yield f"ad: [{{ id: {_of(ad)} }}] # what tells ads apart"
    if "campaign" in found:
        yield f"adcampaign: [{{ id: {_of(found['campaign'])} }}]"
    yield f"date: {_of(found.get('date'))} # one day"
    yield f"spend: {_cents(found['spend'])} # a second argument is the currency"
    for kind in ("clicks", "impressions"):
        if kind in found:
            yield f"{kind}: {_of(found[kind])}"
    yield "# several rows of one ad and day replace each other: see sum_rows_by in docs/recipes.md"


def _order(found: _Found) -> Iterator[str]:
    amount, paid = found.get("amount") or found["paid"], found.get("paid")
    yield f"email: {_of(found['email'])}"
    yield f"invoice_id: {_of(found.get('id'))} # the same ID updates an order"
    yield f"amount: {_cents(amount)} # a second argument is the currency"
    yield f"paid: {_cents(paid)}" if paid else f"paid: {_of(None)} # all of it? and refunds?"
    yield f"date_created: {_of(found.get('date'))}"
    yield f"items: [{{ name: {_of(None)}, product_id: {_of(None)}, amount: {_cents(amount)} }}]"


def _contact(found: _Found, columns: Sequence[_Column]) -> Iterator[str]:
    yield f"email: {_of(found.get('email'))} # or contact_id"
    for kind in ("first_name", "last_name"):
        if kind in found:
            yield f"{kind}: {_of(found[kind])}"
    if "date" in found:
        yield f"date_created: {_of(found['date'])}"
    if "tags" in found:
        template = "{{split(" + _path(found["tags"]) + '; ",")}}'
        yield f"tags: {_quoted(template)}"
    used = [found.get(kind) for kind in ("email", "first_name", "last_name", "date", "tags")]
    rest = [each for each in columns if each.values and each not in used]
    if rest:
        yield "custom_fields:"
        yield from (f"  {_quoted(each.name)}: {_of(each)}" for each in rest[:20])


def _path(column: _Column) -> str:
    plain = re.compile(r"[A-Za-z_]\w*", re.ASCII)
    return "1." + ".".join(s if plain.fullmatch(s) else f"`{s}`" for s in column.steps)


def _of(column: _Column | None) -> str:
    return _quoted(FILL_IN if column is None else "{{" + _path(column) + "}}")


def _cents(column: _Column) -> str:
    return _quoted("{{cents(" + _path(column) + ")}}")


def _quoted(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _opened(path: Path) -> tuple[Raw, str | None]:
    """Opens a file, and finds the key that holds its records."""
    raw = Raw(path, None, False, {})
    for items in _ITEMS if raw.form == "json" else ():
        inner = Raw(path, items, False, {})
        if inner.is_array:
            return inner, items
    return raw, None


def _columns(raw: Raw) -> Iterator[_Column]:
    """Lists the columns that a template can name, and what the first bundles have there."""
    bundles = [bundle.values for bundle in islice(raw.bundles(), LOOKED_AT)]
    for name in raw.columns():
        steps = (name,) if raw.is_table else tuple(name.split("."))
        found = [_at(values, steps) for values in bundles]
        values = [str(each) for each in found if isinstance(each, (str, int, float, Decimal))]
        if "`" not in name and (values or raw.is_table):
            yield _Column(steps, values)


def _at(value: Any, steps: Sequence[str]) -> Any:
    for step in steps:
        value = value.get(step) if isinstance(value, Mapping) else None
    return value
