"""A real Chromium, driven over the two pipes that it offers for that: no driver, no port."""

from __future__ import annotations

import json
import os
import select
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep
from typing import Any

NO_BROWSER = "Chromium is not installed, and SEGCONNECT_TEST_CHROMIUM names none"
PATIENCE = 30.0  # seconds


def chromium() -> str | None:
    """Finds the browser."""
    named = os.environ.get("SEGCONNECT_TEST_CHROMIUM")
    names = (named,) if named else ("chromium", "chromium-browser", "google-chrome")
    return next((found for name in names if (found := shutil.which(name))), None)


class Page:
    """One tab; those of one browser share their cookies."""

    def __init__(self, browser: Browser, session: str) -> None:
        self._browser, self._session = browser, session
        self.call("Page.enable")

    def call(self, method: str, **parameters: Any) -> Any:
        """Calls a method of the DevTools protocol."""
        return self._browser.call(method, self._session, **parameters)

    def open(self, url: str) -> None:
        """Goes to a URL as if it had been typed, and waits until the page is there."""
        with self.loading():
            answer = self.call("Page.navigate", url=url)
            assert "errorText" not in answer, f"{url}: {answer.get('errorText')}"

    @contextmanager
    def loading(self) -> Iterator[None]:
        """Waits at its end until a page that something inside brings has loaded."""
        before = self._browser.count("Page.loadEventFired", self._session)
        yield
        self._browser.until(
            lambda: self._browser.count("Page.loadEventFired", self._session) > before
        )

    def run(self, script: str) -> Any:
        """Evaluates JavaScript in the page, as if somebody had clicked."""
        answer = self.call("Runtime.evaluate", expression=script, returnByValue=True,
                           awaitPromise=True, userGesture=True)  # fmt: skip
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def until(self, script: str) -> Any:
        """Waits until JavaScript has a value that is true, and answers it."""
        deadline = monotonic() + PATIENCE
        while not (value := self.run(script)):
            assert monotonic() < deadline, f"{script} was never true"
            sleep(0.02)
        return value


class Browser:
    """Chromium without a window."""

    def __init__(self, hosts: Mapping[str, str], *arguments: str) -> None:
        """Starts it; each host, such as `shop.example`, is at an address such as 127.0.0.1:80.

        There are no others. Of a host that browsers know to be https only, there is no page here.
        """
        found = chromium()
        assert found is not None, NO_BROWSER
        self._home = tempfile.mkdtemp(prefix="segconnect-chromium-")
        theirs_in, self._out = os.pipe()
        self._in, theirs_out = os.pipe()
        rules = ", ".join(f"MAP {host} {at}" for host, at in {**hosts, "*": "~NOTFOUND"}.items())
        options = [
            *("--headless=new", "--remote-debugging-pipe", "--no-first-run", "--disable-gpu"),
            *("--no-sandbox", "--disable-dev-shm-usage", "--disable-background-networking"),
            "--disable-features=HttpsUpgrades,HttpsFirstBalancedModeAutoEnable",
            f"--user-data-dir={self._home}",
            f"--host-resolver-rules={rules}",
            *arguments,
        ]
        # It reads from descriptor 3 and writes to 4, whatever ours are.
        command = f'exec "$0" "$@" 3<&{theirs_in} 4>&{theirs_out}'
        self._process = subprocess.Popen(
            ["/bin/bash", "-c", command, found, *options, "about:blank"],
            pass_fds=[theirs_in, theirs_out],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        os.close(theirs_in)
        os.close(theirs_out)
        self._rest, self._number = b"", 0
        self._answers: dict[int, Any] = {}
        self._events: list[tuple[str, str | None, Any]] = []

    def page(self) -> Page:
        """Opens a tab."""
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        return Page(self, session)

    def call(self, method: str, session: str | None = None, **parameters: Any) -> Any:
        """Calls a method of the DevTools protocol, and answers its result."""
        self._number += 1
        number = self._number
        message = {"id": number, "method": method, "params": parameters}
        if session is not None:
            message["sessionId"] = session
        os.write(self._out, json.dumps(message).encode() + b"\0")
        self.until(lambda: number in self._answers)
        answer = self._answers.pop(number)
        assert "error" not in answer, f"{method}: {answer.get('error')}"
        return answer["result"]

    def count(self, event: str, session: str) -> int:
        """Counts the events of a tab."""
        return sum(each[:2] == (event, session) for each in self._events)

    def until(self, is_true: Callable[[], bool]) -> None:
        """Reads what the browser says until something is true."""
        deadline = monotonic() + PATIENCE
        while not is_true():
            assert monotonic() < deadline, "the browser does not answer"
            if select.select([self._in], [], [], 1)[0]:
                self._read()

    def _read(self) -> None:
        data = os.read(self._in, 1_000_000)
        assert data, "the browser has ended"
        *messages, self._rest = (self._rest + data).split(b"\0")
        for message in map(json.loads, messages):
            if "id" in message:
                self._answers[message["id"]] = message
            else:
                told = message["method"], message.get("sessionId"), message.get("params")
                self._events.append(told)

    def close(self) -> None:
        """Ends it."""
        os.close(self._out)
        os.close(self._in)
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        shutil.rmtree(Path(self._home), ignore_errors=True)
