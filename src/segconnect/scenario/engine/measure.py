"""Makes what a module put out a list of bundles, none too many and none too large."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from segconnect.mapping.values import to_boolean
from segconnect.scenario.engine.errors import ModuleError
from segconnect.scenario.engine.registry import Bundle, Kind, Parameters, Values, option
from segconnect.scenario.engine.settings import Limits

NUMBERED = (Kind.SEARCH, Kind.ITERATOR, Kind.TRIGGER)
_NOTHING: Mapping[str, Any] = {}


def bounded(
    found: Iterable[Bundle] | Bundle | None,
    kind: Kind,
    limits: Limits,
    parameters: Parameters = _NOTHING,
    values: Values | None = None,
) -> list[Bundle]:
    """Answers a module's bundles, numbered where there may be several.

    Raises:
        ModuleError: They are too many, or one is too large.
    """
    if isinstance(found, dict) and kind not in NUMBERED:  # as nearly always
        _measured(found, limits)
        return [found]
    most = limits.results if kind is Kind.SEARCH else limits.items
    bundles: list[Bundle] = []
    room = limits.module_bytes
    for bundle in _listed(found):
        if not isinstance(bundle, dict):
            raise ModuleError("DataError", "the module put out what is not a collection")
        if len(bundles) >= most:
            raise ModuleError("MaxResultsExceededError", f"there are more than {most:,} results")
        if kind is not Kind.ITERATOR:  # its bundles are parts of one
            room -= _measured(bundle, limits)
        if room < 0:
            raise ModuleError(
                "MaxFileSizeExceededError",
                f"the bundles together are larger than {limits.module_bytes:,} bytes",
            )
        bundles.append(bundle)
    if kind not in NUMBERED:
        return bundles
    if not bundles and kind is Kind.SEARCH:
        goes_on = to_boolean(option(parameters, values or {}, "continueWhenNoRes"))
        return [{"__IMTLENGTH__": 0}] if goes_on else []
    count = len(bundles)
    return [
        {**bundle, "__IMTINDEX__": index, "__IMTLENGTH__": count}
        for index, bundle in enumerate(bundles, 1)
    ]


def _measured(bundle: Bundle, limits: Limits) -> int:
    measured = size(bundle, limits.bundle_bytes) if bundle else 0
    if measured > limits.bundle_bytes:
        raise ModuleError(
            "MaxFileSizeExceededError", f"a bundle is larger than {limits.bundle_bytes:,} bytes"
        )
    return measured


def _listed(found: Iterable[Bundle] | Bundle | None) -> Iterable[Bundle]:
    if found is None:
        return [{}]
    return [found] if isinstance(found, dict) else found


def size(value: Any, most: int) -> int:
    """Estimates the bytes of a value; it stops counting once they are more than `most`.

    Raises:
        ModuleError: It is nested deeper than anything could be that was read from a text.
    """
    total, waiting = 0, [(value, 0)]
    while waiting and total <= most:
        each, depth = waiting.pop()
        if depth > 500:
            raise ModuleError("DataError", "a bundle is nested more than 500 deep")
        if isinstance(each, (str, bytes)):
            total += len(each)
        elif isinstance(each, Mapping):
            total += sum(len(str(key)) for key in each)
            waiting += [(item, depth + 1) for item in each.values()]
        elif isinstance(each, (list, tuple)):
            total += len(each)
            waiting += [(item, depth + 1) for item in each]
        else:
            total += 8
    return total
