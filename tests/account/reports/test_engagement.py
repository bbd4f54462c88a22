"""What leads do after they became leads."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from segconnect.account.reports.asking import ask_behind
from tests.account.reports.world import World, seconds


@pytest.fixture
def shop() -> World:
    """Ann opted in on 2 March in her first visit, and came back twice on the 5th, by email.

    Bob, a lead of January, came for the first time that anybody saw. Cid has not come back. Dee,
    who viewed three pages, is no lead.
    """
    world = World()
    ann, bob, cid, dee = range(1, 5)
    world.visit(ann, "2026-03-02 10:00:00", channel="paid")
    world.view(ann, "2026-03-02 10:00:00", "tea.shop/join")
    world.contact("2026-03-02 10:05:00", person=ann, tags=["VIP"])
    world.view(ann, "2026-03-02 10:05:10", "tea.shop/thanks")  # the same visit
    world.visit(ann, "2026-03-05 09:00:00", channel="email")
    world.view(ann, "2026-03-05 09:00:00", "tea.shop/green")
    world.view(ann, "2026-03-05 09:01:00", "tea.shop/black")
    world.view(ann, "2026-03-05 09:02:00", "tea.shop/green")
    world.visit(ann, "2026-03-05 20:00:00", channel="email")
    world.view(ann, "2026-03-05 20:00:00", "tea.shop/green")
    world.contact("2026-01-01", person=bob)
    world.visit(bob, "2026-03-20", channel="direct")
    world.view(bob, "2026-03-20", "tea.shop/green")
    world.contact("2026-03-03", person=cid)
    world.visit(dee, "2026-03-04", channel="paid")
    for second in range(3):
        world.view(dee, f"2026-03-04 00:00:0{second}", "tea.shop/")
    return world


def test_the_share_of_leads_that_came_back_and_what_they_did(shop: World) -> None:
    keys = ("leadsToDate", "engagedLeads", "engagementRate", "leadVisits", "leadPageViews",
            "visitsPerLead", "pagesPerLead", "activeDays", "daysPerLead", "returningLeads",
            "returningRate", "pageViews")  # fmt: skip

    told = shop.told("engagement", *keys, by=[])

    assert dict(zip(keys, told["totals"], strict=True)) == {
        "leadsToDate": 3,
        "engagedLeads": 2,
        "engagementRate": 66.6667,
        "leadVisits": 3,
        "leadPageViews": 5,  # not the page after the opt-in
        "visitsPerLead": 1.5,
        "pagesPerLead": 2.5,
        "activeDays": 2,
        "daysPerLead": 1,
        "returningLeads": 1,  # nobody had seen Bob before
        "returningRate": 50,
        "pageViews": 10,
    }
    assert told["certainty"]["engagementRate"]["totals"]["sample"] == 3


def test_pages_tell_the_visits_that_had_them_and_no_share_of_all_leads(shop: World) -> None:
    told = shop.told("engagement")

    assert [field["key"] for field in told["fields"]] == [
        "viewed_page", "engagedLeads", "leadVisits", "leadPageViews", "visitsPerLead",
        "pagesPerLead", "daysPerLead", "returningLeads",
    ]  # fmt: skip
    rows = {row[0]: row[1:4] for row in told["rows"]}
    assert rows["tea.shop/green"] == [2, 3, 4]
    assert rows["tea.shop/black"] == [1, 1, 1]
    assert rows["tea.shop/thanks"] == [0, 0, 0]


def test_channels_are_those_of_the_visits_that_brought_them_back(shop: World) -> None:
    rows = shop.told("engagement", "engagedLeads", "leadPageViews", by=["channel"])["rows"]

    assert rows == [["direct", 1, 1], ["email", 1, 4], ["paid", 0, 0]]


def test_tags_and_months_tell_the_share_that_is_engaged(shop: World) -> None:
    by_tag = shop.told("engagement", "engagedLeads", "engagementRate", by=["tag"])
    by_month = shop.told("engagement", "leadsToDate", "engagementRate", by=["month"],
                         start="2026-01-01", end="2026-03-31")  # fmt: skip

    assert by_tag["rows"] == [["VIP", 1, 100], ["(none)", 1, 50]]
    assert by_month["rows"] == [
        ["2026-01", 1, 0], ["2026-02", 1, 0], ["2026-03", 3, 66.6667],
    ]  # fmt: skip


def test_the_leads_behind_a_page_are_listed(shop: World) -> None:
    plan = shop.plan("engagement", "engagedLeads", by=["viewed"])

    (found,) = ask_behind(shop.facts, plan, "tea.shop/green")

    assert [each.person for each in found.parts] == [1, 2]


def test_bots_view_nothing(shop: World) -> None:
    shop.connection.execute("update page_views set device = 'bot'")

    assert shop.told("engagement", "pageViews", by=[])["totals"] == [0]


# -- against a plain loop ------------------------------------------------------------------------

HOURS = [f"2026-03-0{day} {hour}:00:00" for day in (1, 2) for hour in ("08", "12", "20")]
PAGES = ("a.b/", "a.b/x")
visit = st.tuples(st.sampled_from(HOURS), st.sampled_from(("paid", "email")),
                  st.lists(st.sampled_from(PAGES), min_size=1, max_size=3))  # fmt: skip
people = st.tuples(
    st.none() | st.sampled_from(HOURS), st.lists(visit, max_size=3, unique_by=lambda each: each[0])
)


@settings(max_examples=15, deadline=None, phases=(Phase.explicit, Phase.reuse, Phase.generate))
@given(st.lists(people, max_size=4), st.sampled_from(["channel", "viewed"]))
def test_figures_are_those_of_a_plain_loop(shop: list[Any], by: str) -> None:
    world = World()
    leads: dict[str, set[int]] = defaultdict(set)
    visits: dict[str, set[tuple[int, int]]] = defaultdict(set)
    days: dict[str, set[tuple[int, str]]] = defaultdict(set)
    views: dict[str, int] = defaultdict(int)
    for person, (joined, visited) in enumerate(shop, 1):
        if joined:
            world.contact(joined, person=person)
        for number, (moment, channel, pages) in enumerate(sorted(visited)):
            world.visit(person, moment, channel=channel)
            for place, page in enumerate(pages):
                world.view(person, f"{moment[:14]}0{place}:00", page)
                group = channel if by == "channel" else page
                views[group] += 0
                if joined and seconds(moment) > seconds(joined):
                    views[group] += 1
                    leads[group].add(person)
                    visits[group].add((person, number))
                    days[group].add((person, moment[:10]))

    told = world.told("engagement", "engagedLeads", "leadVisits", "leadPageViews", "activeDays",
                      by=[by])  # fmt: skip

    assert {row[0]: row[1:] for row in told["rows"]} == {
        group: [len(leads[group]), len(visits[group]), count, len(days[group])]
        for group, count in views.items()
    }
