"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Data = Annotated[
    Path | None,
    typer.Option("--data", help="Data directory [SEGCONNECT_DATA]", show_default=False),
]
Account = Annotated[
    str | None, typer.Option("--account", help="Account ID \\[the only one]", show_default=False)
]
AsJson = Annotated[bool, typer.Option("--json", help="Prints JSON, for programs.")]
BindingsFile = Annotated[
    Path | None,
    typer.Option("--bindings", help="File of bindings [FILE.bindings.yaml, if it is there]"),
]
