"""Tables of paths: from files and rows, and what is wrong with them, all at once."""

from __future__ import annotations

from pathlib import Path as File
from typing import Any

import pytest

from segconnect.account.attribution import Path, attribute
from segconnect.errors import PathsError

EXPECTED = [
    {"channel": "email", "conversions": 3, "value": 32.5},
    {"channel": "ad", "conversions": 1, "value": 2.25},
]


@pytest.mark.parametrize(
    "content",
    [
        b"path,conversions,value,null\nad > email,3,32.5,4\nad,1,2.25,\n",
        b"\xef\xbb\xbfnull;value;conversions;path\r\n4;32.5;3;ad>email\r\n;2.25;1;ad\r\n",
        b"\n Path\tTotal_Conversions\tTotal_Conversion_Value\n ad >email\t3\t32.5\nad\t1\t2.25\n",
        "path,conversions,value\nad > email,3,32.5\n\nad,1,2.25".encode("utf-16"),
        b'path,conversions,value\n"ad > email",1,10\nad>  email ,2,22.5\nad,1,2.25\n',
    ],
    ids=["plain", "semicolons", "tabs and other names", "UTF-16", "the same path twice"],
)
def test_a_file_is_read_as_tools_write_it(tmp_path: File, content: bytes) -> None:
    file = tmp_path / "paths.csv"
    file.write_bytes(content)

    assert attribute(file, "last_touch") == EXPECTED
    assert attribute(str(file), "last_touch") == EXPECTED


@pytest.mark.parametrize(
    "rows",
    [
        [
            {"path": "ad > email", "conversions": 3, "value": 32.5},
            {"path": "ad", "conversions": "1", "value": "2.25"},
        ],
        [
            {"path": ["ad", "email"], "conversions": 3, "value": 32.5},
            {"path": ("ad",), "conversions": 1, "value": 2.25},
        ],
        [("ad > email", 3, 32.5), ["ad", 1, 2.25, 0]],
        [Path(("ad", "email"), 3, 32.5), Path(("ad",), 1, 2.25)],
    ],
    ids=["texts", "steps", "sequences", "paths"],
)
def test_rows_are_read_as_programs_have_them(rows: list[Any]) -> None:
    assert attribute(rows, "last_touch") == EXPECTED
    assert attribute(iter(rows), "last_touch") == EXPECTED


def test_the_separator_can_be_another_one() -> None:
    rows = attribute([("ad|email > x", 1)], "last_touch", separator=" | ")

    assert [row["channel"] for row in rows] == ["email > x", "ad"]
    assert [row["value"] for row in rows] == [None, None]


def test_values_keep_the_decimals_that_they_come_with() -> None:
    rows = attribute([("ad > email", 3, 0.244), ("ad", 1, "1.5")], "linear")

    assert {row["channel"]: row["value"] for row in rows} == {"ad": 1.622, "email": 0.122}


def test_everything_that_is_wrong_is_told_at_once_with_its_line(tmp_path: File) -> None:
    file = tmp_path / "paths.csv"
    file.write_bytes(
        b"path;conversions;value;null;optin\n"
        b"ad > > email;1;0;0;\n"
        b"ad;-4;0;-1;\n"
        b" ;1;1;;\n"
        b"caf\xe9;x;;;\n"
        b"ad;1,5;nan;inf;2\n"
        b"ad;;1;1;1\n"
        b"ad;1\n"
        b"ad;1;1;1;x\n"
    )

    with pytest.raises(PathsError) as error:
        attribute(file)

    assert str(error.value).splitlines() == [
        "paths.csv:",
        "  line 2: step 2 of path 'ad > > email' is empty",
        "  line 3: conversions '-4' is negative",
        "  line 3: null '-1' is negative",
        "  line 4: the path is empty; expected steps such as ad > email",
        "  line 5: byte 0xe9 is no UTF-8; save the file as UTF-8",
        "  line 5: conversions 'x' is not a number",
        "  line 6: conversions '1,5' is not a number; decimals are written 12.5",
        "  line 6: value 'nan' cannot be counted",
        "  line 6: null 'inf' cannot be counted",
        "  line 6: optin '2' is no step of the path; expected 1 to 1, or nothing",
        "  line 7: conversions is empty; expected a number, such as 0",
        "  line 8: 2 cells, expected 5",
        "  line 9: optin 'x' is no step of the path; expected 1 to 1, or nothing",
    ]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "paths.csv: the file is empty; expected path,conversions,value,null"),
        (b"path,conversions\n", "paths.csv: there are no paths"),
        (
            b"\npath,convrsions\nad,1\n",
            "paths.csv: line 2: the column conversions is missing; found are path, convrsions;"
            " is 'convrsions' meant?",
        ),
        (
            b"path,conversions,conversion\nad,1,1\n",
            "paths.csv: line 1: the columns conversions and conversion are the same",
        ),
        (b"\xff\xfea\x00\xff", "paths.csv: is no UTF-16: truncated data; save it as UTF-8"),
        (None, "paths.csv: cannot be read: No such file or directory"),
    ],
    ids=["empty", "header only", "missing column", "column twice", "UTF-16", "no file"],
)
def test_a_file_that_is_no_table_says_what_is_wrong(
    tmp_path: File, content: bytes | None, message: str
) -> None:
    if content is not None:
        (tmp_path / "paths.csv").write_bytes(content)

    with pytest.raises(PathsError) as error:
        attribute(tmp_path / "paths.csv")

    assert str(error.value) == message


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([{"path": "ad"}], "paths: row 1: conversions missing"),
        ([{"path": 5, "conversions": 1}], "paths: row 1: path 5 is no text and no list of steps"),
        (
            [{"path": ["ad", 5], "conversions": 1}],
            "paths: row 1: step 2 of path ['ad', 5] is empty",
        ),
        (
            [{"path": [], "conversions": 1}],
            "paths: row 1: the path is empty; expected steps such as ad > email",
        ),
        (["ad"], "paths: row 1: expected a mapping or a list, and not 'ad'"),
        ([], "paths: there are no paths"),
    ],
)
def test_rows_that_are_none_say_what_is_wrong(rows: list[Any], message: str) -> None:
    with pytest.raises(PathsError) as error:
        attribute(rows)

    assert str(error.value) == message


def test_of_a_thousand_problems_twenty_are_told_and_all_are_kept() -> None:
    with pytest.raises(PathsError) as error:
        attribute([("ad", -1)] * 1000)

    assert str(error.value).endswith("row 20: conversions -1 is negative\n  ... and 980 more")
    assert len(error.value.problems) == 1000


def test_a_table_without_conversions_credits_nothing() -> None:
    for model in ("any", "linear", "markov", "shapley"):
        rows = attribute([("ad > email", 0, 0, 5)], model, null=True)

        assert {row["channel"]: row["conversions"] for row in rows} == {"ad": 0, "email": 0}
