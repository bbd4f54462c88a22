"""Metrics and dimensions, each declared once: API, pages, command line and reference read them.

`METRICS.find` and `find_dimension` look one up by any of its names.
"""

from segconnect.account.metrics import ads, engagement, people, revenue, subscriptions
from segconnect.account.metrics.declaring import (
    DIMENSIONS,
    METRICS,
    AnyMetric,
    Dimension,
    Fact,
    Family,
    Formula,
    Kind,
    Measure,
    Metric,
    Number,
    Ratio,
    Unit,
    is_additive,
    parts,
)
from segconnect.account.metrics.dimensions import CUSTOM, find_dimension

__all__ = [
    "CUSTOM",
    "DIMENSIONS",
    "METRICS",
    "AnyMetric",
    "Dimension",
    "Fact",
    "Family",
    "Formula",
    "Kind",
    "Measure",
    "Metric",
    "Number",
    "Ratio",
    "Unit",
    "ads",
    "engagement",
    "find_dimension",
    "is_additive",
    "parts",
    "people",
    "revenue",
    "subscriptions",
]
