"""The guides: every command in them is executed, in the order of the page."""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path

import pytest

from tests.cli.conftest import Commands, Shop

ROOT = Path(__file__).parents[2]
GUIDES = sorted((ROOT / "docs" / "guides").glob("*.md"))
BLOCK = re.compile(r"^```(\w+) ?(.*?)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("guide", GUIDES, ids=lambda path: path.stem)
def test_every_command_of_a_guide_does_what_the_page_shows(
    guide: Path, segconnect: Commands, shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    monkeypatch.chdir(tmp_path)
    values = {
        "$ACCOUNT": shop.account_id,
        "$INTEGRATION": shop.integration_id,
        "$ROOT": shop.base_url,
    }
    ran = 0
    for language, name, content in BLOCK.findall(guide.read_text(encoding="utf-8")):
        if language == "yaml":
            (tmp_path / name).write_text(content, encoding="utf-8")
            continue
        command, *shown = content.splitlines()
        words = [values.get(word, word) for word in shlex.split(command.removeprefix("$ "))]
        assert words.pop(0) == "segconnect"
        if words[:2] == ["connection", "add"]:
            words.append("--api-key-stdin")
        done = segconnect(*words, stdin=shop.api_key + "\n")
        assert done.code in (0, 1), f"{command}\n{done.out}{done.err}"
        for line in shown:
            assert line in done.out, f"{command}\n{done.out}{done.err}"
        ran += 1
    assert ran
