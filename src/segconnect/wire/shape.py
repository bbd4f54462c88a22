"""What the shapes of the import side have in common: tolerant of type, strict of meaning."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from enum import Enum
from functools import lru_cache
from typing import Annotated, Any, NamedTuple, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    StringConstraints,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)
from pydantic_core import PydanticCustomError, from_json

from segconnect.types import MAX_ID, Id, shown

MAX_TEXT = 10_000  # characters

Text = Annotated[str, StringConstraints(max_length=MAX_TEXT)]


def _blank_is_nothing(value: Any) -> Any:
    return None if value == "" else value


Blank = BeforeValidator(_blank_is_nothing)
"""For a field whose empty text means that nothing was chosen."""


_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


def is_name(text: str) -> bool:
    """Tells whether a name can stand for an id where none was given."""
    return 0 < len(text) <= MAX_ID and not _CONTROL.search(text)


def _read_name(value: Any, read_id: ValidatorFunctionWrapHandler) -> Any:
    if isinstance(value, str) and is_name(text := value.strip()):
        return text
    return read_id(value)  # which reads numbers, and says what is wrong


Name = Annotated[Id, WrapValidator(_read_name)]
"""A name that stands for an id until one comes. Unlike an id it may hold what joins emoji."""


def lower(value: Any) -> Any:
    """Reads the words of a list whatever their case."""
    return value.strip().lower() if isinstance(value, str) else value


class ShapeError(ValueError):
    """A body that cannot be used; `errors` are the account's sentences, every problem at once."""

    def __init__(self, errors: list[str]) -> None:
        self.errors = errors
        super().__init__("; ".join(errors))


class Shape(BaseModel):
    """An object as a program sends it. Fields that are not known are left aside."""

    model_config = ConfigDict(coerce_numbers_to_str=True, extra="ignore", allow_inf_nan=False)

    @classmethod
    def read(cls, body: bytes) -> Self:
        """Reads the JSON of a request.

        Raises:
            ShapeError: It is no JSON object, or fields are missing or wrong.
        """
        try:
            shape = cls.model_validate_json(body)
        except ValidationError as error:
            also = [] if error.errors()[0]["type"] == "json_invalid" else cls.also(from_json(body))
            raise ShapeError(sentences(error) + also) from None
        return shape._checked(may_hold_nul=b"\\u0000" in body)

    @classmethod
    def read_object(cls, values: Any) -> Self:
        """Reads JSON that was parsed already.

        Raises:
            ShapeError: See `read`.
        """
        try:
            shape = cls.model_validate(values)
        except ValidationError as error:
            raise ShapeError(sentences(error) + cls.also(values)) from None
        return shape._checked(may_hold_nul="\\u0000" in repr(values) or "\\x00" in repr(values))

    def _checked(self, *, may_hold_nul: bool) -> Self:
        problems = self.problems()
        if problems:
            raise ShapeError(problems)
        if may_hold_nul:
            given = self.given()  # in no order of its own
            refuse_nul({name: given[name] for name in type(self).model_fields if name in given})
        return self

    def problems(self) -> list[str]:
        """Answers what is wrong between fields that are each well by themselves."""
        return []

    @classmethod
    def also(cls, values: Any) -> list[str]:
        """Answers what `problems` would say, for a body that is already wrong otherwise."""
        return []

    def given(self) -> dict[str, Any]:
        """Answers what was given, null included, as plain values: times are seconds UTC."""
        values = self.__dict__
        answer = {}
        for name in self.model_fields_set:
            value = values[name]
            answer[name] = value if type(value) in _PLAIN else _plain(value)
        return answer


_PLAIN = {str, int, float, bool, type(None)}


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return int(value.timestamp())
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Shape):
        return value.given()
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return value


def refuse_nul(value: Any) -> None:
    """Refuses NUL characters, which no database keeps in a text; names each place of one.

    Raises:
        ShapeError: There is one.
    """
    errors: list[str] = []
    texts: list[tuple[str, Any]] = [("", value)]
    for place, one in texts:  # which grows as its collections are opened
        if isinstance(one, str) and "\0" in one:
            where = f"{shown(place)} field: " if place else ""
            errors.append(f"{where}{shown(one)} holds a NUL character")
        if isinstance(one, dict):
            begin = f"{place}." if place else ""
            texts += [(place, key) for key in one]
            texts += [(f"{begin}{key}", each) for key, each in one.items()]
        elif isinstance(one, list):
            texts += [(f"{place}.{number}", each) for number, each in enumerate(one)]
    if errors:
        raise ShapeError(list(dict.fromkeys(errors)))


def sentences(error: ValidationError) -> list[str]:
    """Says pydantic's errors in the sentences of the import API: "missing 'id' field"."""
    answer: dict[str, None] = {}  # a set that keeps its order
    for each in error.errors(include_url=False):
        place = ".".join(str(step) for step in each["loc"] if step not in BRANCHES)
        kind, value = each["type"], each["input"]
        if kind in ("json_invalid", "model_type", "model_attributes_type") and not place:
            problem = str(each.get("ctx", {}).get("error", f"found {shown(value)}"))
            sentence = f"the body is not a JSON object: {problem}"
        elif kind == MISSING:
            sentence = f"missing '{place}' field{each['msg']}"
        elif kind == "missing" or (value is None and place):
            sentence = f"missing '{place}' field"
        elif kind == "value_error":
            sentence = short(
                f"'{place}' field: {str(each['msg']).removeprefix('Value error, ')}", 300
            )
        else:
            wanted = EXPECTED.get(kind, str(each["msg"])).format_map(each.get("ctx", {}))
            sentence = f"'{place}' field: {wanted}, found {shown(value)}"
        answer[sentence] = None
    return list(answer)


EXPECTED = {
    "list_type": "expected an array",
    "dict_type": "expected an object",
    "model_type": "expected an object",
    "model_attributes_type": "expected an object",
    "string_type": "expected a text",
    "string_too_long": "expected at most {max_length} characters",
    "too_long": "expected at most {max_length} items",
    "bool_type": "expected true or false",
    "bool_parsing": "expected true or false",
    "int_type": "expected a whole number",
    "int_parsing": "expected a whole number",
    "int_parsing_size": "expected a whole number",
    "int_from_float": "expected a whole number",
    "float_type": "expected a number",
    "float_parsing": "expected a number",
    "finite_number": "expected a number",
    "greater_than_equal": "expected at least {ge}",
    "less_than_equal": "expected at most {le}",
    "enum": "expected {expected}",
}
"""What pydantic found missing, in our words: the same whether JSON or a batch's line was read."""


def short(text: str, most: int = 100) -> str:
    """Cuts the middle out of a text that is too long to be shown to people."""
    return text if len(text) <= most else f"{text[: most // 2]}...{text[-most // 2 :]}"


MISSING = "missing_here"


def missing(why: str = "") -> PydanticCustomError:
    """The error of a field that must be there because of what others hold."""
    return PydanticCustomError(MISSING, "{why}", {"why": why})


BRANCHES = ("a reference", "an object")
"""The names of a union's branches, which say nothing to a reader of an error."""


class Endpoint(NamedTuple):
    """One call of the import API within an integration."""

    method: str
    path: str  # with {id} where the path ends in one
    object: str  # the name of the object in the answer
    shape: type[Shape] | None
    summary: str


@lru_cache(maxsize=50_000)
def utc_text(seconds: int) -> str:
    """Writes a moment as the reporting API does: ISO-8601 with offset."""
    return datetime.fromtimestamp(seconds, UTC).isoformat()
