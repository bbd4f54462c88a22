"""`segconnect attribute`: a table of paths in, credits out, without an account."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from segconnect.account.attribution import MODELS

TABLE = """\
path,conversions,value,null
ad > email > search,1,100,0
ad,0,0,1
email > search,0,0,1
"""


@pytest.fixture
def paths(tmp_path: Path) -> str:
    """A table in a file."""
    file = tmp_path / "paths.csv"
    file.write_text(TABLE)
    return str(file)


def test_json_is_a_list_of_what_each_channel_is_credited_with(segconnect: Any, paths: str) -> None:
    ran = segconnect("attribute", paths, "--model", "markov", "--order", 1, "--null", "--json")

    assert ran.json == [
        {"channel": "email", "conversions": 0.4, "value": 40},
        {"channel": "search", "conversions": 0.4, "value": 40},
        {"channel": "ad", "conversions": 0.2, "value": 20},
    ]
    assert (ran.code, ran.err) == (0, "")


def test_the_table_shows_bars_totals_and_when_the_model_misleads(
    segconnect: Any, paths: str
) -> None:
    lines = segconnect("attribute", paths, "--model", "position").out.splitlines()

    assert lines[0].strip() == "Position (U) (first 0.4, last 0.4)"
    assert lines[2].split() == ["ad", "0.40", "40.00", "40.0%", "█" * 24]
    assert lines[5].split() == ["Total", "1", "100.00"]
    assert lines[6] == MODELS["position"].caveat


def test_a_model_that_is_not_fractional_says_what_its_total_is(segconnect: Any, paths: str) -> None:
    out = segconnect("attribute", paths).out

    assert out.startswith("Any Page View")
    assert "The total is what there was, and not the sum of the rows." in out


def test_the_input_can_be_piped_in(segconnect: Any) -> None:
    ran = segconnect("attribute", "-", "--model", "last_touch", "--json", stdin=TABLE)

    assert ran.json[0] == {"channel": "search", "conversions": 1, "value": 100}


def test_removal_effects_and_transitions_of_a_chain_are_shown(segconnect: Any, paths: str) -> None:
    arguments = ("attribute", paths, "--model=markov", "--null", "--removal-effects")
    ran = segconnect(*arguments, "--transitions", "--json")

    effects = {row["channel"]: row["removal_effect"] for row in ran.json["credits"]}
    assert effects == pytest.approx({"ad": 0.5, "email": 1, "search": 1})
    assert ran.json["transitions"] == [
        {"from": "(start)", "to": "ad", "probability": pytest.approx(2 / 3)},
        {"from": "(start)", "to": "email", "probability": pytest.approx(1 / 3)},
        {"from": "ad", "to": "(null)", "probability": 0.5},
        {"from": "ad", "to": "email", "probability": 0.5},
        {"from": "email", "to": "search", "probability": 1},
        {"from": "search", "to": "(conversion)", "probability": 0.5},
        {"from": "search", "to": "(null)", "probability": 0.5},
    ]
    shown = segconnect(*arguments, "--transitions").out
    assert "Removal effect" in shown
    assert "(conversion)       0.5000" in shown
    by_two = segconnect("attribute", paths, "--model=markov", "--order=2", "--transitions").out
    assert "ad > email      email > search       1.0000" in by_two


def test_all_models_stand_side_by_side_and_those_that_cannot_be_are_told(
    segconnect: Any, paths: str
) -> None:
    ran = segconnect("attribute", paths, "--model", "all", "--json")

    assert {row["model"] for row in ran.json} == set(MODELS) - {"optin", "position_w"}
    assert "optin is left out: it needs to know the opt-in" in ran.err
    shown = segconnect("attribute", paths, "--model", "all", "--value").out
    for model in (MODELS["time_decay"], MODELS["markov"]):
        assert model.label in shown
        assert model.caveat.split()[-1] in shown


def test_the_help_has_every_parameter_of_every_model(segconnect: Any) -> None:
    out = segconnect("attribute", "--help").out

    for model in MODELS.values():
        for parameter in model.parameters:
            assert f"--{parameter.name.replace('_', '-')}" in out


def test_what_is_not_counted_is_said_beside(segconnect: Any, paths: str) -> None:
    assert "--null counts it" in segconnect("attribute", paths, "--model", "markov").err
    assert "changes nothing" in segconnect("attribute", paths, "--model=linear", "--null").err


def test_drawn_orders_tell_their_standard_error(segconnect: Any) -> None:
    lines = [f"c{at} > c{at + 1},{at + 1},{20 - at}" for at in range(17)]
    table = "\n".join(["path,conversions,null", *lines])

    ran = segconnect(
        *("attribute", "-", "--model", "shapley", "--worth", "rate", "--samples", 50), stdin=table
    )

    assert "have a standard error of at most" in ran.err
    assert "±" in ran.out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--model", "markv"], "unknown attribution model 'markv'; did you mean 'markov'?"),
        (["--model", "markov", "--order", "9"], "order: 9 is out of range; expected 1 to 3"),
        (["--model", "linear", "--order", "2"], "model linear has no parameters"),
        (["--model", "linear", "--transitions"], "need --model markov"),
        (["--model", "all", "--order", "2"], "takes no parameters of single models"),
        (["--model", "optin"], "needs to know the opt-in"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_line(
    segconnect: Any, paths: str, arguments: list[str], message: str
) -> None:
    ran = segconnect("attribute", paths, *arguments)

    assert ran.code == 2
    assert ran.err.startswith("segconnect: ")
    assert message in ran.err


def test_a_bad_table_tells_its_lines_and_prints_nothing(segconnect: Any) -> None:
    ran = segconnect("attribute", "-", "--json", stdin="path,conversions\n,1\nad,-1\n")

    assert (ran.code, ran.out) == (2, "")
    assert ran.err.splitlines()[1:] == [
        "  line 2: the path is empty; expected steps such as ad > email",
        "  line 3: conversions '-1' is negative",
    ]
