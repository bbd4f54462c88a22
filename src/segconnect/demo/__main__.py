"""`python -m segconnect.demo DIR` writes the example exports into a directory."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from segconnect.demo.exports import write_exports
from segconnect.demo.shop import SEED, build_world


def main() -> None:
    """Reads the arguments, writes the files and names each one with its size."""
    parser = argparse.ArgumentParser(
        prog="python -m segconnect.demo",
        description="Writes the exports of an invented shop, the same bytes every time.",
    )
    parser.add_argument("directory", type=Path, help="where to write; made if it is not there")
    parser.add_argument("--seed", type=int, default=SEED, help="another shop of the same kind")
    options = parser.parse_args()
    for path in write_exports(build_world(options.seed), options.directory):
        sys.stdout.write(f"{path} ({path.stat().st_size:,} bytes)\n")


if __name__ == "__main__":
    main()
