"""Small blueprints, by hand."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture
def files() -> Path:
    """Where the blueprint files are."""
    return Path(__file__).parent / "files"
