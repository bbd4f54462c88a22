"""Figures by models that look at all journeys together: Markov and Shapley.

A journey's visits, told by what the report is told by, are a path; what its conversions count of
each metric is the path's value. DuckDB makes the paths and groups them, `attribution` shares the
whole out between their steps, and what had no visits is nobody's.

A path is packed into whole numbers, a few bits for each visit, which DuckDB groups by five times as
fast as by lists or texts, and without sorting the visits. Journeys that are too long for one number
have several, and are not grouped.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from segconnect.account.attribution.attributing import NOBODY, credited
from segconnect.account.attribution.models import MODELS
from segconnect.account.attribution.table import FloatArray, IntArray, PathTable
from segconnect.account.metrics import Dimension, Kind, Metric, Number
from segconnect.account.replica import Facts
from segconnect.account.reports.crediting import Crediting
from segconnect.account.reports.querying import Cells, FactQuery, whole
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
    """Paths: their steps one after another, and what those who took each of them count."""

    steps: IntArray  # (S,) from 0
    lengths: IntArray  # (P,)
    journeys: FloatArray  # (P,)
    figures: list[FloatArray]  # of each metric: (P,)


def credited_rows(facts: Facts, query: FactQuery) -> Iterator[tuple[Cells, dict[str, Number]]]:
    """Answers the figures of each group; of money they add up to the total to the cent.

    Raises:
        UsageError: There is more to tell apart than such a model can.
    """
    crediting = query.plan.model
    with_null = crediting.together is not None and crediting.together.with_null
    connection, metrics = facts.connection, query.metrics
    try:
        text, values = query.conversions()
        connection.execute(f"create temp table asked as {text}", values)
        names = _pack(connection, query, with_null=with_null)
        took = _paths(connection, metrics, len(names), is_lost=False)
        lost = _paths(connection, (), len(names), is_lost=True) if with_null else None
        (unvisited,) = connection.execute(
            f"select {_sums(metrics)} from asked"
            " where conversion not in (select conversion from parts where not is_lost)"
        ).fetchall()
    finally:
        connection.execute("drop table if exists temp.asked")
        connection.execute("drop table if exists temp.parts")
    nobody: Cells = (None,) * len(query.dimensions)
    cells = [_cells(name, query.dimensions) for name in names]
    found: dict[Cells, dict[str, Number]] = defaultdict(dict)
    for place, metric in enumerate(metrics):
        found[nobody][metric.key] = whole(unvisited[place])
        shares = _shared(took, lost, place, metric, len(names), crediting)
        for step, figure in shares if len(took.lengths) else ():
            row = found[nobody if step is None else cells[step]]
            row[metric.key] = row.get(metric.key, 0) + figure
    yield from ((group, row) for group, row in found.items() if any(row.values()))


def _pack(connection: DuckDBPyConnection, query: FactQuery, *, with_null: bool) -> list[str]:
    """Packs the visits of each journey into `parts`; answers the names of the steps."""
    step = _step(query.dimensions)
    visits = f"select *, false as is_lost from ({query.visits(step, 'asked')}) v"
    if with_null:
        visits += f" union all select *, true from ({query.lost_visits(step)}) v"
    found = connection.execute(f"select distinct step from ({visits}) x order by step").fetchmany(
        MOST_STEPS + 1
    )
    if len(found) > MOST_STEPS:
        raise UsageError(
            f"model {query.plan.model.slug}: visits are told apart by more than {MOST_STEPS:,}"
            " names; group the report by less"
        )
    names = [name for (name,) in found]
    bits, fits = _packing(len(names))
    connection.execute(
        "create temp table parts as with named as"
        f" (select unnest(?) as step, unnest(range(1, {len(names) + 1})) as code)"
        f" select x.is_lost, x.conversion, x.number // {fits} as place,"
        f" bit_or(n.code << cast({bits} * (x.number % {fits}) as bigint)) as part"
        f" from ({visits}) x join named n on n.step = x.step group by all",
        [names],
    )
    return names


def _packing(count: int) -> tuple[int, int]:
    """How many bits a visit takes, and how many visits fit into a number."""
    bits = max(1, count.bit_length())
    return bits, BITS // bits


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


def _sums(metrics: Sequence[Metric]) -> str:
    return ", ".join(f"coalesce(sum(m{place}), 0) as m{place}" for place in range(len(metrics)))


def _paths(
    connection: DuckDBPyConnection, metrics: Sequence[Metric], names: int, *, is_lost: bool
) -> _Paths:
    """Reads paths: short ones with all who took them, and each long one for itself."""
    parts = f"(select * from parts where is_lost = {is_lost})"
    whole_ones = (
        "select conversion, count(*) as parts, any_value(part) as part"
        f" from {parts} p group by conversion"
    )
    joined = "" if is_lost else " join asked a on a.conversion = w.conversion"
    sums = [f"cast(sum(a.m{place}) as double) as m{place}" for place in range(len(metrics))]
    chosen = ", ".join(["w.part", "cast(count(*) as double) as journeys", *sums])
    short = connection.execute(
        f"select {chosen} from ({whole_ones}) w{joined} where w.parts = 1 group by w.part"
    ).fetchnumpy()
    each = [f"cast(a.m{place} as double) as m{place}" for place in range(len(metrics))]
    chosen = ", ".join(["w.conversion", "p.part", *each])
    long = connection.execute(
        f"select {chosen} from ({whole_ones}) w join {parts} p on p.conversion = w.conversion"
        f"{joined} where w.parts > 1 order by w.conversion, p.place"
    ).fetchnumpy()
    begins = np.diff(long["conversion"], prepend=long["conversion"][:1] - 1) != 0
    packed = np.concatenate([short["part"], long["part"]]).astype(np.int64)
    of_path = np.concatenate([np.ones(len(short["part"]), dtype=bool), begins])
    bits, fits = _packing(names)
    codes = packed[:, None] >> (bits * np.arange(fits)) & (2**bits - 1)
    is_visit = codes > 0
    count = np.bincount(np.cumsum(of_path) - 1, is_visit.sum(axis=1), int(of_path.sum()))
    return _Paths(
        steps=codes[is_visit] - 1,
        lengths=count.astype(np.int64),
        journeys=np.concatenate([short["journeys"], np.ones(int(begins.sum()))]),
        figures=[
            np.concatenate([short[f"m{place}"], long[f"m{place}"][begins]])
            for place in range(len(metrics))
        ],
    )


def _shared(
    took: _Paths, lost: _Paths | None, place: int, metric: Metric, steps: int, crediting: Crediting
) -> Iterator[tuple[int | None, Number]]:
    """Shares a metric out between steps; what the model gives to none is told of None."""
    assert crediting.together is not None
    figures = took.figures[place]
    is_money = metric.type is Kind.CURRENCY
    places = 0 if is_money or abs(figures.sum()) > EXACT else SHARES
    nothing = np.zeros(0 if lost is None else len(lost.lengths))
    lengths = took.lengths if lost is None else np.concatenate([took.lengths, lost.lengths])
    table = PathTable(
        channels=tuple(map(str, range(steps))),
        steps=took.steps if lost is None else np.concatenate([took.steps, lost.steps]),
        starts=np.cumsum(lengths) - lengths,
        conversions=np.concatenate([took.journeys, nothing]),
        values=np.concatenate([figures, nothing]),
        nulls=None if lost is None else np.concatenate([np.zeros_like(figures), lost.journeys]),
        opt_ins=None,
        places=places,
    )
    model, with_null = MODELS[crediting.model], crediting.together.with_null
    for row in credited(table, model, crediting.together.settings, with_null=with_null).rows:
        step = None if row["channel"] == NOBODY else int(row["channel"])
        yield step, whole(row["value"])
