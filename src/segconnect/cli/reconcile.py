"""`segconnect reconcile`: a processor's export beside the orders that an account has of it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from segconnect.cli.options import Account, AsJson, Data
from segconnect.errors import UsageError

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from segconnect.recipes.loading import Loading
    from segconnect.settings import Settings

SHOWN = 50  # orders that differ
DIFFERS = 1  # the exit code


def command(
    file: Annotated[Path, typer.Argument(help="An export of orders: Stripe's, Shopify's ...")],
    account: Account = None,
    integration: Annotated[
        str | None, typer.Option(help="Where its orders went \\[the only one with orders]")
    ] = None,
    recipe: Annotated[
        str | None, typer.Option(help="The recipe to use, if it is not to be found by looking.")
    ] = None,
    given: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="What a file does not say: date_order..."),
    ] = None,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Compares an export with the account: totals by day, and the orders that differ.

    Exit code 0: nothing differs. 1: something does, or was refused. 2: it could not be compared.
    """
    from segconnect.account.figures.reconciling import reconcile
    from segconnect.account.reports import saved
    from segconnect.cli.load import pair
    from segconnect.cli.stored import account_of, stored
    from segconnect.recipes.loading import find, settle
    from segconnect.settings import load

    found = find(file, recipe)
    if found is None:
        raise UsageError(f"{file}: no recipe fits it; see segconnect recipes")
    loading = settle(file, found, dict(pair(each) for each in given or ()), None)
    refused: list[str] = []
    with stored(data) as (engine, replica):
        owner = account_of(engine, account)
        with engine.connect() as connection:
            settings = saved.settings_of(connection, owner.pk)
        integration_id, integration_pk = _integration(engine, owner.pk, integration)
        with replica.reading(owner.pk) as facts:
            orders = _orders(loading, load(data=data), refused)
            told = reconcile(facts, settings, integration_pk, orders)
    told = {"recipe": found.name, "integration_id": integration_id, **told, "refused": refused}
    if not told["totals"]["orders_there"]:
        why = f"; {len(refused)} were refused, the first: {refused[0]}" if refused else ""
        raise UsageError(f"{file}: the recipe {found.name} finds no orders in it{why}")
    if as_json:
        typer.echo(json.dumps(told))
    else:
        _show(told)
    raise typer.Exit(DIFFERS if told["differences"] or refused else 0)


def _orders(
    loading: Loading, settings: Settings, refused: list[str]
) -> Iterator[Mapping[str, Any]]:
    """Answers the orders of the file; notes what is refused."""
    from segconnect.recipes.orders import orders_of

    scenario = loading.prepare(settings, None)
    try:
        for order in orders_of(scenario, loading.inputs):
            if isinstance(order, tuple):
                refused.append(f"{order[0]}: {order[1].why}")
            else:
                yield order
    finally:
        scenario.close()


def _integration(engine: Engine, account_pk: int, named: str | None) -> tuple[str, int]:
    """Finds the integration of that id, or the only one of the account that has orders."""
    from sqlalchemy import select

    from segconnect.account.store.schema import integrations, orders

    query = select(integrations.c.integration_id, integrations.c.pk).where(
        integrations.c.account_pk == account_pk
    )
    if named is None:
        has_orders = select(orders.c.pk).where(orders.c.integration_pk == integrations.c.pk)
        query = query.where(has_orders.exists())
    else:
        query = query.where(integrations.c.integration_id == named)
    with engine.connect() as connection:
        found = [(str(row[0]), int(row[1])) for row in connection.execute(query)]
    if len(found) == 1:
        return found[0]
    if named is not None:
        raise UsageError(f"the account has no integration {named!r}; see segconnect account list")
    if not found:
        raise UsageError("no integration of the account has orders; load the export first")
    listed = ", ".join(name for name, _ in found)
    raise UsageError(f"several integrations have orders; name one with --integration: {listed}")


def _show(told: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(highlight=False)
    days = [each for each in told["days"] if each["differ"]]
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("Day")
    for name in ("Orders there", "here", "Amount there", "here", "Paid there", "here", "Differ"):
        table.add_column(name, justify="right")
    for day in days:
        table.add_row(day["day"], *_sums(day))
    if days:
        table.add_section()
    table.add_row("All days", *_sums(told["totals"]), style="bold")
    console.print(table)
    if told["orders"]:
        console.print()
        for order in told["orders"][:SHOWN]:
            there, here = (_state(order, side) for side in ("there", "here"))
            line = f"{order['day']} {order['order']}: {order['difference']} ({there} / {here})"
            console.print(Text(line), soft_wrap=True)
        more = sum(told["differences"].values()) - len(told["orders"][:SHOWN])
        if more > 0:
            console.print(f"and {more:,} more; --json tells up to 10,000", style="dim")
    for each in told["refused"][:SHOWN]:
        console.print(Text(f"not compared: {each}"), style="yellow", soft_wrap=True)
    counts = ", ".join(f"{count:,} {what}" for what, count in told["differences"].items())
    where = f"{told['recipe']} beside integration {told['integration_id']}, {told['currency']}"
    console.print(Text(f"\n{where}: {counts or 'nothing differs'}"), style="dim", soft_wrap=True)


def _sums(row: Mapping[str, Any]) -> list[str]:
    numbers = [f"{row[name]:,}" for name in ("orders_there", "orders_here")]
    money = [
        f"{row[name]:,.2f}" for name in ("amount_there", "amount_here", "paid_there", "paid_here")
    ]
    return [*numbers, *money, f"{row['differ']:,}"]


def _state(order: Mapping[str, Any], side: str) -> str:
    """What one side says of an order."""
    if order[f"amount_{side}"] is None:
        return "none"
    refunded = ", refunded" if order[f"refunded_{side}"] else ""
    return f"{order[f'amount_{side}']:,.2f}, paid {order[f'paid_{side}']:,.2f}{refunded}"
