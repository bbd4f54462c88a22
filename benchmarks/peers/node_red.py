"""Node-RED at the job: reads the CSV, filters, fills six fields in, and sends each by HTTP."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

from benchmarks.faults import Faulty
from benchmarks.ingest import free_port
from benchmarks.peers.job import Came, came, install, watched

NAME, VERSION = "node-red", "4.1.15"

FILL_IN = """\
const row = msg.payload;
msg.payload = {
    email: row.Email.toLowerCase(),
    first_name: row.First.trim(),
    last_name: row.Last,
    utm_medium: row.Medium,
    utm_source: row.Source,
    utm_campaign: row.Campaign,
};
return msg;
"""
BEGIN = "flow.set('began', Date.now()); flow.set('count', 0); return msg;"
END = """\
const count = flow.get('count') + 1;
flow.set('count', count);
if (count === RECORDS) node.warn(`took ${Date.now() - flow.get('began')} ms`);
"""


def flow(file: Path, url: str, records: int) -> list[dict[str, Any]]:
    """The flow: it starts by itself."""
    nodes: list[dict[str, Any]] = [
        {"id": "begin", "type": "inject", "props": [], "once": True, "onceDelay": 1},
        {"id": "clock", "type": "function", "func": BEGIN, "outputs": 1, "libs": []},
        {"id": "read", "type": "file in", "filename": str(file), "filenameType": "str",
         "format": "utf8", "allProps": False},
        {"id": "rows", "type": "csv", "spec": "rfc", "sep": ",", "hdrin": True, "multi": "one",
         "ret": "\\n", "temp": "", "skip": "0", "strings": True},
        {"id": "filter", "type": "switch", "property": "payload.Kind", "propertyType": "msg",
         "rules": [{"t": "neq", "v": "test", "vt": "str"}], "checkall": "true", "outputs": 1},
        {"id": "fill", "type": "function", "func": FILL_IN, "outputs": 1, "libs": []},
        {"id": "send", "type": "http request", "method": "POST", "ret": "txt",
         "paytoqs": "ignore", "url": url, "persist": True, "headers": []},
        {"id": "end", "type": "function", "func": END.replace("RECORDS", str(records)),
         "outputs": 0, "libs": []},
    ]  # fmt: skip
    for place, node in enumerate(nodes):
        following = nodes[place + 1]["id"] if place + 1 < len(nodes) else None
        node |= {"z": "tab", "x": 100, "y": 100, "wires": [[following]] if following else [[]]}
    return [{"id": "tab", "type": "tab", "label": "People"}, *nodes]


def run(directory: Path, people: Path, records: int, sink: Faulty) -> Came:
    """Runs it once.

    Raises:
        UnusableError: It cannot be installed, or does not run.
    """
    installed = install(NAME, VERSION)
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    url = f"{sink.address}/api/v1/account/integration/contact"
    (directory / "flows.json").write_text(json.dumps(flow(people, url, records)))
    settings = {"flowFile": "flows.json", "uiPort": free_port(), "uiHost": "127.0.0.1",
                "httpAdminRoot": False, "httpNodeRoot": False,
                "logging": {"console": {"level": "warn"}},
                "telemetry": {"enabled": False}}  # fmt: skip
    (directory / "settings.js").write_text(f"module.exports = {json.dumps(settings)};\n")
    command = [str(installed / "node_modules" / ".bin" / NAME), "--userDir", str(directory),
               "--settings", str(directory / "settings.js")]  # fmt: skip

    def took(told: str, is_over: bool) -> float | None:
        found = re.search(r"took (\d+) ms", told)
        return None if found is None else int(found[1]) / 1000

    return came(sink, records, watched(command, directory, {}, took))
