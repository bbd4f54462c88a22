"""What an account has set, and what a change of it does to reports."""

from __future__ import annotations

from typing import Any

import pytest

from segconnect.account.owner import account_settings
from segconnect.account.owner.account_settings import LEFT_OUT, AccountSettings
from segconnect.account.owner.choices import Switches
from segconnect.errors import UnfitError, UsageError
from tests.conftest import Account

TYPED = {"name": " Tea ", "timezone": "europe/oslo", "currency": "nok", "week_start": "Sunday"}


def revenue(account: Account, **options: bool) -> Any:
    query = {
        "type": "revenue", "dimensions": [], "metrics": ["revenue"], "options": options,
        "date_range": {"start": "2026-02-01", "end": "2026-02-28"},
    }  # fmt: skip
    answer = account.request("POST", f"/v2/{account.id}/data/query", query)
    assert answer.status == 200, answer.content
    return answer.body["totals"][0]


def set_(account: Account, **given: str) -> None:
    typed = {"name": "Tea", "timezone": "UTC", "currency": "USD", **given}
    account_settings.keep(account.engine, account.id, account_settings.checked(typed))


def test_all_problems_are_told_at_once_by_field() -> None:
    with pytest.raises(UnfitError) as told:
        account_settings.checked(
            {"name": " ", "timezone": "Europe/Olso", "currency": "€", "week_start": "noday"}
        )
    assert set(told.value.problems) == {"name", "timezone", "currency", "week_start"}
    assert "'Europe/Oslo'" in told.value.problems["timezone"]


def test_what_was_kept_is_read_again(account: Account) -> None:
    settings = account_settings.checked({**TYPED, "exclude_tax": "yes"})
    account_settings.keep(account.engine, account.id, settings)

    assert account_settings.read(account.engine, account.id) == settings
    assert settings == AccountSettings(
        "Tea", "Europe/Oslo", "NOK", "sunday", Switches(exclude_tax=True)
    )
    set_(account)
    assert account_settings.read(account.engine, account.id).switches == Switches()


def test_a_switch_of_the_account_holds_where_a_report_does_not_say(account: Account) -> None:
    account.order("paid", email="a@b.co", date_created="2026-02-10 10:00:00")
    account.order("failed", email="a@b.co", date_created="2026-02-11 10:00:00", paid=0)
    before = revenue(account)

    set_(account, exclude_failed="yes")

    assert (before, revenue(account)) == (24, 12)
    assert revenue(account, exclude_failed=False) == 24


def test_a_change_of_zone_moves_orders_in_past_reports(account: Account) -> None:
    account.order("late", email="a@b.co", date_created="2026-01-31 23:30:00")
    before = revenue(account)

    set_(account, timezone="Europe/Oslo")

    assert (before, revenue(account)) == (0, 12)


@pytest.mark.parametrize("name", LEFT_OUT)
def test_every_change_is_told_before_it_is_made(name: str) -> None:
    before = account_settings.checked(TYPED)
    after = account_settings.checked({**TYPED, name: "yes"})

    assert account_settings.effects(before, before) == []
    assert account_settings.effects(before, after)[0] == LEFT_OUT[name].with_it
    assert account_settings.effects(after, before)[0] == LEFT_OUT[name].without


def test_a_currency_without_cents_is_told_of() -> None:
    before = account_settings.checked(TYPED)
    (told,) = account_settings.effects(before, before._replace(currency="JPY"))

    assert "1,200.00 NOK is 120,000 JPY" in told
    assert "no cents" in told


def test_only_accounts_that_are_there_have_settings(account: Account) -> None:
    with pytest.raises(UsageError, match="no account"):
        account_settings.read(account.engine, "nobody")
