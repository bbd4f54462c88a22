"""How programs ask a report: commands that run as they are shown."""

from __future__ import annotations

import json
import shlex
from pprint import pformat
from typing import Any

KEY = "SEGMETRICS_API_KEY"
"""The variable of the environment that holds the API key, so that no program does."""

PYTHON = """\
import json
import os
from urllib.request import Request, urlopen

question = {question}
request = Request(
    {url!r},
    data=json.dumps(question).encode(),
    headers={{"Authorization": os.environ[{key!r}], "Content-Type": "application/json"}},
)
with urlopen(request, timeout=60) as answer:
    report = json.load(answer)

print([field["name"] for field in report["fields"]])
for row in report["rows"]:
    print(row)
print("total", report["totals"])"""


def url_of(address: str, account_id: str) -> str:
    """Answers where an account is asked."""
    return f"{address}/v2/{account_id}/data/query"


def curl(address: str, account_id: str, body: dict[str, Any]) -> str:
    """Writes a question as a command of a shell."""
    question = shlex.quote(json.dumps(body, indent=2, ensure_ascii=False))
    return (
        f"curl --silent --show-error {shlex.quote(url_of(address, account_id))} \\\n"
        f'  --header "Authorization: ${KEY}" \\\n'
        f"  --header 'Content-Type: application/json' \\\n"
        f"  --data {question}"
    )


def python(address: str, account_id: str, body: dict[str, Any]) -> str:
    """Writes a question as a program that needs no more than Python."""
    question = pformat(body, width=88, sort_dicts=False)
    return PYTHON.format(question=question, url=url_of(address, account_id), key=KEY)
