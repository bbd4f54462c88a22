"""E-mail by SMTP."""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Mapping
from contextlib import suppress
from email.errors import MessageError
from email.message import EmailMessage
from email.utils import formataddr, make_msgid
from typing import Any

from segconnect.mapping.values import to_array, to_buffer, to_text
from segconnect.scenario.engine.errors import ModuleError, missing
from segconnect.scenario.engine.registry import Bundle, Call, Parameters, Values, always, module
from segconnect.scenario.engine.services import Mail

MAX_ATTACHMENTS = 25_000_000  # bytes
SECONDS = 40


def _addresses(value: Any) -> list[str]:
    found = []
    for each in to_array(value):
        if isinstance(each, Mapping):
            name, address = (
                to_text(each.get("name")),
                to_text(each.get("email", each.get("address"))),
            )
            found.append(formataddr((_line(name), _line(address))) if address else "")
        else:
            found += [_line(part) for part in to_text(each).split(",")]
    return [each for each in found if each.strip()]


def _line(text: str) -> str:
    return " ".join(text.split())


def _plain(address: str) -> str:
    return address.rpartition("<")[2].rstrip("> ") if "<" in address else address


@module("email:ActionSendEmail", versions=(7,), once=always)
def send(call: Call, parameters: Parameters, values: Values) -> Bundle:
    """Sends an e-mail."""
    connection = call.services.connection(parameters, "account", "__IMTCONN__")
    to, cc, bcc = (_addresses(values.get(name)) for name in ("to", "cc", "bcc"))
    if not to and not cc and not bcc:
        raise missing("to")
    try:
        message = _message(values, connection, to, cc)
    except (MessageError, ValueError) as error:
        raise ModuleError("DataError", f"the e-mail cannot be written: {error}") from None
    recipients = [_plain(each) for each in (*to, *cc, *bcc)]
    (call.services.send_mail or send_by_smtp)(Mail(message, recipients, connection))
    return {"messageId": str(message["Message-ID"])}


def _message(
    values: Values, connection: Mapping[str, Any], to: list[str], cc: list[str]
) -> EmailMessage:
    message = EmailMessage()
    sender = _addresses(values.get("from")) or _addresses(
        connection.get("from", connection.get("user", connection.get("username")))
    )
    if not sender:
        raise missing("from")
    message["From"] = sender[0]
    if to:
        message["To"] = ", ".join(to)
    if cc:
        message["Cc"] = ", ".join(cc)
    message["Subject"] = _line(to_text(values.get("subject")))
    message["Message-ID"] = make_msgid(domain=_plain(sender[0]).rpartition("@")[2] or None)
    for name, field in (
        ("Sender", "sender"),
        ("Reply-To", "replyTo"),
        ("In-Reply-To", "inReplyTo"),
    ):
        if values.get(field) is not None:
            message[name] = _line(to_text(values[field]))
    references = [_line(to_text(each)) for each in to_array(values.get("references"))]
    if references:
        message["References"] = " ".join(references)
    if to_text(values.get("priority")) in ("high", "low"):
        message["X-Priority"] = "1" if values["priority"] == "high" else "5"
    for each in to_array(values.get("headers")):
        if isinstance(each, Mapping) and (each.get("key") or each.get("name")):
            name = to_text(each.get("key", each.get("name")))
            if name not in message:
                message[name] = _line(to_text(each.get("value")))
    is_html = to_text(values.get("contentType")) != "text"
    text = values.get("html", values.get("content")) if is_html else values.get("text")
    message.set_content(to_text(text or values.get("text")), subtype="html" if is_html else "plain")
    _attach(message, values)
    return message


def _attach(message: EmailMessage, values: Values) -> None:
    length = 0
    for each in to_array(values.get("attachments")):
        if not isinstance(each, Mapping):
            continue
        data = to_buffer(each.get("data"))
        length += len(data)
        if length > MAX_ATTACHMENTS:
            raise ModuleError(
                "MaxFileSizeExceededError", f"the attachments exceed {MAX_ATTACHMENTS:,} bytes"
            )
        name = _line(to_text(each.get("filename", each.get("fileName"))) or "attachment")
        message.add_attachment(data, maintype="application", subtype="octet-stream", filename=name)


def send_by_smtp(mail: Mail) -> None:
    """Sends an e-mail through the server of a connection: host, port, user, password, tls.

    Raises:
        ModuleError: The server cannot be reached, or refuses it.
    """
    connection = mail.connection
    host = to_text(connection.get("host", connection.get("server")))
    port = int(to_text(connection.get("port")) or 587)
    security = to_text(connection.get("tls", connection.get("security", "starttls"))).lower()
    user, password = connection.get("user", connection.get("username")), connection.get("password")
    sender = _plain(str(mail.message["From"]))
    try:
        context = ssl.create_default_context()
        server: smtplib.SMTP
        if security in ("ssl", "tls", "implicit") or port == 465:
            server = smtplib.SMTP_SSL(host, port, timeout=SECONDS, context=context)
        else:
            server = smtplib.SMTP(host, port, timeout=SECONDS)
        try:
            if not isinstance(server, smtplib.SMTP_SSL) and security != "none":
                server.starttls(context=context)
            if user is not None and password is not None:
                server.login(to_text(user), to_text(password))
            server.send_message(mail.message, sender, list(mail.recipients))
        finally:
            # Once it has the e-mail, a server that takes leave badly has it all the same.
            with suppress(OSError, smtplib.SMTPException):
                server.quit()
            server.close()
    except smtplib.SMTPAuthenticationError:
        raise ModuleError("InvalidAccessTokenError", f"{host} refuses the sign-in") from None
    except smtplib.SMTPRecipientsRefused as error:
        told = ", ".join(error.recipients)
        raise ModuleError("RuntimeError", f"{host} refuses the recipients {told}") from None
    except smtplib.SMTPResponseException as error:
        kind = "ConnectionError" if 400 <= error.smtp_code < 500 else "RuntimeError"
        raise ModuleError(kind, f"[{error.smtp_code}] {error.smtp_error!r}") from None
    except (OSError, smtplib.SMTPException) as error:
        raise ModuleError("ConnectionError", f"{host} cannot be reached: {error}") from None
