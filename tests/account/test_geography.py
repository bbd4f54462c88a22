"""Where visitors are, by a GeoIP file on this machine."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from ipaddress import ip_network
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from segconnect.account.writing import geography
from segconnect.errors import UsageError
from tests.conftest import Account

OSLO = {
    "country": {"iso_code": "NO"},
    "subdivisions": [{"names": {"en": "Oslo County", "nb": "Oslo fylke"}}],
    "city": {"names": {"en": "Oslo"}},
    "postal": {"code": "0150"},
    "location": {"latitude": 59.9, "longitude": 10.75},
}


class Whole(NamedTuple):
    """A whole number of the file's own: of two, four or eight bytes."""

    number: int
    kind: int = 5
    size: int = 2


def encoded(value: Any) -> bytes:
    """A value in the data section of an MMDB file."""

    def head(kind: int, size: int) -> bytes:
        if kind < 8:
            return bytes([kind << 5 | size])
        return bytes([size, kind - 7])

    if isinstance(value, str):
        text = value.encode()
        assert len(text) < 29
        return head(2, len(text)) + text
    if isinstance(value, float):
        return head(3, 8) + struct.pack(">d", value)
    if isinstance(value, Whole):
        return head(value.kind, value.size) + value.number.to_bytes(value.size)
    if isinstance(value, list):
        return head(11, len(value)) + b"".join(map(encoded, value))
    pairs = (encoded(key) + encoded(each) for key, each in value.items())
    return head(7, len(value)) + b"".join(pairs)


def write(path: Path, network: str, record: Any) -> None:
    """Writes an MMDB file with one network of IPv4 addresses."""
    found = ip_network(network)
    bits = [int(bit) for bit in f"{int(found.network_address):032b}"[: found.prefixlen]]
    count = len(bits)
    nodes = b""
    for number, bit in enumerate(bits):
        there = number + 1 if number + 1 < count else count + 16
        sides = [count, count]  # which means: not found
        sides[bit] = there
        nodes += b"".join(side.to_bytes(3) for side in sides)
    metadata = {
        "node_count": Whole(count, 6, 4), "record_size": Whole(24), "ip_version": Whole(4),
        "database_type": "Test-City", "languages": ["en"], "build_epoch": Whole(1, 9, 8),
        "binary_format_major_version": Whole(2), "binary_format_minor_version": Whole(0),
        "description": {"en": "One city"},
    }  # fmt: skip
    marker = b"\xab\xcd\xefMaxMind.com"
    path.write_bytes(nodes + bytes(16) + encoded(record) + marker + encoded(metadata))


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A GeoIP file in which 203.0.113.0/24 is in Oslo, and that is set."""
    path = tmp_path / "city.mmdb"
    write(path, "203.0.113.0/24", OSLO)
    monkeypatch.setenv("SEGCONNECT_GEOIP", str(path))
    for cached in (geography.load_path, geography._opened):
        cached.cache_clear()
    yield path
    for cached in (geography.load_path, geography._opened):
        cached.cache_clear()


def places(account: Account) -> list[Any]:
    """Where the contact's views came from."""
    names = ("ip_address", "country_code", "region", "city", "postal_code", "latitude", "longitude")
    events = account.contact("42", "events")["events"]
    return [tuple(event[name] for name in names) for event in events]


def test_a_visitor_is_where_the_file_says_unless_the_view_says_so_itself(
    file: Path, account: Account
) -> None:
    account.send("contact", {"contact_id": 42})
    for number, fields in enumerate(
        [
            {"ip_address": "203.0.113.77"},
            {"ip_address": "198.51.100.1"},
            {"ip_address": "2001:db8::1"},
            {"ip_address": "nonsense"},
            {"ip_address": "203.0.113.77", "country_code": "SE"},
        ]
    ):
        view = {"contact_id": 42, "url": f"https://tea.example/{number}", "uid": "v1"}
        account.send("page_view", {**view, "date_created": f"2026-02-0{number + 1}", **fields})

    nowhere = (None,) * 6
    assert places(account) == [
        ("203.0.113.0", "NO", "Oslo County", "Oslo", "0150", "59.9", "10.75"),
        ("198.51.100.0", *nowhere),
        ("2001:db8::", *nowhere),
        (None, *nowhere),
        ("203.0.113.0", "SE", *nowhere[1:]),
    ]


@pytest.mark.parametrize(
    "record", ["NO", {}, {"country": "NO", "subdivisions": [], "city": Whole(1)}]
)
def test_a_record_of_another_form_says_nothing(file: Path, record: Any) -> None:
    write(file, "203.0.113.0/24", record)

    assert geography.place_of("203.0.113.77") == {}


def test_a_file_that_is_broken_costs_nobody_a_view(
    file: Path, account: Account, caplog: pytest.LogCaptureFixture
) -> None:
    file.write_text("no database")

    for number in range(3):
        account.send(
            "page_view", {"uid": "v1", "url": f"https://x.no/{number}", "ip_address": "::1"}
        )

    assert caplog.text.count("city.mmdb") == 1


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    (tmp_path / "broken.mmdb").write_text("no database")

    with pytest.raises(UsageError, match=r"SEGCONNECT_GEOIP: .*broken.mmdb: it is no GeoIP"):
        geography.open_file(tmp_path / "broken.mmdb")
    with pytest.raises(UsageError, match=r"none.mmdb: No such file"):
        geography.open_file(tmp_path / "none.mmdb")
