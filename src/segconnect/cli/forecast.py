"""`segconnect forecast`: what the people of each month will have brought by an age."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

from segconnect.cli.options import Account, AsJson, Data


def command(
    of: Annotated[
        str, typer.Argument(metavar="[OF]", help="leads, or customers: their lifetime value")
    ] = "leads",
    months: Annotated[int, typer.Option(help="The age, in months of 30 days")] = 12,
    account: Account = None,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Forecasts lead value or lifetime value, beside "the same as last year"."""
    from segconnect.account.forecast import forecast_answer
    from segconnect.account.reports import saved
    from segconnect.cli.stored import account_of, stored

    with stored(data) as (engine, replica):
        pk = account_of(engine, account).pk
        with engine.connect() as connection:
            settings = saved.settings_of(connection, pk)
        with replica.reading(pk) as facts:
            told = forecast_answer(facts, settings, of, months)
    if as_json:
        typer.echo(json.dumps(told))
    else:
        _show(told)


def _show(told: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("Month")
    names = (told["of"].title(), "Age", "Brought", f"At {told['months']} months", "Low", "High",
             "Last year")  # fmt: skip
    for name in names:
        table.add_column(name, justify="right")
    for row in told["rows"]:
        low, high = row["range"]
        table.add_row(
            row["month"], f"{row[told['of']]:,}", f"{row['age']}", _money(row["brought"]),
            Text(_money(row["forecast"]), style="" if row["is_known"] else "cyan"),
            _money(low), _money(high), _money(row["last_year"]),
        )  # fmt: skip
    console = Console(highlight=False)
    console.print(table)
    tested = told["back_test"]["forecasts"]
    console.print(f"\n{told['name']}, {told['currency']} each; {tested:,} past forecasts",
                  style="dim")  # fmt: skip
    style = "yellow" if told["back_test"]["is_better"] is False else "dim"
    console.print(Text(told["told"], style=style), soft_wrap=True)


def _money(amount: float | None) -> str:
    return "–" if amount is None else f"{amount:,.2f}"
