"""What leads bring by their age, and how many get from step to step."""

from __future__ import annotations

from typing import Any

import pytest

from segconnect.account.reports.asking import ask, ask_behind
from segconnect.errors import UsageError
from tests.account.reports.world import World, insert, seconds


def asked(world: World, type_: str, **more: Any) -> Any:
    return ask(world.facts, world.plan(type_, **more))


def test_a_cohorts_value_grows_with_its_age_and_is_told_once_all_its_leads_are_that_old() -> None:
    """It is noon of 31 March 2026."""
    world = World()
    ann, _ = world.contact("2025-12-01"), world.contact("2025-12-31")
    bob = world.contact("2026-01-31")
    world.order(ann, "2025-12-02", 1000)
    world.order(ann, "2026-01-15", 500)  # 45 days later
    world.order(ann, "2026-03-25", 9900)  # 114 days: nobody else is that old yet
    world.order(bob, "2026-02-10", 700)
    world.order(world.contact("2026-03-01"), "2026-03-02", 100)

    told = asked(world, "cohort", start="2025-12-01")

    assert [field["key"] for field in told["fields"]] == [
        "month", "leads", "leadValue1", "leadValue2",
    ]  # fmt: skip
    assert told["rows"] == [
        ["2025-12", 2, 5, 7.5],
        ["2026-01", 1, 7, None],
        ["2026-03", 1, None, None],
    ]
    assert told["totals"] == [4, pytest.approx(17 / 3, abs=1e-6), 7.5]


@pytest.fixture
def webinar() -> World:
    """Ann saw the page, signed up, got the tag and bought; the others went less far."""
    world = World()
    ann, bob, cid = (world.contact(f"2026-03-0{day} 12:00:00") for day in (2, 3, 4))
    for person, moment in ((ann, "2026-03-02"), (bob, "2026-03-03"), (cid, "2026-03-05"),
                           (99, "2026-03-05")):  # fmt: skip
        pk = world.insert("people", kind="visitor", pk=1000 + person, person=person)
        row = {"visitor_pk": 1000 + person, "date_created": seconds(moment), "day": moment,
               "host": "tea.shop", "path": "/webinar"}  # fmt: skip
        insert(world.connection, "page_views", [row])
        assert pk
    world.order(ann, "2026-03-12", 1000)
    world.order(bob, "2026-04-20", 1000)
    world.order(cid, "2026-03-01", 1000)  # before all else
    return world


STEPS = [
    {"event": "page", "page": "/web*"},
    {"event": "lead"},
    {"event": "order", "product": "tea"},
]


def test_a_funnel_counts_people_who_took_its_steps_in_order(webinar: World) -> None:
    told = asked(webinar, "funnel", steps=STEPS)

    assert told["rows"] == [
        ["page /web*", 4, 100, 100, 0, 0, 0],
        ["lead", 2, 50, 50, 2, 0.5, 0.5],
        ["order tea", 2, 100, 50, 0, (9.5 + 47.5) / 2, (9.5 + 47.5) / 2],
    ]
    assert told["totals"] == [2, 50, 50, 2, None, None]
    assert told["certainty"]["stepRate"]["rows"][1]["sample"] == 4


def test_the_time_between_is_told_on_average_and_in_the_middle() -> None:
    world = World()
    for person, day in ((1, 11), (2, 12), (3, 28)):  # 1, 2 and 18 days
        world.contact("2026-03-10", person=person)
        world.order(person, f"2026-03-{day}", 1000)

    told = asked(world, "funnel", steps=[{"event": "lead"}, {"event": "order"}])

    assert told["rows"][1] == ["order", 3, 100, 100, 0, 7, 2]
    assert [field["key"] for field in told["fields"]] == [
        "step", "people", "stepRate", "overallRate", "dropOff", "daysSince", "daysMedian",
    ]  # fmt: skip


def test_the_people_of_a_step_are_listed(webinar: World) -> None:
    plan = webinar.plan("funnel", steps=STEPS, options={"window": 30})
    facts = webinar.facts

    people = {
        step: [each.person for each in ask_behind(facts, plan, step)[0].parts]
        for step in ("", "page /web*", "lead", "order tea")
    }

    assert [len(each) for each in people.values()] == [1, 4, 2, 1]
    assert set(people[""]) < set(people["lead"]) < set(people["page /web*"])
    with pytest.raises(UsageError, match="unknown step 'leed'; did you mean 'lead'"):
        ask_behind(facts, plan, "leed")


def test_a_window_leaves_out_who_took_longer(webinar: World) -> None:
    told = asked(webinar, "funnel", steps=STEPS, options={"window": 30})

    assert [row[1] for row in told["rows"]] == [4, 2, 1]


def test_the_same_event_twice_must_happen_twice(webinar: World) -> None:
    told = asked(webinar, "funnel", steps=[{"event": "order"}, {"event": "order"}])

    assert [row[:2] for row in told["rows"]] == [["order", 2], ["order (2)", 0]]


@pytest.mark.parametrize(
    ("steps", "told"),
    [
        ([], "a funnel needs an array of steps"),
        (["lead"], "steps.0: expected an object"),
        ([{"event": "led"}], "steps.0: unknown event 'led'; did you mean 'lead'?"),
        ([{"event": "lead"}, {"event": "tag", "tga": "x"}], "steps.1: tag: unknown condition"),
        ([{"event": "lead", "tag": "x"}], "lead: takes nothing"),
        ([{"event": "tag", "tag": 5}], "tag: expected a text"),
    ],
)
def test_steps_that_are_wrong_are_refused_with_their_place(steps: Any, told: str) -> None:
    with pytest.raises(UsageError, match=told):
        World().plan("funnel", steps=steps)
