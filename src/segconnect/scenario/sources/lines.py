"""The physical lines of a text file, each with the byte that it ends at; and where reading stands.

A file that grew is read on from where reading stood; any other file is a new one. It is the old one
if its beginning, and the piece that was read last, still are what they were; dates of files are not
looked at. What was changed between these two is not noticed.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from hashlib import sha256
from io import BufferedReader
from typing import Any
from zlib import crc32

from segconnect.errors import SourceError
from segconnect.scenario.sources.options import Cursor, part

HEAD_BYTES = 4096
CHUNK = 1 << 16
BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig", "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32", "utf-32-le"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32", "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16", "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16", "utf-16-be"),
)
"""Byte-order marks, what an encoding with one is called, and how its characters are written."""


def after_mark(file: BufferedReader, encoding: str) -> tuple[int, str]:
    """Answers where text begins in a file, and the encoding of its characters."""
    file.seek(0)
    beginning = file.read(4)
    name = codecs.lookup(encoding).name
    for mark, marked, written in BOMS:
        if beginning.startswith(mark) and name in (marked, written):
            return len(mark), written
    # UTF-16 without a mark is little-endian on every computer of today
    bare = {"utf-8-sig": "utf-8", "utf-16": "utf-16-le", "utf-32": "utf-32-le"}
    return 0, bare.get(name, name)


class Lines:
    """The lines of an open file as text, their line ends kept, from one byte on.

    Args:
        file: The file.
        encoding: How its characters are written, without a byte-order mark.
        at: The byte to begin at.
        number: How many lines are before it.

    Attributes:
        at: The byte after the last line that was given.
        number: How many lines there are before that byte.
        crc: Of the bytes that were given since it was set to 0.
        has_ended: Whether one more line was asked for than there are.
        is_broken: Whether a line was given, since this was False, that is not in the encoding.
    """

    def __init__(self, file: BufferedReader, encoding: str, at: int = 0, number: int = 0) -> None:
        self.at, self.number, self.crc, self.has_ended = at, number, 0, False
        self.encoding, self.is_broken = encoding, False
        self._file = file
        self._break = "\n".encode(encoding)
        if len(self._break) not in (1, 2, 4):
            raise SourceError(
                f"text in {encoding} cannot be read line by line; convert it to UTF-8"
            )
        file.seek(at)

    def __iter__(self) -> Iterator[str]:
        """Gives the lines that are left."""
        encoding = self.encoding
        for raw in self._raw():
            self.at += len(raw)
            self.crc = crc32(raw, self.crc)
            self.number += 1
            try:
                line = str(raw, encoding)
            except UnicodeDecodeError:
                self.is_broken, line = True, str(raw, encoding, "replace")
            yield line
        self.has_ended = True

    def _raw(self) -> Iterator[bytes]:
        if len(self._break) > 1:
            yield from self._split(self._break)
            return
        old = self._ends_in_returns()
        for line in self._split(b"\r") if old else self._file:
            found = line.find(b"\r")
            if old or (found >= 0 and line[found:] != b"\r\n"):  # a lone return ends a line, too
                yield from line.splitlines(keepends=True)
            else:
                yield line

    def _ends_in_returns(self) -> bool:
        """Whether lines end as on the first Macintoshes."""
        place = self._file.tell()
        sample = self._file.read(CHUNK)
        self._file.seek(place)
        return b"\n" not in sample and b"\r" in sample[:-1]

    def _split(self, mark: bytes) -> Iterator[bytes]:
        """Splits at a line break, where it stands on the boundary of a character."""
        rest, unit = b"", len(mark)
        while chunk := self._file.read(CHUNK):
            rest += chunk
            begin = look = 0
            while (found := rest.find(mark, look)) >= 0:
                look = found + unit
                if found % unit:
                    look = found + 1
                    continue
                yield rest[begin:look]
                begin = look
            rest = rest[begin:]
        if rest:
            yield rest


class Fingerprint:
    """What a file's cursors are made of: they fit the same file, also when it has grown."""

    def __init__(self, file: BufferedReader) -> None:
        file.seek(0)
        beginning = file.read(HEAD_BYTES)
        self.head = [len(beginning), _hash(beginning)]

    def cursor(self, begin: int, end: int, crc: int, line: int, number: int) -> dict[str, Any]:
        """Makes the cursor of a piece of the file.

        Args:
            begin: The piece's first byte.
            end: The byte after it.
            crc: The CRC-32 of the piece.
            line: How many lines end before `begin`.
            number: How many lines end before `end`.
        """
        return {
            "head": self.head,
            "begin": begin,
            "end": end,
            "crc": crc,
            "line": line,
            "lines": number,
        }


def place_after(file: BufferedReader, cursor: Cursor) -> tuple[int, int] | None:
    """Finds where to read on: the byte, and the lines before it; None if it is another file.

    Where the last piece had no line end when it was read, and the file went on in the same line,
    the piece was incomplete: it is read again, whole.
    """
    head = part(cursor, "head", kind=list)
    begin, end = part(cursor, "begin"), part(cursor, "end")
    file.seek(0)
    if [head[0], _hash(file.read(head[0]))] != head:
        return None
    file.seek(begin)
    piece = file.read(end - begin)
    if len(piece) < end - begin or crc32(piece) != part(cursor, "crc"):
        return None
    number: int = part(cursor, "lines")
    following = file.read(8)
    if not following or _ends_line(piece[-4:].strip(b"\0")[-1:]):
        return end, number
    if _ends_line(following.strip(b"\0")[:1]):
        return end, number - 1  # the line is counted when its end is read
    return begin, part(cursor, "line")


def _ends_line(character: bytes) -> bool:
    return character in (b"\n", b"\r")


def _hash(data: bytes) -> str:
    return sha256(data).hexdigest()[:16]
