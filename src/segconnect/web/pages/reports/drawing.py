"""What is drawn of reports that are more than figures over time: what static/chart.js draws."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from segconnect.account.reports.dates import SCALES
from segconnect.account.reports.types import COHORTS, COMPARISON, FUNNEL, JOURNEY, PATHS

Json = dict[str, Any]

MOST_NAMES = 10  # that are told apart beside each other
UP = ("newMrr", "expansionMrr", "reactivatedMrr")
DOWN = ("contractionMrr", "churnedMrr")
NET = "netNewMrr"


def drawn(type_: str, answer: Json) -> Json | None:
    """Answers what the script draws of a report; None where it is drawn over time, as others are.

    Each has a `kind`, a `title` with a `note` or an empty one, and says in a sentence what it shows
    (`told`); the table of the report says the same to those whom a picture is no help.
    """
    draw = DRAWN.get(type_)
    told = draw(answer) if draw and answer["rows"] else None
    return told and {"note": "", **told}


def _cohorts(answer: Json) -> Json | None:
    ages = len(answer["fields"]) - 2
    if not ages:
        return None
    return {
        "kind": "heat",
        "title": "Lead value by age",
        "told": f"What a lead of each {answer['fields'][0]['name'].lower()} had brought by the end"
        f" of each of its first {ages} months; the darker, the more.",
        "currency": answer["currency"],
        "corner": "Month of age",
        "columns": [str(age) for age in range(1, ages + 1)],
        "rows": [
            {"name": row[0], "note": f"{row[1]:,} leads", "cells": row[2:]}
            for row in answer["rows"]
            if row[2] is not None
        ],
    }


def _funnel(answer: Json) -> Json:
    steps = [
        {"name": name, "people": people, "rate": rate, "overall": overall, "days": median}
        for name, people, rate, overall, _, _, median in answer["rows"]
    ]
    return _steps(steps, "From step to step")


def _journey(answer: Json) -> Json:
    steps = [
        {"name": name, "people": people, "rate": rate, "overall": overall, "days": median}
        for name, people, rate, overall, median, _ in answer["everybody"]
    ]
    return _steps(steps, "How far people come")


def _steps(steps: list[Json], title: str) -> Json:
    told = ", ".join(f"{each['name']} {each['people']:,}" for each in steps)
    return {"kind": "steps", "title": title, "told": f"People who took each step: {told}.",
            "steps": steps}  # fmt: skip


def _movements(answer: Json) -> Json | None:
    """Bars up for what came, down for what went, and a line for what is left of both."""
    fields = answer["fields"]
    if fields[0]["key"] not in SCALES or len(fields) - len(answer["totals"]) > 1:
        return None
    rows = sorted(answer["rows"], key=lambda row: str(row[0]))
    series = []
    for place, field in enumerate(fields):
        sign = 1 if field["key"] in UP else -1 if field["key"] in DOWN else 0
        if sign or field["key"] == NET:
            figures = [row[place] * (sign or 1) for row in rows]
            series.append({"name": field["name"], "data": figures, "key": field["key"],
                           "stack": bool(sign)})  # fmt: skip
    if not series:
        return None
    return {
        "kind": "movements",
        "title": f"Movements by {fields[0]['name'].lower()}",
        "told": "Recurring revenue that came, above the line, and went, below it, in each"
        f" {fields[0]['name'].lower()}.",
        "currency": answer["currency"],
        "names": [row[0] for row in rows],
        "series": series,
    }


def _comparison(answer: Json) -> Json:
    """Bars of each model beside each other, of the first metric."""
    models = answer["models"]
    fields = answer["fields"][1 : 1 + len(models)]
    rows = answer["rows"][:MOST_NAMES]
    metric = fields[0]["name"].partition(", ")[0]
    return {
        "kind": "groups",
        "title": f"{metric} by model",
        "told": f"{metric} of each {answer['fields'][0]['name'].lower()} by"
        f" {', '.join(each['name'].partition(', ')[2] for each in fields)}.",
        "currency": answer["currency"] if fields[0]["type"] == "CURRENCY" else None,
        "names": [row[0] for row in rows],
        "series": [
            {"name": each["name"].partition(", ")[2], "data": [row[place] for row in rows]}
            for place, each in enumerate(fields, 1)
        ],
    }


def _paths(answer: Json) -> Json | None:
    """Ribbons from visit to visit, as wide as what they lead to; not of paths without a row."""
    metric = answer["fields"][1]
    paths = [
        {"steps": steps, "value": row[1]}
        for row, steps in zip(answer["rows"], answer["paths"], strict=True)
        if steps is not None and row[1]
    ]
    if not paths:
        return None
    total, shown = answer["totals"][0], sum(each["value"] for each in paths)
    share = f"of {shown / total:.0%} of them" if shown < total else ""
    return {
        "kind": "paths",
        "title": f"Paths to {answer['conversion']}s",
        "told": f"{metric['name']} by the last visits before them{share and f', {share}'}.",
        "note": share and f"the paths {share}",
        "currency": answer["currency"] if metric["type"] == "CURRENCY" else None,
        "outcome": metric["name"],
        "paths": paths,
    }


DRAWN: dict[str, Callable[[Json], Json | None]] = {
    COHORTS: _cohorts,
    FUNNEL: _funnel,
    JOURNEY: _journey,
    "movements": _movements,
    COMPARISON: _comparison,
    PATHS: _paths,
}
"""What is drawn of each type."""
