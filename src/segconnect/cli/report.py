"""`segconnect report`: what happened in an account, in figures."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from segconnect.cli.options import Account, AsJson, Data
from segconnect.errors import UsageError

Repeated = list[str] | None


def command(
    type_: Annotated[str, typer.Argument(metavar="TYPE", help="Such as leads, revenue or ads.")],
    account: Account = None,
    start: Annotated[str | None, typer.Option(help="Such as -30d, or 2026-02-28 [-30 day]")] = None,
    end: Annotated[str | None, typer.Option(help="The last day \\[now]")] = None,
    by: Annotated[
        Repeated, typer.Option(help="Dimensions: channel, campaign, product, month ...")
    ] = None,
    metric: Annotated[Repeated, typer.Option(help="Metrics \\[those of the type]")] = None,
    model: Annotated[
        str | None,
        typer.Option(help="Such as linear@30; of a comparison several, as in linear,markov:2"
                     " \\[the account's, else any]"),
    ] = None,
    view: Annotated[
        str | None, typer.Option(help="cohort: orders of the leads; period: of the range")
    ] = None,
    where: Annotated[
        Repeated, typer.Option(help="Filter: channel=paid, tag!=VIP, product~tea, revenue>=100")
    ] = None,
    compare: Annotated[str | None, typer.Option(help="previous, or last_year")] = None,
    sort: Annotated[str | None, typer.Option(help="Metric or dimension; -revenue: largest first")]
        = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Rows at most")] = None,
    behind: Annotated[
        str | None, typer.Option(help="Lists what is behind the total, or behind this row's value")
    ] = None,
    step: Annotated[
        Repeated, typer.Option(help="Of a funnel, in order: lead, order=tea, page=/webinar*")
    ] = None,
    window: Annotated[int | None, typer.Option(help="Days for all steps of a funnel")] = None,
    to: Annotated[str | None, typer.Option(help="What paths lead to: order, or lead")] = None,
    repeats: Annotated[
        bool, typer.Option("--repeats", help="Paths tell steps like the one before, too.")
    ] = False,
    save: Annotated[str | None, typer.Option(help="Keeps the report under this name.")] = None,
    out: Annotated[
        Path | None, typer.Option(help="Writes a file: .csv, .json, .parquet or .xlsx")
    ] = None,
    as_csv: Annotated[bool, typer.Option("--csv", help="Prints CSV.")] = False,
    as_chart: Annotated[bool, typer.Option("--chart", help="Prints bars.")] = False,
    engine: Annotated[str, typer.Option(help="What answers: duckdb, or spark")] = "duckdb",
    master: Annotated[
        str | None, typer.Option(help="Of Spark: local[2], or a cluster's URL \\[local[*]]")
    ] = None,
    parquet: Annotated[
        Path | None, typer.Option(help="Reads an export, and not the store")
    ] = None,
    as_of: Annotated[
        str | None, typer.Option(help="Answers as then: a change number or moment that is kept")
    ] = None,
    data: Data = None,
    as_json: AsJson = False,
) -> None:  # fmt: skip
    """Answers a report: `segconnect report ads --start -30d --by campaign --model linear`."""
    from segconnect.account.reports.answering import query_answer
    from segconnect.account.reports.asking import ask
    from segconnect.account.reports.files import write
    from segconnect.account.reports.plan import Query
    from segconnect.account.reports.run import run
    from segconnect.account.reports.types import COMPARISON, SPECIAL
    from segconnect.cli import report_show as show
    from segconnect.cli.report_source import Source, asked

    if as_csv + as_chart + as_json > 1:
        raise UsageError("--csv, --chart and --json are three ways to print; give one of them")
    options: dict[str, object] = {
        "attribution_model": model, "view": view, "window": window, "conversion": to,
        "repeats": repeats or None,
    }  # fmt: skip
    if type_ == COMPARISON and model is not None:
        options |= {"attribution_model": None, "models": _split([model])}
    query = Query(
        type_, _split(by), _split(metric), relative(start), relative(end),
        filters=[filter_of(each) for each in where or ()],
        options={name: each for name, each in options.items() if each is not None},
        steps=[_step(each) for each in step or ()], compare=compare, sort=sort, limit=limit,
    )  # fmt: skip
    source = Source(engine, master, parquet, as_of)
    with asked(source, query, account, data) as (planned, facts, keep):
        kept = keep(save) if save is not None else None
        if behind is not None:
            show.behind(facts, planned, behind, as_json=as_json, as_csv=as_csv)
            return
        scale = planned.period.scale or "day"
        is_plain = type_ not in SPECIAL
        answer = run(facts, planned) if is_plain else None
        told = query_answer(answer, scale) if answer else ask(facts, planned)
    if kept is not None:
        typer.echo(f"kept as {kept}", err=True)
    if out is not None:
        write(told, out)
    elif as_json:
        typer.echo(json.dumps(told))
    elif as_csv:
        show.csv_rows(told)
    elif answer is None:
        show.plain(told, as_chart=as_chart)
    elif as_chart:
        show.bars(answer, told)
    else:
        show.table(answer, told)


def _split(given: Repeated) -> list[str] | None:
    """Reads names that are repeated, or have commas between them; None where nothing was given."""
    if given is None:
        return None
    return [name.strip() for each in given for name in each.split(",") if name.strip()]


UNITS = {"d": "day", "w": "week", "m": "month", "y": "year"}


def relative(text: str | None) -> str | None:
    """Reads -30d as -30 day, and so on for weeks, months and years."""
    if text and text[-1] in UNITS and text[:-1].lstrip("+-").isdigit():
        return f"{text[:-1]} {UNITS[text[-1]]}"
    return text


def _step(text: str) -> dict[str, str]:
    """Reads a step of a funnel: an event, and what is asked of it."""
    from segconnect.account.reports.steps import asked_first

    event, equals, value = text.partition("=")
    condition = asked_first(event.strip())
    return {"event": event.strip(), **({condition: value.strip()} if equals else {})}


def filter_of(text: str) -> dict[str, Any]:
    """Reads a filter: a field, an operator, a value.

    Raises:
        UsageError: It has no operator.
    """
    from segconnect.account.reports.filters import WORDS

    places = [(text.find(mark), -len(mark), mark) for mark in WORDS if text.find(mark) > 0]
    if not places:
        raise UsageError(f"{text!r} is no filter; expected one such as channel=paid")
    place, _, mark = min(places)
    field, value = text[:place].strip(), text[place + len(mark) :].strip()
    if WORDS[mark] in ("is", "is_not") and value == "":
        return {"field": field, "is_empty": mark == "="}
    return {"field": field, WORDS[mark]: _number_or_text(field, value)}


def _number_or_text(field: str, value: str) -> str | float:
    """Reads a number where a metric is asked about; money in units of the currency."""
    from segconnect.account.metrics import METRICS, find_dimension

    try:
        find_dimension(field)
    except UsageError:
        METRICS.find(field)
        try:
            return float(value)
        except ValueError:
            raise UsageError(f"{field}: {value!r} is not a number") from None
    return value
