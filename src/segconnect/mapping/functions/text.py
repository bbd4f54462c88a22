"""Text and binary functions. Positions in a text are counted from 0, in characters."""

from __future__ import annotations

import base64 as base64_coding
import binascii
import hashlib
import hmac
import html
import json
import mimetypes
import re
import unicodedata
from collections.abc import Callable
from urllib.parse import quote, unquote

from segconnect.mapping.functions.arrays import contains_item
from segconnect.mapping.regex import pattern_of, replace_pattern
from segconnect.mapping.registry import function
from segconnect.mapping.values import (
    MAX_ITEMS,
    MAX_TEXT,
    TOO_LONG,
    Number,
    UnusableError,
    Value,
    bounded,
    bounded_items,
    shown,
    to_buffer,
    to_text,
)

BLANKS = "\t\n\v\f\r \u00a0\u1680\u2028\u2029\u202f\u205f\u3000\ufeff" + "".join(
    map(chr, range(0x2000, 0x200B))
)
"""What JavaScript trims."""


@function('ascii("ěščřž"; true) → "escrz"', 'ascii("a→b") → "ab"')
def ascii_(text: str, remove_diacritics: bool = False) -> str:
    """Leaves out every character that is not ASCII; if told so, takes accents off first."""
    if remove_diacritics:
        text = unicodedata.normalize("NFD", text.translate(_LETTERS))
    return text.encode("ascii", "ignore").decode("ascii")


_LETTERS = str.maketrans(
    {"ß": "ss", "ø": "o", "Ø": "O", "ł": "l", "Ł": "L", "đ": "d", "Đ": "D", "æ": "ae", "Æ": "AE"}
    | {"œ": "oe", "Œ": "OE", "ð": "d", "Ð": "D", "þ": "th", "Þ": "Th", "ı": "i", "ħ": "h"}
)


@function('base64("Make") → "TWFrZQ=="')
def base64(value: bytes) -> str:
    """Encodes a text or a buffer in Base64; toString(toBinary(text; "base64")) decodes."""
    return bounded(base64_coding.b64encode(value).decode("ascii"))


@function('capitalize("make rocks") → "Make rocks"')
def capitalize(text: str) -> str:
    """Makes the first character a capital and leaves the rest as it is."""
    return text[:1].upper() + text[1:]


@function('startcase("hello WORLD") → "Hello World"')
def startcase(text: str) -> str:
    """Begins every word with a capital and makes the rest small."""
    return re.sub(r"\S+", lambda word: word[0][:1].upper() + word[0][1:].lower(), text)


@function('lower("HELLO") → "hello"')
def lower(text: str) -> str:
    """Makes every letter small."""
    return text.lower()


@function('upper("hello") → "HELLO"')
def upper(text: str) -> str:
    """Makes every letter a capital."""
    return bounded(text.upper())


@function('trim("  hello ") → "hello"')
def trim(text: str) -> str:
    """Takes white space off both ends."""
    return text.strip(BLANKS)


def _finder(search: Value) -> Callable[[Value], bool]:
    whole: Callable[[Value, Value], bool] = contains.run
    if type(search) is not str:
        return lambda value: whole(value, search)
    return lambda value: search in value if type(value) is str else whole(value, search)


@function(
    'contains("Hello World"; "Hello") → true',
    'contains(split("a,b"; ","); "b") → true',
    prepare=_finder,
)
def contains(text_or_array: Value | None, search: Value = "") -> bool:
    """Whether a text has another in it, or an array an item that equals a value."""
    if type(text_or_array) is str and type(search) is str:
        return search in text_or_array
    if isinstance(text_or_array, (list, tuple)):
        return contains_item(list(text_or_array), search)
    return to_text(search) in to_text(text_or_array)


@function('decodeURL("Automate%20workflow") → "Automate workflow"', name="decodeURL")
def decode_url(text: str) -> str:
    """Reads percent coding; a plus sign stays one."""
    return unquote(text, errors="replace")


@function('encodeURL("a b&c") → "a%20b%26c"', name="encodeURL")
def encode_url(text: str) -> str:
    """Writes a text in percent coding, as one part of an address."""
    return bounded(quote(text, safe="!~*'()", errors="replace"))


@function('escapeHTML("<b>it\'s</b>") → "&lt;b&gt;it&#39;s&lt;/b&gt;"', name="escapeHTML")
def escape_html(text: str) -> str:
    """Writes &, <, >, and both quotes so that HTML shows them."""
    return bounded(html.escape(text).replace("&#x27;", "&#39;"))


@function('stripHTML("<b>Hello</b>") → "Hello"', name="stripHTML")
def strip_html(text: str) -> str:
    """Takes HTML tags and comments out; entities stay as they are."""
    pieces, position = [], 0
    for opening in _TAG.finditer(text):
        if opening.start() < position:
            continue
        closing = "-->" if opening[0] == "<!--" else ">"
        end = text.find(closing, opening.end())
        if end < 0:
            break
        pieces.append(text[position : opening.start()])
        position = end + len(closing)
    return "".join([*pieces, text[position:]])


