"""Writes docs/pages.png, and what pages weigh and take into docs/pages.md, from the large demo.

    python -m benchmarks.pages [DIRECTORY OF `segconnect demo --serve`]

Without a directory it makes the demo first. It needs Chromium.
"""

from __future__ import annotations

import os
import platform
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

from segconnect.account.owner import access
from segconnect.account.store.opening import open_engine
from segconnect.settings import load
from segconnect.web.house import COOKIE
from segconnect.web.users import Role, Users, url_of
from tests.web.browser import Browser, browser, chromium

HERE = Path(__file__).parent.parent / "docs"
WIDTH, HEIGHT = 1440, 980
MOST = 150_000  # bytes of a page, besides the chart library
TIMES = 5
PAGES = (
    "/app/overview", "/app/health", "/app/reports", "/app/contacts", "/app/scenarios",
    "/app/scenarios/new", "/app/runs", "/app/incomplete", "/app/set-up",
    "/app/set-up/accounts/{account}", "/app/set-up/accounts/{account}/tracking", "/app/users",
)  # fmt: skip
PAINTED = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime"
ANSWERED = "(e => e.responseEnd - e.requestStart)(performance.getEntriesByType('navigation')[0])"
BEGIN, END = "<!-- measured -->\n", "<!-- /measured -->\n"


@contextmanager
def served(arguments: list[str]) -> Iterator[tuple[str, str]]:
    """Runs a command that serves; answers its address, and the one to sign in by."""
    process = subprocess.Popen(
        [sys.executable, "-m", "segconnect", *arguments, "--port", "0"],
        stdout=subprocess.PIPE, text=True, env={**os.environ, "NO_COLOR": "1"},
    )  # fmt: skip
    assert process.stdout is not None
    try:
        for line in process.stdout:
            if found := re.search(r"Pages: (http://[^/\s]+)(/\S+)", line):
                yield found[1], found[2]
                return
        raise SystemExit("segconnect does not serve")
    finally:
        process.terminate()
        process.wait(timeout=30)
        process.stdout.close()


def main() -> None:
    """Measures, draws and writes."""
    program = chromium()
    if program is None:
        raise SystemExit("no Chromium is installed")
    with tempfile.TemporaryDirectory() as made:
        given = Path(sys.argv[1]) if len(sys.argv) > 1 else None
        data = given or Path(made) / "demo"
        command = ["serve"] if given else ["demo", "--serve"]
        with served([*command, "--data", str(data)]) as (address, _), browser(program) as window:
            window.base = address
            account = signed_in(window, data)
            (HERE / "pages.png").write_bytes(picture(window, Path(made) / "pages.png"))
            rows = [measured(window, page.format(account=account)) for page in PAGES]
    table = [
        "| page | kB, without the chart library | answered, ms | first contentful paint, ms |",
        "| --- | --: | --: | --: |",
        *(f"| `{page}` | {size / 1000:.0f} | {answer:.0f} | {paint:.0f} |"
          for page, (size, answer, paint) in zip(PAGES, rows, strict=True)),
    ]  # fmt: skip
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"],
        cwd=HERE,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    told = (
        f"Measured {datetime.now(UTC):%d %B %Y} at {commit} on {os.cpu_count()} cores"
        f" ({platform.machine()}), the median of {TIMES} visits without a cache, server and browser"
        " on one machine:"
    )
    text = (HERE / "pages.md").read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    after = rest.partition(END)[2]
    content = f"{before}{BEGIN}{told}\n\n" + "\n".join(table) + f"\n{END}{after}"
    (HERE / "pages.md").write_text(content, encoding="utf-8")
    print("\n".join(table))
    heavy = [page for page, (size, *_) in zip(PAGES, rows, strict=True) if size >= MOST]
    if heavy:
        raise SystemExit(f"heavier than {MOST:,} bytes: {', '.join(heavy)}")


def signed_in(window: Browser, data: Path) -> str:
    """Comes in as an owner; answers the ID of the account."""
    settings = load(data=data)
    with closing(Users(url_of(settings))) as users:
        known = {each.email: each.id for each in users.all()}
        email = "anna@brindlemoor.example"
        id_ = (
            known.get(email) or users.add(email, "Anna Brindle", os.urandom(9).hex(), Role.OWNER).id
        )
        token = users.begin_session(id_)
    window.call(
        "Network.setCookie", name=COOKIE, value=token, url=f"{window.base}/app/", path="/app",
        httpOnly=True,
    )  # fmt: skip
    engine = open_engine(settings.database_url)
    try:
        return str(access.list_accounts(engine)[0]["account_id"])
    finally:
        engine.dispose()


def picture(window: Browser, path: Path) -> bytes:
    """What the first screen of the overview looks like."""
    window.look(WIDTH, height=HEIGHT)
    window.open("/app/overview")
    window.wait_for("!document.querySelector('#needs-card[hx-get]')")
    window.wait_for("!!document.querySelector('#chart canvas')")
    window.eval("new Promise(done => setTimeout(done, 500))")  # the chart draws itself
    window.picture(path, most=HEIGHT)
    return path.read_bytes()


def measured(window: Browser, page: str) -> tuple[int, float, float]:
    """The bytes of a page without a cache, when the server had answered, and what is seen when."""
    window.call("Network.setCacheDisabled", cacheDisabled=True)
    found = []
    for _ in range(TIMES):
        window.open(page)
        window.wait_for(f"{PAINTED} > 0")
        size = sum(size for url, size in window.loaded.items() if "echarts" not in url)
        found.append((size, float(window.eval(ANSWERED)), float(window.eval(PAINTED))))
    sizes, answers, paints = zip(*found, strict=True)
    return max(sizes), median(answers), median(paints)


if __name__ == "__main__":
    main()
