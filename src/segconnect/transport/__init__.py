"""The only door to an account: sends a Request, and turns a bad answer into an error.

    transport = Transport("https://import.segmetrics.io/api", key)
    answer = await transport.send(request)

The first attempt takes the shortest way there is. What failed is sent again where that is safe: the
request may be sent twice, or it cannot have arrived.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import quote, urlsplit

from pydantic_core import from_json

from segconnect import clock
from segconnect.errors import (
    ConnectionSetupError,
    InvalidBundleError,
    RefusedError,
    SegconnectError,
    ThrottledError,
    UnauthorizedError,
    UnreachableError,
    UsageError,
)
from segconnect.limits import Limits, Rest
from segconnect.pace import Pace
from segconnect.transport.http import BrokenError, Http, Reply, TooLongError, is_loopback
from segconnect.transport.near import NearHttp
from segconnect.wire.request import Address, Answer, Request

LOG = logging.getLogger(__name__)
NDJSON = "application/x-ndjson"
SHORT = 0.002  # seconds; a shorter pause takes longer to begin and to end, and is left out


class _UnusableError(UnreachableError):
    """An answer came that cannot be read; asking again would bring the same."""


class Transport:
    """Sends requests to one API root with one key, on the event loop it is called in.

    Args:
        root: The API root, such as https://import.segmetrics.io/api.
        api_key: Sent bare as Authorization, and never shown.
        name: The connection's name, for messages.
        limits: Time-outs, retries and rate.
    """

    def __init__(
        self, root: str, api_key: str, *, name: str = "", limits: Limits | None = None
    ) -> None:
        self.batch_lines: int | None = None  # most lines of a batch, once the account offers it
        self.batch_has_after = False  # whether a line may name lines that must be done before it
        self._offer = ""
        self.has_answered = self._is_closed = False
        self._answers = 0  # that came, to whatever request
        self._root, self._key = root, api_key
        self._host = urlsplit(root).netloc
        self._who = f"connection {name!r}" if name else self._host
        self.limits = limits = limits or Limits()
        self._pace = Pace(limits.rate, limits.backoff)
        self._http = _way(root, api_key, limits)

    async def send(self, request: Request, rest: Rest | None = None) -> Answer:
        """Sends a request and answers a success, with its body read if it is JSON.

        Args:
            request: The request.
            rest: Is told when it waits to be sent again.

        Raises:
            RefusedError: The account does not want the request.
            UnauthorizedError: It does not accept the key.
            ThrottledError: It still asked for a pause after the last attempt.
            UnreachableError: No usable answer came.
            ConnectionSetupError: The base URL or the host's certificate is not right.
        """
        if self._pace.is_held:
            await self._pace.turn()
        answers = self._answers
        try:
            answer = await self._attempt(request)
        except (ThrottledError, UnreachableError) as error:
            error.is_absent = self._is_absent(error, answers)
            answer = await self._again(request, error, rest)
        refusal = self.refusal(request, answer)
        if refusal is not None:
            try:
                raise refusal
            finally:
                del refusal  # it holds this frame, and would be freed late
        return answer

    async def verify(self, address: Address) -> None:
        """Makes a harmless call: adds a contact without its fields, and is refused.

        Raises:
            UnauthorizedError: The account does not accept the key.
            ConnectionSetupError: There is no such integration, or no import API at all.
            UnreachableError: No answer came.
        """
        ids = "/".join(quote(each, safe="") for each in address)
        request = Request("POST", f"/v1/{ids}/contact", "", {}, "POST contact", idempotent=True)
        try:
            await self.send(request)
        except _UnusableError as error:
            raise ConnectionSetupError(f"{error}; is {self._root} the root of the API?") from None
        except RefusedError as error:
            told = [each for each in error.errors if each != _status(error.status)]
            if told and error.status in (200, 400, 422):
                return  # it asks for the contact's fields, so it has let us in
            hint = "" if self._root.endswith("/api") else " (API roots usually end in /api)"
            what = _status(error.status) + (f" ({'; '.join(told)})" if told else "")
            raise ConnectionSetupError(
                f"{self._who}: {what} at {self._root}: check Base URL{hint}, Account ID and"
                " Integration ID"
            ) from None

    async def close(self) -> None:
        """Closes the connections."""
        self._is_closed = True
        await self._http.close()

    def refusal(self, request: Request, answer: Answer) -> SegconnectError | None:
        """Answers why an answer is no success, or None if it is one."""
        status, body = answer.status, answer.body
        if 200 <= status < 300:
            if type(body) is not dict or body.get("status") != "error" or request.endpoint is None:
                return None
        elif status < 400:
            return self._redirected(request, answer)
        elif (failure := self._failure(status, body, None)) is not None:
            return failure  # a line of a batch; of a call it has been raised before
        return RefusedError(request.label, self._told(body) or [_status(status)], status)

    # -- attempts --------------------------------------------------------------------------------

    async def _attempt(self, request: Request) -> Answer:
        if self._is_closed:
            raise UsageError("the client is closed; open a new one")
        if request.path[:1] != "/":
            raise InvalidBundleError(request.label, ["URL: does not begin with a slash"])
        try:
            if any(name.lower() in ("authorization", "host") for name in request.headers):
                raise ValueError("Authorization and Host are set by segconnect")  # noqa: TRY301
            reply = await self._http.exchange(request)
        except BrokenError as error:
            raise self._broken(error) from error
        except TooLongError:
            raise self._unusable(f"answered more than {self.limits.max_answer} bytes") from None
        except ValueError as error:
            problem = f"cannot be sent: {self._shown(str(error))}"
            raise InvalidBundleError(request.label, [problem]) from None
        return self._answered(request, reply)

    def _answered(self, request: Request, reply: Reply) -> Answer:
        """Reads what came back.

        Raises:
            SegconnectError: What says nothing about the bundle itself.
        """
        status, headers, raw, offered = reply
        self.has_answered = True
        self._answers += 1
        if status < 429:
            self._pace.taken()
        if offered is not None and offered != self._offer:
            self._read_offer(offered)
        if headers is None:
            try:
                return Answer(200, {}, from_json(raw))
            except ValueError:
                raise self._unusable("answered HTTP 200 OK without JSON") from None
        answer = Answer(status, headers, self._body(request, status, headers, raw))
        failure = self._failure(status, answer.body, answer.headers.get("retry-after"))
        if failure is not None:
            try:
                raise failure
            finally:
                del failure  # it holds this frame, and would be freed late
        return answer

    def _is_absent(self, failure: Exception, answers: int) -> bool:
        """Tells whether nobody is there: it cannot be connected to, and has answered nobody since.

        Args:
            failure: What came of an attempt.
            answers: How many had come when the one before it failed, or the first one began.
        """
        cannot_connect = isinstance(failure, UnreachableError) and not failure.may_have_arrived
        return cannot_connect and self._answers == answers

    async def _again(
        self, request: Request, error: ThrottledError | UnreachableError, rest: Rest | None
    ) -> Answer:
        """Sends a request again that failed, for as long as that is safe and may still help."""
        try:
            for tries in range(self.limits.attempts - 1):
                if not _is_safe(request, error):
                    break
                answers, seconds = self._answers, self._pause(error, tries)
                LOG.info("%s; again in %.2f s", error, seconds)
                if seconds >= SHORT or error.is_absent:
                    if rest is not None:
                        rest.begin()
                    await asyncio.sleep(seconds)
                    if rest is not None:
                        await rest.end()
                if self._pace.is_held:
                    await self._pace.turn()
                try:
                    return await self._attempt(request)
                except (ThrottledError, UnreachableError) as failure:
                    failure.is_absent = self._is_absent(failure, answers)
                    error = failure
            raise error
        finally:
            del error  # it holds this frame, and would be freed late

    def _pause(self, failure: ThrottledError | UnreachableError, tries: int) -> float:
        """Answers the seconds until a request is sent again that was already, so many times."""
        limits = self.limits
        most = min(limits.max_backoff, limits.backoff * 2.0**tries)
        seconds = self._pace.back_off(most, tries, is_down=failure.is_absent)
        if failure.retry_after is not None:
            seconds = min(failure.retry_after, limits.max_retry_after)
            seconds += random.uniform(0, limits.backoff)
        return seconds

    def _read_offer(self, offer: str) -> None:
        """Reads what an account says of batches, such as "5000; after"."""
        self._offer = offer
        lines, *members = (part.strip() for part in offer.split(";"))
        self.batch_lines = int(lines) if lines.isascii() and lines.isdigit() else None
        self.batch_has_after = "after" in members

    def _body(self, request: Request, status: int, headers: Mapping[str, str], raw: bytes) -> Any:
        """Reads a body that is not simply the JSON of a call that went well."""
        kind = headers.get("content-type", "").partition(";")[0].strip().lower()
        try:
            if kind == NDJSON:
                return [from_json(line) for line in raw.split(b"\n") if line.strip()]
            if raw and (request.endpoint or kind.endswith(("/json", "+json"))):
                return from_json(raw)
        except ValueError:
            if kind == NDJSON or (request.endpoint and 200 <= status < 300):
                raise self._unusable(f"answered {_status(status)} without JSON") from None
        return raw.decode("utf-8", "replace") if raw else None

    # -- errors ----------------------------------------------------------------------------------

    def _failure(self, status: int, body: Any, retry_after: str | None) -> SegconnectError | None:
        """Answers the error of a status that says nothing about the bundle itself."""
        told = "; ".join(self._told(body))
        what = f"{_status(status)}{f': {told}' if told else ''}"
        if status in (401, 403):
            return UnauthorizedError(
                f"{self._who}: the account does not accept the API key for this integration"
                f" ({what}); check API Key, Account ID and Integration ID"
            )
        if status == 429:
            asked = retry_after_seconds(retry_after)
            pause = self.limits.backoff if asked is None else asked
            if pause:
                self._pace.pause(min(pause, self.limits.max_retry_after), is_limit=True)
            return ThrottledError(f"{self._who}: the account asks for a pause ({what})", asked)
        if status >= 500 or status in (408, 425):
            asked = retry_after_seconds(retry_after)
            if status == 503 and asked:
                self._pace.pause(min(asked, self.limits.max_retry_after), is_limit=False)
            return UnreachableError(
                f"{self._who}: {self._host} could not answer ({what}); try again later",
                may_have_arrived=True,
                retry_after=asked,
            )
        return None

    def _broken(self, error: BrokenError) -> SegconnectError:
        """Answers the error of a connection that gave no answer."""
        reason = self._shown(error.reason)
        if self._is_closed:
            return UsageError("the client is closed; open a new one")
        if error.may_have_arrived:
            how = "gave no answer in time" if error.is_late else "broke off"
            return UnreachableError(
                f"{self._who}: {self._host} {how} ({reason}); try again later",
                may_have_arrived=True,
            )
        if error.is_untrusted:
            return ConnectionSetupError(
                f"{self._who}: the certificate of {self._host} is not trusted ({reason}); check"
                " Base URL, or add the certificate's issuer to those that this machine trusts"
            )
        return UnreachableError(
            f"{self._who}: cannot connect to {self._host} ({reason}); check that it runs, and"
            " Base URL",
            may_have_arrived=False,
        )

    def _unusable(self, how: str) -> _UnusableError:
        return _UnusableError(f"{self._who}: {self._host} {how}", may_have_arrived=True)

    def _redirected(self, request: Request, answer: Answer) -> SegconnectError:
        target = self._shown(answer.headers.get("location", "").partition("?")[0])
        why = (
            f"{self._host} redirects to {target or 'nowhere'} ({_status(answer.status)}), which is"
            " not followed, since the API key would go there"
        )
        if request.endpoint is None:
            return RefusedError(request.label, [why], answer.status)
        return ConnectionSetupError(f"{self._who}: {why}; check Base URL")

    def _told(self, body: Any) -> list[str]:
        """Answers the sentences of an error's body: its `errors`, else its `message`."""
        if not isinstance(body, dict):
            return []
        told = body.get("errors") or body.get("message") or body.get("error") or []
        if isinstance(told, dict):
            told = [f"{name}: {each}" for name, each in told.items()]
        return [self._shown(str(each)) for each in (told if isinstance(told, list) else [told])]

    def _shown(self, text: str) -> str:
        """Makes another's text fit for a message: one line, not too long, without the key."""
        text = " ".join(text.replace(self._key, "[API key]").split())
        return text if len(text) <= 500 else text[:497] + "..."


def _way(root: str, api_key: str, limits: Limits) -> Http:
    """Opens the way to an API root."""
    parts = urlsplit(root)
    headers = {"authorization": api_key, "content-type": "application/json"}
    if parts.scheme == "http" and is_loopback(parts.hostname or ""):
        return NearHttp(root, headers, limits)
    from segconnect.transport.far import FarHttp  # pyreqwest takes 10 MB

    return FarHttp(root, headers, limits)


def _is_safe(request: Request, failure: Exception) -> bool:
    """Tells whether a request may be sent again: that is harmless, or it cannot have arrived."""
    if isinstance(failure, UnreachableError) and not isinstance(failure, _UnusableError):
        return request.idempotent or not failure.may_have_arrived
    return isinstance(failure, ThrottledError)


def _status(status: int) -> str:
    try:
        return f"HTTP {status} {HTTPStatus(status).phrase}"
    except ValueError:  # a number of its own
        return f"HTTP {status}"


def retry_after_seconds(retry_after: str | None) -> float | None:
    """Reads Retry-After, seconds or a date; None where it cannot be read."""
    text = (retry_after or "").strip()
    if not text:
        return None
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    return max(0.0, (moment.replace(tzinfo=moment.tzinfo or UTC) - clock.now()).total_seconds())
