"""Reports over HTTP, on a real store and its replica, as programs ask for them."""

from __future__ import annotations

from typing import Any

import pytest

from segconnect.account.owner.preferences import keep
from segconnect.account.reports import saved
from segconnect.account.reports.plan import Query
from segconnect.account.reports.saved import MODEL
from tests.conftest import Account

RANGE = {"start": "2026-01-01", "end": "2026-03-01"}
VISITS = {"paid": "utm_medium=cpc", "social": "utm_source=facebook&utm_medium=social", "direct": ""}
KPIS = {"leads": 42, "numOfCustomers": 6, "conversionRate": 14.2857, "revenue": 3350,
        "leadValue": 79.761905}  # fmt: skip


@pytest.fixture
def docs(account: Account) -> Account:
    """The account of the API docs' example: 33 paid leads, 2 social and 7 direct ones.

    Five of the paid ones bought for 2900 together, and one of the direct ones for 450.
    """
    lines: list[Any] = []
    people = [*["paid"] * 33, *["social"] * 2, *["direct"] * 7]
    for number, channel in enumerate(people, 1):
        email = f"lead{number}@bloggs.com"
        view = {
            "uid": f"u{number}", "email": email, "date_created": "2026-02-01 10:00:00",
            "url": f"https://tea.shop/?{VISITS[channel]}",
        }  # fmt: skip
        lead = {"contact_id": number, "email": email, "date_created": "2026-02-01 10:05:00"}
        lines += [("POST page_view", view), ("POST contact", lead)]
    for number, cents in ((1, 90000), (2, 50000), (3, 50000), (4, 50000), (5, 50000), (42, 45000)):
        item = {"product_id": "tea", "name": "Tea", "amount": cents}
        order = {
            "id": f"o{number}", "contact_id": number, "amount": cents, "paid": cents,
            "date_created": "2026-02-02 10:00:00", "items": [item],
        }  # fmt: skip
        lines.append(("POST invoice", order))
    assert {status for status, _ in account.batch(lines)} == {200}
    return account


def query(account: Account, **body: Any) -> tuple[int, Any]:
    """Sends a query; answers status and body."""
    asked = {"type": "leads", "date_range": {**RANGE, "scale": "day"}, **body}
    answer = account.request("POST", f"/v2/{account.id}/data/query", asked)
    return answer.status, answer.body


def test_the_documented_query_has_the_documented_answer(docs: Account) -> None:
    """Source: API docs, reporting/_query.md."""
    status, answer = query(
        docs, dimensions=["clicks.channel"], metrics=["leads", "revenue"], filters=[],
        options={"attribution_model": "last_touch", "include_source": True},
    )  # fmt: skip

    assert status == 200
    assert {key: answer[key] for key in ("type", "fields", "totals", "comparison", "v")} == {
        "type": "leads",
        "fields": [
            {"name": "Channel", "key": "channel", "type": "STRING", "aggregation": None},
            {"name": "Leads", "key": "leads", "type": "NUMBER", "aggregation": "SUM"},
            {"name": "Revenue", "key": "revenue", "type": "CURRENCY", "aggregation": "SUM"},
        ],
        "totals": [42, 3350],
        "comparison": None,
        "v": "2022-06",
    }
    assert answer["rows"] == [["paid", 33, 2900], ["direct", 7, 450], ["social", 2, 0]]
    assert answer["date_range"] == {
        "start_date": "2026-01-01", "end_date": "2026-03-01", "scale": "day",
    }  # fmt: skip


def test_the_documented_report_has_the_documented_figures(docs: Account) -> None:
    """Source: API docs, reporting/_reports.md: 15.1515 and 87.878788."""
    status, answer = docs.get("report/leads?start=2026-01-01&end=2026-03-01")

    assert status == 200
    assert {kpi["key"]: kpi["value"] for kpi in answer["kpis"]} == KPIS
    assert answer["table"]["rows"][0] == {
        "channel": "paid", "leads": 33, "numOfCustomers": 5, "conversionRate": 15.1515,
        "revenue": 2900, "leadValue": 87.878788,
    }  # fmt: skip
    assert answer["report"]["name"] == "Leads"
    assert answer["report"]["date_range"]["duration"] == 60
    graph = answer["graph"]
    (drawn,) = [each for each in graph["datasets"] if each["key"] == "leads"]
    assert len(graph["labels"]) == len(drawn["data"]) == 60
    assert drawn["data"][graph["labels"].index("2026-02-01")] == 42


