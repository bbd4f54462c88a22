"""The mapping language: templates with {{expressions}}, filled in from bundles.

    evaluate("Hello {{1.first}}", {1: {"first": "Ann"}})  →  "Hello Ann"

Values in, values out: no clock (when `now` is given), no socket, no database. `compile_template`
and `compile_value` do the reading once; what they answer is called with a `Context` for every
bundle. A template gives a value or a MappingError, in bounded time and memory, and nothing else.
"""

from segconnect.mapping.context import Context
from segconnect.mapping.registry import Functions, form, function, load_functions
from segconnect.mapping.registry import installed as installed_functions
from segconnect.mapping.template import Template, compile_template, compile_value, evaluate
from segconnect.mapping.values import ERASE, IGNORE, UnusableError, Value

__all__ = [
    "ERASE",
    "IGNORE",
    "Context",
    "Functions",
    "Template",
    "UnusableError",
    "Value",
    "compile_template",
    "compile_value",
    "evaluate",
    "form",
    "function",
    "installed_functions",
    "load_functions",
]
