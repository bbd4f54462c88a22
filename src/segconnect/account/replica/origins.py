"""The visit that a contact's own fields tell: its channel, campaign and ad."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from segconnect.account.channels import Rules, split, visit

UTM = ("utm_source", "utm_medium", "utm_campaign", "utm_content", "utm_term")
COLUMNS = {
    "contact_pk": "bigint",
    "channel": "varchar",
    **dict.fromkeys(UTM, "varchar"),
    "referrer_host": "varchar",
    "landing_page": "varchar",
    "ad_id": "varchar",
}


def origins(
    contacts: Iterable[Mapping[str, Any]], rules: Rules, own_hosts: Iterable[str]
) -> Iterator[tuple[Any, ...]]:
    """Answers a row for each contact whose fields tell where it came from.

    A page that a form was filled in on is no origin: it says nothing of how somebody came to it.
    """
    for row in contacts:
        if row["referring_url"] or row["optin_url"] or any(row[name] for name in UTM):
            found = _origin(row, rules, own_hosts)
            if found is not None:
                yield found


def _origin(
    row: Mapping[str, Any], rules: Rules, own_hosts: Iterable[str]
) -> tuple[Any, ...] | None:
    url = row["optin_url"] or ""
    seen = visit(
        url, row["referring_url"], utm_medium=row["utm_medium"], utm_source=row["utm_source"]
    )
    campaign = [row[name] or seen.arguments.get(name) for name in UTM]
    channel = rules.classify(seen, own_hosts).channel
    if channel == "direct" and not any(campaign) and not seen.ad_id:
        return None
    page = split(url)
    return (
        row["pk"],
        channel,
        *(value or None for value in campaign),
        seen.referrer or None,
        page.host + page.path if page.host else None,
        seen.ad_id or None,
    )
