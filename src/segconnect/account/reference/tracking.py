"""The calls of the tracking side, and those of its owner, as OpenAPI describes them."""

from __future__ import annotations

from segconnect.account.reference.words import LIST, OBJECT, TEXT, WHOLE, Json

ACCOUNT: Json = {
    "name": "account_id", "in": "path", "required": True, "schema": TEXT, "example": "a7f3k9x2m1q",
}  # fmt: skip
MESSAGE: Json = {"type": "object", "required": ["message"], "properties": {"message": TEXT}}


def tracking_paths() -> Json:
    """Describes the paths."""
    script = _content("The script, with an ETag.", "text/javascript", TEXT)
    unknown = {"404": _problems("There is no such account.")}
    identified = _content(
        "Who is identified now.", "application/json",
        {"type": "object", "required": ["status", "identify"],
         "properties": {"status": {"const": "success"}, "identify": OBJECT}},
    )  # fmt: skip
    return {
        "/seg.js": {"get": _call("loadScript", "The script that loads an account's", [], script)},
        "/tag/{account_id}.js": {
            "get": _call("accountScript", "The script for pages", [ACCOUNT], script, unknown)
        },
        "/{account_id}.js": {
            "get": _call("accountScriptToo", "The same script", [ACCOUNT], script, unknown)
        },
        "/hit": {
            "post": _call(
                "hit", "Take a page view from the script",
                [_query("a", "The account's id.", "a7f3k9x2m1q"),
                 _query("u", "The visitor's uid.", "v5k2"),
                 _query("l", "The page.", "https://tea.example/"), _query("r", "The referrer."),
                 _query("i", "Tells two views apart.")],
                {"description": "It is on disk."}, unknown, {"400": _problems("It is no view.")},
                success="204",
            )
        },
        "/identify": {
            "get": _call(
                "identifyVisitor", "Say who a visitor is",
                [_query("a", "The account's id. Also read as `account_id`.", "a7f3k9x2m1q"),
                 _query("uid", "The visitor; made from cid, else e. Also read as `seg_uid`."),
                 _query("e", "The email. Also read as `email`.", "joey@bloggs.com"),
                 _query("cid", "The contact's id. Also read as `contact_id`.")],
                identified, unknown, {"400": _problems("Neither e nor cid is valid.")},
            )
        },
        "/{account_id}/settings/snippet": {
            "get": _owners("snippet", "What a site needs to be tracked", _content(
                "Account, host of the script, and HTML.", "application/json", OBJECT))
        },
        "/{account_id}/direct_marketing": {
            "post": {
                **_owners("expenses", "Keep what was spent by UTM values, in cents", _content(
                    "How many lines were kept: all.", "application/json",
                    {"type": "object", "properties": {"expenses": WHOLE}})),
                "requestBody": {"required": True, "content": {"application/json": {
                    "schema": LIST | {"items": OBJECT},
                    "example": [{"utm_source": "adroll", "date": "2026-02-01", "spend": 12300}],
                }}},
            }
        },
    }  # fmt: skip


def _call(
    name: str,
    summary: str,
    parameters: list[Json],
    answer: Json,
    *errors: Json,
    success: str = "200",
) -> Json:
    responses: Json = {success: answer}
    for error in errors:
        responses.update(error)
    return {
        "tags": ["Tracking"], "operationId": name, "summary": summary, "security": [],
        "parameters": parameters, "responses": responses,
    }  # fmt: skip


def _owners(name: str, summary: str, answer: Json) -> Json:
    refused = _content("The API key is wrong, or not this account's.", "application/json", MESSAGE)
    call = _call(name, summary, [ACCOUNT], answer, {"401": refused})
    return {key: value for key, value in call.items() if key != "security"}


def _query(name: str, description: str, example: str | None = None) -> Json:
    given = {} if example is None else {"example": example}
    return {"name": name, "in": "query", "description": description, "schema": TEXT, **given}


def _content(description: str, kind: str, schema: Json) -> Json:
    return {"description": description, "content": {kind: {"schema": schema}}}


def _problems(description: str) -> Json:
    return _content(description, "application/json", {"$ref": "#/components/schemas/Problems"})
