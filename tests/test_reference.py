"""The reference page of connections and settings is what the declarations say."""

from __future__ import annotations

from pathlib import Path

from segconnect.credentials import SERVICES
from segconnect.modules.schema import form
from segconnect.reference import COMMAND, PAGE, page
from segconnect.settings import Settings

ROOT = Path(__file__).parents[1]


def test_the_committed_page_is_what_the_declarations_say() -> None:
    committed = (ROOT / PAGE).read_text("utf-8")

    assert committed == page(), f"{PAGE} is not what the declarations say; run: {COMMAND}"


def test_the_page_names_every_service_every_field_and_every_setting() -> None:
    text = page()

    for kind in SERVICES.values():
        assert f"`--service {kind.service}`" in text
        for field in form(kind):
            assert field.label in text
    for name in Settings.model_fields:
        assert f"`SEGCONNECT_{name.upper()}`" in text
    assert str(Path.home()) not in text  # where the data directory is differs by machine
