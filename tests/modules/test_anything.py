"""Whatever is given to a module, the answer is a module or an InvalidBundleError, nothing else."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from segconnect.errors import InvalidBundleError
from segconnect.modules import MODULES, Module
from segconnect.modules.schema import FormField, Input, form
from segconnect.wire.endpoints import ENDPOINTS
from segconnect.wire.request import Address, Request
from segconnect.wire.shape import ShapeError

ADDRESS = Address("acc", "int")
PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
EACH_MODULE = pytest.mark.parametrize("module", list(MODULES), ids=lambda module: module.slug())

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.binary()
    | st.decimals().filter(lambda number: not number.is_snan())  # which no source makes
    | st.datetimes()
    | st.datetimes(timezones=st.just(UTC))
    | st.dates()
    | st.sampled_from(
        ["", " ", "..", "a/b?c#d", "\0", "\ud800", "12.5", "$10", "9" * 400, 10**400, object(), {1}]
    )
)
ANYTHING = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.tuples(inner)
        | st.dictionaries(st.text(max_size=3) | st.sampled_from(["id", "name"]), inner, max_size=3)
    ),
    max_leaves=6,
)

TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
CENTS = st.integers(-(10**9), 10**9)
GOOD: dict[Input, st.SearchStrategy[Any]] = {
    Input.TEXT: TEXTS | st.none() | st.just(""),
    Input.EMAIL: st.sampled_from(["joey@bloggs.com", " JOEY@Bloggs.com ", "a+b@c.d"]),
    Input.ID: st.integers() | st.sampled_from(["1042", "a/b", "P 1", "joey@bloggs.com"]),
    Input.NAME: st.sampled_from(["New Lead", "17", 17, "\u200d", "a,b"]),
    Input.CENTS: CENTS | CENTS.map(str) | CENTS.map(float) | CENTS.map(Decimal),
    Input.MOMENT: st.sampled_from(["2016-06-20", "06/20/2016 5:26 PM", date(2016, 6, 20)])
    | st.datetimes(datetime(1900, 1, 1), datetime(2100, 1, 1)),  # noqa: DTZ001  # naive on purpose
    Input.DAY: st.sampled_from(["2016-06-20", "20.6.2016"]) | st.dates(),
    Input.YES_NO: st.booleans() | st.sampled_from(["yes", "No", 0, 1, "TRUE"]),
    Input.WHOLE: st.integers(1, 1000) | st.integers(1, 1000).map(str),
    Input.NUMBER: st.floats(-90, 90),
    Input.JSON: st.none() | TEXTS | st.dictionaries(TEXTS, TEXTS | CENTS | st.lists(TEXTS)),
    Input.PAIRS: st.dictionaries(TEXTS, TEXTS | CENTS | st.booleans() | st.none(), max_size=3),
}


def good(field: FormField) -> st.SearchStrategy[Any]:
    """Answers values that fit a field."""
    if field.choices:
        one: st.SearchStrategy[Any] = st.sampled_from([text for c in field.choices for text in c])
    elif field.fields and field.input is not Input.PAIRS:
        one = filled(field.fields, lambda inner: inner.required)
        one = one | GOOD[Input.NAME] if field.input is Input.NAME else one
    else:
        one = GOOD[field.input]
    if field.many and field.input is not Input.PAIRS:
        return st.lists(one, min_size=1, max_size=3)
    return one


def filled(
    fields: tuple[FormField, ...], always: Any, values: Any = good
) -> st.SearchStrategy[dict[str, Any]]:
    """Answers forms: some fields are filled in, those that are `always` to be in any case."""
    return st.fixed_dictionaries(
        {field.name: values(field) for field in fields if always(field)},
        optional={field.name: values(field) for field in fields if not always(field)},
    )


def built(module: type[Module], values: dict[str, Any]) -> Module | None:
    """Answers the module, or None where it refuses the values in the way it should."""
    try:
        return module(**values)
    except InvalidBundleError as error:
        problems = error.problems
    assert problems
    assert all(isinstance(problem, str) and problem.strip() for problem in problems)
    return None


def read_by_the_account(request: Request) -> None:
    """Reads a request's body as the account does; raises if it is refused."""
    body = json.dumps(request.body, allow_nan=False).encode()
    if request.endpoint in ENDPOINTS:
        shape = ENDPOINTS[request.endpoint].shape
        assert shape is not None
        shape.read(body)


@EACH_MODULE
@PATIENT
@given(data=st.data())
def test_any_values_give_an_invalid_bundle_error_or_a_module_that_can_be_sent(
    module: type[Module], data: st.DataObject
) -> None:
    values = data.draw(
        filled(
            form(module),
            lambda _: False,
            lambda field: good(field) | ANYTHING,
        )
        | st.dictionaries(st.text(max_size=5), ANYTHING, max_size=2)
    )

    sent = built(module, values)
    for request in sent.requests(ADDRESS) if sent else ():
        try:
            read_by_the_account(request)
        except ShapeError as error:
            assert error.errors  # noqa: PT017  # it may refuse, in sentences


@EACH_MODULE
@PATIENT
@given(data=st.data())
def test_what_a_module_accepts_the_account_accepts(
    module: type[Module], data: st.DataObject
) -> None:
    values = data.draw(filled(form(module), lambda field: field.required))
    sent = built(module, values)

    for request in sent.requests(ADDRESS) if sent else ():
        read_by_the_account(request)
