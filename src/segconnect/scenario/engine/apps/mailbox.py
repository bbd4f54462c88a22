"""E-mail by IMAP: what is new in a folder."""

from __future__ import annotations

import imaplib
import re
import ssl
from collections.abc import Mapping
from contextlib import suppress
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.utils import getaddresses
from typing import Any

from segconnect.mapping import UnusableError
from segconnect.mapping.values import to_boolean, to_date, to_number, to_text
from segconnect.scenario.engine.errors import ModuleError, invalid
from segconnect.scenario.engine.registry import (
    Bundle,
    Call,
    Kind,
    Parameters,
    Values,
    module,
    option,
)

SECONDS = 40
MOST = 500  # e-mails of one cycle


@module("email:TriggerNewEmail", kind=Kind.TRIGGER, versions=(7,))
def watch(call: Call, parameters: Parameters, values: Values) -> list[Bundle]:
    """Gives the e-mails of a folder that are new, the oldest first; at first those unread."""
    connection = call.services.connection(parameters, "account", "__IMTCONN__")
    folder = to_text(option(parameters, values, "folder", "INBOX"))
    if set('\r\n\0"\\') & set(folder):
        raise invalid(["Invalid folder in parameter 'folder'."])
    try:
        most = min(max(1, int(to_number(option(parameters, values, "maxResults", 10)))), MOST)
    except UnusableError:
        raise invalid(["Invalid number in parameter 'maxResults'."]) from None
    marks = to_boolean(option(parameters, values, "markSeen"))
    host = to_text(connection.get("host", connection.get("server")))
    try:
        server = _open(connection, host)
        try:
            return _read(call, server, folder, most, marks)
        finally:
            with suppress(OSError, imaplib.IMAP4.error):
                server.logout()
    except imaplib.IMAP4.abort as error:
        raise ModuleError("ConnectionError", f"{host} broke off: {error}") from None
    except imaplib.IMAP4.error as error:
        raise ModuleError("RuntimeError", f"{host}: {error}") from None
    except OSError as error:
        raise ModuleError("ConnectionError", f"{host} cannot be reached: {error}") from None


def _open(connection: Mapping[str, Any], host: str) -> imaplib.IMAP4:
    security = to_text(connection.get("tls", connection.get("security", "ssl"))).lower()
    port = int(to_text(connection.get("port")) or (993 if security == "ssl" else 143))
    context = ssl.create_default_context()
    if security in ("ssl", "tls", "implicit"):
        server: imaplib.IMAP4 = imaplib.IMAP4_SSL(host, port, ssl_context=context, timeout=SECONDS)
    else:
        server = imaplib.IMAP4(host, port, timeout=SECONDS)
        if security != "none":
            server.starttls(context)
    user = to_text(connection.get("user", connection.get("username")))
    try:
        server.login(user, to_text(connection.get("password")))
    except imaplib.IMAP4.error:
        server.shutdown()
        raise ModuleError("InvalidAccessTokenError", f"{host} refuses the sign-in") from None
    return server


def _read(call: Call, server: imaplib.IMAP4, folder: str, most: int, marks: bool) -> list[Bundle]:
    status, answer = server.select(f'"{folder}"', readonly=not marks)
    if status != "OK":
        raise ModuleError("InvalidConfigurationError", f"there is no folder {folder!r}")
    _, validity = server.response("UIDVALIDITY")
    folder_mark = to_text(validity[0]) if validity and validity[0] else ""
    cursor = call.cursor if isinstance(call.cursor, Mapping) else {}
    last = int(cursor.get("uid", 0)) if cursor.get("validity") == folder_mark else None
    _, answer = server.uid("SEARCH", "UNSEEN" if last is None else f"UID {last + 1}:*")
    found = sorted(int(each) for each in (answer[0] or b"").split())
    chosen = [uid for uid in found if uid > (last or 0)][:most]  # n:* always has the last one
    bundles = []
    for uid in chosen:
        _, parts = server.uid("FETCH", str(uid), "(BODY.PEEK[])")
        raw = next((part[1] for part in parts if isinstance(part, tuple)), None)
        if raw is not None:
            bundles.append({"uid": uid, **bundle_of_mail(raw)})
            if marks:
                server.uid("STORE", str(uid), "+FLAGS", "(\\Seen)")
    if chosen:
        call.move_cursor({"validity": folder_mark, "uid": chosen[-1]})
    return bundles


def bundle_of_mail(raw: bytes) -> Bundle:
    """Reads an e-mail: subject, addresses, date, text, html, attachments, headers."""
    message = message_from_bytes(raw, policy=policy.default)
    assert isinstance(message, EmailMessage)
    bundle: Bundle = {
        "subject": str(message["Subject"] or ""),
        "messageId": str(message["Message-ID"] or "").strip(),
        "from": next(iter(_addresses(message, "From")), {}),
        **{name: _addresses(message, name) for name in ("to", "cc")},
        "headers": [{"name": name, "value": str(text)} for name, text in message.items()],
        "attachments": [],
    }
    with suppress(UnusableError, ValueError, AttributeError):
        bundle["date"] = to_date(message["Date"].datetime)
    for kind in ("plain", "html"):
        body = message.get_body((kind,))
        if body is not None:
            bundle["text" if kind == "plain" else kind] = _content(body)
    for part in message.iter_attachments():
        data = part.get_payload(decode=True)
        if isinstance(data, bytes):
            bundle["attachments"].append(
                {
                    "fileName": re.sub(r".*[/\\]", "", part.get_filename() or "") or "attachment",
                    "contentType": part.get_content_type(),
                    "data": data,
                }
            )
    return bundle


def _addresses(message: EmailMessage, name: str) -> list[dict[str, str]]:
    found = getaddresses([str(each) for each in message.get_all(name, [])])
    return [{"name": each, "address": address} for each, address in found if address]


def _content(part: Any) -> str:
    try:
        return str(part.get_content())
    except (LookupError, ValueError):
        data = part.get_payload(decode=True)
        return data.decode("utf-8", "replace") if isinstance(data, bytes) else ""
