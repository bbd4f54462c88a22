"""`segconnect account people`, `merge`, `split` and `devices`: who is one person, and why."""

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
    by_hand: Annotated[
        bool, typer.Option("--by-hand", help="Only what people joined or parted.")
    ] = False,
    undone: Annotated[bool, typer.Option("--undone", help="Only what was undone.")] = False,
    limit: Annotated[int, typer.Option(help="The most links to show.")] = 50,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Shows why visitors, emails and contacts are one person, the newest reason first."""
    from segconnect.account.owner.access import account_pk
    from segconnect.account.people.person import Links, identity_named, links, members
    from segconnect.account.store.opening import open_engine
    from segconnect.settings import load
    from segconnect.wire.shape import utc_text

    if by_hand and undone:
        raise UsageError("--by-hand and --undone do not go together; give one")
    which = Links.BY_HAND if by_hand else Links.UNDONE if undone else Links.ALL
    named = identity_named(who) if who is not None else None
    engine = open_engine(load(data=data).database_url)
    try:
        pk = account_pk(engine, account)
        with engine.connect() as connection:
            known = members(connection, pk, named) if named else []
            found = links(connection, pk, named, limit, which=which)
    finally:
        engine.dispose()
    if as_json:
        told = [each.shown() for each in found]
        typer.echo(json.dumps({"known_by": [list(each) for each in known], "links": told}))
        return
    for kind, value in known:
        typer.echo(f"{kind:<8}  {value}")
    if known and found:
        typer.echo()
    for link in found:
        typer.echo(f"{link.number}  {link.one} = {link.other}: {link.reason}{_by(link.made_by)}")
        if link.undone_at is not None:
            by = _by(link.undone_by)
            typer.echo(f"    undone {utc_text(link.undone_at)}: {link.undone_reason}{by}")
    if not found:
        typer.echo("No two are joined.")


def _by(who: str | None) -> str:
    return f" (by {who})" if who else ""


def merge(
    one: Who, other: Who, account: Account, reason: Reason = "by hand", data: Data = None
) -> None:
    """Makes two one person, such as one who bought with another email."""
    from segconnect.account.people.person import identity_named

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


def devices(
    account: Account,
    uid: Annotated[str | None, typer.Argument(help="The uid of a device to mark.")] = None,
    shared: Annotated[
        bool | None,
        typer.Option("--shared/--not-shared", help="Whether many people use it.",
                     show_default=False),
    ] = None,
    reason: Reason = "by hand",
    limit: Annotated[int, typer.Option(help="The most devices to show.")] = 50,
    data: Data = None,
    as_json: AsJson = False,
) -> None:  # fmt: skip
    """Shows the devices that many people use, or marks one, or takes its mark back."""
    from segconnect.account.owner.access import account_pk
    from segconnect.account.people.person import devices, identity_named
    from segconnect.account.store.opening import open_engine
    from segconnect.settings import load
    from segconnect.wire.shape import utc_text

    if (uid is None) != (shared is None):
        raise UsageError("to mark a device, give its uid, and --shared or --not-shared")
    if uid is not None:
        _, named = identity_named(f"visitor:{uid.removeprefix('visitor:')}")
        _apply(data, account, "device", {"uid": named, "is_shared": shared, "reason": reason})
        told = "is shared: what is seen on it is nobody's" if shared else "is one person's again"
        typer.echo(json.dumps({"uid": named, "is_shared": shared}) if as_json else
                   f"{named} {told}.")  # fmt: skip
        return
    engine = open_engine(load(data=data).database_url)
    try:
        with engine.connect() as connection:
            found = devices(connection, account_pk(engine, account), limit)
    finally:
        engine.dispose()
    if as_json:
        told_all = [{**e._asdict(), "date_created": utc_text(e.date_created)} for e in found]
        typer.echo(json.dumps(told_all))
        return
    for each in found:
        state = "shared" if each.is_shared else "not shared"
        at = utc_text(each.date_created)
        typer.echo(f"{each.uid}  {state} since {at}: {each.reason}{_by(each.who)}")
        if each.emails:
            typer.echo(f"    {', '.join(each.emails)}")
    if not found:
        typer.echo("No device is marked.")


def erase(
    who: Who,
    account: Account,
    yes: Annotated[bool, typer.Option("--yes", help="Does not ask.")] = False,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Erases a person for good: contacts, orders, subscriptions, visits, and samples of runs."""
    from contextlib import closing

    from segconnect.account.export import history
    from segconnect.account.people.person import identity_named
    from segconnect.account.writing import erasing
    from segconnect.cli.stored import account_of, exports, stored
    from segconnect.scenario import hooks
    from segconnect.scenario.journal import Journal, url_of
    from segconnect.settings import load
    from segconnect.web import users

    named = identity_named(who)
    settings = load(data=data)
    with stored(data) as (engine, replica):
        pk = account_of(engine, account).pk
        goes = erasing.look(engine, pk, named)
        if goes is None:
            raise UsageError(f"nothing is known of {named[0]} {named[1]!r}")
        counts = {name: getattr(goes, name) for name in goes._fields[1:]}
        if not yes:
            for kind, value in goes.names:
                typer.echo(f"{kind:<8}  {value}")
            told = erasing.told(counts)
            typer.echo(f"\nErases {told}, and what runs hold of them. It cannot be undone.")
            if typer.prompt(f"Type {named[1]} to go on").strip().lower() != named[1].lower():
                raise UsageError("that is something else; nothing was erased")
        _apply(data, account, "erase", {"named": named})
        erasing.erase_errors(engine, pk, goes.texts)
        with (
            closing(Journal(url_of(settings))) as journal,
            closing(hooks.Hooks(hooks.url_of(settings))) as came_in,
            closing(users.Users(users.url_of(settings))) as known,
        ):
            counts["samples"] = journal.erase(goes.texts) + came_in.erase(goes.texts)
            known.erase([value for _, value in goes.names])
            who_did = users.User(None, "", WHO, users.Role.OWNER)
            known.note(who_did, f"erased a person: {erasing.told(counts)}")
        if replica.is_made(pk):
            with replica.reading(pk):
                pass
        kept = len(history.states(exports(data), account))
    if as_json:
        typer.echo(json.dumps({"erased": counts, "kept_states": kept}))
        return
    typer.echo("Erased. An address that is sent again is kept, as somebody new.")
    if kept:
        typer.echo(f"{kept} kept states of the account still hold them: {exports(data)}")


WHO = "the command line"


def _apply(data: Data, account: str, endpoint: str, fields: dict[str, object]) -> None:
    from segconnect.account.owner.access import account_pk
    from segconnect.account.store.opening import open_engine, open_writer
    from segconnect.account.writing.committer import apply
    from segconnect.account.writing.work import Operation
    from segconnect.settings import load

    url = load(data=data).database_url
    engine = open_engine(url)
    pk = account_pk(engine, account)
    engine.dispose()
    store = open_writer(url)
    try:
        ((status, body),) = apply(store, [Operation(endpoint, pk, 0, {**fields, "who": WHO})])
    finally:
        store.close()
    if status != 200:
        raise UsageError("; ".join(json.loads(body)["errors"]))