def test_types_of_their_own_are_asked_for_by_queries(docs: Account) -> None:
    usual: dict[str, Any] = {"dimensions": None, "date_range": RANGE}
    paths = query(docs, **usual, type="paths", limit=1)[1]
    journey = query(docs, **usual, type="journey")[1]
    models = query(docs, **usual, type="comparison", metrics=["revenue"],
                   options={"models": ["first_touch", "linear"]})[1]  # fmt: skip
    engaged = query(docs, **usual, type="engagement")[1]

    assert paths["rows"] == [
        ["paid", 5, 5, 2900, 1, 1],
        ["(other paths)", 1, 1, 450, 1, 1],
    ]
    assert [row[:2] for row in journey["rows"]] == [
        ["First Visit", 42], ["Lead", 42], ["Customer", 6], ["Repeat Customer", 0],
    ]  # fmt: skip
    assert models["rows"] == [["paid", 2900, 2900, 0], ["direct", 450, 450, 0]]
    assert engaged["rows"] == [["tea.shop/", *[0, 0, 0, None, None, None, 0]]]  # nobody came back
    for path in ("report/paths", "report/journey/contacts"):
        status, answer = docs.get(path)
        assert status == 404
        assert "by a query, POST /v2/" in answer["message"]


def test_a_rate_says_how_many_it_is_of_and_how_sure_it_is(docs: Account) -> None:
    _, answer = query(docs, dimensions=["channel"], metrics=["conversionRate"])

    told = answer["certainty"]["conversionRate"]
    assert told["totals"] == {"sample": 42, "interval": [6.716, 27.8411]}
    assert [row["sample"] for row in told["rows"]] == [33, 7, 2]


def test_the_contacts_behind_a_report_come_in_pages_with_what_is_asked_for(docs: Account) -> None:
    """Source: API docs, reporting/_reports.md, Customer Journey."""
    target = "report/leads/contacts?start=2026-01-01&end=2026-03-01"

    status, answer = docs.get(f"{target}&limit=20&page=3&extend=orders,tags")

    assert status == 200
    assert [each["contact_id"] for each in answer["data"]] == ["41", "42"]
    assert [len(each["orders"]) for each in answer["data"]] == [0, 1]
    path = answer["meta"].pop("path")
    assert path.endswith(f"/{docs.id}/report/leads/contacts")
    assert answer["meta"] == {
        "current_page": 3, "from": 41, "last_page": 3, "per_page": 20, "to": 42, "total": 42,
    }  # fmt: skip
    assert docs.get(f"{target}&page=4")[1]["data"] == []
    assert docs.get("report/revenue/contacts?start=2026-01-01")[1]["meta"]["total"] == 6


def test_a_saved_report_is_asked_for_by_its_id(docs: Account) -> None:
    buyers = Query("leads", ["month"], ["numOfCustomers", "revenue"], "2026-01-01", "2026-02-28")
    report_id = saved.keep(docs.engine, docs.id, "Buyers", buyers)

    status, answer = docs.get(f"report/leads/{report_id}")

    assert (status, answer["report"]["name"]) == (200, "Buyers")
    assert [kpi["value"] for kpi in answer["kpis"]] == [6, 3350]
    assert answer["table"]["rows"] == [
        {"month": "2026-01", "numOfCustomers": 0, "revenue": 0},
        {"month": "2026-02", "numOfCustomers": 6, "revenue": 3350},
    ]
    assert docs.get(f"report/leads/{report_id}/contacts")[1]["meta"]["total"] == 42
    assert docs.get(f"report/ads/{report_id}")[0] == 404
    assert docs.another().get(f"report/leads/{report_id}")[0] == 404
    assert saved.forget(docs.engine, docs.id, report_id)
    assert docs.get(f"report/leads/{report_id}")[0] == 404


@pytest.mark.parametrize("type_", ["leads", "revenue", "ads", "subscriptions", "velocity"])
def test_every_type_answers_before_there_is_anything(account: Account, type_: str) -> None:
    status, answer = account.get(f"report/{type_}")

    assert status == 200
    assert len(answer["graph"]["labels"]) == 31  # 30 days ago, up to now
    assert answer["report"]["date_range"]["name"] == "Last 30 Days"


