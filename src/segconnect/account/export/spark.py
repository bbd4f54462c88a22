"""Reads an export through Spark, so that a report runs where the data is more than one machine's.

The text of a report is the one that DuckDB runs. What the two say in other words (types, order of
nulls, fields of JSON) sqlglot writes in Spark's.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from segconnect.account.replica import Facts
from segconnect.account.reports.cte import INLINE
from segconnect.errors import UsageError

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection
    from pyspark.sql import DataFrame, SparkSession
    from sqlglot import exp

    from segconnect.account.export.manifest import Manifest

EXTRA = "Spark needs an extra: pip install 'segconnect[spark]'"
NO_JAVA = (
    "Spark needs Java 17 or newer, and there is none; install one"
    " (Debian: apt-get install default-jre-headless), or set JAVA_HOME"
)
LOCAL = {
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.sql.shuffle.partitions": "4",
}
"""Settings of a Spark that runs in this machine alone; of a cluster, its own hold."""


def java() -> str | None:
    """Finds the Java that Spark would run on."""
    home = os.environ.get("JAVA_HOME")
    return shutil.which("java", path=str(Path(home) / "bin")) if home else shutil.which("java")


@contextmanager
def session(master: str) -> Iterator[SparkSession]:
    """Begins Spark, and ends it.

    Args:
        master: Where it runs: local[2], or the URL of a cluster.

    Raises:
        UsageError: It is not installed, or cannot begin.
    """
    try:
        from pyspark.sql import SparkSession
    except ImportError:
        raise UsageError(EXTRA) from None
    if java() is None:
        raise UsageError(NO_JAVA)
    builder = SparkSession.builder.appName("segconnect").master(master)
    chosen = {"spark.sql.session.timeZone": "UTC", "spark.log.level": "ERROR"}
    for name, value in {**chosen, **(LOCAL if master.startswith("local") else {})}.items():
        builder = builder.config(name, value)
    try:
        spark = builder.getOrCreate()
    except Exception as error:  # of whatever Java says; py4j's have nothing in common
        raise _told(f"Spark does not begin on {master!r}", error) from None
    try:
        yield spark
    finally:
        spark.stop()


def _told(what: str, error: Exception) -> UsageError:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    java_says = [line for line in lines if "Exception" in line and not line.startswith("at ")]
    return UsageError(f"{what}: {(java_says or lines or ['?'])[0][:300]}")


def facts_of(
    spark: SparkSession, directory: Path, manifest: Manifest, models: Sequence[str]
) -> Facts:
    """Answers the facts of an export, to be asked as those of the replica are.

    Raises:
        UsageError: The credits of one of the models are not in it.
    """
    manifest.check(directory, models)
    for table, columns in manifest.columns.items():
        schema = ", ".join(f"`{name}` {_type(of)}" for name, of in columns.items())
        names = [str((directory / part.path).absolute()) for part in manifest.files[table]]
        rows = spark.read.schema(schema).parquet(*names) if names else spark.createDataFrame(
            [], schema
        )  # fmt: skip
        rows.createOrReplaceTempView(table)
    asked = cast("DuckDBPyConnection", Connection(spark))  # as far as reports ask it anything
    return Facts(asked, manifest.change, datetime.fromisoformat(manifest.as_of))


def _type(of: str) -> str:
    return {"varchar": "string", "hugeint": "decimal(38, 0)"}.get(of, of)


class Rows:
    """What a query finds, once it is asked for it; it is asked once."""

    def __init__(self, found: DataFrame) -> None:
        self._found = found

    def fetchall(self) -> list[tuple[Any, ...]]:
        """Answers all rows."""
        return _collected(self._found)

    def fetchmany(self, most: int) -> list[tuple[Any, ...]]:
        """Answers so many rows at most."""
        return _collected(self._found.limit(most))


def _collected(found: DataFrame) -> list[tuple[Any, ...]]:
    from pyspark.errors import PySparkException

    try:
        return [tuple(row) for row in found.collect()]
    except PySparkException as error:
        raise _told("Spark cannot answer the report", error) from None


class Connection:
    """Asks Spark what is written for DuckDB."""

    def __init__(self, spark: SparkSession) -> None:
        self._spark = spark

    def execute(self, text: str, values: Sequence[Any] = ()) -> Rows:
        """Runs a query.

        Raises:
            UsageError: Spark cannot run it.
        """
        from pyspark.errors import PySparkException
        from pyspark.sql import functions

        written, given = to_spark(text, values)
        arguments = {
            name: functions.array(*map(functions.lit, value)) if isinstance(value, list) else value
            for name, value in given.items()
        }
        try:
            return Rows(self._spark.sql(written, arguments))
        except PySparkException as error:
            raise _told("Spark cannot answer the report", error) from None


def to_spark(text: str, values: Sequence[Any]) -> tuple[str, dict[str, Any]]:
    """Writes a query of DuckDB in Spark's words; its values are found by their names then."""
    try:
        import sqlglot
        from sqlglot import TokenType, exp
    except ImportError:
        raise UsageError(EXTRA) from None
    text = text.replace(f" as {INLINE} (", " as (")
    tokens = sqlglot.tokenize(text, read="duckdb")
    marks = [each for each in tokens if each.token_type is TokenType.PLACEHOLDER]
    given = {f"v{number}": value for number, value in enumerate(values)}
    for mark, name in reversed([*zip(marks, given, strict=True)]):
        text = f"{text[: mark.start]}${name}{text[mark.end + 1 :]}"
    tree = sqlglot.parse_one(text, read="duckdb")
    for field in [*tree.find_all(exp.JSONExtractScalar)]:
        field.replace(_field(field, given))
    return tree.sql(dialect="spark"), given


def _field(field: exp.JSONExtractScalar, given: dict[str, Any]) -> exp.Expression:
    """Reads a field of a JSON object as one of a map, which knows names that hold anything."""
    from sqlglot import exp

    name = field.expression.name
    given[name] = given[name].removeprefix("/").replace("~1", "/").replace("~0", "~")
    kind = exp.Literal.string("map<string,string>")
    found = exp.Anonymous(this="from_json", expressions=[field.this, kind])
    return exp.Anonymous(this="try_element_at", expressions=[found, field.expression])
