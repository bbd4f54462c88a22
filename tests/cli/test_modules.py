"""`segconnect modules`: what can be done to an account, for people and for programs."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import jsonschema
import pytest

from segconnect.modules import MODULES
from segconnect.modules.schema import form

EACH_MODULE = pytest.mark.parametrize("module", list(MODULES), ids=lambda module: module.slug())


def test_the_modules_are_listed_by_group(segconnect: Any) -> None:
    ran = segconnect("modules")

    assert ran.code == 0
    headings = [line for line in ran.out.splitlines() if line and not line.startswith(" ")]
    assert headings[:4] == ["Contacts and Tags", "Orders", "Subscriptions", "Other"]
    assert all(module.slug() in ran.out and module.label in ran.out for module in MODULES)


def test_programs_get_the_list_as_json(segconnect: Any) -> None:
    listed = segconnect("modules", "--json").json

    assert [each["name"] for each in listed] == [module.slug() for module in MODULES]
    assert listed[4] == {
        "name": "add-update-order",
        "label": "Add/Update an Order",
        "group": "Orders",
        "summary": "Adds an order to the integration, or updates the one with the same Invoice ID.",
        "advanced": False,
    }


@EACH_MODULE
def test_a_module_is_shown_with_each_field(segconnect: Any, module: Any) -> None:
    ran = segconnect("modules", "show", module.label)

    assert ran.code == 0
    text = " ".join(ran.out.split())
    for field in form(module):
        assert field.label in text
        assert field.option in text
        assert field.help in text
        assert field.kind() in text


def test_what_must_be_given_is_marked(segconnect: Any) -> None:
    out = segconnect("modules", "show", "add-update-order").out

    mandatory, optional, advanced = (
        out.index(title) for title in ("Mandatory\n", "Optional\n", "Advanced (beyond")
    )
    assert mandatory < out.index("--invoice-id") < optional < out.index("--email") < advanced
    assert "Give Email Address or Contact ID, or both." in out
    assert out.index("--discount") > advanced


@EACH_MODULE
def test_programs_get_the_form_and_a_json_schema(segconnect: Any, module: Any) -> None:
    facts = segconnect("modules", "show", module.slug(), "--json").json

    jsonschema.Draft202012Validator.check_schema(facts["schema"])
    assert jsonschema.Draft202012Validator(facts["schema"]).is_valid(facts["example"])
    assert [field["label"] for field in facts["fields"]] == [f.label for f in form(module)]


def test_an_unknown_module_is_told(segconnect: Any) -> None:
    ran = segconnect("modules", "show", "delete-oder")

    assert ran.code == 2
    assert ran.err == ("segconnect: unknown module 'delete-oder'; did you mean 'delete-order'?\n")


@pytest.mark.parametrize("arguments", [["--help"], ["modules"], ["send"]])
def test_what_opens_no_socket_loads_no_client_and_no_server(arguments: list[str]) -> None:
    heavy = ("pyreqwest", "sqlalchemy", "starlette", "uvicorn", "cryptography", "lark")
    code = (
        "import sys; sys.argv = ['segconnect', *sys.argv[1:]]\n"
        "from segconnect.cli import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        f"print([name for name in {heavy} if name in sys.modules], file=sys.stderr)"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True
    )

    assert ran.stderr.strip() == "[]"
