"""The pages as one ASGI app, under /app."""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Sequence
from http import HTTPStatus

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.types import Receive, Scope, Send

from segconnect.errors import UnfitError
from segconnect.web.house import COOKIE, HERE, Handler, House, Page, guarded, text
from segconnect.web.pages import (
    account,
    connections,
    contact,
    contacts,
    editing,
    erasing,
    incomplete,
    mapping,
    overview,
    people,
    reports,
    runs,
    scenarios,
    services,
    set_up,
    tracking,
    undo,
    uploads,
    users,
    versions,
    you,
)
from segconnect.web.static_files import Compressed
from segconnect.web.users import SESSION, Role, TooManyTriesError

PREFIX = "/app"

ROUTES: Sequence[tuple[str, Handler, Role, str]] = (
    ("/overview", overview.show, Role.VIEWER, "GET"),
    ("/overview/needs", overview.needs, Role.VIEWER, "GET"),
    ("/health", overview.health, Role.VIEWER, "GET"),
    ("/reports", reports.show, Role.VIEWER, "GET"),
    ("/reports/values", reports.values, Role.VIEWER, "GET"),
    ("/reports/save", reports.save, Role.EDITOR, "POST"),
    ("/reports/saved", reports.listed, Role.VIEWER, "GET"),
    ("/reports/saved/{id}/{action}", reports.change, Role.EDITOR, "POST"),
    ("/reports/share", reports.share, Role.EDITOR, "POST"),
    ("/reports/shared/{id}/revoke", reports.revoke, Role.EDITOR, "POST"),
    ("/reports.{kind}", reports.export, Role.VIEWER, "GET"),
    ("/reports/behind", reports.behind, Role.VIEWER, "GET"),
    ("/reports/behind.csv", reports.export_behind, Role.EDITOR, "GET"),
    ("/contacts", contacts.show, Role.VIEWER, "GET"),
    ("/contacts/{id:path}/export.json", contact.export, Role.EDITOR, "GET"),
    ("/contacts/{id:path}", contact.show, Role.VIEWER, "GET"),
    ("/people/origins", contacts.origins, Role.VIEWER, "GET"),
    ("/people/data", contact.data, Role.EDITOR, "GET"),
    ("/people/credits", contact.credits_, Role.VIEWER, "GET"),
    ("/people/edit", editing.show, Role.EDITOR, "GET"),
    ("/people/edit", editing.save, Role.EDITOR, "POST"),
    ("/people/erase", erasing.show, Role.OWNER, "GET"),
    ("/people/erase", erasing.erase, Role.OWNER, "POST"),
    ("/people/join", people.join, Role.EDITOR, "GET"),
    ("/people/join", people.do_join, Role.EDITOR, "POST"),
    ("/people/merges", people.merges, Role.VIEWER, "GET"),
    ("/people/split", people.split, Role.EDITOR, "POST"),
    ("/people/devices", people.show_devices, Role.VIEWER, "GET"),
    ("/people/device", people.mark, Role.EDITOR, "POST"),
    ("/scenarios", scenarios.listed, Role.VIEWER, "GET"),
    ("/scenarios/new", scenarios.new, Role.EDITOR, "GET"),
    ("/scenarios/new", scenarios.create, Role.EDITOR, "POST"),
    ("/scenarios/upload", uploads.take, Role.EDITOR, "POST"),
    ("/scenarios/upload/{token}", uploads.show, Role.EDITOR, "GET"),
    ("/scenarios/upload/{token}", uploads.load, Role.EDITOR, "POST"),
    ("/scenarios/upload/{token}/discard", uploads.discard, Role.EDITOR, "POST"),
    ("/scenarios/{id}", scenarios.show, Role.VIEWER, "GET"),
    ("/scenarios/{id}/sample", scenarios.sample, Role.VIEWER, "GET"),
    ("/scenarios/{id}/modules/{module}", mapping.show, Role.VIEWER, "GET"),
    ("/scenarios/{id}/modules/{module}", mapping.save, Role.EDITOR, "POST"),
    ("/scenarios/{id}/modules/{module}/preview", mapping.preview, Role.VIEWER, "POST"),
    ("/scenarios/{id}/versions", versions.show, Role.VIEWER, "GET"),
    ("/scenarios/{id}/versions/{number:int}", versions.restore, Role.EDITOR, "POST"),
    ("/scenarios/{id}/save", scenarios.save, Role.EDITOR, "POST"),
    ("/scenarios/{id}/switch", scenarios.switch, Role.EDITOR, "POST"),
    ("/scenarios/{id}/run", scenarios.run, Role.EDITOR, "POST"),
    ("/scenarios/{id}/remove", scenarios.remove, Role.EDITOR, "POST"),
    ("/runs", runs.listed, Role.VIEWER, "GET"),
    ("/runs/{id}", runs.show, Role.VIEWER, "GET"),
    ("/runs/{id}/live", runs.live, Role.VIEWER, "GET"),
    ("/runs/{id}/refused.csv", runs.refused, Role.VIEWER, "GET"),
    ("/runs/{id}/{action}", runs.act, Role.EDITOR, "POST"),
    ("/incomplete", incomplete.listed, Role.VIEWER, "GET"),
    ("/incomplete/{id}", incomplete.show, Role.VIEWER, "GET"),
    ("/incomplete/{id}/{action}", incomplete.act, Role.EDITOR, "POST"),
    ("/set-up", set_up.show, Role.VIEWER, "GET"),
    ("/set-up/accounts/{account}", account.show, Role.VIEWER, "GET"),
    ("/set-up/accounts/{account}", account.save, Role.OWNER, "POST"),
    ("/set-up/accounts/{account}/tracking", tracking.show, Role.EDITOR, "GET"),
    ("/set-up/accounts/{account}/tracking/check", tracking.check, Role.EDITOR, "GET"),
    ("/set-up/account", set_up.create_account, Role.OWNER, "POST"),
    ("/set-up/integration", set_up.create_integration, Role.OWNER, "POST"),
    ("/set-up/key", set_up.create_key, Role.OWNER, "POST"),
    ("/set-up/key/renew", set_up.renew_key, Role.OWNER, "POST"),
    ("/set-up/key/revoke", set_up.revoke_key, Role.OWNER, "POST"),
    ("/set-up/connections", set_up.add_connection, Role.OWNER, "POST"),
    ("/set-up/connection/new", services.new, Role.OWNER, "GET"),
    ("/set-up/connection/new", services.create, Role.OWNER, "POST"),
    ("/set-up/connection", connections.show, Role.VIEWER, "GET"),
    ("/set-up/connection", connections.change, Role.OWNER, "POST"),
    ("/set-up/connection/test", connections.test, Role.EDITOR, "POST"),
    ("/set-up/connection/delete", connections.remove, Role.OWNER, "POST"),
    ("/undo/{id}", undo.undo, Role.EDITOR, "POST"),
    ("/you", you.show, Role.VIEWER, "GET"),
    ("/you/password", you.change_password, Role.VIEWER, "POST"),
    ("/users", users.show, Role.OWNER, "GET"),
    ("/users/invite", users.invite, Role.OWNER, "POST"),
    ("/users/invitations/{hash}/withdraw", users.withdraw, Role.OWNER, "POST"),
    ("/users/{id}/{action}", users.act, Role.OWNER, "POST"),
)


