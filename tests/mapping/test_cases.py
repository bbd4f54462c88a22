"""Runs the plain files in cases/: one line, one example. README.md there says how they are read."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from segconnect.errors import MappingError
from segconnect.mapping import ERASE, IGNORE, evaluate
from segconnect.mapping.values import iso
from segconnect.types import parse_moment

CASES = Path(__file__).parent / "cases"
LINE = re.compile(r"(?P<template>.*) \|\s*(?P<bundles>\S.*?|)\s*\|\s+(?P<expected>.*)")


@dataclass(frozen=True)
class World:
    """What the headers of a file have set so far."""

    now: datetime = datetime(2016, 12, 28, 12, 56, 44, 356000, tzinfo=UTC)
    timezone: str = "UTC"
    bundles: dict[str, Any] = field(default_factory=dict)
    variables: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Case:
    template: str
    expected: str
    world: World


def read_cases(path: Path) -> Iterator[tuple[int, Case]]:
    world = World()
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        header = re.fullmatch(r"(now|timezone|bundles|variables): (.*)", line)
        if header:
            world = replace(world, **{header[1]: _header(header[1], header[2])})
            continue
        found = LINE.fullmatch(line)
        assert found, f"{path.name}:{number} is not: template | bundles | expected"
        own = world
        if found["bundles"]:
            own = replace(world, bundles=_value(json.loads(found["bundles"])))
        yield number, Case(found["template"].replace("␤", "\n"), found["expected"].strip(), own)


def _header(name: str, text: str) -> Any:
    if name == "now":
        return parse_moment(text)
    return text if name == "timezone" else _value(json.loads(text))


def _value(value: Any) -> Any:
    if isinstance(value, dict):
        if set(value) == {"$date"}:
            return parse_moment(value["$date"])
        if set(value) == {"$buffer"}:
            return bytes.fromhex(value["$buffer"])
        if set(value) == {"$float"}:
            return float(value["$float"])
        return {key: _value(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_value(each) for each in value]
    return value


def all_cases() -> Iterator[Any]:
    for path in sorted(CASES.glob("*.txt")):
        for number, case in read_cases(path):
            yield pytest.param(case, id=f"{path.name}:{number}")


@pytest.mark.parametrize("case", list(all_cases()))
def test_the_template_gives_what_is_expected(case: Case) -> None:
    world = case.world
    if case.expected.startswith("error"):
        with pytest.raises(MappingError) as caught:
            evaluate(
                case.template,
                world.bundles,
                now=world.now,
                timezone=world.timezone,
                variables=world.variables,
            )
        assert case.expected.removeprefix("error").removeprefix(":").strip() in str(caught.value)
        return
    value = evaluate(
        case.template,
        world.bundles,
        now=world.now,
        timezone=world.timezone,
        variables=world.variables,
    )
    assert as_written(value) == as_expected(case.expected)


def as_expected(text: str) -> Any:
    if text in ("absent", "ignore", "erase") or text.startswith(("date ", "buffer ")):
        return text
    return as_written(json.loads(text, parse_float=Decimal))


def as_written(value: Any) -> Any:
    """The value as something that tells apart what == does not: 1, true and a date."""
    if value is None or value is IGNORE or value is ERASE:
        return "absent" if value is None else value.value
    if isinstance(value, datetime):
        return f"date {iso(value)}"
    if isinstance(value, bytes):
        return f"buffer {value.hex()}"
    if isinstance(value, bool):
        return value
    if isinstance(value, (int, float, Decimal)):
        return ("number", Decimal(repr(value)) if isinstance(value, float) else Decimal(value))
    if isinstance(value, dict):
        return {key: as_written(each) for key, each in value.items()}
    if isinstance(value, list):
        return [as_written(each) for each in value]
    return ("text", value)
