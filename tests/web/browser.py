"""A Chromium that tests drive through its DevTools: what a person would do, and what they see."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep
from typing import Any

from websockets.sync.client import ClientConnection, connect

SECONDS = 20.0  # within which anything happens, on a machine that is busy
AXE = Path(__file__).parent / "axe" / "axe.min.js"
KEYS = {"Tab": 9, "Enter": 13, "Escape": 27, "ArrowDown": 40, "ArrowUp": 38, "Space": 32}


def chromium() -> str | None:
    """Finds the browser."""
    names = ("chromium", "chromium-browser", "google-chrome")
    return next((found for name in names if (found := shutil.which(name))), None)


class Browser:
    """One window, and what it told: errors, and the bytes of what it loaded."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._number = 0
        self.base = ""  # what paths are relative to
        self.errors: list[str] = []
        self.loaded: dict[str, int] = {}  # bytes by address, of the page that is shown
        self._addresses: dict[str, str] = {}
        self.answers_yes = True  # to what a page asks
        self.asked: list[str] = []
        for domain in ("Page", "Runtime", "Log", "Network", "DOM"):
            self.call(f"{domain}.enable")

    # the wire

    def call(self, method: str, **parameters: Any) -> Any:
        """Asks the browser for something, and answers what it says."""
        self._number += 1
        number = self._number
        self._send(number, method, parameters)
        ends = monotonic() + SECONDS
        while monotonic() < ends:
            found = self._receive(ends - monotonic())
            if found is not None and found.get("id") == number:
                assert "error" not in found, (method, found["error"])
                return found["result"]
        raise AssertionError(f"the browser does not answer {method}")

    def _send(self, number: int, method: str, parameters: dict[str, Any]) -> None:
        self._socket.send(json.dumps({"id": number, "method": method, "params": parameters}))

    def _receive(self, seconds: float) -> dict[str, Any] | None:
        try:
            found: dict[str, Any] = json.loads(self._socket.recv(timeout=max(seconds, 0)))
        except TimeoutError:
            return None
        self._notice(found.get("method", ""), found.get("params", {}))
        return found

    def _notice(self, event: str, told: dict[str, Any]) -> None:
        match event:
            case "Runtime.exceptionThrown":
                self.errors.append(str(told["exceptionDetails"]))
            case "Runtime.consoleAPICalled" if told["type"] in ("error", "warning"):
                self.errors.append(str(told["args"]))
            case "Log.entryAdded" if told["entry"]["level"] in ("error", "warning"):
                self.errors.append(f"{told['entry']['text']} {told['entry'].get('url', '')}")
            case "Network.responseReceived":
                self._addresses[told["requestId"]] = told["response"]["url"]
            case "Network.loadingFinished" if told["requestId"] in self._addresses:
                address = self._addresses[told["requestId"]]
                self.loaded[address] = int(told["encodedDataLength"])
            case "Page.javascriptDialogOpening":
                self.asked.append(told["message"])
                self._number += 1
                given = {"accept": self.answers_yes}
                self._send(self._number, "Page.handleJavaScriptDialog", given)

    # what a person does

    def open(self, path: str) -> None:
        """Opens a page, and waits until all of it is there."""
        self.loaded.clear()
        address = path if path.startswith("http") else self.base + path
        told = self.call("Page.navigate", url=address)
        assert "errorText" not in told, told
        self.settle()

    def settle(self) -> None:
        """Waits until the page is loaded, and nothing of it is on its way."""
        self.wait_for("document.readyState === 'complete'")
        self.wait_for("!document.querySelector('.htmx-request')")

    def click(self, selector: str) -> None:
        """Clicks something, where it stands; a page that it leads to is waited for."""
        self.wait_for(f"!!document.querySelector({json.dumps(selector)})")
        place = self.eval(
            f"(() => {{ const e = document.querySelector({json.dumps(selector)});"
            " e.scrollIntoView({block: 'center', behavior: 'instant'});"
            " const b = e.getBoundingClientRect();"
            " return [b.x + b.width / 2, b.y + b.height / 2, b.width]; })()"
        )
        assert place[2] > 0, f"{selector} is not to be seen"
        self._mark()
        for kind in ("mousePressed", "mouseReleased"):
            self.call(
                "Input.dispatchMouseEvent",
                type=kind, x=place[0], y=place[1], button="left", clickCount=1,
            )  # fmt: skip
        self._arrive()

    def back(self) -> None:
        """Goes back, as by the browser's own button."""
        self._mark()
        self.eval("history.back()")
        self._arrive()

    def press(self, key: str, *, shift: bool = False) -> None:
        """Presses a key, in what has the focus."""
        code = KEYS.get(key, ord(key.upper()[0]))
        text = {"Enter": "\r", "Space": " "}.get(key, key if len(key) == 1 else "")
        given = {"key": " " if key == "Space" else key, "windowsVirtualKeyCode": code}
        given |= {"modifiers": 8 if shift else 0, "code": key}
        self._mark()
        down = "keyDown" if text else "rawKeyDown"
        self.call("Input.dispatchKeyEvent", type=down, text=text, **given)
        self.call("Input.dispatchKeyEvent", type="keyUp", **given)
        self._arrive()

    def type(self, text: str) -> None:
        """Types into what has the focus."""
        self.call("Input.insertText", text=text)

    def fill(self, selector: str, value: str) -> None:
        """Writes into a field, instead of what it holds, or chooses of a list."""
        self.wait_for(f"!!document.querySelector({json.dumps(selector)})")
        self.eval(
            f"(() => {{ const e = document.querySelector({json.dumps(selector)}); e.focus();"
            f" e.value = {json.dumps(value)};"
            " e.dispatchEvent(new Event('input', {bubbles: true}));"
            " e.dispatchEvent(new Event('change', {bubbles: true})); })()"
        )

    def attach(self, selector: str, path: Path) -> None:
        """Chooses a file to upload."""
        root = self.call("DOM.getDocument")["root"]["nodeId"]
        node = self.call("DOM.querySelector", nodeId=root, selector=selector)["nodeId"]
        self.call("DOM.setFileInputFiles", files=[str(path)], nodeId=node)

    def _mark(self) -> None:
        self.eval("window.stillHere = true")

    def _arrive(self) -> None:
        """Waits a moment whether a page is being left, and then for the next one."""
        sleep(0.15)
        ends = monotonic() + SECONDS
        while monotonic() < ends:
            try:
                self.settle()
            except AssertionError as error:  # the page went away while it was asked
                if "context" not in str(error):
                    raise
            else:
                return

    # what is to be seen

    def eval(self, script: str) -> Any:
        """Answers what a script gives."""
        told = self.call(
            "Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True
        )
        assert "exceptionDetails" not in told, told["exceptionDetails"]
        return told["result"].get("value")

    def wait_for(self, script: str, seconds: float = SECONDS) -> None:
        """Waits until a script is true."""
        ends = monotonic() + seconds
        while not self.eval(script):
            assert monotonic() < ends, f"never: {script}\non {self.path}:\n{self.text()[:2000]}"
            sleep(0.05)

    def sees(self, text: str) -> None:
        """Waits until a text is on the page."""
        self.wait_for(f"document.body.innerText.includes({json.dumps(text)})")

    def text(self, selector: str = "body") -> str:
        """Answers the text of something, as it is seen."""
        found = self.eval(f"document.querySelector({json.dumps(selector)})?.innerText")
        return str(found or "")

    def count(self, selector: str) -> int:
        """Answers how many there are."""
        return int(self.eval(f"document.querySelectorAll({json.dumps(selector)}).length"))

    def fetch(self, path: str, **options: Any) -> tuple[int, str]:
        """Sends a request as a script of the page would, with its cookies."""
        given = json.dumps({"redirect": "manual", **options})
        script = f"fetch({json.dumps(path)}, {given}).then(async r => [r.status, await r.text()])"
        status, content = self.eval(script)
        return int(status), str(content)

    @property
    def path(self) -> str:
        """The path of the page."""
        return str(self.eval("location.pathname"))

    def look(self, width: int = 1440, *, dark: bool = False, height: int = 900) -> None:
        """Makes the window as wide as a desk's or a phone's, by day or by night."""
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width, height=height, deviceScaleFactor=1, mobile=width < 600,
        )  # fmt: skip
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])

    def overflow(self) -> list[str]:
        """Answers what is wider than the window."""
        script = """[...document.querySelectorAll('body, main, main *, .rail')]
            .filter(e => e.getBoundingClientRect().right > innerWidth + 1
                && e.checkVisibility()  /* not in closed details */
                && !e.closest('.scroll, pre, .rail nav, .skip') )
            .map(e => e.tagName + '.' + e.className).slice(0, 5)"""
        wide: list[str] = self.eval(script)
        if self.eval("document.documentElement.scrollWidth > innerWidth + 1"):
            wide.append("the page")
        return wide

    def violations(self) -> list[str]:
        """Answers where the page breaks WCAG 2.2 AA, as far as a program can tell."""
        if not self.eval("!!window.axe"):
            self.call("Runtime.evaluate", expression=AXE.read_text())
        tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
        script = f"""axe.run({{runOnly: {json.dumps(tags)}}}).then(found => found.violations.map(
            each => each.id + ': ' + each.nodes.slice(0, 3).map(
                n => n.html.slice(0, 160) + ' ' + (n.any[0]?.message ?? '')).join(' | ')))"""
        found: list[str] = self.eval(script)
        return found

    def picture(self, path: Path, most: int = 2600) -> None:
        """Keeps a picture of the page, all of it."""
        size = self.call("Page.getLayoutMetrics")
        width = size["cssVisualViewport"]["clientWidth"]
        height = min(max(size["cssContentSize"]["height"], 400), most)
        clip = {"x": 0, "y": 0, "width": width, "height": height, "scale": 1}
        told = self.call(
            "Page.captureScreenshot", format="png", captureBeyondViewport=True, clip=clip
        )
        path.write_bytes(base64.b64decode(told["data"]))


