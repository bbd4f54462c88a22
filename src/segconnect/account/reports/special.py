"""What the types of reports take that are more than sums of facts: paths, journeys, comparisons."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from segconnect.account.metrics import Dimension, Family, Kind, Metric, parts
from segconnect.account.metrics.facts import LEADS, LINES, PEOPLE, SALES
from segconnect.account.reports.crediting import Crediting, find_model
from segconnect.account.reports.filters import conditions
from segconnect.account.reports.types import COMPARISON, JOURNEY, PATHS
from segconnect.errors import UsageError
from segconnect.types import shown

if TYPE_CHECKING:
    from segconnect.account.reports.plan import Plan, Query

VISITED = (Family.TOUCH, Family.AD)
CONVERSIONS = ("order", "lead")
COMPARED = ("first_touch", "linear", "position", "last_touch")
"""The models that are compared unless others are named."""
MAX_MODELS = 8
OPTIONS = {"models": COMPARISON, "conversion": PATHS, "repeats": PATHS}
"""Options that one type alone takes."""
TOLD_OF = {"order": (SALES, LINES), "lead": (LEADS, SALES, LINES)}
"""The facts whose metrics paths tell, by the conversion that they lead to."""

OTHERS = "(other paths)"  # those that have no row of their own
TOOK = Metric(
    key="people", name="People", type=Kind.NUMBER, fact=PEOPLE, column="one",
    help="People who took the step.", source="ours",
)  # fmt: skip
"""What the steps of funnels and journeys count."""


def read_models(type_: str, given: object) -> tuple[Crediting, ...]:
    """Reads the models of a comparison.

    Raises:
        UsageError: They are no list of different models.
    """
    if type_ != COMPARISON:
        return ()
    names = COMPARED if given is None else given
    if not isinstance(names, (list, tuple)) or not all(isinstance(each, str) for each in names):
        raise UsageError(f"option models: expected an array of models, found {shown(given)}")
    found = tuple(map(find_model, names))
    if not 2 <= len({each.slug for each in found}) == len(found) <= MAX_MODELS:
        raise UsageError(f"option models: expected 2 to {MAX_MODELS} different ones")
    return found


def problems(made: Plan, query: Query) -> Iterator[str]:
    """Says what a report asks that its type cannot tell."""
    slug = made.type.slug
    for option, of in OPTIONS.items():
        if slug != of and query.options.get(option) is not None:
            yield f"option {option} is for reports of the type {of}"
    if slug in (PATHS, COMPARISON):
        visited = [each for each in made.dimensions if each.family in VISITED]
        if len(made.dimensions) != 1 or not visited:
            yield f"{slug}: expected one dimension of visits, such as clicks.channel"
    if slug == PATHS:
        yield from _of_paths(made)
    if slug == JOURNEY:
        yield from _of_journey(made, query)
    if slug == COMPARISON and query.options.get("attribution_model") is not None:
        yield "a comparison names its models in the option models"


def _of_paths(made: Plan) -> Iterator[str]:
    for measure in made.metrics:
        if any(each.fact not in TOLD_OF[made.conversion] for each in parts(measure)):
            yield (
                f"{measure.key} is not known of paths to {made.conversion}s;"
                " take metrics of what they lead to"
            )
    if made.sort is not None and not isinstance(made.sort[0], Metric):
        yield f"sort: paths are sorted by sums such as revenue, and not by {made.sort[0]}"
    if made.filters.after.members:
        yield "filters: paths are filtered by dimensions, and not by metrics"


def _of_journey(made: Plan, query: Query) -> Iterator[str]:
    if query.metrics:
        yield "a journey has columns of its own; leave out metrics"
    if query.sort:
        yield "a journey has an order of its own; leave out sort"
    fields = [each.field for each in conditions(made.filters.before)]
    for each in (*made.dimensions, *fields):
        if isinstance(each, Dimension) and each.family not in PEOPLE.knows:
            yield f"people are not known by {each.slug}; leave it out"
    if made.filters.after.members:
        yield "filters: a journey is filtered by dimensions, and not by metrics"
