"""The reference for the import API: a bare Starlette app that reads the JSON and answers it."""

from __future__ import annotations

import sys

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route


async def echo(request: Request) -> Response:
    """Answers what was sent."""
    return JSONResponse(await request.json())


app = Starlette(routes=[Route("/{path:path}", echo, methods=["POST"])])

if __name__ == "__main__":
    uvicorn.run(app, port=int(sys.argv[1]), log_level="warning", access_log=False)
