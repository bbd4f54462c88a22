"""Writes docs/demo.svg: what `segconnect demo` prints, as a picture. Run by `make docs`."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from io import StringIO
from pathlib import Path

from rich.console import Console
from rich.text import Text


def main() -> None:
    """Runs the demo and draws its output."""
    with tempfile.TemporaryDirectory() as home:
        done = subprocess.run(
            [sys.executable, "-m", "segconnect", "demo"],
            cwd=home,
            env={**os.environ, "FORCE_COLOR": "1", "TTY_INTERACTIVE": "0", "COLUMNS": "92"},
            capture_output=True,
            text=True,
            check=True,
        )
    shown = done.stdout.partition("\nServe it:")[0]
    console = Console(record=True, width=92, file=StringIO())
    console.print(Text.from_ansi(shown))
    picture = console.export_svg(title="segconnect demo")
    # the reader's own monospace font: a picture loads nothing from elsewhere
    picture = re.sub(r"@font-face {.*?}\n", "", picture, flags=re.DOTALL)
    Path(__file__).with_name("demo.svg").write_text(picture, encoding="utf-8")


if __name__ == "__main__":
    main()