class Web:
    """The pages."""

    def __init__(self, house: House) -> None:
        self.house = house
        undo.purge(house)  # what was to go while no server ran
        routes: list[BaseRoute] = [
            Route("/", lambda request: RedirectResponse("/app/overview", 303)),
            Route("/sign-in", self._sign_in, methods=["GET", "POST"]),
            Route("/sign-out", self._sign_out, methods=["POST"]),
            Route("/welcome", self._welcome, methods=["GET", "POST"]),
            Route("/join/{token}", self._join, methods=["GET", "POST"]),
            Route("/shared/{token}", self._shared),
            Mount("/static", Compressed(directory=HERE / "static")),
        ]
        routes += [
            Route(path, self._page(handler, role), methods=[method])
            for path, handler, role, method in ROUTES
        ]
        self._app = Starlette(
            routes=[Mount(PREFIX, routes=routes)],
            exception_handlers={HTTPException: self._failure, Exception: self._broken},
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        await self._app(scope, receive, send)

    def _page(self, handler: Handler, role: Role) -> Page:
        return guarded(self.house, handler, role)

    async def _failure(self, request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        if "hx-request" in request.headers:
            return self.house.render(request, "parts/failure.html", 422, failure=error.detail)
        told = error.detail
        if told == HTTPStatus.NOT_FOUND.phrase:  # no route leads there
            told = "There is no such page: its address may be misspelled."
        return self.house.render(request, "failure.html", error.status_code, told=told)

    async def _broken(self, request: Request, _error: Exception) -> Response:
        """Tells that it is not their fault; the server's log has the reason."""
        told = "Something broke here. The log of the server says what; trying again may help."
        if "hx-request" in request.headers:
            return self.house.render(request, "parts/failure.html", 422, failure=told)
        return self.house.render(request, "failure.html", 500, told=told)

    # coming in

    async def _sign_in(self, request: Request) -> Response:
        house, users = self.house, self.house.users
        token = request.query_params.get("token", "")
        if token:  # the address that was printed
            if not hmac.compare_digest(token, house.first_token):
                return house.render(request, "sign_in.html", next="", email="", failure=SPENT)
            house.first_token = ""
            session = await asyncio.to_thread(users.begin_session, None)
            is_new = not await asyncio.to_thread(users.any)
            return _signed_in(
                house, request, session, "/app/welcome" if is_new else "/app/overview"
            )
        wanted = request.query_params.get("next", "")
        if request.method == "GET":
            return house.render(request, "sign_in.html", next=wanted, email="")
        address = request.client.host if request.client else ""
        email, password = await text(request, "email"), await text(request, "password")
        again = {"next": wanted, "email": email}
        try:
            begun = await asyncio.to_thread(users.sign_in, email, password, address)
        except TooManyTriesError as error:
            return house.render(request, "sign_in.html", 429, failure=str(error), **again)
        if begun is None:
            told = "The email and the password do not go together."
            return house.render(request, "sign_in.html", 401, failure=told, **again)
        return _signed_in(house, request, begun, wanted)

    async def _sign_out(self, request: Request) -> Response:
        token = request.cookies.get(COOKIE, "")
        everywhere = await text(request, "everywhere") == "yes"
        await asyncio.to_thread(self.house.users.end_session, token, everywhere=everywhere)
        response = RedirectResponse("/app/sign-in", 303)
        response.delete_cookie(COOKIE, path=PREFIX)
        return response

    async def _welcome(self, request: Request) -> Response:
        """The first owner says by which email and password to come in from now on."""

        async def show(house: House, request: Request) -> Response:
            typed = {name: await text(request, name) for name in ("email", "name")}
            if request.method == "GET":
                return house.render(request, "welcome.html", typed=typed)
            password = await text(request, "password")
            try:
                user = await asyncio.to_thread(
                    house.users.add, typed["email"], typed["name"], password, Role.OWNER
                )
            except UnfitError as error:
                return house.render(
                    request, "welcome.html", 422, typed=typed, problems=error.problems
                )
            await asyncio.to_thread(house.users.note, user, "became the first owner")
            await asyncio.to_thread(house.users.end_session, request.cookies[COOKIE])
            session = await asyncio.to_thread(house.users.begin_session, user.id)
            return _signed_in(house, request, session, "/app/overview")

        return await guarded(self.house, show, Role.OWNER)(request)

    async def _join(self, request: Request) -> Response:
        users, token = self.house.users, request.path_params["token"]
        found = await asyncio.to_thread(users.invitation, token)
        if found is None:
            raise HTTPException(404, "The link is not good any more; ask for a new one.")
        name, password = await text(request, "name"), await text(request, "password")
        shown = {"email": found.email, "typed": {"name": name}}
        if request.method == "GET":
            return self.house.render(request, "join.html", **shown)
        try:
            user = await asyncio.to_thread(users.accept, token, name, password)
        except UnfitError as error:
            return self.house.render(request, "join.html", 422, problems=error.problems, **shown)
        await asyncio.to_thread(users.note, user, "joined")
        session = await asyncio.to_thread(users.begin_session, user.id)
        return _signed_in(self.house, request, session, "/app/overview")

    async def _shared(self, request: Request) -> Response:
        """A report that somebody shared by a link: the one page that needs no sign-in."""
        return await reports.shared(self.house, request)


SPENT = "The address was used already, or is of an earlier start; the terminal shows the new one."


def _signed_in(house: House, request: Request, session: str, wanted: str) -> Response:
    is_ours = wanted.startswith("/app/") and not wanted.startswith("/app//")
    response = RedirectResponse(wanted if is_ours else "/app/overview", 303)
    response.set_cookie(
        COOKIE,
        session,
        max_age=SESSION // 1000,
        path=PREFIX,
        httponly=True,
        samesite="lax",
        secure=house.address(request).startswith("https:"),
    )
    return response
