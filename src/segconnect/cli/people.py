"""`segconnect account people`, `merge` and `split`: who is one person, and why."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from segconnect.cli.options import AsJson, Data
from segconnect.errors import UsageError

Account = Annotated[str, typer.Option("--account", help="The account ID.")]
Reason = Annotated[str, typer.Option(help="Why, for whoever looks at it later.")]
Who = Annotated[str, typer.Argument(help="An email, a contact ID, or visitor:UID.")]


def people(
    account: Account,
    who: Annotated[
        str | None, typer.Argument(help="An email, a contact ID, or visitor:UID; else everybody.")
    ] = None,
    limit: Annotated[int, typer.Option(help="The most links to show.")] = 50,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Shows why visitors, emails and contacts are one person, the newest reason first."""
    from segconnect.account.access import account_pk
    from segconnect.account.person import identity_named, links, members
    from segconnect.account.store.opening import open_engine
    from segconnect.settings import load
    from segconnect.wire.shape import utc_text

    named = identity_named(who) if who is not None else None
    engine = open_engine(load(data=data).database_url)
    try:
        pk = account_pk(engine, account)
        with engine.connect() as connection:
            known = members(connection, pk, named) if named else []
            found = links(connection, pk, named, limit)
    finally:
        engine.dispose()
    if as_json:
        told = [
            {
                **each._asdict(),
                "date_created": utc_text(each.date_created),
                "undone_at": None if each.undone_at is None else utc_text(each.undone_at),
            }
            for each in found
        ]
        typer.echo(json.dumps({"known_by": [list(each) for each in known], "links": told}))
        return
    for kind, value in known:
        typer.echo(f"{kind:<8}  {value}")
    if known and found:
        typer.echo()
    for link in found:
        typer.echo(f"{link.number}  {link.one} = {link.other}: {link.reason}")
        if link.undone_at is not None:
            typer.echo(f"    undone {utc_text(link.undone_at)}: {link.undone_reason}")
    if not found:
        typer.echo("No two are joined.")


def merge(
    one: Who, other: Who, account: Account, reason: Reason = "by hand", data: Data = None
) -> None:
    """Makes two one person, such as one who bought with another email."""
    from segconnect.account.person import identity_named

    ends = [identity_named(one), identity_named(other)]
    _apply(data, account, "merge", {"ends": ends, "reason": reason})
    typer.echo(f"{one} and {other} are one person now.")


def split(
    link: Annotated[int, typer.Argument(help="The number that segconnect account people shows.")],
    account: Account,
    reason: Reason = "by hand",
    data: Data = None,
) -> None:
    """Undoes what made two one person; it is not made again but by hand."""
    _apply(data, account, "split", {"link": link, "reason": reason})
    typer.echo(f"{link} is undone.")


def _apply(data: Data, account: str, endpoint: str, fields: dict[str, object]) -> None:
    from segconnect.account.access import account_pk
    from segconnect.account.committer import apply
    from segconnect.account.store.opening import open_engine, open_writer
    from segconnect.account.work import Operation
    from segconnect.settings import load

    url = load(data=data).database_url
    engine = open_engine(url)
    pk = account_pk(engine, account)
    engine.dispose()
    store = open_writer(url)
    try:
        ((status, body),) = apply(store, [Operation(endpoint, pk, 0, fields)])
    finally:
        store.close()
    if status != 200:
        raise UsageError("; ".join(json.loads(body)["errors"]))
