"""A test that a scenario carries: bundles that are given, and what is to come of them."""

from __future__ import annotations

from typing import Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field


class Case(BaseModel):
    """One test. What it does not say is not checked, but an error that it does not expect fails."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(description="What is tested, in a sentence.")
    given: dict[str, Any] | list[dict[str, Any]] | None = Field(
        default=None,
        description="The bundle or bundles of the first module; without it, that module runs.",
    )
    inputs: dict[str, Any] = Field(default={}, description="The scenario's inputs.")
    now: AwareDatetime | None = Field(default=None, description="What `now` stands for.")
    stores: dict[str, dict[str, dict[str, Any]]] = Field(
        default={}, description="What data stores hold before: records by key, by store."
    )
    answers: dict[int, Any] = Field(
        default={},
        description="What modules put out instead, by id: a bundle, several, or {error: text}.",
    )
    requests: list[dict[str, Any]] | None = Field(
        default=None,
        description="What is sent, in order, such as {add-update-contact: {email: a@b.c}}.",
    )
    response: dict[str, Any] | None = Field(
        default=None, description="What a webhook's caller is answered: status, body."
    )
    outputs: dict[str, Any] | None = Field(default=None, description="What the scenario returns.")
    error: str | None = Field(default=None, description="A part of the message of its error.")
