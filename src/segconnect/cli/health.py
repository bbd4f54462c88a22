"""`segconnect health`: what in an account's data makes its reports say less than what happened."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

from segconnect.cli.options import Account, AsJson, Data


def command(
    account: Account = None,
    start: Annotated[str | None, typer.Option(help="Such as -30d \\[a year ago]")] = None,
    end: Annotated[str | None, typer.Option(help="The last day \\[now]")] = None,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Checks an account's data: copies, spellings, what is not linked, and what mends it."""
    from segconnect.account.figures.health import MODELS, health
    from segconnect.account.reports import saved
    from segconnect.cli.report import relative
    from segconnect.cli.stored import account_of, stored

    with stored(data) as (engine, replica):
        pk = account_of(engine, account).pk
        with engine.connect() as connection:
            settings = saved.settings_of(connection, pk)
        with replica.reading(pk, MODELS) as facts:
            told = health(facts, settings, relative(start), relative(end))
    if as_json:
        typer.echo(json.dumps(told))
    else:
        _show(told)


def _show(told: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.text import Text

    console = Console(highlight=False)
    dates, currency = told["date_range"], told["currency"]
    for check in told["checks"]:
        share = f" of {check['of']:,} {check['unit']}"
        money = f", {check['money']:,.2f} {currency}" if check["money"] else ""
        line = Text(f"{check['name']}: ", style="bold")
        line.append(f"{check['count']:,}", style="yellow" if check["count"] else "green")
        console.print(line.append(share + money, style="not bold"), soft_wrap=True)
        if not check["count"]:
            continue
        for example in check["examples"]:
            times = f" × {example['count']:,}" if example["count"] > 1 else ""
            worth = f", {example['money']:,.2f}" if example["money"] else ""
            console.print(Text(f"  {example['what']}{times}{worth}"), soft_wrap=True)
        console.print(Text(f"  {check['mend']}", style="dim"), soft_wrap=True)
    console.print(Text(f"\n{dates['start_date']} to {dates['end_date']}", style="dim"))
