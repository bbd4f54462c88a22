"""The built-in functions, one module for each family of the palette."""

from segconnect.mapping.functions import arrays, dates, general, math, text

FAMILIES = (general, math, text, dates, arrays)
"""The modules that declare them, in the order of the reference."""
