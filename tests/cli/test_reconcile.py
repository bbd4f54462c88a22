"""`segconnect reconcile`: an export beside the account, where one of them was changed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Commands, Server, Shop
from tests.cli.test_load import SAMPLES

ORDERS = ("stripe_charges.json", "shopify_orders.csv", "woocommerce_orders.json",
          "kajabi_orders.json", "recharge_charges.csv")  # fmt: skip


@pytest.fixture(autouse=True)
def _in_a_directory_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def reconcile(segconnect: Commands, connected: Shop, server: Server) -> Any:
    """Runs `segconnect reconcile` on the store of the server."""
    data = Path(str(server.engine.url.database)).parent
    return lambda *given: segconnect(
        "reconcile", *given, "--account", connected.account_id, "--data", data
    )


def charge(number: int, day: int, **fields: Any) -> dict[str, Any]:
    """A charge of February in Stripe's list: 10.00 for each number."""
    return {
        "object": "charge", "id": f"ch_{number}", "amount": 1000 * number, "amount_refunded": 0,
        "refunded": False, "currency": "usd", "paid": True, "receipt_email": "ann@bloggs.com",
        "created": 1769904000 + 86400 * (day - 1) + 3600, **fields,
    }  # fmt: skip


def written(name: str, *charges: dict[str, Any]) -> Path:
    """A file of charges."""
    Path(name).write_text(json.dumps({"object": "list", "data": charges}))
    return Path(name)


@pytest.mark.parametrize("name", ORDERS)
def test_what_was_loaded_differs_in_nothing(
    segconnect: Commands, reconcile: Any, name: str
) -> None:
    segconnect("load", SAMPLES / name, "--yes")

    ran = reconcile(SAMPLES / name, "--json")

    assert ran.json["differences"] == {}, ran.json
    totals = ran.json["totals"]
    assert totals["orders_there"] == totals["orders_here"] > 0
    assert totals["amount_there"] == totals["amount_here"]


def test_each_order_that_differs_is_told_once_with_both_sides(
    segconnect: Commands, reconcile: Any
) -> None:
    segconnect("load", written("a.json", *(charge(n, n) for n in range(1, 7))), "--yes")
    later = written(
        "b.json", charge(1, 1), charge(2, 2, amount=2100), charge(3, 3, amount_refunded=500),
        charge(4, 4, refunded=True, amount_refunded=4000), charge(6, 8), charge(7, 7),
    )  # fmt: skip

    ran = reconcile(later, "--json")

    assert ran.code == 1
    assert [(each["order"], each["difference"]) for each in ran.json["orders"]] == [
        ("ch_2", "another amount"), ("ch_3", "another payment"), ("ch_4", "another status"),
        ("ch_5", "missing there"), ("ch_7", "missing here"), ("ch_6", "another day"),
    ]  # fmt: skip
    assert ran.json["days"][1] == {
        "day": "2026-02-02", "orders_there": 1, "orders_here": 1, "amount_there": 21,
        "amount_here": 20, "paid_there": 21, "paid_here": 20, "differ": 1,
    }  # fmt: skip
    assert ran.json["totals"]["differ"] == 6


def test_people_are_shown_the_days_and_orders_that_differ(
    segconnect: Commands, reconcile: Any
) -> None:
    segconnect("load", written("a.json", charge(1, 1), charge(2, 2)), "--yes")

    lines = reconcile(written("b.json", charge(1, 1), charge(2, 2, amount=2150))).out.splitlines()

    assert "2026-02-02 ch_2: another amount (21.50, paid 21.50 / 20.00, paid 20.00)" in lines
    assert ["2026-02-02", "1", "1", "21.50", "20.00", "21.50", "20.00", "1"] in map(
        str.split, lines
    )
    assert not any(line.startswith("2026-02-01") for line in lines)
    assert lines[-1].endswith("USD: 1 another amount")


def test_orders_of_other_days_are_not_missing_there(segconnect: Commands, reconcile: Any) -> None:
    segconnect("load", written("a.json", *(charge(n, n) for n in range(1, 7))), "--yes")

    ran = reconcile(written("b.json", charge(3, 3), charge(4, 4)))

    assert (ran.code, ran.out.splitlines()[-1].endswith("nothing differs")) == (0, True)


def test_what_cannot_be_compared_is_told(
    segconnect: Commands, reconcile: Any, tmp_path: Path
) -> None:
    assert (
        "no integration of the account has orders" in reconcile(SAMPLES / "stripe_charges.json").err
    )
    segconnect("load", written("a.json", charge(1, 1)), "--yes")
    ran = reconcile(SAMPLES / "mailchimp_contacts.csv")
    assert (ran.code, "mailchimp_contacts finds no orders in it" in ran.err) == (2, True), ran.err
    ran = reconcile(Path("a.json"), "--integration", "nowhere")
    assert (ran.code, "the account has no integration 'nowhere'" in ran.err) == (2, True)
    (tmp_path / "x.csv").write_text("a,b\n1,2\n")
    ran = reconcile(tmp_path / "x.csv")
    assert (ran.code, "no recipe fits it" in ran.err) == (2, True)
