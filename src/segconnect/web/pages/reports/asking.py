"""Which account and view a request is about, and asking it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request

from segconnect.account.metrics import CUSTOM
from segconnect.account.owner import access
from segconnect.account.people import reading
from segconnect.account.reports import saved
from segconnect.account.reports.plan import Plan, Settings, plan
from segconnect.account.reports.types import SPECIAL
from segconnect.web.house import House
from segconnect.web.pages.reports.drill import fitted
from segconnect.web.pages.reports.view import View, read

MOST_FIELDS = 60  # custom fields that are offered


@dataclass(frozen=True)
class Asked:
    """A view of one account's reports."""

    house: House
    accounts: Sequence[dict[str, Any]]
    account: dict[str, Any]
    pk: int
    view: View

    @property
    def settings(self) -> Settings:
        """What the account says about its reports."""
        with self.house.engine.connect() as connection:
            return saved.settings_of(connection, self.pk)

    @property
    def is_plain(self) -> bool:
        """Whether it is a sum of facts, of which each figure can be looked into."""
        return self.view.type not in SPECIAL

    def custom_fields(self) -> list[str]:
        """The custom fields that contacts have, as dimensions."""
        names = reading.custom_fields(self.house.engine, self.pk)
        return [f"{CUSTOM}{name}" for name in names[:MOST_FIELDS]]

    def fitted(self) -> tuple[View, list[str]]:
        """The view without columns that its dimensions do not know; and the names of these."""
        return fitted(self.view) if self.is_plain else (self.view, [])

    def plan(self) -> Plan:
        """Plans the report.

        Raises:
            UsageError: It cannot be asked.
        """
        return plan(self.view.query(), self.settings)

    def ask(self, body: dict[str, Any]) -> dict[str, Any]:
        """Asks the account, as a program would.

        Raises:
            UsageError: It cannot be asked.
        """
        return self.house.reports.query(self.pk, json.dumps(body).encode())


def find(house: House, request: Request) -> Asked | None:
    """Answers what a request asks about; None: there is no account yet."""
    view = read(request.query_params)
    accounts = access.list_accounts(house.engine)
    account = next((each for each in accounts if each["account_id"] == view.account), None)
    if account is None:
        if not accounts:
            return None
        account, view = accounts[0], replace(view, account="")
    return Asked(
        house, accounts, account, access.account_pk(house.engine, account["account_id"]), view
    )


def must_find(house: House, request: Request) -> Asked:
    """Answers what a request asks about.

    Raises:
        HTTPException: There is no account.
    """
    asked = find(house, request)
    if asked is None:
        raise HTTPException(404, "There is no account yet.")
    return asked
