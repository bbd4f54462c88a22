"""Fifty people click through the pages while imports run: `python -m benchmarks.clicking [DATA]`.

Each of them looks at a page for a while, as people do, and opens the next one. What each answer
takes is told by page, and how fast contacts come in meanwhile. DATA is a data directory that
`segconnect serve` has an account in; without it one of 10,000 contacts is made.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import shutil
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from statistics import quantiles

from pyreqwest.client import Client, ClientBuilder
from pyreqwest.exceptions import PyreqwestError
from rich.console import Console
from rich.table import Table
from sqlalchemy import select

from benchmarks.pages import served
from benchmarks.replica import generate
from segconnect.account.owner import access
from segconnect.account.store import schema
from segconnect.account.store.opening import open_engine
from segconnect.web.house import COOKIE
from segconnect.web.users import Role, Users

PEOPLE = 50
SECONDS = 60.0
LOOKS = (2.0, 8.0)  # seconds at a page, from and to
IMPORTS = 50  # a second
MOST = 0.5  # seconds that 95 of 100 answers may take
REPORTS = (
    "leads", "leads&by=date.day", "revenue", "orders", "products", "collections", "ads",
    "subscriptions", "acquisition", "pages", "velocity", "cohort",
    "leads&model=linear", "leads&start={two_years}",
)  # fmt: skip
"""What is asked of the page of reports: the last 30 days unless they say otherwise."""


@dataclass
class Seen:
    """What was clicked on."""

    took: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    errors: list[str] = field(default_factory=list)
    imported: int = 0

    def all(self) -> list[float]:
        """The seconds of all answers."""
        return [each for found in self.took.values() for each in found]


def pages(contacts: list[str], account: str) -> Iterator[tuple[str, str]]:
    """Gives the name and address of one page after the other, as they are come by."""
    two_years = time.strftime("%Y-%m-%d", time.gmtime(time.time() - 730 * 86400))
    while True:
        draw = random.random()
        if draw < 0.15:
            yield "overview", f"/app/overview?account={account}"
        elif draw < 0.8:
            asked = random.choice(REPORTS)
            address = f"/app/reports?account={account}&type={asked.format(two_years=two_years)}"
            yield f"report {asked.format(two_years='two years')}", address
        elif draw < 0.9:
            word = random.choice(contacts)[: random.randint(3, 6)]
            yield "contacts, searched", f"/app/contacts?account={account}&q={word}"
        else:
            found = random.choice(contacts)
            yield "a contact", f"/app/contacts/{found}?account={account}"


async def click(client: Client, each: Iterator[tuple[str, str]], until: float, seen: Seen) -> None:
    """Is one person."""
    await asyncio.sleep(random.uniform(0, LOOKS[1]))
    while time.monotonic() < until:
        name, path = next(each)
        began = time.perf_counter()
        try:
            answer = await client.get(path).build().send()
            if answer.status != 200:
                seen.errors.append(f"{path}: HTTP {answer.status}")
        except PyreqwestError as error:
            seen.errors.append(f"{path}: {error!r}")
        seen.took[name].append(time.perf_counter() - began)
        await asyncio.sleep(random.uniform(*LOOKS))


async def bring_in(client: Client, path: str, until: float, seen: Seen) -> None:
    """Imports contacts at a steady rate."""
    began = time.monotonic()
    while time.monotonic() < until:
        body = {"email": f"new{seen.imported}@clicking.example", "first_name": "Joey"}
        answer = await client.post(path).body_json(body).build().send()
        if answer.status != 200:
            seen.errors.append(f"import: HTTP {answer.status}")
        seen.imported += 1
        await asyncio.sleep(max(0.0, began + seen.imported / IMPORTS - time.monotonic()))


def client_of(address: str, headers: dict[str, str]) -> Client:
    """Opens a client of the server."""
    builder = ClientBuilder().base_url(address).default_headers(headers).no_proxy()
    return builder.timeout(timedelta(minutes=10)).build()


async def watched(
    address: str, cookie: str, key: str, ids: tuple[str, str], contacts: list[str], seconds: float
) -> Seen:
    """Lets all of them click for a while, after each report was asked for once."""
    account, integration = ids
    browser = client_of(address, {"cookie": f"{COOKIE}={cookie}"})
    program = client_of(address, {"authorization": key})
    first = []
    for each in REPORTS:
        began = time.perf_counter()
        path = f"/app/reports?account={account}&type={each.format(two_years='2024-01-01')}"
        answer = await browser.get(path).build().send()
        if answer.status != 200:
            raise SystemExit(f"{path}: HTTP {answer.status}")
        first.append(time.perf_counter() - began)
    print(
        f"the first report took {first[0]:.1f} s, with all that it reads from then on; the longest"
        f" other one {max(first[1:]):.2f} s",
        file=sys.stderr,
    )
    seen, until = Seen(), time.monotonic() + seconds
    await asyncio.gather(
        *(click(browser, pages(contacts, account), until, seen) for _ in range(PEOPLE)),
        bring_in(program, f"/api/v1/{account}/{integration}/contact", until, seen),
    )
    return seen


def main() -> int:
    """Prints the table; answers 1 if it is too slow or anything failed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.clicking", description=__doc__)
    parser.add_argument("data", type=Path, nargs="?", help="a data directory; it is not changed")
    parser.add_argument("--seconds", type=float, default=SECONDS)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="segconnect-clicking-") as name:
        data = Path(name) / "data"
        if given.data is None:
            data.mkdir()
            generate(data / "segconnect.db", 10_000)
        else:
            shutil.copytree(given.data, data)
        engine = open_engine(f"sqlite:///{data / 'segconnect.db'}")
        account = access.list_accounts(engine)[0]["account_id"]
        key = access.create_key(engine, account)
        integration = access.create_integration(engine, account, "crm", "Clicks")
        with engine.connect() as connection:
            table = schema.contacts.c
            contacts = list(connection.scalars(select(table.contact_id).limit(1000)))
        users = Users(f"sqlite:///{data / 'web.db'}")
        with served(["serve", "--data", str(data)]) as (address, _):
            user = users.add("ed@example.com", "Ed", "long enough", Role.EDITOR)
            cookie = users.begin_session(user.id)
            ids = (account, integration)
            seen = asyncio.run(watched(address, cookie, key, ids, contacts, given.seconds))
    shown = Table("Page", "Opened", "Median ms", "95 of 100 within ms", "Longest ms")
    for what, took in [*sorted(seen.took.items()), ("all", seen.all())]:
        cuts = quantiles(took, n=20) if len(took) > 1 else took * 19
        shown.add_row(
            what,
            f"{len(took):,}",
            *(f"{1000 * each:,.0f}" for each in (cuts[9], cuts[18], max(took))),
        )
    console = Console()
    console.print(shown)
    console.print(f"{seen.imported:,} contacts came in meanwhile; {len(seen.errors)} errors")
    for error in seen.errors[:10]:
        console.print(error)
    return int(bool(seen.errors) or quantiles(seen.all(), n=20)[18] > MOST)


if __name__ == "__main__":
    sys.exit(main())
