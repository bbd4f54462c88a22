"""`segconnect export`: the facts of an account, for other tools."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from segconnect.cli.options import Account, AsJson, Data

app = typer.Typer()


@app.command("parquet")
def parquet(
    directory: Annotated[
        Path | None,
        typer.Argument(metavar="[DIR]", help="Where to [DATA/parquet]", show_default=False),
    ] = None,
    account: Account = None,
    model: Annotated[
        list[str] | None,
        typer.Option(help="Attribution models whose credits are written, too"),
    ] = None,
    keep: Annotated[
        bool, typer.Option("--keep", help="Keeps this state, for reports --as-of it.")
    ] = False,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Writes all facts as Parquet, by account and month; a part that did not change is kept."""
    from segconnect.account.export.parquet import as_json as told_of
    from segconnect.cli.stored import account_of, exported, exports, stored

    with stored(data) as (engine, replica):
        written = exported(
            engine, replica, account_of(engine, account), directory or exports(data), model or (),
            keeps=keep,
        )  # fmt: skip
    if as_json:
        typer.echo(json.dumps(told_of(written)))
        return
    manifest = written.manifest
    files = sum(map(len, manifest.files.values()))
    typer.echo(
        f"{manifest.rows:,} rows of {manifest.account_id} in {files:,} files:"
        f" {written.files:,} written, {written.kept:,} kept, {written.removed:,} removed"
    )
    kept = f": kept, for reports --as-of {manifest.change}" if keep else ""
    typer.echo(f"change {manifest.change}, credits by {', '.join(manifest.models)}{kept}")


@app.callback()
def group() -> None:
    """Writes the facts of an account for other tools."""
