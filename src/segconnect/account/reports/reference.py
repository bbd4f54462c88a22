"""The reference page of metrics, dimensions and report types, written from their declarations.

`python -m segconnect.account.reports.reference` rewrites docs/reference/metrics.md; a test holds
the page to the declarations.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from segconnect.account.metrics import DIMENSIONS, METRICS, AnyMetric, Formula, Kind, Metric, Ratio
from segconnect.account.metrics.declaring import parts
from segconnect.account.owner.choices import Switches
from segconnect.account.reports import special
from segconnect.account.reports.crediting import DEFAULT
from segconnect.account.reports.filters import OPERATORS
from segconnect.account.reports.plan import OPTIONS
from segconnect.account.reports.steps import CONDITIONS, EVENTS
from segconnect.account.reports.types import TYPES, VIEWS

PAGE = Path("docs/reference/metrics.md")
COMMAND = "python -m segconnect.account.reports.reference"

INTRODUCTION = f"""\
# Metrics, dimensions and reports

<!-- Written by {COMMAND}; edit the declarations in src/segconnect/account instead. -->

A report is asked for by a type, metrics and dimensions; any name below does, and any other that is
in a row. On the command line, over HTTP, and from the pages they are the same.

```sh
segconnect report ads --start -30d --by campaign --model linear --compare previous
```

```json
{{
  "type": "leads",
  "dimensions": ["clicks.channel"],
  "metrics": ["leads", "revenue"],
  "date_range": {{"start": "first day of last month", "end": "last day of last month"}},
  "filters": [
    {{"any": [{{"field": "contacts.tag", "is": "VIP"}}, {{"field": "channel", "is": "paid"}}]}},
    {{"field": "revenue", "at_least": 100}}
  ],
  "options": {{"attribution_model": "linear@30", "view": "cohort"}},
  "compare": "previous"
}}
```

Each metric is summed over its fact, at the fact's own grain, times the share that a visit is
credited with where a report is told by visits. A total is summed from the facts, too, and never
from the rows: of a model that is not fractional, of tags, and of people who are counted once, rows
add up to more, and the answer says so (`rows_overlap`). A ratio is computed anew for each row and
total. A rate comes with its sample and a 95% Wilson interval. Money is in units of the account's
currency; days and weeks are those of the account's time zone.

An answer tells the newest change of the data that is in it (`change`) and its moment. `as_of`, a
change or a moment, answers as the report would have then, from a state that was
[kept](../export.md).

The visits before a conversion, how far people come, and models side by side:

```sh
segconnect report paths --start -90d --by campaign --limit 10     # --to lead, --repeats
segconnect report journey --start 2026-01-01 --by channel
segconnect report comparison --start -90d --model first_touch,linear,markov
```

```json
{{"type": "paths", "dimensions": ["clicks.channel"], "limit": 10,
 "options": {{"conversion": "order", "attribution_model": "any@90"}}}}
```

A path is the visits up to an order, or up to when somebody became a lead, all of them or those of
the window; `paths` has the steps of each row. A journey is of everybody who is first known in the
range, by a visit, a contact or an order, and told by the first visit; its days are from the step
before, of those who took both. A comparison has a column for each metric and model, and one for
what each of them differs by from the first. These three and cohorts and funnels are asked for by
queries, and not by `GET report`.

