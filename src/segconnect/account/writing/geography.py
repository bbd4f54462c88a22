"""Where an address is, by a GeoIP file on this machine; nobody is asked over the network."""

from __future__ import annotations

import logging
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from segconnect.errors import UsageError
from segconnect.settings import load

if TYPE_CHECKING:
    import maxminddb


LOG = logging.getLogger(__name__)


def place_of(address: str | None) -> dict[str, Any]:
    """Answers where an address is, as a page view says it; nothing where that is not known."""
    if not address:
        return {}
    reader = _opened(load_path())
    if reader is None:
        return {}
    try:
        found = reader.get(address.strip())
    except ValueError:  # it is no address, or an IPv6 one and the file has none
        return {}
    return _read(found) if isinstance(found, dict) else {}


@cache
def load_path() -> Path | None:
    """Answers the GeoIP file that is set."""
    return load().geoip


@cache
def _opened(path: Path | None) -> maxminddb.Reader | None:
    if path is None:
        return None
    try:
        return open_file(path)
    except UsageError as error:  # which the server told when it began
        LOG.warning("%s; it is not known where visitors are", error)
        return None


def open_file(path: Path) -> maxminddb.Reader:
    """Opens a GeoIP file.

    Raises:
        UsageError: It cannot be read, or what reads it is not installed.
    """
    try:
        import maxminddb
    except ImportError:
        raise UsageError("a GeoIP file needs more: pip install 'segconnect[geoip]'") from None
    try:
        return maxminddb.open_database(path.expanduser())
    except OSError as error:
        raise UsageError(f"SEGCONNECT_GEOIP: {path}: {error.strerror}") from None
    except maxminddb.InvalidDatabaseError:
        raise UsageError(f"SEGCONNECT_GEOIP: {path}: it is no GeoIP file (MMDB)") from None


def _read(found: dict[str, Any]) -> dict[str, Any]:
    """Reads a city record, as GeoLite2 and DB-IP have it."""
    country, location = _inside(found, "country"), _inside(found, "location")
    regions = found.get("subdivisions")
    region = regions[0] if isinstance(regions, list) and regions else {}
    code = country.get("iso_code")
    said = {
        "country_code": code if isinstance(code, str) and len(code) == 2 else None,
        "region": _inside(region, "names").get("en"),
        "city": _inside(_inside(found, "city"), "names").get("en"),
        "postal_code": _inside(found, "postal").get("code"),
        "latitude": location.get("latitude"),
        "longitude": location.get("longitude"),
    }
    return {name: value for name, value in said.items() if value is not None}


def _inside(record: dict[str, Any], name: str) -> dict[str, Any]:
    held = record.get(name)
    return held if isinstance(held, dict) else {}
