"""The built-in functions, one module for each family of the palette."""

from segconnect.mapping.functions import arrays, dates, general, math, money, text

FAMILIES = (general, math, text, dates, arrays, money)
"""The modules that declare them, in the order of the reference."""
