"""Figures by models that look at all journeys together: Markov and Shapley.

A journey's visits, told by what the report is told by, are a path; what its conversions count of
each metric is the path's value. DuckDB makes the paths and groups them, in one pass over credits,
`attribution` shares the whole out between their steps, and what had no visits is nobody's.

A path is packed into a whole number, a few bits for each visit, which DuckDB groups by five times
as fast as by lists or texts, and without sorting the visits. The Markov chain is counted from these
numbers, once for all metrics. Journeys that are too long for a number are read visit by visit.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from math import fsum
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from segconnect.account.attribution import counting, markov
from segconnect.account.attribution.attributing import NOBODY, credited, share_total, shares_of
from segconnect.account.attribution.counting import Long, Packed
from segconnect.account.attribution.models import MODELS
from segconnect.account.attribution.table import FloatArray, IntArray, PathTable
from segconnect.account.metrics import Dimension, Kind, Metric, Number
from segconnect.account.replica import Facts
from segconnect.account.reports.crediting import Crediting
from segconnect.account.reports.querying import Cells, FactQuery
from segconnect.account.reports.texts import whole
from segconnect.errors import UsageError

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

BITS = 63  # of a number that visits are packed into
MOST_STEPS = 100_000  # different ones
SHARES = 6  # decimals of what is no money
EXACT = 1e9  # up to which so many decimals are exact
NOTHING, BETWEEN = (
    "\x1e",
    "\x1f",
)  # what a visit does not tell; between what several dimensions tell


class _Paths(NamedTuple):
    """Journeys of one kind, and what they count of each metric."""

    packed: Packed
    long: Long

    @property
    def paths(self) -> int:
        """How many different ones there are."""
        return len(self.packed.paths) + len(self.long.starts)

    def figures(self, place: int) -> FloatArray:
        """What all of them count of a metric, the packed ones first."""
        return np.concatenate([self.packed.earned[:, place], self.long.earned[:, place]])

    @property
    def journeys(self) -> FloatArray:
        """How many took each of them."""
        return np.concatenate([self.packed.journeys, np.ones(len(self.long.starts))])

    def steps(self, bits: int) -> tuple[IntArray, IntArray]:
        """The steps of all of them, from 0, one after another; and where each begins."""
        codes = self.packed.paths[:, None] >> (bits * np.arange(BITS // bits)) & (2**bits - 1)
        is_visit = codes > 0
        lengths = is_visit.sum(axis=1)
        short = np.cumsum(lengths) - lengths
        starts = np.concatenate([short, self.long.starts + int(lengths.sum())])
        return np.concatenate([codes[is_visit], self.long.codes]) - 1, starts


def credited_rows(facts: Facts, query: FactQuery) -> Iterator[tuple[Cells, dict[str, Number]]]:
    """Answers the figures of each group; of money they add up to the total to the cent.

    Raises:
        UsageError: There is more to tell apart than such a model can.
    """
    crediting, metrics = query.plan.model, query.metrics
    together = crediting.together
    assert together is not None
    connection = facts.connection
    step = _step(query.dimensions)
    names = _names(connection, query, step, with_null=together.with_null)
    bits = max(1, len(names).bit_length())
    try:
        figures = [f"m{place}" for place in range(len(metrics))]
        _pack(connection, "took", query.journeys(step), names, bits, figures)
        took = _paths(connection, "took", query.journeys(step), names, bits, figures)
        sums = ", ".join(f"coalesce(sum({name}), 0)" for name in figures)
        (unvisited,) = connection.execute(f"select {sums} from took where part is null").fetchall()
        lost = None
        if together.with_null:
            _pack(connection, "lost", query.lost_visits(step), names, bits, ())
            lost = _paths(connection, "lost", query.lost_visits(step), names, bits, ())
    finally:
        for table in ("took", "lost"):
            connection.execute(f"drop table if exists temp.{table}")
    nobody: Cells = (None,) * len(query.dimensions)
    cells = [_cells(name, query.dimensions) for name in names]
    found: dict[Cells, dict[str, Number]] = defaultdict(dict)
    for place, metric in enumerate(metrics):
        found[nobody][metric.key] = whole(unvisited[place])
    shared = _shared(took, lost, names, bits, metrics, crediting) if took.paths else ()
    for metric, step_at, figure in shared:
        row = found[nobody if step_at is None else cells[step_at]]
        row[metric.key] = row.get(metric.key, 0) + figure
    yield from ((group, row) for group, row in found.items() if any(row.values()))


Asked = tuple[str, list[object]]


def _names(
    connection: DuckDBPyConnection, query: FactQuery, step: str, *, with_null: bool
) -> list[str]:
    """Answers the names of all steps that there may be."""
    text, values = query.steps(step)
    texts = [text]
    if with_null:
        lost, lost_values = query.lost_visits(step)
        texts.append(f"select step from ({lost}) x")
        values = [*values, *lost_values]
    found = connection.execute(
        f"select distinct step from ({' union all '.join(texts)}) x order by step", values
    ).fetchmany(MOST_STEPS + 1)
    if len(found) > MOST_STEPS:
        raise UsageError(
            f"model {query.plan.model.slug}: visits are told apart by more than {MOST_STEPS:,}"
            " names; group the report by less"
        )
    return [name for (name,) in found]


def _coded(visits: str, names: Sequence[str]) -> str:
    """The SQL of visits with the codes of their steps; one that is none has no code."""
    return (
        "with named as materialized"
        f" (select unnest(?) as step, unnest(range(1, {len(names) + 1})) as code)"
        f" select x.*, n.code from ({visits}) x left join named n on n.step = x.step"
    )


def _pack(
    connection: DuckDBPyConnection,
    table: str,
    asked: Asked,
    names: list[str],
    bits: int,
    figures: Sequence[str],
) -> None:
    """Packs the visits of each journey into a table; null is a journey without visits.

    A journey that does not fit has two different places.
    """
    text, values = asked
    fits = BITS // bits
    told = "".join(f", any_value({name}) as {name}" for name in figures)
    connection.execute(
        f"create temp table {table} as"
        f" select conversion, min(number) as first, (min(number) - 1) // {fits} as place,"
        f" (max(number) - 1) // {fits} as last_place,"
        f" bit_or(code << cast({bits} * ((number - 1) % {fits}) as bigint)) as part{told}"
        f" from ({_coded(text, names)}) v group by conversion",
        [names, *values],
    )


def _paths(
    connection: DuckDBPyConnection,
    table: str,
    asked: Asked,
    names: list[str],
    bits: int,
    figures: Sequence[str],
) -> _Paths:
    """Reads journeys: those that fit with all who took them, and each of the others by itself."""
    fits = BITS // bits
    sums = [f"cast(sum({name}) as double) as {name}" for name in figures]
    short = connection.execute(
        f"select part >> cast({bits} * ((first - 1) % {fits}) as bigint) as path,"
        f" {', '.join(['cast(count(*) as double) as journeys', *sums])}"
        f" from {table} where place = last_place group by path"
    ).fetchnumpy()
    packed = Packed(
        np.asarray(short["path"], dtype=np.int64),
        np.asarray(short["journeys"], dtype=np.float64),
        _matrix(short, figures),
    )
    text, values = asked
    casts = [f"cast(w.{name} as double) as {name}" for name in figures]
    visits = connection.execute(
        f"select {', '.join(['v.conversion', 'v.code', *casts])}"
        f" from ({_coded(text, names)}) v join {table} w on w.conversion = v.conversion"
        " where w.place < w.last_place order by v.conversion, v.number",
        [names, *values],
    ).fetchnumpy()
    conversion = np.asarray(visits["conversion"], dtype=np.int64)
    starts = np.flatnonzero(np.diff(conversion, prepend=conversion[:1] - 1))
    earned = _matrix(visits, figures)[starts]
    return _Paths(packed, Long(np.asarray(visits["code"], dtype=np.int64), starts, earned))


def _matrix(found: dict[str, FloatArray], columns: Sequence[str]) -> FloatArray:
    rows = len(next(iter(found.values())))
    matrix = np.zeros((rows, len(columns)))
    for place, name in enumerate(columns):
        matrix[:, place] = found[name]
    return matrix


def _step(dimensions: Sequence[Dimension]) -> str:
    """What is told of a visit, in one text."""
    if len(dimensions) == 1:
        return f"coalesce({dimensions[0].sql}, '{NOTHING}')"
    told = ", ".join(
        f"coalesce(translate({each.sql}, '{NOTHING}{BETWEEN}', ''), '{NOTHING}')"
        for each in dimensions
    )
    return f"concat_ws('{BETWEEN}', {told})"


def _cells(name: str, dimensions: Sequence[Dimension]) -> Cells:
    told = [name] if len(dimensions) == 1 else name.split(BETWEEN)
    return tuple(None if each == NOTHING else each for each in told)


def _shared(
    took: _Paths,
    lost: _Paths | None,
    names: Sequence[str],
    bits: int,
    metrics: Sequence[Metric],
    crediting: Crediting,
) -> Iterator[tuple[Metric, int | None, Number]]:
    """Shares metrics out between steps; what the model gives to none is told of None."""
    assert crediting.together is not None
    order = crediting.together.settings.get("order")
    if order is not None and counting.fits(bits, int(order)):
        yield from _shared_by_chain(took, lost, names, bits, metrics, int(order))
        return
    for place, metric in enumerate(metrics):
        table = _table(took, lost, place, metric, len(names), bits)
        model, with_null = MODELS[crediting.model], crediting.together.with_null
        settings = crediting.together.settings
        for row in credited(table, model, settings, with_null=with_null).rows:
            step = None if row["channel"] == NOBODY else int(row["channel"])
            yield metric, step, whole(row["value"])


def _shared_by_chain(
    took: _Paths,
    lost: _Paths | None,
    names: Sequence[str],
    bits: int,
    metrics: Sequence[Metric],
    order: int,
) -> Iterator[tuple[Metric, int | None, Number]]:
    packed = [took.packed._replace(earned=_with_journeys(took.packed))]
    long = [took.long._replace(earned=_with_one(took.long.earned, 1.0))]
    if lost is not None:
        nothing = np.zeros((len(lost.packed.paths), len(metrics) + 1))
        packed.append(lost.packed._replace(earned=nothing))
        long.append(lost.long._replace(earned=np.zeros((len(lost.long.starts), len(metrics) + 1))))
    effects = markov.removal_effects(counting.chain_of(names, bits, order, packed, long))
    for place, metric in enumerate(metrics):
        figures = took.figures(place)
        exact = figures.sum() if np.array_equal(figures, np.rint(figures)) else fsum(figures)
        places = _places(metric, figures)
        shares = shares_of(effects.values[:, place])
        parts = share_total(round(float(exact), places), shares, places)
        for step, figure in enumerate(parts):
            yield metric, step if step < len(names) else None, whole(figure)


def _with_journeys(packed: Packed) -> FloatArray:
    """What journeys came to, after the conversions that they all are."""
    return np.column_stack([packed.journeys, packed.earned])


def _with_one(earned: FloatArray, conversions: float) -> FloatArray:
    return np.column_stack([np.full(len(earned), conversions), earned])


def _places(metric: Metric, figures: FloatArray) -> int:
    """The decimals that a metric is shared out in."""
    is_money = metric.type is Kind.CURRENCY
    return 0 if is_money or abs(figures.sum()) > EXACT else SHARES


def _table(
    took: _Paths, lost: _Paths | None, place: int, metric: Metric, steps: int, bits: int
) -> PathTable:
    """All journeys as a table of paths, whose values are what they count of a metric."""
    figures = took.figures(place)
    nothing = np.zeros(0 if lost is None else lost.paths)
    codes, starts = took.steps(bits)
    if lost is not None:
        more, begins = lost.steps(bits)
        codes, starts = np.concatenate([codes, more]), np.concatenate([starts, begins + len(codes)])
    return PathTable(
        channels=tuple(map(str, range(steps))),
        steps=codes,
        starts=starts,
        conversions=np.concatenate([took.journeys, nothing]),
        values=np.concatenate([figures, nothing]),
        nulls=None if lost is None else np.concatenate([np.zeros_like(figures), lost.journeys]),
        opt_ins=None,
        places=_places(metric, figures),
    )
