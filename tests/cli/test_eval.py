"""`segconnect eval`: one template, many from the standard input, or a prompt."""

from __future__ import annotations

import json
import os
import select
import sys
import time
from pathlib import Path
from typing import Any

import pytest

CONTACT = {
    "email": "Joey@Bloggs.com",
    "First Name": "Joey",
    "price": "12.50",
    "items": [{"sku": "T-1"}],
}


@pytest.fixture
def bundle(tmp_path: Path) -> str:
    """The option that gives the contact as module 1."""
    path = tmp_path / "contact.json"
    path.write_text(json.dumps(CONTACT))
    return f"--bundle=1={path}"


def test_a_template_is_evaluated_against_bundles(segconnect: Any, bundle: str) -> None:
    assert segconnect("eval", "Hi {{1.`First Name`}}", bundle).out == "Hi Joey\n"
    assert segconnect("eval", "{{1.items}}", bundle, "--json").json == [{"sku": "T-1"}]
    assert segconnect("eval", "{{erase}}", "--json").json is None


def test_the_zone_and_the_moment_are_options(segconnect: Any) -> None:
    ran = segconnect(
        *("eval", '{{formatDate(now; "DD/MM HH:mm")}}'),
        *("--now", "2026-01-31T23:30Z", "--timezone", "Europe/Prague"),
    )

    assert ran.out == "01/02 00:30\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["{{lowr(1.email)}}"], "did you mean 'lower'?\n  {{lowr(1.email)}}\n    ^^^^"),
        (["{{1.a}}", "--now", "soon"], "--now: 'soon' is not a supported date"),
        (["{{1.a}}", "--timezone", "Nowhere/Land"], "unknown time zone 'Nowhere/Land'"),
        (["{{1.a}}", "--bundle", "contact.json"], "expected ID=FILE.json"),
        (['{{toBinary("ff"; "hex")}}'], "the value cannot be shown: a buffer of 1 bytes"),
    ],
)
def test_what_is_wrong_is_said_in_a_line(
    segconnect: Any, arguments: list[str], message: str
) -> None:
    ran = segconnect("eval", *arguments)

    assert ran.code == 2
    assert ran.err.startswith("segconnect: ")
    assert message in ran.err


def test_half_a_character_does_not_stop_the_output(segconnect: Any, tmp_path: Path) -> None:
    (tmp_path / "half.json").write_text('{"a": "x\\ud800"}')

    assert segconnect("eval", "{{1.a}}", f"--bundle=1={tmp_path / 'half.json'}").out == "x?\n"


def test_each_line_of_the_standard_input_is_a_template(segconnect: Any, bundle: str) -> None:
    ran = segconnect(
        "eval", bundle, stdin="{{lower(1.email)}}\n{{lowr(1.email)}}\n{{round(1.price)}}\n"
    )

    assert ran.out == "joey@bloggs.com\n\n13\n"
    assert ran.err.startswith("line 2: Function 'lowr' not found; did you mean 'lower'?")
    assert ran.code == 2


def test_the_prompt_answers_with_the_value_and_its_type(segconnect: Any, bundle: str) -> None:
    lines = "{{round(1.price)}}\n{{1.emial}}\n\n{{lowr(1.a)}}\nquit\n{{1.email}}\n"

    ran = segconnect("eval", bundle, stdin=lines, in_terminal=True)

    assert ran.code == 0
    assert "> 13  (number)\n" in ran.out
    assert "(nothing: the field is left out; did you mean 1.email?)" in ran.out
    assert "  {{lowr(1.a)}}\n    ^^^^\n" in ran.out
    assert "Joey@Bloggs.com" not in ran.out


def test_the_prompt_goes_on_after_what_it_cannot_show(segconnect: Any) -> None:
    lines = '{{toBinary("ff"; "hex")}}\nhelp {{1 + 1}}\n'

    ran = segconnect("eval", stdin=lines, in_terminal=True)

    assert "the value cannot be shown" in ran.out
    assert "> help 2\n" in ran.out


@pytest.mark.parametrize(
    ("asked", "answer"),
    [
        ("help substring", "substring(text; [start]; [end])\n  The characters from a start"),
        ("help ignore", "ignore  Leaves the field or the item out."),
        ("help now", "now  The current date and time."),
        ("help 1", '1.`First Name`  "Joey"'),
        ("help substr", "Function 'substr' not found; did you mean 'substring'?"),
        ("help", "Date and time functions\n  formatDate"),
    ],
)
def test_the_prompt_explains(segconnect: Any, bundle: str, asked: str, answer: str) -> None:
    assert answer in segconnect("eval", bundle, stdin=asked, in_terminal=True).out


@pytest.mark.skipif(sys.platform == "win32", reason="there is no such terminal")
def test_the_prompt_completes_on_a_real_terminal(bundle: str, tmp_path: Path) -> None:
    import pty

    environment = {**os.environ, "SEGCONNECT_DATA": str(tmp_path / "data"), "TERM": "dumb"}
    process, terminal = pty.fork()
    if process == 0:
        command = [sys.executable, "-m", "segconnect", "eval", bundle]
        os.execve(sys.executable, command, environment)

    def wait_for(text: str) -> None:
        seen, end = "", time.monotonic() + 30
        while text not in seen:
            ready, _, _ = select.select([terminal], [], [], end - time.monotonic())
            assert ready, seen
            seen += os.read(terminal, 65536).decode()

    wait_for("> ")
    os.write(terminal, b"{{low\t1.em\t)}}\n")
    wait_for("joey@bloggs.com")
    os.write(terminal, b"{{formatDate(now; \t")
    wait_for("Writes a date in a format of tokens")
    os.write(terminal, b"\x15\x04")
    _, status = os.waitpid(process, 0)
    os.close(terminal)

    assert status == 0
    assert (tmp_path / "data" / "eval_history").read_text() == "{{lower(1.email)}}\n"
