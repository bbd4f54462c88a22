"""Values of bundles come back from text as they were."""

from __future__ import annotations

from datetime import UTC
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segconnect.scenario import values_json

scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(st.characters(codec=None))
    | st.datetimes(timezones=st.just(UTC))
    | st.decimals(allow_nan=False, allow_infinity=False)
    | st.binary()
)
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text() | st.sampled_from(["\0", "value"]), inner, max_size=4)
    ),
    max_leaves=20,
)


@given(values)
def test_a_value_comes_back_as_it_was(value: Any) -> None:
    text = values_json.dumps(value)

    assert values_json.is_text(text)
    assert values_json.loads(text) == value


@pytest.mark.parametrize("kind", ["date", "number", "buffer", "collection", "other", None, {}])
def test_a_stranger_cannot_write_what_is_read_as_ours(kind: Any) -> None:
    """It was read as a date, or could not be read at all, so that its queue stood still."""
    sent = {"a": [{"\0": kind, "value": "no such thing"}]}

    assert values_json.loads(values_json.dumps(sent)) == sent
