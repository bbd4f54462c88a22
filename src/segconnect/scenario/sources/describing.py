"""What a file holds, found by looking: shown before it is used."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from segconnect.mapping.values import UnusableError, to_number
from segconnect.scenario.bundle import Place, SourceBundle
from segconnect.scenario.sources import SOURCES, SUFFIXES, module_for, open_source
from segconnect.scenario.sources.json import WHOLE, JsonSource
from segconnect.scenario.sources.numerals import plain_number
from segconnect.types import parse_moment

if TYPE_CHECKING:
    from segconnect.scenario.engine.services import Services

LOOKED_AT = 1_000  # bundles
SHOWN = 5
EXAMPLES = 3


@dataclass(frozen=True)
class Column:
    """A column, or a key of objects: its name, what its values are, and some of them."""

    name: str
    type: str  # empty, number, date, truth, array, collection, text; or "mixed"
    filled: int  # how many of the bundles that were looked at have a value
    examples: Sequence[Any]


@dataclass(frozen=True)
class Description:
    """What was found in a file, or by another source.

    Attributes:
        module: The short name of the source that reads it.
        parameters: What a scenario says to read it; with what is suggested for what was found.
        found: The dialect, the sheet and so on, by name.
        columns: The columns of the first bundles.
        looked_at: How many bundles those are.
        bundles: The first few.
        refused: The first few that cannot be read, with their places and reasons.
        passed_over: Rows before the header.
        totals: Rows that sum up others.
    """

    module: str
    parameters: Mapping[str, Any]
    found: Mapping[str, Any]
    columns: Sequence[Column]
    looked_at: int
    bundles: Sequence[SourceBundle]
    refused: Sequence[SourceBundle]
    passed_over: Sequence[tuple[Place, str]]
    totals: Sequence[str]


def describe(path: Path, **parameters: Any) -> Description:
    """Looks at a file, and tells what it holds.

    Args:
        path: The file.
        parameters: What is known of it; it is not questioned.

    Raises:
        SourceError: Nothing reads such a file, or it cannot be read.
        ScenarioError: A parameter is wrong.
    """
    module = module_for(path) if path.suffix.lower() in SUFFIXES else "csv"
    found = preview(module, {"file": str(path.absolute()), **parameters}, path.parent)
    return replace(found, parameters={**found.parameters, "file": str(path)})


def preview(
    module: str, parameters: Mapping[str, Any], base: Path, services: Services | None = None
) -> Description:
    """Looks at what a source gives, of any kind; the arguments are those of `open_source`.

    Raises:
        SegconnectError: It cannot be read, or a parameter is wrong.
    """
    given = dict(parameters)
    source: Any = open_source(module, given, base, services)
    if isinstance(source, JsonSource) and source.found().get("items") == WHOLE:
        given["items"] = WHOLE  # it holds no array
        source = open_source(module, given, base, services)
    first = list(islice(source.bundles(), LOOKED_AT))
    read = [bundle for bundle in first if bundle.error is None]
    found = source.found()
    totals = source.totals() if hasattr(source, "totals") else []
    if totals:
        given.setdefault("total_rows", "leave out")
    if found.get("decimal") == ",":
        given.setdefault("decimal", ",")
    return Description(
        module=SOURCES.get(module, module),
        parameters=given,
        found=found,
        columns=_columns(read, found.get("decimal")),
        looked_at=len(first),
        bundles=read[:SHOWN],
        refused=[bundle for bundle in first if bundle.error is not None][:SHOWN],
        passed_over=source.passed_over() if hasattr(source, "passed_over") else [],
        totals=totals,
    )


def _columns(bundles: Iterable[SourceBundle], decimal: str | None) -> list[Column]:
    values: dict[str, list[Any]] = {}
    for bundle in bundles:
        for name, value in bundle.values.items():
            values.setdefault(name, []).append(value)
    return [
        Column(name, _type(found, decimal), len(found), _different(found))
        for name, found in values.items()
    ]


def _different(values: Iterable[Any]) -> list[Any]:
    found: list[Any] = []
    for value in values:
        if value not in found:
            found.append(value)
        if len(found) == EXAMPLES:
            break
    return found


def _type(values: Sequence[Any], decimal: str | None) -> str:
    kinds = {_kind(value, decimal) for value in values}
    if len(kinds) == 1:
        return kinds.pop()
    return "text" if kinds <= {"number", "date", "truth", "text"} else "mixed"


def _kind(value: Any, decimal: str | None) -> str:
    if value is None:
        return "empty"
    if isinstance(value, bool):
        return "truth"
    if isinstance(value, Mapping):
        return "collection"
    if isinstance(value, list):
        return "array"
    if not isinstance(value, str):
        return "date" if hasattr(value, "tzinfo") else "number"
    if value.lower() in ("true", "false", "yes", "no"):
        return "truth"
    text = plain_number(value, decimal) if decimal in (",", ".") else value
    try:
        to_number(text)
    except UnusableError:
        pass
    else:
        return "number"
    try:
        parse_moment(value)
    except ValueError:
        return "text"
    return "date"