def test_a_comparison_tells_what_it_is_compared_with(docs: Account) -> None:
    _, answer = query(
        docs, dimensions=["channel"], metrics=["leads"],
        date_range={"start": "2026-02-01", "end": "2026-02-28"},
        compare={"start": "first day of january 2026", "end": "last day of january 2026"},
    )  # fmt: skip

    assert answer["totals"] == [42]
    assert answer["comparison"] == {
        "date_range": {"start_date": "2026-01-01", "end_date": "2026-01-31", "scale": "day"},
        "rows": [],
        "totals": [0],
        "changes": [None],
    }


def test_a_report_includes_what_was_acknowledged_a_moment_before(docs: Account) -> None:
    before = query(docs, metrics=["revenue"], dimensions=[])[1]
    docs.order("late", contact_id=7, date_created="2026-02-20 10:00:00")
    after = query(docs, metrics=["revenue"], dimensions=[])[1]

    assert (before["totals"], after["totals"]) == ([3350], [3362])
    assert after["change"] > before["change"]


def test_the_account_may_say_which_model_it_reports_by(docs: Account) -> None:
    keep(docs.engine, docs.id, MODEL, "linear")

    assert query(docs)[1]["attribution_model"] == "linear"


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({"type": "lead"}, "unknown report type 'lead'; did you mean 'leads'?"),
        ({"metrics": ["revenu"]}, "unknown metric 'revenu'; did you mean 'revenue'?"),
        ({"dimensions": ["clicks.chanel"]},
         "unknown dimension 'clicks.chanel'; did you mean 'clicks.channel'?"),
        ({"options": {"attribution_model": "lst_touch"}},
         "unknown attribution model 'lst_touch'; did you mean 'last_touch'?"),
        ({"options": {"attribution_model": "markov"}, "dimensions": ["orders.product"],
          "metrics": ["revenue"]}, "looks at all journeys together"),
        ({"options": {"veiw": "cohort"}}, "unknown option 'veiw'; did you mean 'view'?"),
        ({"date_range": {"start": "soon"}}, "'soon' is not a date"),
        ({"date_range": {"start": "now", "end": "-1 day"}}, "before it starts"),
        ({"date_range": {"scale": "days"}}, "unknown scale 'days'; did you mean 'day'?"),
        ({"filters": [{"field": "channel", "iss": "paid"}]},
         "filters.0: unknown operator 'iss'; did you mean 'is'?"),
        ({"filters": [{"any": [{"field": "revenue", "at_least": 1},
                               {"field": "channel", "is": "paid"}]}]}, "mixes metrics"),
        ({"metrics": ["adSpend"], "dimensions": ["product"]},
         "adSpend is not known by orders.product"),
        ({"dimensions": ["day", "month"]}, "date.day and date.month are both times"),
        ({"compare": "yesterday"}, "compare: expected previous, last_year"),
        ({"metrics": "leads"}, "'metrics' field: expected an array, found 'leads'"),
    ],
)  # fmt: skip
def test_what_cannot_be_answered_is_refused_with_what_was_meant(
    shared_account: Account, body: dict[str, Any], told: str
) -> None:
    status, answer = query(shared_account, **body)

    assert status == 400
    assert told in answer["message"]


def test_everything_that_is_wrong_is_told_at_once(shared_account: Account) -> None:
    _, answer = query(shared_account, metrics=["leeds"], dimensions=["chanel"],
                      options={"attribution_model": "lnear"})  # fmt: skip

    assert answer["message"].count("did you mean") == 3


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/{id}/report/lead", 404),
        ("GET", "/{id}/report/leads/none", 404),
        ("GET", "/{id}/report/leads/none/orders", 404),
        ("GET", "/{id}/report", 404),
        ("POST", "/{id}/report/leads", 405),
        ("GET", "/v2/{id}/data/query", 405),
        ("POST", "/v1/{id}/data/query", 404),
        ("GET", "/{id}/report/leads/contacts?limit=101", 400),
        ("GET", "/{id}/report/leads/contacts?page=0", 400),
        ("GET", "/{id}/report/leads/contacts?extend=order", 400),
        ("GET", "/{id}/report/leads?scale=hour", 400),
        ("GET", "/other/report/leads", 401),
    ],
)
def test_what_is_not_there_has_its_status(
    shared_account: Account, method: str, path: str, status: int
) -> None:
    answer = shared_account.request(method, path.format(id=shared_account.id))

    assert answer.status == status
    assert answer.body["message"]
