"""Makes a row of a page view: pure, from what came and what the account's owner has set."""

from __future__ import annotations

import re
from functools import lru_cache
from hashlib import blake2b
from ipaddress import ip_address
from typing import Any
from urllib.parse import parse_qsl, urlencode

from segconnect.account.channels import Rules, Visit, split, visit
from segconnect.account.owner.tracking_settings import TrackingSettings
from segconnect.types import MAX_ID

UTM = ("utm_source", "utm_medium", "utm_campaign", "utm_content", "utm_term")
PLACE = ("country_code", "region", "city", "postal_code", "latitude", "longitude")
HANDED_UID = "_seg_uid"  # the argument by which one site hands a visitor on to the next
MAX_URL = 4000  # characters of a path, a query or a referrer; the rest is cut

BOT = re.compile(
    r"bot\b|crawl|spider|slurp|archiver|preview|monitor|fetch|scan|lighthouse|pingdom|headless"
    r"|facebookexternalhit|curl/|wget/|python|java/|go-http|okhttp|axios|node|httpclient"
    r"|libwww|phantomjs|selenium|puppeteer|playwright",
    re.IGNORECASE,
)
TABLET = re.compile(r"ipad|tablet|kindle|silk/|playbook|android(?!.*mobile)", re.IGNORECASE)
MOBILE = re.compile(r"mobi|iphone|ipod|android|windows phone|opera mini", re.IGNORECASE)


@lru_cache(maxsize=10_000)  # there are far fewer browsers than views
def device(user_agent: str | None) -> str:
    """Tells what kind of device a browser runs on, or that it is a bot, by its own words."""
    text = (user_agent or "").strip()
    for kind, pattern in (("bot", BOT), ("tablet", TABLET), ("mobile", MOBILE)):
        if pattern.search(text):
            return kind
    return "desktop" if text.startswith(("Mozilla/", "Opera/")) else "unknown"


@lru_cache(maxsize=10_000)
def shortened(address: str | None) -> str | None:
    """Takes from an address what tells one household from the next; None if it is none."""
    try:
        found = ip_address((address or "").strip())
    except ValueError:
        return None
    found = getattr(found, "ipv4_mapped", None) or found
    bits = 8 if found.version == 4 else 80
    return str(type(found)(int(found) >> bits << bits))


def whole(address: str | None) -> str | None:
    """An address as it is; None if it is none."""
    try:
        return str(ip_address((address or "").strip()))[:45]
    except ValueError:
        return None


def is_own_traffic(address: str | None, settings: TrackingSettings) -> bool:
    """Tells whether a view comes from an address that the owner excluded."""
    if not settings.excluded_ips or not address:
        return False
    try:
        found = ip_address(address.strip())
    except ValueError:
        return False
    found = getattr(found, "ipv4_mapped", None) or found
    return any(found in network for network in settings.networks)


def named_in_link(url: str, settings: TrackingSettings) -> dict[str, str]:
    """Finds the email and contact ID that a link in a mail carries, where the owner named them."""
    if not settings.email_parameters and not settings.contact_parameters:
        return {}
    arguments = dict(parse_qsl(split(url).query))
    answer = {}
    for name, parameters in (
        ("email", settings.email_parameters),
        ("contact_id", settings.contact_parameters),
    ):
        value = next((arguments[each] for each in parameters if arguments.get(each)), None)
        if value is not None:
            answer[name] = value
    return answer


def row(
    fields: dict[str, Any], visitor_pk: int, seen: int, rules: Rules, settings: TrackingSettings
) -> dict[str, Any]:
    """Makes the row of one view.

    Args:
        fields: What came, as `PageViewShape` answers it.
        visitor_pk: The visitor's identity.
        seen: When, in seconds UTC.
        rules: The account's channel rules.
        settings: What its owner has set.
    """
    parts = split(fields["url"])
    query = _without_names(parts.query, settings)[:MAX_URL]
    referrer = fields.get("referrer") or None
    looked_at = visit(
        fields["url"],
        referrer,
        utm_medium=fields.get("utm_medium"),
        utm_source=fields.get("utm_source"),
        ad_id=fields.get("ad_id"),
    )
    address = fields.get("ip_address")
    latitude, longitude = fields.get("latitude"), fields.get("longitude")
    return {
        "visitor_pk": visitor_pk,
        "date_created": seen,
        "hit": _hit(fields, query),
        "account_pk": 0,
        "is_secure": parts.is_secure,
        "host": parts.host,
        "path": parts.path[:MAX_URL],
        "query": query,
        "referrer": referrer[:MAX_URL] if referrer else None,
        "channel": rules.classify(looked_at, settings.own_hosts).channel,
        **{name: _said(fields, looked_at, name) for name in UTM},
        "ad_id": looked_at.ad_id[:MAX_ID] or None,
        "device": device(fields.get("user_agent")),
        "ip_address": whole(address) if settings.keeps_whole_ips else shortened(address),
        **{name: fields.get(name) or None for name in PLACE[:4]},
        "latitude": latitude,
        "longitude": longitude,
    }


def _said(fields: dict[str, Any], looked_at: Visit, name: str) -> str | None:
    return fields.get(name) or looked_at.arguments.get(name) or None


def _hit(fields: dict[str, Any], query: str) -> int:
    """Tells views of one second apart, in the order in which pages sent them.

    The same view again has the same number, where it does not come from a page.
    """
    parts = split(fields["url"])
    text = "\0".join((fields.get("id") or "", parts.host, parts.path, query))
    number = int.from_bytes(blake2b(text.encode(), digest_size=8).digest()) >> 11
    return (int(fields.get("milliseconds", 0)) << 53) + number


def _without_names(query: str, settings: TrackingSettings) -> str:
    """A query without the people that links in mails, and between sites of one owner, name."""
    gone = {*settings.email_parameters, *settings.contact_parameters, HANDED_UID}
    if not any(name in query for name in gone):
        return query
    pairs = parse_qsl(query, keep_blank_values=True)
    kept = [(name, value) for name, value in pairs if name not in gone]
    return query if len(kept) == len(pairs) else urlencode(kept)