_TAG = re.compile(r"<!--|<(?=[a-zA-Z/!?])")


@function('escapeJSON("say ""hi""") → "say \\\\\\"hi\\\\\\""', name="escapeJSON")
def escape_json(text: str) -> str:
    """Writes a text so that it can stand between the quotes of a JSON text."""
    return bounded(json.dumps(text, ensure_ascii=False)[1:-1])


@function('escapeMarkdown("# Header") → "&#35; Header"')
def escape_markdown(text: str) -> str:
    """Writes the characters that Markdown gives a meaning so that it shows them."""
    return bounded(re.sub(r"[\\`*_{}\[\]()#+|<>~!-]", lambda mark: f"&#{ord(mark[0])};", text))


@function(
    'indexOf("We love Make"; "e"; 7) → 11',
    'indexOf("Make"; "x") → -1',
)
def index_of(text: str, value: str, start: Number = 0) -> int:
    """The position of a text in another, counted from 0; -1 if it is not there."""
    return text.find(value, _position(start, len(text)))


@function('length("hello") → 5', 'length(split("a,b"; ",")) → 2', "length(null) → 0")
def length(value: Value | None) -> int:
    """How many characters a text has, bytes a buffer, items an array, keys a collection."""
    if type(value) is str:
        return len(value)
    if isinstance(value, (list, tuple, dict, bytes, bytearray, memoryview)):
        return len(value)
    return len(to_text(value))


def _hashed(name: str, text: Value, encoding: str, key: Value, key_encoding: str) -> str:
    data = to_buffer(text)
    if key is None:
        digest = hashlib.new(name, data, usedforsecurity=False).digest()
    else:
        digest = hmac.new(_key(key, key_encoding), data, name).digest()
    match encoding.lower():
        case "hex" | "":
            return digest.hex()
        case "base64":
            return base64_coding.b64encode(digest).decode("ascii")
        case "latin1":
            return digest.decode("latin-1")
    raise UnusableError(f"{shown(encoding)} is no encoding of a digest: hex, base64 or latin1")


def _key(key: Value, encoding: str) -> bytes:
    match encoding.lower():
        case "text" | "":
            return to_buffer(key)
        case "hex" | "base64" as known:
            return _decoded(to_text(key), known)
        case "binary":
            if isinstance(key, (bytes, bytearray, memoryview)):
                return bytes(key)
            raise UnusableError("a binary key is a buffer; make one with toBinary")
    raise UnusableError(f"{shown(encoding)} is no encoding of a key: text, hex, base64 or binary")


@function('md5("Make") → "529a05ca6c1263aab080ec4f20754411"')
def md5(text: Value, encoding: str = "hex", key: Value = None, key_encoding: str = "text") -> str:
    """The MD5 digest of a text or a buffer in hex, base64 or latin1; with a key, its HMAC."""
    return _hashed("md5", text, encoding, key, key_encoding)


@function('sha1("Make") → "a94431ee22f05f141107f9355ed3127d0f0c4d5a"')
def sha1(text: Value, encoding: str = "hex", key: Value = None, key_encoding: str = "text") -> str:
    """The SHA-1 digest of a text or a buffer in hex, base64 or latin1; with a key, its HMAC."""
    return _hashed("sha1", text, encoding, key, key_encoding)


@function(
    'sha256("Make") → "ccdd25d4230fb997a7ee1166f8afabd157248eb812ea55ec7c3d1b7c8af7fa11"',
    'sha256("Make"; "base64"; "secret") → "L8ZU+3Dhb99KYm4tJ9IkptkP6IzfEzFZFTex+PcY3mk="',
)
def sha256(
    text: Value, encoding: str = "hex", key: Value = None, key_encoding: str = "text"
) -> str:
    """The SHA-256 digest of a text or a buffer in hex, base64 or latin1; with a key, its HMAC."""
    return _hashed("sha256", text, encoding, key, key_encoding)


@function('length(sha512("Make")) → 128')
def sha512(
    text: Value, encoding: str = "hex", key: Value = None, key_encoding: str = "text"
) -> str:
    """The SHA-512 digest of a text or a buffer in hex, base64 or latin1; with a key, its HMAC."""
    return _hashed("sha512", text, encoding, key, key_encoding)


def _replacer(search: str, replacement: str = "") -> Callable[[str], str]:
    pattern = pattern_of(search)
    if pattern is not None:
        return lambda text: replace_pattern(pattern, text, replacement)
    if search and len(replacement) <= len(search):  # the text grows no longer
        return lambda text: text.replace(search, replacement)
    return lambda text: replace.run(text, search, replacement)


