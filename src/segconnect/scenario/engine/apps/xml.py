"""XML: parse, create. Document types are refused: entities could grow without bound."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from xml.parsers import expat
from xml.sax.saxutils import escape, quoteattr

from segconnect.mapping.values import read_number, to_boolean, to_text
from segconnect.scenario.engine.errors import ModuleError, missing
from segconnect.scenario.engine.registry import Bundle, Call, Parameters, Values, module, option

MAX_DEPTH = 200
MAX_ELEMENTS = 500_000

_NUMBER = re.compile(r"-?(?:0|[1-9]\d{0,14})(?:\.\d{1,15})?")
_NAME = re.compile(r"[A-Za-z_:][\w:.-]*")


class _Reader:
    def __init__(self, keeps_numbers_as_text: bool) -> None:
        self.keeps = keeps_numbers_as_text
        self.stack: list[tuple[dict[str, Any], list[str], dict[str, str]]] = [({}, [], {})]
        self.count = 0
        self.parser = expat.ParserCreate()
        self.parser.buffer_text = True
        self.parser.StartElementHandler = self.start
        self.parser.EndElementHandler = self.end
        self.parser.CharacterDataHandler = self.text
        self.parser.StartDoctypeDeclHandler = self.doctype

    def doctype(self, *_: Any) -> None:
        raise ModuleError("DataError", "the XML has a document type, which is not read")

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self.count += 1
        if len(self.stack) > MAX_DEPTH or self.count > MAX_ELEMENTS:
            raise ModuleError("DataError", "the XML has too many elements, or too deep ones")
        self.stack.append(({}, [], attributes))

    def text(self, text: str) -> None:
        self.stack[-1][1].append(text)

    def end(self, name: str) -> None:
        children, texts, attributes = self.stack.pop()
        text = "".join(texts)
        value = self.value(text if not children else text.strip())
        element: Any = value
        if children or attributes:
            element = dict(children)
            if attributes:
                element["_attributes"] = {k: self.value(v) for k, v in attributes.items()}
            if value != "":
                element["_value"] = value
        self.stack[-1][0].setdefault(name, []).append(element)

    def value(self, text: str) -> Any:
        return read_number(text) if not self.keeps and _NUMBER.fullmatch(text) else text


def read_xml(source: str | bytes, *, keeps_numbers_as_text: bool = False) -> dict[str, Any]:
    """Reads XML: elements by qualified name, each child an array, the root itself none.

    Raises:
        ModuleError: DataError, with the place where it goes wrong.
    """
    reader = _Reader(keeps_numbers_as_text)
    try:
        reader.parser.Parse(source.strip(), True)
    except expat.ExpatError as error:
        why = expat.errors.messages.get(error.code, "it cannot be read")
        raise ModuleError(
            "DataError",
            f"Source is not valid XML: {why} at line {error.lineno}, column {error.offset + 1}.",
        ) from None
    except ValueError as error:
        raise ModuleError("DataError", f"Source is not valid XML: {error}.") from None
    return {name: elements[0] for name, elements in reader.stack[0][0].items()}


@module("xml:ParseXML")
def parse(call: Call, parameters: Parameters, values: Values) -> Bundle:
    """Parses XML."""
    found = values.get("xml")
    if found is None:
        raise missing("xml")
    keeps = to_boolean(option(parameters, values, "preserveNumbersAsText"))
    source = found if isinstance(found, bytes) else to_text(found)
    return read_xml(source, keeps_numbers_as_text=keeps)


def write_xml(name: str, value: Any, depth: int = 0) -> str:
    """Writes an element, in the shape that `read_xml` reads.

    Raises:
        ModuleError: A name is none in XML, or the value is nested too deeply.
    """
    if not _NAME.fullmatch(name):
        raise ModuleError("DataError", f"{name!r} is not a name of an XML element")
    if depth > MAX_DEPTH:
        raise ModuleError("DataError", f"the value is nested more than {MAX_DEPTH} deep")
    if isinstance(value, (list, tuple)):
        return "".join(write_xml(name, item, depth + 1) for item in value)
    if not isinstance(value, Mapping):
        return f"<{name}>{escape(_clean(value))}</{name}>"
    attributes = value.get("_attributes")
    written = ""
    for key, item in (attributes if isinstance(attributes, Mapping) else {}).items():
        if not _NAME.fullmatch(str(key)):
            raise ModuleError("DataError", f"{key!r} is not a name of an XML attribute")
        written += f" {key}={quoteattr(_clean(item))}"
    inner = escape(_clean(value["_value"])) if value.get("_value") is not None else ""
    inner += "".join(
        write_xml(str(key), item, depth + 1)
        for key, item in value.items()
        if key not in ("_attributes", "_value") and item is not None
    )
    return f"<{name}{written}>{inner}</{name}>" if inner else f"<{name}{written}/>"


_UNWRITABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


def _clean(value: Any) -> str:
    return _UNWRITABLE.sub("", to_text(value))


@module("xml:CreateXML")
def create(call: Call, parameters: Parameters, values: Values) -> Bundle:
    """Makes XML; with more than one field, of a root element around them."""
    is_root = len(values) == 1 and not isinstance(next(iter(values.values())), list)
    name = next(iter(values)) if is_root else str(parameters.get("root") or "root")
    body = write_xml(name, values[name] if is_root else dict(values))
    return {"xml": f'<?xml version="1.0" encoding="UTF-8"?>{body}'}
