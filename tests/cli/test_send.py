"""`segconnect send`: one module alone, to the real account on loopback."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from segconnect.modules import MODULES
from segconnect.modules.schema import form


def test_a_contact_is_sent_printed_and_there_when_it_is_read_back(
    segconnect: Any, connected: Any
) -> None:
    ran = segconnect(
        *("send", "add-update-contact", "--email", "Joey@Bloggs.com", "--first-name", "Joey"),
        *("--status", "inactive", "--tag", "New Lead", "--tag", "Webinar"),
        *("--custom-field", "company=Acme", "--custom-field", "seats:=4", "--json"),
    )

    assert ran.code == 0, ran.err
    assert ran.json["status"] == "success"
    assert ran.json["contact"]["email"] == "joey@bloggs.com"
    contact = connected.contact("joey@bloggs.com")
    assert contact["first_name"] == "Joey"
    assert contact["status"] == "inactive"
    assert contact["custom_fields"] == {"company": "Acme", "seats": 4}
    assert sorted(tag["name"] for tag in contact["tags"]) == ["New Lead", "Webinar"]


def test_unset_empty_and_null_are_three_things_for_the_account_too(
    segconnect: Any, connected: Any
) -> None:
    def send(*options: str) -> Any:
        assert segconnect("send", "add-update-contact", "--email", "a@b.c", *options).code == 0
        contact = connected.contact("a@b.c")
        return contact["first_name"], contact["last_name"], contact["custom_fields"]

    names = ("--first-name", "Ann", "--last-name", "Lee")
    assert send(*names, "--custom-field", "city=Oslo", "--custom-field", "zip=1") == (
        *("Ann", "Lee"),
        {"city": "Oslo", "zip": "1"},
    )
    assert send("--first-name", "", "--null", "last-name", "--custom-field", "zip:=null") == (
        *("", None),
        {"city": "Oslo"},
    )
    assert send() == ("", None, {"city": "Oslo"})


def test_the_output_reads_well(segconnect: Any, connected: Any) -> None:
    ran = segconnect("send", "delete-order", "--invoice-id", "7")

    assert sorted(ran.out.splitlines()) == [
        "deleted  false",
        "id       7",
        "object   invoice",
        "status   success",
    ]


def test_an_order_with_items_arrives_whole(segconnect: Any, connected: Any) -> None:
    segconnect("send", "add-update-contact", "--email", "joey@bloggs.com")
    ran = segconnect(
        *("send", "Add/Update an Order", "--email", "joey@bloggs.com", "--invoice-id", "1042"),
        *("--paid", "1750", "--amount", "1750", "--date-created", "06/20/2016 5:26 PM"),
        *("--item", "name=Tea, green,product_id=P1,amount=1250"),
        *("--item", '{"product_id": "P2", "amount": 500, "name": "Cup"}', "--is-refunded"),
    )

    assert ran.code == 0, ran.err
    (order,) = connected.contact("joey@bloggs.com")["orders"]
    assert (order["order_id"], order["total"], order["is_refunded"]) == ("1042", 17.5, True)
    assert order["date_created"] == "2016-06-20T17:26:00+00:00"
    assert [line["product_name"] for line in order["line_items"]] == ["Tea, green", "Cup"]


def test_a_bundle_that_does_not_fit_is_told_at_once_with_exit_code_2_and_not_sent(
    segconnect: Any, connected: Any
) -> None:
    ran = segconnect("send", "add-update-order", "--paid", "12.5", "--date-created", "20/06/2016")

    assert ran.code == 2
    assert ran.out == ""
    assert ran.err.splitlines()[0] == (
        "segconnect: Add/Update an Order: the bundle does not fit, and nothing was sent:"
    )
    assert [line.partition(":")[0].strip() for line in ran.err.splitlines()[1:]] == [
        "- missing",
        "- Invoice ID",
        "- Paid",
        "- Amount",
        "- Created Date",
        "- Items",
    ]


def test_what_the_account_refuses_is_told_with_its_reasons_and_exit_code_1(
    segconnect: Any, connected: Any
) -> None:
    ran = segconnect("send", "add-tag-to-contact", "--email", "nobody@b.c", "--tag", "A")

    assert ran.code == 1
    assert ran.out == ""
    assert ran.err == (
        "segconnect: Add Tag to Contact: the account refused the bundle:\n"
        "  - no contact with email 'nobody@b.c'\n"
    )


def test_each_ad_is_recorded_and_the_output_holds_each_result(
    segconnect: Any, connected: Any
) -> None:
    ran = segconnect(
        *("send", "record-ad-performance", "--ad", "id=1,name=Video", "--ad", "2"),
        *("--adcampaign", "C1", "--spend", "1999", "--date", "2026-03-02", "--json"),
    )

    assert ran.code == 0, ran.err
    assert [each["ad_performance"]["ad"] for each in ran.json["results"]] == ["1", "2"]


def test_ads_of_which_only_some_were_recorded_are_told_with_exit_code_1(
    segconnect: Any, connected: Any
) -> None:
    too_long = "x" * 10_001
    ran = segconnect(
        *("send", "record-ad-performance", "--ad", "1", "--ad", f"id=2,name={too_long}"),
        *("--spend", "1999", "--date", "2026-03-02"),
    )

    assert ran.code == 1
    assert "1 of 2 were recorded (ad 1), but ad 2 failed" in ran.err


def test_an_api_call_prints_status_headers_and_body(segconnect: Any, connected: Any) -> None:
    segconnect("send", "add-update-contact", "--email", "joey@bloggs.com")
    ran = segconnect(
        *("send", "make-api-call", "--method", "get", "--json"),
        *("--url", "/v1/{{connection.accountId}}/{{connection.integrationId}}/contact"),
        *("--query", "email=joey@bloggs.com", "--header", "X-Trace=7"),
    )

    assert ran.code == 0, ran.err
    assert ran.json["statusCode"] == 200
    assert ran.json["headers"]["content-type"] == "application/json"
    assert [contact["email"] for contact in ran.json["body"]["contact"]] == ["joey@bloggs.com"]


def test_the_body_of_an_api_call_comes_from_a_file_or_standard_input(
    segconnect: Any, connected: Any, tmp_path: Path
) -> None:
    file = tmp_path / "body.json"
    file.write_text('{"email": "file@b.c"}')
    call = ("send", "make-api-call", "--method", "POST", "--url", f"{connected.root}/contact")

    assert segconnect(*call, "--body", f"@{file}").code == 0
    assert segconnect(*call, "--body", "-", stdin='{"email": "stdin@b.c"}').code == 0
    assert connected.contact("file@b.c")
    assert connected.contact("stdin@b.c")


def test_an_api_call_that_fails_is_refused_with_the_accounts_reasons(
    segconnect: Any, connected: Any
) -> None:
    ran = segconnect(
        *("send", "make-api-call", "--method", "POST", "--url", f"{connected.root}/contact"),
        *("--body", '{"first_name": "Joey"}'),
    )

    assert ran.code == 1
    assert "missing 'contact_id' or 'email' field" in ran.err


# -- dry runs ------------------------------------------------------------------------------------


def test_a_dry_run_prints_the_request_and_sends_nothing(segconnect: Any, connected: Any) -> None:
    ran = segconnect("send", "add-update-contact", "--email", "a@b.c", "--tag", "Ü", "--dry-run")

    head, _, body = ran.out.partition("\n\n")
    assert ran.code == 0
    assert head == f"POST {connected.root}/contact"
    assert json.loads(body) == {"email": "a@b.c", "tags": ["Ü"]}
    assert connected.contact("a@b.c") is None


def test_a_dry_run_for_programs_lists_every_request(segconnect: Any, connected: Any) -> None:
    ran = segconnect(
        *("send", "record-ad-performance", "--ad", "1", "--ad", "2", "--spend", "5"),
        *("--date", "2026-03-02", "--dry-run", "--json"),
    )

    requests = ran.json["requests"]
    assert [request["body"]["ad"] for request in requests] == [{"id": "1"}, {"id": "2"}]
    assert {request["path"] for request in requests} == {f"{connected.root}/ad/performance"}


def test_a_dry_run_needs_no_connection(segconnect: Any) -> None:
    ran = segconnect("send", "delete-order", "--invoice-id", "10/42", "--dry-run")

    assert ran.out == "DELETE /v1/ACCOUNT_ID/INTEGRATION_ID/invoice/10%2F42\n"


# -- which connection ----------------------------------------------------------------------------


def test_the_only_connection_need_not_be_named_and_of_several_one_must_be(
    segconnect: Any, connected: Any, server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = server.shop()
    delete = ("send", "delete-order", "--invoice-id", "7")
    assert segconnect(*delete).code == 0

    added = segconnect(
        *("connection", "add", "other", "--account-id", other.account_id, "--integration-id"),
        *(other.integration_id, "--base-url", other.base_url, "--api-key", other.api_key),
    )
    assert added.code == 0
    for more in ((), ("--dry-run",)):
        ran = segconnect(*delete, *more)
        assert ran.code == 2
        assert "other, shop" in ran.err
    assert segconnect(*delete, "--connection", "other").code == 0
    assert "unknown connection 'othr'; did you mean 'other'?" in (
        segconnect(*delete, "--connection", "othr").err
    )

    monkeypatch.setenv("SEGCONNECT_CONNECTION", "other")
    assert segconnect("send", "add-update-contact", "--email", "a@b.c").code == 0
    assert other.contact("a@b.c")
    assert connected.contact("a@b.c") is None


def test_without_any_connection_sending_says_so(segconnect: Any) -> None:
    ran = segconnect("send", "delete-order", "--invoice-id", "7")

    assert ran.code == 2
    assert "no connection" in ran.err


def test_a_server_that_is_not_there_is_told_and_not_a_traceback(segconnect: Any) -> None:
    segconnect(
        *("connection", "add", "gone", "--account-id", "a", "--integration-id", "i"),
        *("--base-url", "http://127.0.0.1:9/api", "--api-key", "k" * 22, "--no-verify"),
    )
    ran = segconnect("connection", "test", "gone")

    assert ran.code == 1
    assert "127.0.0.1:9" in ran.err
    assert "Traceback" not in ran.err


# -- help ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("module", list(MODULES), ids=lambda module: module.slug())
def test_the_help_of_a_module_names_every_field_by_its_label_and_option(
    segconnect: Any, module: Any
) -> None:
    ran = segconnect("send", module.slug(), "--help")

    assert ran.code == 0
    text = " ".join(ran.out.replace("│", " ").split())
    for field in form(module):
        assert f"{field.label}: " in text
        assert f"{field.option} " in text
        for _, label in field.choices:
            assert label.lower().split()[-1] in text.lower()


def test_the_help_puts_mandatory_fields_first_and_advanced_ones_apart(segconnect: Any) -> None:
    out = segconnect("send", "add-update-an-order", "-h").out

    places = [out.index(each) for each in (
        "Mandatory fields", "--invoice-id", "─ Fields", "--email", "Advanced fields", "--discount",
        "─ Sending", "--connection",
    )]  # fmt: skip
    assert places == sorted(places)
    assert "This or --contact-id is needed." in " ".join(out.replace("│", " ").split())


def test_send_alone_lists_the_modules_and_an_unknown_one_is_told(segconnect: Any) -> None:
    alone = segconnect("send")
    assert alone.code == 0
    assert all(module.slug() in alone.out and module.label in alone.out for module in MODULES)

    unknown = segconnect("send", "add-update-ordr")
    assert unknown.code == 2
    assert "did you mean 'add-update-order'?" in unknown.err


def test_dates_without_a_zone_are_in_the_one_that_is_set(
    segconnect: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEGCONNECT_TIMEZONE", "America/New_York")
    dry = ("send", "add-update-contact", "--email", "a@b.c", "--dry-run", "--json")
    sent = segconnect(*dry, "--date-created", "2016-06-20 17:26").json["requests"][0]["body"]
    assert sent["date_created"] == "2016-06-20 21:26:00"

    monkeypatch.setenv("SEGCONNECT_TIMEZONE", "Europe/Olso")
    ran = segconnect(*dry)
    assert (ran.code, "unknown time zone 'Europe/Olso'" in ran.err) == (2, True)


def test_a_yes_or_no_is_shown_with_both_of_its_options(segconnect: Any) -> None:
    assert "--is-refunded/--no-is-refunded" in segconnect("modules", "show", "add-update-order").out
