"""The batch call, which is ours: many calls in one request, each answered as if it came alone."""

from __future__ import annotations

import json
from typing import Any

import pytest

from segconnect.account.writing import committer, rules
from segconnect.wire.endpoints import MAX_BATCH_BODY, MAX_BATCH_LINES
from tests.conftest import Account, Answer

LINES = [
    {"endpoint": "POST contact", "body": {"contact_id": 42, "email": "joey@bloggs.com"}},
    {"endpoint": "POST tags/add", "body": {"contact_id": 42, "tags": ["Webinar"]}},
    {"endpoint": "POST invoice", "body": {"id": 1}},
    {"endpoint": "DELETE contact/joey%40bloggs.com"},
]
ANSWERS = [
    (200, "contact"),
    (200, "contact"),
    (400, "errors"),
    (200, "deleted"),
]


def batch(account: Account, body: bytes, **headers: str) -> Answer:
    """Sends a batch as it is."""
    return account.request("POST", f"{account.root}/batch", body, headers)


def statuses(answers: list[Any]) -> list[tuple[int, bool]]:
    """Each answer's status, and whether it holds what it should."""
    return [
        (answer["status"], key in answer["body"])
        for answer, (_, key) in zip(answers, ANSWERS, strict=True)
    ]


def test_lines_of_ndjson_are_answered_by_as_many_lines(account: Account) -> None:
    body = b"".join(json.dumps(line).encode() + b"\n" for line in LINES)

    answer = batch(account, body, **{"content-type": "application/x-ndjson"})

    lines = answer.content.decode().splitlines()
    assert (answer.status, answer.headers["content-type"]) == (200, "application/x-ndjson")
    assert statuses([json.loads(line) for line in lines]) == [(s, True) for s, _ in ANSWERS]


def test_an_array_is_answered_by_an_array(account: Account) -> None:
    answer = batch(account, b" \n" + json.dumps(LINES).encode())

    assert (answer.status, answer.headers["content-type"]) == (200, "application/json")
    assert statuses(answer.body) == [(s, True) for s, _ in ANSWERS]


def test_every_answer_says_that_there_is_a_batch_call(account: Account) -> None:
    answers = [
        account.request("POST", f"{account.root}/contact", {"contact_id": 1}),
        account.request("POST", f"{account.root}/contact", {}),
        account.request("POST", f"{account.root}/contact", {}, {"authorization": "x"}),
        batch(account, b"[]"),
    ]

    assert {answer.headers["segconnect-batch"] for answer in answers} == {"5000; after"}


@pytest.mark.parametrize(("body", "answer"), [(b"", b""), (b"\n \n", b""), (b"[]", b"[]")])
def test_a_batch_of_nothing_is_answered_with_nothing(
    account: Account, body: bytes, answer: bytes
) -> None:
    assert (batch(account, body).status, batch(account, body).content) == (200, answer)


def test_blank_lines_are_passed_over_and_lines_may_end_as_on_windows(account: Account) -> None:
    line = json.dumps(LINES[0]).encode()

    answer = batch(account, b"\r\n" + line + b"\r\n\n" + line)

    assert [json.loads(each)["status"] for each in answer.content.splitlines()] == [200, 200]


@pytest.mark.parametrize(
    ("bad", "told"),
    [
        (b"{", "the line is not JSON: "),
        (b"\xff", "the line is not JSON: "),
        (b'{"endpoint":"POST contact","body":{"email":"\\ud800"}}', "the line is not JSON: "),
        (b"[" * 5000, "the line is not JSON: "),
        (b"5", "a line is an object with 'endpoint' and 'body'"),
        (b"null", "a line is an object with 'endpoint' and 'body'"),
        (b"{}", "a line is an object with 'endpoint' and 'body'"),
        (b'{"endpoint":5}', "a line is an object with 'endpoint' and 'body'"),
        (b'{"endpoint":"GET contact"}', "there is no endpoint 'GET contact'"),
        (b'{"endpoint":"POST batch","body":[]}', "there is no endpoint 'POST batch'"),
        (b'{"endpoint":"DELETE contact/"}', "there is no endpoint 'DELETE contact/'"),
        (b'{"endpoint":"DELETE contact"}', "there is no endpoint 'DELETE contact'"),
        (b'{"endpoint":"DELETE contact/%00"}', "the ID holds a character that cannot be printed"),
        (b'{"endpoint":"POST contact"}', "the body is not a JSON object: found null"),
        (b'{"endpoint":"POST contact","body":[]}', "the body is not a JSON object: found an array"),
        (b'{"endpoint":"POST contact","body":{}}', "missing 'contact_id' or 'email' field"),
    ],
)  # fmt: skip
def test_a_bad_line_is_told_in_its_place_and_does_not_hurt_the_others(
    account: Account, bad: bytes, told: str
) -> None:
    good = b'{"endpoint":"POST contact","body":{"contact_id":%d}}'

    answer = batch(account, b"\n".join((good % 1, bad, good % 2)))

    first, second, third = map(json.loads, answer.content.splitlines())
    assert second["status"] == 400
    assert second["body"]["status"] == "error"
    assert second["body"]["errors"][0].startswith(told)
    assert (first["body"]["contact"]["contact_id"], third["body"]["contact"]["contact_id"]) == (
        "1",
        "2",
    )
    assert account.rows("contacts") == 2


