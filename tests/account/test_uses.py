"""What came by keys and integrations, as people are told."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import Engine

from segconnect.account.owner import access
from segconnect.account.owner.access import Access, Doorkeeper
from segconnect.account.owner.uses import MAX_ERROR, KeyUse, Uses, integrations_of, keys_of


@pytest.fixture
def opened(engine: Engine) -> Access:
    """What a key opens: an account with one integration."""
    account, key = access.create_account(engine, "Bloggs Tea")
    integration = access.create_integration(engine, account, "crm", "Shop")
    found = Doorkeeper(engine).look_up(key.encode(), account, integration)
    assert found is not None
    return found


def note(engine: Engine, *noted: tuple[int, int | None, int, int, str]) -> None:
    async def all_of_it() -> None:
        uses = Uses(engine)
        for each in noted:
            uses.note(*each)
        await uses.close()

    asyncio.run(all_of_it())


def test_counts_add_up_over_processes_and_the_last_error_stays(
    engine: Engine, opened: Access
) -> None:
    key, own = opened.key_pk, opened.integration_pk
    note(engine, (key, own, 3, 0, ""), (key, own, 1, 2, "no email"))
    note(engine, (key, own, 5, 0, ""))
    with engine.connect() as connection:
        (found,) = integrations_of(connection, opened.account_pk)
    assert (found.received, found.refused, found.last_error) == (9, 2, "no email")
    assert found.last_received_at is not None
    assert found.last_error_at is not None


def test_a_key_is_used_though_nothing_is_kept(engine: Engine, opened: Access) -> None:
    def key() -> KeyUse:
        with engine.connect() as connection:
            return keys_of(connection, opened.account_pk)[0]

    assert key().last_used_at is None
    note(engine, (opened.key_pk, None, 0, 0, ""))
    assert key().last_used_at is not None
    with engine.connect() as connection:
        assert integrations_of(connection, opened.account_pk)[0].received == 0


def test_a_long_error_is_cut(engine: Engine, opened: Access) -> None:
    note(engine, (opened.key_pk, opened.integration_pk, 0, 1, "x" * 10_000))
    with engine.connect() as connection:
        (found,) = integrations_of(connection, opened.account_pk)
    assert found.last_error == "x" * MAX_ERROR
