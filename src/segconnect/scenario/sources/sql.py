"""Rows of a database, of any that SQLAlchemy has a driver for."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID
from zlib import crc32

from pydantic import Field, model_validator
from sqlalchemy import (
    URL,
    ColumnElement,
    Connection,
    Executable,
    Select,
    and_,
    bindparam,
    column,
    create_engine,
    event,
    false,
    literal_column,
    make_url,
    or_,
    select,
    text,
)
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from segconnect.errors import SourceError, UnreachableError
from segconnect.scenario.bundle import Place, SourceBundle
from segconnect.scenario.sources.csv import unique_names
from segconnect.scenario.sources.options import Cursor, Opening, Options, part
from segconnect.scenario.sources.values import bundle_values

BATCH_ROWS = 1_000
SQLITE_STEPS = 10_000  # of its virtual machine, between two looks at the clock


class SqlOptions(Options):
    """The parameters of a database query."""

    url: str | None = Field(
        None,
        description="The database, as SQLAlchemy writes it: postgresql+psycopg://user@host/shop or"
        " sqlite:///shop.db. A password belongs into a connection.",
    )
    connection: str | None = Field(
        None, description="The name of saved credentials that hold the url, instead of it."
    )
    query: str = Field(min_length=1, description="One SELECT; :name stands for a parameter.")
    parameters: dict[str, Any] = Field({}, description="The values of the query's parameters.")
    cursor_column: str | list[str] = Field(
        [],
        description="A column of the result that grows with every new row, such as id; or columns"
        " that do so together, such as [updated_at, id]. Rows are read in their order, and a later"
        " run takes only greater ones. Left out, each run reads all rows.",
    )
    timeout: float = Field(
        300,
        gt=0,
        description="Seconds that PostgreSQL or SQLite may take to give the next rows.",
    )

    @model_validator(mode="after")
    def _has_one_place(self) -> SqlOptions:
        if (self.url is None) == (self.connection is None):
            raise ValueError("give one of the parameters 'url' and 'connection': the database")
        return self


class SqlSource:
    """Gives each row of a query as a bundle; a NULL is absent from it. It only reads.

    With cursor columns, a run goes on after the last row it had. Rows of the same value there are
    told apart by more columns, as in [updated_at, id]; a single column with equal values is read
    on before the equal ones, so that none is lost. A row that comes later with a smaller value is
    not seen. Without cursor columns, a run that broke off counts rows, in the query's own order.
    Rows are read as they are asked for: the query's transaction lasts as long as the run.

    Raises:
        SourceError: The database is not known or the query cannot be run.
    """

    OPTIONS = SqlOptions
    PARAMETERS = SqlOptions.model_fields
    label = "Database query"

    def __init__(self, options: SqlOptions, opening: Opening) -> None:
        self.options, self._done = options, 0
        by = options.cursor_column
        self._columns = [by] if isinstance(by, str) else list(by)
        self._url = _reachable(_read_url(options, opening), opening.base)
        self._host = self._url.database or self._url.drivername
        if self._url.get_backend_name() == "sqlite":
            self._host = Path(self._host.removeprefix("file:").partition("?")[0]).name
        try:
            self._engine = create_engine(self._url, poolclass=NullPool, hide_parameters=True)
        except (NoSuchModuleError, ModuleNotFoundError, ArgumentError):
            raise SourceError(
                f"there is no driver for {self._url.drivername}; install one, such as psycopg for"
                " postgresql+psycopg or pymysql for mysql+pymysql"
            ) from None
        event.listen(self._engine, "connect", self._only_reads)

    def progress(self) -> tuple[int, int]:
        """Answers how many rows were read."""
        return self._done, 0

    def bundles(self, after: Cursor | None = None) -> Iterator[SourceBundle]:
        """Gives a bundle for each row, in the order of the cursor columns."""
        known, passed, values = self._known(after)
        statement = self._statement(values)
        with self._rows(statement) as (names, rows):
            missing = [repr(name) for name in self._columns if name not in names]
            if missing:
                raise SourceError(
                    f"{self._host}: the query has no column {', '.join(missing)};"
                    f" its columns are {', '.join(names)}"
                )
            at = [names.index(name) for name in self._columns]
            number, complete = known, values
            row = next(rows, None)
            for _ in range(passed):
                row = row and next(rows, None)
            while row is not None:
                following = next(rows, None)
                number += 1
                here = [row[index] for index in at]
                is_complete = following is None or here != [following[index] for index in at]
                if is_complete and None not in here:
                    complete = here
                cursor = self._cursor(number, following is None, complete)
                self._done = number
                place = Place(self._host, number, number, "row")
                yield self._bundle(names, row, here, place, cursor)
                row = following

    def _bundle(
        self, names: list[str], row: Sequence[Any], here: list[Any], place: Place, cursor: Any
    ) -> SourceBundle:
        error = None
        if any(value is None for value in here):
            error = SourceError(
                f"the row has no {' or no '.join(self._columns)}, so no place in the order"
            )
        return SourceBundle(bundle_values(names, row), place, error, cursor)

    # -- the place -------------------------------------------------------------------------------

    def _cursor(self, number: int, is_last: bool, values: list[Any] | None) -> Cursor:
        if not self._columns:
            return {"query": self._query_mark(), "rows": 0 if is_last else number}
        return {"rows": number, "values": values and [_written(value) for value in values]}

    def _known(self, after: Cursor | None) -> tuple[int, int, list[Any] | None]:
        """Answers how many rows were given, how many to pass over, and after which values."""
        if after is None:
            return 0, 0, None
        rows = part(after, "rows")
        if not self._columns:
            rows = rows if after.get("query") == self._query_mark() else 0
            return rows, rows, None
        values = part(after, "values", kind=(list, type(None)))
        return rows, 0, values and [_read(value) for value in values]

    def _query_mark(self) -> int:
        return crc32(self.options.query.encode())

    def _statement(self, values: list[Any] | None) -> Executable:
        given = text(self.options.query.rstrip().rstrip(";"))
        if self.options.parameters:
            given = given.bindparams(**self.options.parameters)
        if not self._columns:
            return given
        columns: list[ColumnElement[Any]] = [column(name) for name in self._columns]
        inner = given.columns(*columns).subquery("given")
        sorted_by = [inner.c[name] for name in self._columns]
        statement: Select[Any] = select(literal_column("*")).select_from(inner).order_by(*sorted_by)
        return statement if values is None else statement.where(_is_greater(sorted_by, values))

    # -- the database ----------------------------------------------------------------------------

    @contextmanager
    def _rows(self, statement: Executable) -> Iterator[tuple[list[str], Iterator[Sequence[Any]]]]:
        try:
            connection = self._engine.connect()
        except SQLAlchemyError as error:
            raise UnreachableError(
                f"{self._host}: cannot be reached: {self._reason(error)}", may_have_arrived=False
            ) from None
        try:
            with connection:
                self._prepare(connection)
                result = connection.execution_options(yield_per=BATCH_ROWS).execute(statement)
                if not result.returns_rows:
                    raise SourceError(f"{self._host}: the query gives no rows; expected a SELECT")
                yield unique_names(list(result.keys())), self._timed(result)
        except SQLAlchemyError as error:
            raise self._told(error) from None

    def _timed(self, rows: Iterable[Sequence[Any]]) -> Iterator[Sequence[Any]]:
        """Gives rows, with the whole time-out for each."""
        for row in rows:
            yield row
            self._deadline = time.monotonic() + self.options.timeout

    def _prepare(self, connection: Connection) -> None:
        """Makes the transaction one that only reads, where the database knows such."""
        if self._url.get_backend_name() == "postgresql":
            milliseconds = int(self.options.timeout * 1000)
            connection.execute(text("SET TRANSACTION READ ONLY"))
            connection.execute(text(f"SET LOCAL statement_timeout = {milliseconds}"))

    def _only_reads(self, connection: Any, _: Any) -> None:
        """Prepares a new connection of the driver."""
        kind = self._url.get_backend_name()
        if kind == "sqlite":
            self._deadline = time.monotonic() + self.options.timeout
            connection.execute("PRAGMA query_only = ON")
            connection.set_progress_handler(lambda: time.monotonic() > self._deadline, SQLITE_STEPS)
        elif kind in ("mysql", "mariadb"):
            with connection.cursor() as cursor:
                cursor.execute("SET SESSION TRANSACTION READ ONLY")

    def _told(self, error: SQLAlchemyError) -> SourceError | UnreachableError:
        """Makes the database's complaint one of ours."""
        reason = self._reason(error)
        if getattr(error, "connection_invalidated", False):
            return UnreachableError(f"{self._host}: {reason}", may_have_arrived=False)
        if "interrupt" in reason or "statement timeout" in reason:
            seconds = f"{self.options.timeout:g} seconds"
            reason = f"it took longer than the timeout of {seconds}: {reason}"
        return SourceError(f"{self._host}: the query failed: {reason}")

    def _reason(self, error: SQLAlchemyError) -> str:
        """Answers the first line of the driver's complaint, without what is secret."""
        cause = getattr(error, "orig", None) or error
        reason = (str(cause).strip() or type(cause).__name__).splitlines()[0]
        secrets = [self._url.password, *(v for k, v in self._url.query.items() if "pass" in k)]
        for secret in filter(None, secrets):
            reason = reason.replace(str(secret), "***")
        return reason

    # -- what is shown before use ----------------------------------------------------------------

    def found(self) -> Mapping[str, Any]:
        """Answers the database, without what is secret."""
        return {"database": self._host, "kind": self._url.get_backend_name()}


