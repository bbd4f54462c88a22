"""Finding contacts: by what is typed, by filters, page after page."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from segconnect.account.owner import access
from segconnect.account.people import finding
from segconnect.account.people.finding import Asked
from segconnect.account.replica import Replica
from segconnect.errors import UsageError
from tests.conftest import Account, Clock


class Finder:
    """Asks an account for contacts, as its pages do."""

    def __init__(self, account: Account, directory: Path) -> None:
        self.account = account
        self.replica = Replica(account.engine, directory)
        self.pk = access.account_pk(account.engine, account.id)

    def page(self, most: int = 50, **asked: Any) -> finding.Found:
        """One page."""
        wanted = Asked(**asked)
        return finding.find(self.account.engine, self.replica.reading, self.pk, wanted, most)

    def __call__(self, most: int = 50, **asked: Any) -> list[str]:
        """The ids of contacts on all pages."""
        ids, after = [], ""
        while True:
            page = self.page(most, after=after, **asked)
            ids += [row.contact_id for row in page.rows]
            after = page.after
            if not after:
                return ids


@pytest.fixture
def find(account: Account, tmp_path: Path, monkeypatch: Any, clock: Clock) -> Iterator[Finder]:
    """Finds contacts of an account in which there are five."""
    monkeypatch.setattr(finding, "now", clock)
    payments = account.on("payments")
    for number, (email, name, tags) in enumerate(
        (
            ("ann@bloggs.com", "Ann Lee", ["New"]),
            ("ann.lee@bloggs.com", "Anna Lee", ["New", "Old"]),
            ("joey@bloggs.com", "Joey Bloggs", []),
            ("joey.b@work.com", "Joey Bloggs", ["Old"]),
        ),
        1,
    ):
        first, last = name.split()
        account.send(
            "contact",
            {"contact_id": f"c{number}", "email": email, "first_name": first, "last_name": last,
             "tags": tags, "date_created": f"2026-02-0{number} 12:00:00"},
        )  # fmt: skip
    payments.send(
        "contact",
        {"contact_id": "p3", "email": "joey@bloggs.com", "date_created": "2026-02-05 12:00:00"},
    )
    payments.order("o1", contact_id="p3", amount=1200, paid=1200)
    payments.order("o2", contact_id="c2", amount=1200, paid=0)
    payments.subscription("s1", email="ann.lee@bloggs.com")
    payments.subscription("s2", email="ann@bloggs.com", end_date="2026-02-20")
    account.send(
        "page_view",
        {"uid": "v1", "url": "https://tea.example/?gclid=1", "date_created": "2026-01-01",
         "email": "ann@bloggs.com"},
    )  # fmt: skip
    finder = Finder(account, tmp_path / "copies")
    yield finder
    finder.replica.close()


def test_how_they_came_first_is_told_of_the_person_and_not_of_the_contact(find: Finder) -> None:
    find.account.send(
        "page_view",
        {"uid": "v2", "date_created": "2026-01-02", "email": "joey@bloggs.com",
         "url": "https://tea.example/?utm_source=letter&utm_medium=email"},
    )  # fmt: skip
    find.account.send(
        "page_view",
        {"uid": "v2", "date_created": "2026-01-04", "url": "https://tea.example/?gclid=2"},
    )
    rows = {row.contact_id: row.pk for row in find.page().rows}
    told = finding.origins(find.replica.reading, find.pk, list(rows.values()))

    assert {id_: told[pk] for id_, pk in rows.items() if pk in told} == {
        "c1": ("paid", None), "c3": ("email", "letter"), "p3": ("email", "letter"),
    }  # fmt: skip


def test_those_that_came_last_are_first(find: Finder) -> None:
    assert find() == ["p3", "c4", "c3", "c2", "c1"]


@pytest.mark.parametrize(
    ("typed", "wanted"),
    [
        ("ann", ["c2", "c1"]),  # in the order of their emails
        ("ann@", ["c1"]),
        (" Joey@Bloggs.com ", ["c3", "p3"]),
        ("c4", ["c4"]),
        ("bloggs joey", ["p3", "c4", "c3"]),  # no email begins with this, so by any part
        ("lee", ["c2", "c1"]),
        ("work", ["c4"]),
        ("nobody", []),
        ("%", []),
        ("_", []),
        ("'", []),
    ],
)
def test_what_is_typed_is_the_beginning_of_an_email_or_an_id_or_else_any_part(
    find: Finder, typed: str, wanted: list[str]
) -> None:
    assert find(typed=typed) == wanted


@pytest.mark.parametrize(
    ("asked", "wanted"),
    [
        ({"tag": "Old"}, ["c4", "c2"]),
        ({"tag": "old"}, []),
        ({"status": "customer"}, ["p3", "c3"]),  # the whole person has paid
        ({"status": "lead"}, ["c4", "c2", "c1"]),
        ({"status": "subscriber"}, ["c2"]),
        ({"channel": "paid"}, ["c1"]),
        ({"start": "2026-02-02", "end": "2026-02-03"}, ["c3", "c2"]),
        ({"several": True}, ["p3", "c3"]),
        ({"tag": "New", "status": "lead", "typed": "lee ann"}, ["c2", "c1"]),
        ({"tag": "Old", "typed": "c4"}, ["c4"]),
    ],
)
def test_filters_leave_those_for_whom_all_of_them_hold(
    find: Finder, asked: Any, wanted: list[str]
) -> None:
    assert find(**asked) == wanted
    assert find.page(**asked).total == len(wanted)


def test_an_integration_shows_the_contacts_that_it_brought(find: Finder) -> None:
    (_, payments) = access.list_accounts(find.account.engine)[0]["integrations"]

    assert find(integration=payments["integration_id"]) == ["p3"]


@pytest.mark.parametrize("most", [1, 2, 3])
@pytest.mark.parametrize(
    "asked", [{}, {"typed": "joey"}, {"typed": "bloggs joey"}, {"status": "lead"}]
)
def test_pages_follow_one_another_without_a_gap(find: Finder, asked: Any, most: int) -> None:
    assert find(most, **asked) == find(**asked)


def test_what_a_contact_itself_paid_is_told(find: Finder) -> None:
    assert {row.contact_id: row.paid for row in find.page().rows} == {
        "p3": 1200, "c4": 0, "c3": 0, "c2": 0, "c1": 0,
    }  # fmt: skip


def test_another_account_is_not_looked_into(find: Finder) -> None:
    other = find.account.another()
    other.send("contact", {"contact_id": "x1", "email": "ann@bloggs.com", "tags": ["Old"]})

    assert find(typed="ann@") == ["c1"]
    assert find(typed="x1") == []
    assert find(tag="Old") == ["c4", "c2"]
    assert "x1" not in find()


@pytest.mark.parametrize(
    "asked", [{"status": "rich"}, {"start": "yesterday"}, {"tag": "A", "after": "1; drop"}]
)
def test_what_cannot_be_asked_is_told(find: Finder, asked: Any) -> None:
    with pytest.raises(UsageError):
        find.page(**asked)


def plans(find: Finder, *pages: dict[str, Any]) -> list[str]:
    """The steps by which the store answers what lists ask of its contacts."""
    engine, statements = find.account.engine, list[tuple[str, Any]]()

    def note(_c: Any, _cursor: Any, statement: str, given: Any, _x: Any, _m: Any) -> None:
        statements.append((statement, given))

    event.listen(engine, "before_cursor_execute", note)
    for asked in pages:
        find.page(**asked)
    event.remove(engine, "before_cursor_execute", note)
    explain = "explain query plan" if engine.dialect.name == "sqlite" else "explain"
    with engine.connect() as connection:
        if explain == "explain":
            connection.exec_driver_sql("set enable_seqscan = off")  # the table is still small
        return [
            str(row[-1])
            for statement, given in statements
            if "FROM contacts" in statement
            for row in connection.exec_driver_sql(f"{explain} {statement}", given)
        ]


def test_the_store_answers_by_its_indexes(find: Finder) -> None:
    """Without statistics SQLite would read a whole account by its key, and sort it."""
    of_last = plans(find, {}, {"after": "3"})
    of_emails = plans(find, {"typed": "ann"}, {"typed": "ann", "after": "2 ann.lee@x.no"})

    if find.account.engine.dialect.name == "sqlite":
        assert of_last == [
            "SCAN contacts",  # by its key, from the end, until there is a page
            "SEARCH contacts USING INTEGER PRIMARY KEY (rowid<?)",
        ]
        assert not any("TEMP B-TREE" in step for step in of_emails)
        assert sum("ix_contacts_email (" in step for step in of_emails) == 2
        assert sum("ux_contacts_id" in step for step in of_emails) == 1
    else:
        assert "contacts_pkey" in of_last[1]
        assert "Sort" not in of_last[1]
        assert sum("email)::text >=" in step and "Index Cond" in step for step in of_emails) == 2
