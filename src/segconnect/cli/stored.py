"""What commands share that read an account: its store, its replica, and which one is meant."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from segconnect.errors import UsageError

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from segconnect.account.export import Written
    from segconnect.account.replica import Replica


def exports(data: Path | None) -> Path:
    """Where exports lie of which nobody said where."""
    from segconnect.settings import load

    return load(data=data).data.expanduser() / "parquet"


class Account(NamedTuple):
    """An account of the store."""

    id: str
    pk: int


@contextmanager
def stored(data: Path | None) -> Iterator[tuple[Engine, Replica]]:
    """Opens the store and its replica."""
    from segconnect.account.replica import Replica
    from segconnect.account.store.opening import open_engine
    from segconnect.settings import load

    settings = load(data=data)
    engine = open_engine(settings.database_url)
    replica = Replica(engine, settings.data.expanduser() / "replica")
    try:
        yield engine, replica
    finally:
        replica.close()
        engine.dispose()


def account_of(engine: Engine, account_id: str | None) -> Account:
    """Finds an account; None is the only one.

    Raises:
        UsageError: There is none of this id, or not only one.
    """
    from segconnect.account.owner import access

    if account_id is None:
        known = access.list_accounts(engine)
        if len(known) != 1:
            told = "there is no account yet" if not known else "there are several accounts"
            raise UsageError(f"{told}; name one with --account, see segconnect account list")
        account_id = str(known[0]["account_id"])
    return Account(account_id, access.account_pk(engine, account_id))


def exported(
    engine: Engine, replica: Replica, account: Account, directory: Path, models: Sequence[str],
    *, keeps: bool = False,
) -> Written:  # fmt: skip
    """Exports an account as Parquet, with the credits of its own model and of those it had."""
    from segconnect.account.export.parquet import export, exported_models
    from segconnect.account.replica import crediting
    from segconnect.account.reports import saved

    with engine.connect() as connection:
        settings = saved.settings_of(connection, account.pk)
    wanted = [settings.model, *exported_models(directory, account.id), *models]
    named = sorted(map(str, crediting.named(wanted)))
    with replica.reading(account.pk, named) as facts:
        return export(facts, directory, account.id, settings, named, keeps=keeps)
