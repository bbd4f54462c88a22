"""The reference page of the modules: equal to the declarations, and every example in it runs."""

from __future__ import annotations

from pathlib import Path

from segconnect.modules import MODULES
from segconnect.modules.reference import COMMAND, PAGE, page
from segconnect.modules.schema import form

ROOT = Path(__file__).parents[2]


def test_the_committed_page_is_what_the_declarations_say() -> None:
    committed = (ROOT / PAGE).read_text("utf-8")

    assert committed == page(), f"{PAGE} is not what the declarations say; run: {COMMAND}"


def test_the_page_names_every_module_and_every_field() -> None:
    text = page()

    for module in MODULES:
        assert f"### {module.label}\n" in text
        for field in form(module):
            assert f"`{field.option}`" in text
            assert f"`{field.name}`" in text