@function(
    'replace("Hello World"; "Hello"; "Hi") → "Hi World"',
    'replace("a1b22"; "/\\d+/g"; "#") → "a#b#"',
    'replace("Doe, Ann"; "/(\\w+), (\\w+)/"; "$2 $1") → "Ann Doe"',
    prepare=_replacer,
)
def replace(text: str, search_string: str = "", replacement_string: str = "") -> str:
    """Replaces a text wherever it is, or what a regular expression finds.

    A search in the form /.../flags is a regular expression of JavaScript; with the flag g it
    replaces every match, without it the first. In the replacement, $& is the match and $1 to $99
    are its groups.
    """
    pattern = pattern_of(search_string)
    if pattern is not None:
        return replace_pattern(pattern, text, replacement_string)
    if not search_string:
        return text
    growth = len(replacement_string) - len(search_string)
    if growth > 0 and len(text) + growth * text.count(search_string) > MAX_TEXT:
        raise UnusableError(TOO_LONG)
    return text.replace(search_string, replacement_string)


@function('replaceEmojiCharacters("Hi 👋🏽!"; "*") → "Hi *!"')
def replace_emoji_characters(text: str, replacement: str = "") -> str:
    """Replaces every emoji, whole with its skin tone and what is joined to it."""
    count = len(_EMOJI.findall(text)) if len(replacement) > 1 else 0
    if count * len(replacement) > MAX_TEXT:
        raise UnusableError(TOO_LONG)
    return _EMOJI.sub(lambda emoji: replacement, text)


_PICTURE = (
    "[\u203c\u2049\u2122\u2139\u2194-\u21aa\u231a-\u23ff\u24c2\u25aa-\u27bf\u2934\u2935"
    "\u2b05-\u2b55\u3030\u303d\u3297\u3299\U0001f000-\U0001faff]"
)
_EMOJI = re.compile(
    "[\U0001f1e6-\U0001f1ff]{2}|[0-9#*]\ufe0f?\u20e3|"
    f"{_PICTURE}[\ufe0e\ufe0f\U0001f3fb-\U0001f3ff]*+"
    f"(?:\u200d{_PICTURE}[\ufe0e\ufe0f\U0001f3fb-\U0001f3ff]*+)*+"
)


def _splitter(separator: str) -> Callable[[str], list[Value]]:
    def split_short(text: str) -> list[Value]:
        return text.split(separator) if len(text) <= MAX_ITEMS else whole(text, separator)

    whole: Callable[[str, str], list[Value]] = split.run
    return split_short if separator else lambda text: whole(text, separator)


@function(
    'split("John, George, Paul"; ",") → ["John", " George", " Paul"]',
    'split("abc"; "") → ["a", "b", "c"]',
    prepare=_splitter,
)
def split(text: str, separator: str = "") -> list[Value]:
    """Cuts a text at every separator; the empty separator cuts it into characters."""
    if not separator:
        return bounded_items(list(text))
    if len(text) > MAX_ITEMS and text.count(separator) >= MAX_ITEMS:
        raise UnusableError(f"the array would have more than {MAX_ITEMS:,} items")
    return text.split(separator)


def _cutter(start: Number, end: Number | None = None) -> Callable[[str], str]:
    if start >= 0 and (end is None or start <= end):  # a slice says it all
        place = slice(min(int(start), _FAR), None if end is None else min(int(end), _FAR))
        return lambda text: text[place]
    return lambda text: substring.run(text, start, end)


_FAR = 1 << 60  # no text is as long


@function('substring("Hello"; 0; 3) → "Hel"', 'substring("Hello"; 2) → "llo"', prepare=_cutter)
def substring(text: str, start: Number = 0, end: Number | None = None) -> str:
    """The characters from a start up to and without an end; the smaller one is the start."""
    size = len(text)
    first = _position(start, size)
    last = size if end is None else _position(end, size)
    return text[first:last] if first <= last else text[last:first]


def _position(number: Number, size: int) -> int:
    return 0 if number < 0 else size if number > size else int(number)


@function(
    'toBinary("TWFrZQ=="; "base64") → "Make"',
    'toString(toBinary("4d616b65"; "hex")) → "Make"',
)
def to_binary(value: Value, encoding: str = "") -> bytes:
    """Makes a buffer of a text, in UTF-8, or of what a hex or Base64 text encodes."""
    if not encoding or isinstance(value, (bytes, bytearray, memoryview)):
        return to_buffer(value)
    return _decoded(to_text(value), encoding)


def _decoded(text: str, encoding: str) -> bytes:
    try:
        match encoding.lower():
            case "hex":
                return bytes.fromhex(text)
            case "base64":
                plain = "".join(text.split()).replace("-", "+").replace("_", "/").rstrip("=")
                return base64_coding.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
            case "utf8" | "utf-8" | "text":
                return to_buffer(text)
    except (ValueError, binascii.Error):
        raise UnusableError(f"{shown(text)} is not {encoding}") from None
    raise UnusableError(f"{shown(encoding)} is no encoding: hex or base64")


@function('toString(12.50) → "12.5"', 'toString(set(null; "a"; 1)) → "{\\"a\\":1}"')
def to_string(value: Value) -> str:
    """Makes a text of any value; a collection becomes JSON."""
    return to_text(value)


@function('mime("report.pdf") → "application/pdf"')
def mime(file_name: str) -> str | None:
    """The media type that goes with the ending of a file name; nothing if it is not known."""
    return mimetypes.guess_type("file." + file_name.rpartition(".")[2][:20])[0]
