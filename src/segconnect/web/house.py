"""What the pages are given: stores, settings, and how a page is made and guarded."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable
from contextlib import nullcontext
from dataclasses import dataclass
from functools import cached_property, wraps
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from pydantic_core import from_json
from sqlalchemy import Engine
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from segconnect.account.api.arrivals import Arrivals
from segconnect.account.figures.overview import Figures
from segconnect.account.figures.reporting import Reports
from segconnect.account.owner import access
from segconnect.account.replica.asking import asked_now
from segconnect.account.writing.committer import Committer
from segconnect.account.writing.work import Operation
from segconnect.errors import SegconnectError, UsageError
from segconnect.scenario.hooks import Hooks
from segconnect.scenario.journal import Journal
from segconnect.settings import Settings
from segconnect.web import filters
from segconnect.web.shares import Shares
from segconnect.web.trash import Trash
from segconnect.web.users import Role, User, Users, csrf_of

if TYPE_CHECKING:
    from jinja2 import Environment

COOKIE = "segconnect"
ZONE_SECONDS = 5.0  # for which it is not asked for again
HERE = Path(__file__).parent
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:;"
    " connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cache-control": "no-store",
}

Handler = Callable[["House", Request], Awaitable[Response]]
Page = Callable[[Request], Awaitable[Response]]


@dataclass
class House:
    """All that a page may use.

    Attributes:
        engine: The record store of the account.
        reports: What answers questions about it.
        arrivals: What came from sites lately.
        committer: What changes it, as import calls do.
        first_token: Signs its bearer in as owner, once; it is in the address that is printed.
    """

    settings: Settings
    engine: Engine
    reports: Reports
    committer: Committer
    journal: Journal
    hooks: Hooks
    users: Users
    first_token: str
    arrivals: Arrivals
    _zone: tuple[float, str] = (-ZONE_SECONDS, "UTC")  # and when it was asked for

    @cached_property
    def templates(self) -> Environment:
        """The templates of the pages, compiled when they are first used."""
        from jinja2 import Environment, FileSystemLoader, StrictUndefined

        found = Environment(
            loader=FileSystemLoader(HERE / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        found.filters.update(filters.FILTERS)
        return found

    @cached_property
    def shares(self) -> Shares:
        """The links by which reports are shared."""
        return Shares(self.users.engine)

    @property
    def zone(self) -> str:
        """The zone in which times are shown: that of the first account."""
        seen, found = self._zone
        if monotonic() - seen > ZONE_SECONDS:
            accounts = access.list_accounts(self.engine)
            found = accounts[0]["timezone"] if accounts else "UTC"
            self._zone = monotonic(), found
        return found

    @cached_property
    def figures(self) -> Figures:
        """The figures of first pages, which are remembered."""
        return Figures(self.reports)

    @cached_property
    def trash(self) -> Trash:
        """What was deleted lately, and can be undone."""
        return Trash(self.users.engine)

    def forget_zone(self) -> None:
        """Lets it be asked for again, since it may have changed."""
        self._zone = -ZONE_SECONDS, "UTC"

    def address(self, request: Request) -> str:
        """The address that people come by, without a slash at its end."""
        return self.settings.url or f"{request.url.scheme}://{request.url.netloc}"

    async def change(self, operation: Operation) -> dict[str, Any]:
        """Changes the account as an import call does; answers what that would be answered.

        Raises:
            UsageError: It is refused.
        """
        status, body = await self.committer.submit(operation)
        answer: dict[str, Any] = from_json(body)
        if status != 200:
            raise UsageError("; ".join(answer["errors"]))
        return answer

    def render(
        self, request: Request, template: str, status: int = 200, **values: Any
    ) -> HTMLResponse:
        """Makes a page, or a part of one."""
        user: User | None = getattr(request.state, "user", None)
        token = request.cookies.get(COOKIE, "")
        given = {
            "user": user,
            "csrf": csrf_of(token),
            "path": request.url.path,
            "message": request.query_params.get("message", ""),
            "failure": request.query_params.get("failure", ""),
            "undo": request.query_params.get("undo", ""),
            "may_edit": user is not None and user.role.may(Role.EDITOR),
            "may_own": user is not None and user.role.may(Role.OWNER),
            "zone": self.zone,
            **values,
            "problems": defaultdict(str, values.get("problems", {})),
        }
        content = self.templates.get_template(template).render(given)
        return HTMLResponse(content, status, HEADERS)


def is_row(text: str) -> bool:
    """Whether a text of an address is a number such as that of a row."""
    return text.isascii() and text.isdigit() and len(text) < 19


def back(to: str, message: str = "", failure: str = "", undo: str = "") -> RedirectResponse:
    """Leads to a page, with what is to be told there, and the id by which it is undone."""
    told = {"failure": failure} if failure else {"message": message, "undo": undo}
    query = urlencode({name: text for name, text in told.items() if text}, quote_via=quote)
    if query:
        path, hash_, place = to.partition("#")
        to = f"{path}{'&' if '?' in path else '?'}{query}{hash_}{place}"
    return RedirectResponse(to, 303)


def guarded(house: House, handler: Handler, role: Role) -> Page:
    """Makes a page that only users of a role see, and whose forms are its own."""

    @wraps(handler)
    async def page(request: Request) -> Response:
        token = request.cookies.get(COOKIE, "")
        user = await asyncio.to_thread(house.users.user_of, token) if token else None
        if user is None:
            wanted = quote(request.url.path) if request.method == "GET" else ""
            target = f"/app/sign-in?next={wanted}"
            if "hx-request" in request.headers:
                return Response(status_code=204, headers={"hx-redirect": target})
            return RedirectResponse(target, 303)
        request.state.user = user
        if request.method == "POST":
            form = await request.form()
            given = request.headers.get("x-csrf-token") or form.get("csrf")
            if given != csrf_of(token):
                raise HTTPException(403, "The form is not from this session; load the page anew.")
        if not user.role.may(role):
            raise HTTPException(403, f"That is for {role.value}s; ask an owner of the account.")
        try:
            # what a page shows is of one moment; what a form changes is seen at once
            with asked_now() if request.method == "GET" else nullcontext():
                return await handler(house, request)
        except SegconnectError as error:
            if request.method != "POST":
                raise HTTPException(400, str(error)) from None
            if "hx-request" in request.headers:
                return house.render(request, "parts/failure.html", 422, failure=str(error))
            return back(_came_from(request), failure=str(error))

    return page


def _came_from(request: Request) -> str:
    """The page that a form was on."""
    path = request.headers.get("referer", "").partition("/app")[2].partition("?")[0]
    return f"/app{path}"


async def text(request: Request, name: str, default: str = "", *, strip: bool = True) -> str:
    """Answers a field of a form."""
    value = (await request.form()).get(name)
    if not isinstance(value, str):
        return default
    return value.strip() if strip else value
