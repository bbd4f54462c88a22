"""How figures are shown on pages."""

from __future__ import annotations

import re

import pytest

from segconnect.web.filters import change


@pytest.mark.parametrize(
    ("now", "before", "shown"),
    [
        (120, 100, "▲ 20% more"),
        (0, 100, "▼ 100% less"),
        (5, 0, "new"),
        (0, 0, ""),
        (None, 100, ""),  # a cost for each of no customers has not fallen
        (None, None, ""),
    ],
)
def test_a_change_is_told_of_figures_that_have_a_value(
    now: float | None, before: float | None, shown: str
) -> None:
    text = re.sub(r"<[^>]+>", "", str(change(now, before)))

    assert text == shown
