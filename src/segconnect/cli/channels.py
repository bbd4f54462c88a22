"""`segconnect channels`: the rules by which visits get their channel."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from sqlalchemy import Engine

from segconnect.account.channels import Rules, classify, published
from segconnect.account.owner.preferences import CHANNEL_RULES, channel_rules, keep
from segconnect.cli.options import AsJson, Data
from segconnect.errors import UsageError

if TYPE_CHECKING:
    from segconnect.account.writing.reclassifying import Moves

app = typer.Typer()

Account = Annotated[str | None, typer.Option("--account", help="The account ID.")]
TheAccount = Annotated[str, typer.Option("--account", help="The account ID.")]
RulesFile = Annotated[Path, typer.Argument(help="A file of rules.")]


@contextmanager
def _store(data: Data) -> Iterator[Engine]:
    from segconnect.account.store.opening import open_engine
    from segconnect.settings import load

    engine = open_engine(load(data=data).database_url)
    try:
        yield engine
    finally:
        engine.dispose()


def _read(path: Path) -> Rules:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "is not UTF-8"
        raise UsageError(f"{path}: {reason}") from None
    return Rules.read(text, str(path))


def _rules(data: Data, account: str | None) -> Rules:
    if account is None:
        return published()
    from segconnect.account.owner.access import account_pk

    with _store(data) as engine, engine.connect() as connection:
        return channel_rules(connection, account_pk(engine, account))


@app.command("list")
def list_all(
    account: Account = None,
    as_yaml: Annotated[bool, typer.Option("--yaml", help="Prints the file, to edit.")] = False,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Lists the rules in their order: the published ones, or an account's."""
    rules = _rules(data, account)
    if as_yaml:
        typer.echo(rules.text, nl=False)
        return
    if as_json:
        told = [rule.model_dump(exclude_none=True) for rule in rules.rules]
        typer.echo(json.dumps({"strict": rules.strict, "rules": told}))
        return
    from rich.console import Console
    from rich.table import Table

    table = Table("", "Rule", "Channel", "When", box=None, pad_edge=False)
    for number, rule in enumerate(rules.rules, 1):
        when = "; ".join(f"{k}: {_words(v)}" for k, v in rule.when if v is not None)
        only = f" (in {rule.only} mode)" if rule.only else ""
        table.add_row(str(number), rule.name + only, rule.channel, when)
    console = Console(highlight=False)
    console.print(table)
    mode = "strict" if rules.strict else "lenient"
    console.print(f"\nThe first one that fits decides. The mode is {mode}.", style="dim")


def _words(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ", ".join(value) if isinstance(value, list) else str(value)


@app.command("test")
def tell(
    url: Annotated[str, typer.Argument(help="The page that was visited, with its query.")],
    referrer: Annotated[str, typer.Option(help="Where the visitor came from.")] = "",
    medium: Annotated[str | None, typer.Option(help="utm_medium, if not in the URL.")] = None,
    source: Annotated[str | None, typer.Option(help="utm_source, if not in the URL.")] = None,
    ad_id: Annotated[str | None, typer.Option(help="The ad's id, if not in the URL.")] = None,
    own_host: Annotated[list[str] | None, typer.Option(help="Another host of yours.")] = None,
    strict: Annotated[bool, typer.Option("--strict", help="A bare fbclid is not paid.")] = False,
    rules: Annotated[Path | None, typer.Option(help="A file of rules.")] = None,
    account: Account = None,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Tells the channel of one visit, and the rule that says so."""
    if rules is not None and account is not None:
        raise UsageError("--rules and --account both name rules; give one of them")
    asked = _read(rules) if rules else _rules(data, account)
    match = classify(
        url,
        referrer,
        rules=asked.made_strict() if strict else asked,
        own_hosts=[host.lower() for host in own_host or ()],
        utm_medium=medium,
        utm_source=source,
        ad_id=ad_id,
    )
    if as_json:
        typer.echo(json.dumps(match._asdict()))
    else:
        by = f"rule: {match.rule}" if match.rule else "no rule fits"
        typer.echo(f"{match.channel}  ({by})")


@app.command()
def preview(
    rules: RulesFile, account: TheAccount, data: Data = None, as_json: AsJson = False
) -> None:
    """Shows what a file of rules would move in an account; changes nothing."""
    from segconnect.account.owner.access import account_pk
    from segconnect.account.writing.reclassifying import moves

    after = _read(rules)
    with _store(data) as engine, engine.connect() as connection:
        pk = account_pk(engine, account)
        found = moves(connection, pk, channel_rules(connection, pk), after)
    if as_json:
        told = [
            {"of": kind, "from": before, "to": now, "count": count}
            for (kind, before, now), count in sorted(found.items())
        ]
        typer.echo(json.dumps(told))
        return
    _show(found)


KINDS = {"contacts": "contacts that say where they came from", "page views": "page views"}


def _show(found: Moves) -> None:
    for kind in sorted({each[0] for each in found}):
        own = {pair[1:]: count for pair, count in found.items() if pair[0] == kind}
        moved = {pair: count for pair, count in own.items() if pair[0] != pair[1]}
        total, going = sum(own.values()), sum(moved.values())
        typer.echo(f"{going:,} of {total:,} {KINDS[kind]} would move")
        for (before, now), count in sorted(moved.items(), key=lambda each: -each[1]):
            typer.echo(f"  {before} -> {now}  {count:,}")
    if not found:
        typer.echo("The account holds nothing that says where it came from.")


@app.command()
def use(rules: RulesFile, account: TheAccount, data: Data = None) -> None:
    """Makes a file of rules the account's own; page views get the channel that they say."""
    _keep(data, account, _read(rules).text)
    typer.echo(f"{account} has rules of its own now; segconnect channels reset takes them back.")


@app.command()
def reset(account: TheAccount, data: Data = None) -> None:
    """Gives the account the published rules again, and page views their channel by them."""
    _keep(data, account, None)
    typer.echo(f"{account} has the published rules.")


def _keep(data: Data, account: str, text: str | None) -> None:
    from segconnect.account.owner.access import account_pk
    from segconnect.account.store.opening import open_writer
    from segconnect.account.writing.reclassifying import move

    with _store(data) as engine:
        keep(engine, account, CHANNEL_RULES, text)
        store = open_writer(engine.url.render_as_string(hide_password=False))
        try:
            moved = move(store, engine, account_pk(engine, account))
        finally:
            store.close()
    typer.echo(f"{moved:,} page views have another channel now.")
