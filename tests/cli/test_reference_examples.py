"""Every example of the reference page runs, in Python and as a command."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from segconnect.client import Client
from segconnect.modules import MODULES, Module
from segconnect.modules.reference import INTRODUCTION, command_example, python_example

EACH_MODULE = pytest.mark.parametrize("module", list(MODULES), ids=lambda module: module.slug())


@pytest.fixture
def lively(connected: Any) -> Any:
    """A shop that holds the contact, order and subscription of the examples."""
    with Client("shop") as client:
        for module in MODULES:
            if not module.endpoint.startswith("DELETE"):
                client.send(module(**module.example))
    return connected


@EACH_MODULE
def test_the_python_example_of_a_module_runs(lively: Any, module: type[Module]) -> None:
    opening = INTRODUCTION.partition("```python\n")[2].partition("```")[0]
    names: dict[str, Any] = {}

    exec(opening + python_example(module).replace("client.send", "output = client.send", 1), names)

    names["client"].close()
    assert names["output"].get("status", names["output"].get("statusCode")) in ("success", 200)


@EACH_MODULE
def test_the_command_example_of_a_module_runs(lively: Any, module: type[Module]) -> None:
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    ran = subprocess.run(
        ["sh", "-c", command_example(module)],
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )

    assert (ran.returncode, ran.stderr) == (0, "")
    assert "success" in ran.stdout
