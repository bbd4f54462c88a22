"""A served account with its pages, and a browser in front of them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from segconnect.account.owner import access
from segconnect.account.store.opening import open_engine
from segconnect.connections import Connection, Connections
from segconnect.settings import load
from segconnect.web.house import COOKIE
from segconnect.web.users import Role, Users
from tests.web.browser import Browser, browser, chromium

NO_CHROMIUM = "no Chromium is installed, by which the pages are tested"


class Site:
    """`segconnect serve` in a process of its own, with pages and a worker."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self._process = subprocess.Popen(
            [sys.executable, "-m", "segconnect", "serve", "--port", "0", "--data", str(data)],
            env={**os.environ, "SEGCONNECT_DATA": str(data)},
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        told = self._process.stdout.readline() + self._process.stdout.readline()
        found = re.search(r"(http://\S+)(/app/sign-in\?token=\S+)", told)
        assert found, told
        self.address, self.first = found.groups()
        self.users = Users(f"sqlite:///{data / 'web.db'}")
        self.engine = open_engine(f"sqlite:///{data / 'segconnect.db'}")
        self.account, self.key = access.create_account(self.engine, "Bloggs Tea", "EUR")
        self.integration = access.create_integration(
            self.engine, self.account, "crm", "Contacts of the shop"
        )

    def connect(self) -> None:
        """Saves a connection to the account, by the name of tea."""
        connection = Connection(
            name="tea",
            api_key=self.key,
            account_id=self.account,
            integration_id=self.integration,
            base_url=f"{self.address}/api",
        )
        Connections(load(data=self.data)).save(connection)

    def send(self, path: str, body: Any) -> None:
        """Sends an import call."""
        import requests

        url = f"{self.address}/api/v1/{self.account}/{self.integration}/{path}"
        answer = requests.post(url, json=body, headers={"authorization": self.key}, timeout=20)
        assert answer.status_code == 200, answer.text

    def close(self) -> None:
        """Ends it, as Ctrl-C would."""
        self.users.close()
        self.engine.dispose()
        self._process.terminate()
        self._process.wait(timeout=30)
        assert self._process.stdout is not None
        self._process.stdout.close()


@dataclass
class Visitor:
    """Somebody at a browser, in front of a site."""

    browser: Browser
    site: Site

    def come_in_as(self, role: Role) -> None:
        """Signs in as somebody of a role, without the page for it."""
        email = f"{role.value}@bloggs.com"
        known = {each.email: each.id for each in self.site.users.all()}
        id_ = known.get(email) or self.site.users.add(email, role.value, "long enough", role).id
        token = self.site.users.begin_session(id_)
        self.browser.call(
            "Network.setCookie", name=COOKIE, value=token, url=f"{self.site.address}/app/",
            path="/app", httpOnly=True,
        )  # fmt: skip


@pytest.fixture(scope="session")
def program() -> str:
    """The browser; without one the tests are skipped loudly, and in CI they fail."""
    found = chromium()
    if found is None and os.environ.get("CI", "").lower() in ("1", "true"):
        pytest.fail(NO_CHROMIUM)
    if found is None:
        pytest.skip(NO_CHROMIUM)
    return found


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, program: str) -> Iterator[Site]:
    """A site for all tests of a module: an account with one integration, and nobody in it."""
    site = Site(tmp_path_factory.mktemp("site"))
    yield site
    site.close()


@pytest.fixture(scope="module")
def window(program: str) -> Iterator[Browser]:
    """A browser for all tests of a module."""
    with browser(program) as found:
        yield found


@pytest.fixture
def visitor(window: Browser, site: Site) -> Visitor:
    """Somebody who has not signed in."""
    window.call("Network.clearBrowserCookies")
    window.base = site.address
    window.look(1440)
    window.errors.clear()
    return Visitor(window, site)