@pytest.mark.parametrize("body", [b"[", b'[{"endpoint":"POST contact"},]', b"[1]x", b"[\xff]"])
def test_an_array_that_is_not_json_is_refused_whole(account: Account, body: bytes) -> None:
    answer = batch(account, body)

    assert answer.status == 400
    assert answer.body["errors"][0].startswith("the body is not a JSON array: ")


def test_lines_are_applied_in_their_order(account: Account) -> None:
    lines = [("POST contact", {"contact_id": 42, "first_name": str(n)}) for n in range(50)]

    results = account.batch(lines)

    assert [body["contact"]["first_name"] for _, body in results] == [str(n) for n in range(50)]
    assert account.contact("42")["first_name"] == "49"


def test_a_batch_larger_than_a_group_keeps_its_order(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(committer, "MAX_GROUP", 3)

    results = account.batch(
        [("POST contact", {"contact_id": n % 4, "first_name": str(n)}) for n in range(20)]
    )

    assert [
        (body["contact"]["contact_id"], body["contact"]["first_name"]) for _, body in results
    ] == [(str(n % 4), str(n)) for n in range(20)]


def test_a_batch_has_a_most_of_lines_and_of_bytes(account: Account) -> None:
    line = b'{"endpoint":"POST contact","body":{"contact_id":42}}\n'
    before = account.everything()

    lines = batch(account, line * (MAX_BATCH_LINES + 1))
    array = batch(account, b"[" + b"0," * MAX_BATCH_LINES + b"0]")
    large = batch(account, b" " * (MAX_BATCH_BODY + 1))

    told = [f"{MAX_BATCH_LINES + 1} lines; at most {MAX_BATCH_LINES} a batch"]
    assert [(each.status, each.body["errors"]) for each in (lines, array)] == [(413, told)] * 2
    assert (large.status, account.everything()) == (413, before)


def test_a_full_batch_is_applied(account: Account) -> None:
    results = account.batch(
        [("POST contact", {"contact_id": n % 700}) for n in range(MAX_BATCH_LINES)]
    )

    assert [status for status, _ in results] == [200] * MAX_BATCH_LINES
    assert account.rows("contacts") == 700


def test_single_calls_at_the_same_moment_are_answered_each_with_its_own(account: Account) -> None:
    answers = account.together(
        [("POST", "contact", {"contact_id": n, "first_name": f"No. {n}"}) for n in range(100)]
    )

    assert [
        (answer.body["contact"]["contact_id"], answer.body["contact"]["first_name"])
        for answer in answers
    ] == [(str(n), f"No. {n}") for n in range(100)]


def test_the_same_contact_at_the_same_moment_is_one(account: Account) -> None:
    answers = account.together([("POST", "contact", {"email": "joey@bloggs.com"})] * 50)

    assert {answer.content for answer in answers} == {answers[0].content}
    assert account.rows("contacts") == 1


def after(line: int | list[int] | None, contact: str = "ann") -> dict[str, Any]:
    """A line that adds a contact, or nobody, after others."""
    body = {"email": f"{contact}@bloggs.com"} if contact else {}
    numbers = [line] if isinstance(line, int) else line
    return {"endpoint": "POST contact", "body": body, **({"after": numbers} if numbers else {})}


@pytest.mark.parametrize("group", [1, 2, 3, 1000])
def test_a_line_is_done_only_if_those_that_it_comes_after_were(
    account: Account, group: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(committer, "MAX_GROUP", group)
    tags = {"endpoint": "POST tags/add", "body": {"email": "nobody@bloggs.com", "tags": ["Vip"]}}
    lines = [
        after(None),
        after(1, "bob"),
        tags,  # there is no such contact
        after(3, "cid"),
        after([1, 2], "dan"),
        after([1, 4], "eve"),
        after(None, ""),  # refused before anything is looked up
        after(7, "fay"),
        after(8, "gus"),
        after(None, "hal"),
    ]

    answers = account.batch(lines)

    expected = [200, 200, 400, 424, 200, 424, 400, 424, 424, 200]
    assert [status for status, _ in answers] == expected
    assert answers[3][1]["errors"] == ["not done, since a line that it comes after was not done"]
    found = [account.contact(f"{name}@bloggs.com") for name in ("bob", "cid", "eve", "gus", "hal")]
    assert [contact is not None for contact in found] == [True, False, False, False, True]


def test_a_line_comes_after_what_a_halved_group_has_done(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = rules.run

    def failing(work: Any, operation: Any) -> Any:
        if operation.fields.get("email") == "bad@bloggs.com":
            raise ZeroDivisionError
        return run(work, operation)

    monkeypatch.setattr(rules, "run", failing)
    lines = [after(None), after(1, "bad"), after(1, "bob"), after(2, "cid"), after(3, "dan")]

    assert [status for status, _ in account.batch(lines)] == [200, 500, 200, 424, 200]


@pytest.mark.parametrize(
    "numbers", [0, 1, "1", True, {}, [0], [2], [3], ["1"], [True], [1.0], [-1]]
)
def test_a_line_comes_after_lines_before_it_only(account: Account, numbers: Any) -> None:
    answers = account.batch([after(None), {**after(None, "bob"), "after": numbers}])

    assert [status for status, _ in answers] == [200, 400]
    assert answers[1][1]["errors"] == [
        "invalid 'after' field: give the numbers of lines before this one, counted from 1"
    ]