def _read_url(options: SqlOptions, opening: Opening) -> URL:
    given = options.url
    if given is None:
        credentials = opening.credentials(str(options.connection))
        given = str(credentials.get("url") or "")
    try:
        return make_url(given)
    except ArgumentError:
        raise SourceError(
            "the database's url is none; expected one such as postgresql+psycopg://user@host/shop"
        ) from None


def _reachable(url: URL, base: Path) -> URL:
    """Makes a SQLite file one that is opened as it is: from the scenario's directory, not made."""
    name = url.database
    if url.get_backend_name() != "sqlite" or not name or name.startswith((":", "file:")):
        return url
    path = (base / name).absolute()
    if not path.is_file():
        raise SourceError(f"{path}: cannot be read: No such file or directory")
    return url.set(database=path.as_uri(), query={**url.query, "mode": "ro", "uri": "true"})


def _is_greater(
    columns: Sequence[ColumnElement[Any]], values: Sequence[Any]
) -> ColumnElement[bool]:
    """Whether columns come after values: of the first that differs, the column is greater."""
    rows = []
    for index, (each, value) in enumerate(zip(columns, values, strict=True)):
        equal = [
            before == bindparam(None, known, type_=None, unique=True)
            for before, known in zip(columns[:index], values[:index], strict=True)
        ]
        rows.append(and_(*equal, each > bindparam(None, value, unique=True)))
    return or_(false(), *rows)


def _written(value: Any) -> Any:
    """Writes a value of a cursor column as JSON, so that its type is kept."""
    if value is None or isinstance(value, (str, int, float)):
        return value
    if isinstance(value, (datetime, date)):
        return {type(value).__name__: value.isoformat()}
    if isinstance(value, (bytes, bytearray, memoryview)):
        return {"bytes": bytes(value).hex()}
    if isinstance(value, (Decimal, UUID)):
        return {type(value).__name__: str(value)}
    raise SourceError(f"a cursor column holds numbers, texts or dates, not {type(value).__name__}")


_READERS = {
    "datetime": datetime.fromisoformat,
    "date": date.fromisoformat,
    "bytes": bytes.fromhex,
    "Decimal": Decimal,
    "UUID": UUID,
}


def _read(value: Any) -> Any:
    if not isinstance(value, Mapping):
        return value
    [(kind, written)] = value.items()
    return _READERS[kind](written)
