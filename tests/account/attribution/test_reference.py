"""The cards of the models are what the declarations say, and their examples come out."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from segconnect.account.attribution import MODELS, attribute
from segconnect.account.attribution.examples import EXAMPLES
from segconnect.account.attribution.reference import COMMAND, PAGE, page

ROOT = Path(__file__).parents[3]
BLOCK = re.compile(r"^```python\n(paths = .*?)^```$", re.MULTILINE | re.DOTALL)


def test_the_committed_page_is_what_the_declarations_say() -> None:
    committed = (ROOT / PAGE).read_text("utf-8")

    assert committed == page(), f"{PAGE} is not what the declarations say; run: {COMMAND}"


def test_every_model_has_a_card_with_an_example() -> None:
    assert list(EXAMPLES) == list(MODELS)
    assert len(BLOCK.findall(page())) == len(MODELS)


@pytest.mark.parametrize("block", BLOCK.findall(page()), ids=list(MODELS))
def test_the_example_of_a_card_runs_and_comes_to_what_is_written_there(block: str) -> None:
    names: dict[str, Any] = {"attribute": attribute}
    exec(block.replace("\nattribute(", "\nfound = attribute("), names)

    written = dict(re.findall(r"^# (\w+): (.+)$", block, re.MULTILINE))

    assert {row["channel"]: f"{row['conversions']:.6g}" for row in names["found"]} == written


@pytest.mark.parametrize("slug", EXAMPLES)
def test_the_worked_number_of_a_card_is_what_the_model_answers(slug: str) -> None:
    example = EXAMPLES[slug]

    rows = attribute(example.rows, slug, null=example.null, **example.settings)

    found = {row["channel"]: row["conversions"] for row in rows}
    assert found == pytest.approx(example.expected, abs=1e-6)