@contextmanager
def browser(program: str) -> Iterator[Browser]:
    """Runs a browser with an empty profile."""
    with tempfile.TemporaryDirectory(
        prefix="segconnect-chromium-", ignore_cleanup_errors=True
    ) as profile:
        process = subprocess.Popen(
            [
                program, "--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
                "--disable-dev-shm-usage", "--no-first-run", "--remote-debugging-port=0",
                "--remote-allow-origins=*", f"--user-data-dir={profile}", "about:blank",
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            with connect(_window(Path(profile)), max_size=None, open_timeout=SECONDS) as socket:
                yield Browser(socket)
        finally:
            process.terminate()
            process.wait(timeout=SECONDS)


def _window(profile: Path) -> str:
    """The address of the window's DevTools, once the browser has written it down."""
    from urllib.request import urlopen

    written = profile / "DevToolsActivePort"
    ends = monotonic() + SECONDS
    while monotonic() < ends:
        if written.exists() and (lines := written.read_text().splitlines()):
            with urlopen(f"http://127.0.0.1:{lines[0]}/json", timeout=SECONDS) as answer:
                pages = [each for each in json.load(answer) if each["type"] == "page"]
            if pages:
                return str(pages[0]["webSocketDebuggerUrl"])
        sleep(0.1)
    raise AssertionError("the browser did not start")