A dimension that a metric does not know is refused, and not guessed; of the usual metrics of a type
those are told that the dimensions know. A filter on a dimension that a
metric does not know leaves the metric as it is: a filter on products does not change the leads.
"""


def page() -> str:
    """Answers the whole page."""
    lines = [INTRODUCTION, "## Reports\n", *_types(), "", "## Metrics\n", *_metrics(), ""]
    lines += ["## Dimensions\n", *_dimensions(), ""]
    lines += ["A custom field of contacts is `contacts.custom.NAME`.\n"]
    lines += ["## Filters\n", *_table(("Operator", "Takes"), _operators()), ""]
    lines += [
        "Filters of a list must all be true; `any` and `all` hold further ones. Those on metrics",
        "are looked at after figures are summed, and hide rows; totals stay.\n",
        "## Options\n",
        *_table(("Option", ""), _options()),
        "",
        "## Steps of a funnel\n",
        *_table(("Event", "May be asked for"), _events()),
    ]
    return "\n".join(lines) + "\n"


def _types() -> Iterator[str]:
    rows = (
        (f"`{each.slug}`", each.name, each.question, each.view, _codes(each.metrics),
         _codes(each.dimensions), each.source)
        for each in TYPES.values()
    )  # fmt: skip
    yield from _table(("Type", "Name", "Question", "View", "Metrics", "By", "Source"), rows)
    yield ""
    yield from (f"- `{view}`: {text}." for view, text in VIEWS.items())


def _metrics() -> Iterator[str]:
    rows = (
        (f"`{each.key}`", each.name, _kind(each), _formula(each), each.help,
         ", ".join(each.aliases), each.source)
        for each in METRICS.values()
    )  # fmt: skip
    yield from _table(("Key", "Name", "Unit", "Formula", "", "Also", "Source"), rows)


def _kind(metric: AnyMetric) -> str:
    return "money" if metric.type is Kind.CURRENCY else metric.unit.strip() or "number"


def _formula(metric: AnyMetric) -> str:
    if isinstance(metric, Metric):
        what = "count of different" if metric.is_distinct else "sum over"
        return f"{what} {metric.fact}"
    if isinstance(metric, Ratio):
        scale = f" × {metric.scale}" if metric.scale != 1 else ""
        return f"`{metric.of.key}` / `{metric.per.key}`{scale}"
    assert isinstance(metric, Formula)
    if len(metric.parts) == 1 and isinstance(metric.parts[0], Metric):
        return f"sum over {next(parts(metric)).fact}"
    return metric.text


def _dimensions() -> Iterator[str]:
    rows = (
        (f"`{slug}`", f"`{each.key}`", each.name, each.family.value, each.help, each.source)
        for slug, each in DIMENSIONS.items()
    )
    yield from _table(("Slug", "Column", "Name", "Of the", "", "Source"), rows)


def _operators() -> Iterator[tuple[str, str]]:
    return ((f"`{name}`", text) for name, text in OPERATORS.items())


def _options() -> Iterator[tuple[str, str]]:
    texts = {
        "attribution_model": f"The model, with a look-back window or without: `{DEFAULT}` unless"
        " the account says otherwise, `linear@30`, `markov:2`. See docs/attribution.md.",
        "include_source": "Taken, since clients send it; it changes nothing.",
        "view": "`cohort` or `period`; each type has its own.",
        "window": "Days that people have for all steps of a funnel.",
        "models": f"Of a comparison: 2 to {special.MAX_MODELS} models; unless they are named"
        f" {_codes(special.COMPARED)}.",
        "conversion": "What paths lead to: `order`, or `lead`, of which all is told that they ever"
        " ordered.",
        "repeats": "true: paths tell steps that are the same as the one before.",
        "exclude_failed": "true: orders of which nothing was paid do not count. Without this and"
        " those below, what the account has set.",
        "exclude_refunded": "true: refunded orders do not count.",
        "exclude_tax": "true: revenue is without tax.",
        "exclude_shipping": "true: revenue is without shipping.",
    }
    names = (*OPTIONS, *Switches.__dataclass_fields__)
    return ((f"`{name}`", texts[name]) for name in names)


def _events() -> Iterator[tuple[str, str]]:
    for event in EVENTS:
        asked = [name for of, name in CONDITIONS if of == event]
        yield f"`{event}`", _codes([*asked, *(["product"] if event == "order" else [])])


def _codes(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _table(header: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    yield f"| {' | '.join(header)} |"
    yield f"|{'---|' * len(header)}"
    for row in rows:
        yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |"


def main() -> None:
    """Rewrites the page, in the directory from which it is run."""
    PAGE.parent.mkdir(parents=True, exist_ok=True)
    PAGE.write_text(page(), "utf-8")
    sys.stdout.write(f"{PAGE}\n")


if __name__ == "__main__":
    main()
