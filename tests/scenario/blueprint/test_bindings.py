"""The file of bindings."""

from __future__ import annotations

from pathlib import Path

import pytest

from segconnect.errors import ScenarioError
from segconnect.scenario.blueprint import (
    Bindings,
    ask,
    bindings_of,
    check,
    read,
    read_bindings,
    skeleton,
    write_bindings,
)
from segconnect.scenario.blueprint.bindings import parse


def test_every_problem_is_told_at_once() -> None:
    with pytest.raises(ScenarioError) as caught:
        parse(
            "conections: {}\nconnection: {a: b}\nwebhooks: {'45': 7}\n"
            "modules:\n  a:B: {sample: x.json, python: 'a.py:b'}\n  a:C: {pyton: x}\n"
            "  a:D: {python: nothing}\n  a:E: {http: {uri: x}}\n"
        )

    message = str(caught.value)
    for part in (
        "unknown section 'connection'; did you mean 'connections'?",
        "webhooks.45: expected a text, found 7",
        "modules.a:B: give one of http, sample and python",
        "modules.a:C: unknown key 'pyton'; did you mean 'python'?",
        "modules.a:D.python: 'nothing' is not file.py:function",
        "modules.a:E.http: unknown key 'uri'; did you mean 'url'?",
    ):
        assert part in message


@pytest.mark.parametrize("path", ["../x", "a b", "", "a//b", "x?y"])
def test_a_webhook_has_a_plain_path(path: str) -> None:
    with pytest.raises(ScenarioError, match=r"webhooks\.45"):
        parse(f"webhooks: {{'45': '{path}'}}")


def test_the_skeleton_is_ready_to_be_filled_in(files: Path) -> None:
    report = check(read(files / "shop_orders.blueprint.json"))

    written = skeleton(report.needs)

    assert written == (
        "connections:\n"
        "  # connection 'SegMetrics of the shop' of segmetrics, for module 7\n"
        '  "4711": NAME\n'
        "webhooks:\n"
        "  # webhook 'Orders of the shop', for module 1\n"
        '  "45": PATH\n'
        "modules:\n"
        "  # module slack:CreateMessage, for module 8\n"
        "  slack:CreateMessage: {sample: FILE.json}"
        " # or {http: {url: URL}}, or {python: FILE.py:FUNCTION}\n"
    )
    assert parse(written).connections == {"4711": "NAME"}


def test_what_is_missing_is_asked_for_once(files: Path, tmp_path: Path) -> None:
    document = read(files / "shop_orders.blueprint.json")
    answers = iter(["shop", "no path", "new-order", "https://chat.example/post"])
    asked: list[str] = []

    def prompt(question: str) -> str:
        asked.append(question)
        return next(answers)

    given = ask(check(document).needs, Bindings(), prompt)

    assert len(asked) == 4
    assert asked[2].startswith("webhooks.45: 'no path' is not a path")
    assert given.to_values() == {
        "connections": {"4711": "shop"},
        "webhooks": {"45": "new-order"},
        "modules": {"slack:CreateMessage": {"http": {"url": "https://chat.example/post"}}},
    }
    path = tmp_path / "x.bindings.yaml"
    write_bindings(path, given)
    assert read_bindings(path) == given
    assert ask(check(document, given).needs, given, prompt) == given


def test_what_is_not_answered_stays_missing(files: Path) -> None:
    needs = check(read(files / "shop_orders.blueprint.json")).needs

    assert ask(needs, Bindings(), lambda question: "") == Bindings()


def test_writing_keeps_comments_and_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "x.bindings.yaml"
    path.write_text("# mine\nconnections: # all\n  '1': shop # the old one\n", encoding="utf-8")
    bindings = parse("connections: {'1': shop, '2': other}\ndatastores: {'3': seen}")

    write_bindings(path, bindings)

    assert path.read_text(encoding="utf-8") == (
        "# mine\nconnections: # all\n  \"2\": other\n  '1': shop # the old one\n"
        'datastores:\n  "3": seen\n'
    )


def test_writing_over_another_style_keeps_what_it_says(tmp_path: Path) -> None:
    path = tmp_path / "x.bindings.yaml"
    path.write_text("connections: {'1': shop}\n", encoding="utf-8")
    bindings = parse("connections: {'1': changed, '2': other}")

    write_bindings(path, bindings)

    assert read_bindings(path) == bindings


def test_bindings_are_looked_for_beside_the_scenario() -> None:
    assert bindings_of(Path("a/orders.blueprint.json"))[0] == Path("a/orders.bindings.yaml")
    assert bindings_of(Path("orders.yaml"))[0] == Path("orders.bindings.yaml")
