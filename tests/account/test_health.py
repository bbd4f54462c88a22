"""Data health: what is wrong is counted once, with its money, and what is right is not."""

from __future__ import annotations

from typing import Any

import pytest

from segconnect.account.figures.health import CHECKS
from tests.conftest import Account

FEBRUARY = "?start=2026-02-01&end=2026-02-28"


@pytest.fixture
def shop(account: Account) -> Account:
    """Ann, who came by an ad, and Bob; all that they did in February was sent right."""
    for number, (name, campaign) in enumerate((("ann", "Spring"), ("bob", "News")), 1):
        email = f"{name}@bloggs.com"
        account.send("contact", {
            "contact_id": number, "email": email, "utm_medium": "cpc", "utm_campaign": campaign,
            "date_created": "2026-02-01",
        })  # fmt: skip
        order(account, f"o{number}", email, 1000)
    ad(account, "a1", "Spring", 500)
    return account


def order(account: Account, order_id: str, email: str, cents: int, **fields: Any) -> None:
    """An order of the second of February."""
    account.send("invoice", {"id": order_id, "email": email, "amount": cents, "paid": cents,
                             "date_created": "2026-02-02 10:00:00",
                             "items": [{"name": "Tea", "amount": cents}], **fields})  # fmt: skip


def ad(account: Account, ad_id: str, campaign: str, cents: int) -> None:
    """What an ad cost on a day."""
    account.send("ad/performance", {
        "ad": {"id": ad_id, "name": f"Ad {ad_id}"}, "spend": cents, "date": "2026-02-01",
        "adcampaign": {"id": f"c{campaign}", "name": campaign},
    })  # fmt: skip


def view(account: Account, uid: str, query: str, day: str = "2026-02-01") -> None:
    """A visit."""
    lines = [("POST page_view", {"uid": uid, "url": f"https://tea.shop/{query}",
                                 "date_created": f"{day} 08:00:00"})]  # fmt: skip
    assert account.batch(lines)[0][0] == 200


def checks(account: Account, when: str = FEBRUARY) -> dict[str, Any]:
    """What the endpoint answers, by check."""
    answer = account.request("GET", f"/{account.id}/health{when}", b"")
    assert answer.status == 200, answer.body
    return {check["check"]: check for check in answer.body["checks"]}


def wrong(account: Account) -> dict[str, tuple[int, float | None, list[tuple[str, int]]]]:
    """What is found: how often, for how much, and examples."""
    return {
        slug: (each["count"], each["money"],
               [(one["what"], one["count"]) for one in each["examples"]])
        for slug, each in checks(account).items() if each["count"]
    }  # fmt: skip


def test_nothing_is_wrong_with_what_was_sent_right(shop: Account) -> None:
    assert wrong(shop) == {}
    assert [*checks(shop)] == [check.slug for check in CHECKS]
    assert checks(shop)["failed_invoices"]["of"] == 2


def test_an_order_that_two_tools_report_is_there_twice(shop: Account) -> None:
    order(shop.on("payments"), "ch_1", "ann@bloggs.com", 1000)
    order(shop, "o3", "ann@bloggs.com", 1000)  # again by the same tool: she bought twice
    order(shop.on("payments"), "ch_2", "bob@bloggs.com", 900)

    count, money, examples = wrong(shop)["duplicate_orders"]
    assert (count, money) == (1, 10)
    assert [n for _, n in examples] == [1]
    assert "o1" in examples[0][0]
    assert "ch_1 on 2026-02-02" in examples[0][0]


def test_spellings_of_one_value_are_told_together_the_usual_one_first(shop: Account) -> None:
    for uid, value in enumerate(("e-mail", "E-Mail", "e mail", "e-mail", "paper")):
        view(shop, f"u{uid}", f"?utm_source={value.replace(' ', '%20')}")

    count, money, examples = wrong(shop)["utm_spellings"]
    assert (count, money) == (2, 0)
    assert examples == [("utm_source: e-mail, E-Mail, e mail", 2)]


def test_the_money_of_a_spelling_is_of_orders_that_it_brought(shop: Account) -> None:
    for uid in range(2):
        view(shop, f"u{uid}", "?utm_campaign=spring")

    assert wrong(shop)["utm_spellings"] == (1, 10, [("utm_campaign: spring, Spring", 1)])


def test_visits_from_nowhere_are_told_by_their_page(shop: Account) -> None:
    view(shop, "u1", "green")
    view(shop, "u2", "green")
    view(shop, "u3", "?utm_medium=email")
    order(shop, "o3", "cid@bloggs.com", 300)

    told = checks(shop)["direct"]
    assert (told["count"], told["of"], told["money"]) == (2, 5, 3)
    assert told["examples"] == [{"what": "tea.shop/green", "count": 2, "money": None}]


def test_ads_and_visits_that_do_not_find_each_other(shop: Account) -> None:
    ad(shop, "a2", "Autumn", 250)
    view(shop, "u1", "?ad_id=a9")
    view(shop, "u2", "?ad_id=a1")

    found = wrong(shop)
    assert found["unmatched_spend"] == (1, 2.5, [("Autumn: Ad a2", 1)])
    assert found["unmatched_clicks"] == (1, 0, [("a9", 1)])


def test_orders_of_nobody_and_orders_that_were_never_paid(shop: Account) -> None:
    order(shop, "o3", "cid@bloggs.com", 300)
    order(shop, "o4", "ann@bloggs.com", 400, paid=0)
    order(shop, "o5", "ann@bloggs.com", 500, paid=0, is_refunded=True)

    found = wrong(shop)
    assert found["unlinked_orders"][:2] == (1, 3)
    assert found["unlinked_orders"][2][0][0].endswith(" o3 on 2026-02-02 of cid@bloggs.com")
    assert found["failed_invoices"][:2] == (1, 4)


def test_other_days_are_not_looked_at(shop: Account) -> None:
    order(shop, "o3", "cid@bloggs.com", 300)
    assert {slug: each["count"] for slug, each in checks(shop, "?start=2025-01-01&end=2025-02-01")
            .items()} == dict.fromkeys((check.slug for check in CHECKS), 0)  # fmt: skip
    answer = shop.request("GET", f"/{shop.id}/health?start=yore", b"")
    assert (answer.status, "is not a date" in answer.body["message"]) == (400, True)


def test_only_who_has_the_key_is_told(shop: Account) -> None:
    assert shop.request("GET", f"/{shop.another().id}/health", b"").status == 401
    assert shop.request("POST", f"/{shop.id}/health", {}).status == 405
