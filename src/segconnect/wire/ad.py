"""Ads on the wire: one ad's figures for one day."""

from __future__ import annotations

from typing import Annotated

from pydantic import AliasChoices, BeforeValidator, Field

from segconnect.types import MAX_CENTS, Cents, Day, Id
from segconnect.wire.shape import Blank, Shape, Text

Figure = Annotated[int | None, Blank]


def _as_object(value: object) -> object:
    is_id = isinstance(value, str | int | float) and not isinstance(value, bool)
    return {"id": value} if is_id else value


class CampaignShape(Shape):
    """An ad campaign: an id, or an object that creates or renames it."""

    id: Id
    name: Text | None = None


Campaign = Annotated[
    CampaignShape, BeforeValidator(_as_object, json_schema_input_type=str | int | CampaignShape)
]


class AdSetShape(Shape):
    """An ad set, and the campaign that it belongs to."""

    id: Id
    name: Text | None = None
    adcampaign: Annotated[Campaign | None, Blank] = None


AdSet = Annotated[
    AdSetShape, BeforeValidator(_as_object, json_schema_input_type=str | int | AdSetShape)
]


class AdObject(Shape):
    """An ad, and the ad set and campaign that it belongs to."""

    id: Id
    name: Text | None = None
    adcampaign: Annotated[Campaign | None, Blank] = None
    adset: Annotated[AdSet | None, Blank] = None


Ad = Annotated[AdObject, BeforeValidator(_as_object, json_schema_input_type=str | int | AdObject)]


class PerformanceShape(Shape):
    """POST /ad/performance. The same ad and day again replaces the figures."""

    ad: Ad
    spend: Cents
    date: Day = Field(validation_alias=AliasChoices("date", "date_created"))
    adcampaign: Annotated[Campaign | None, Blank] = None
    adset: Annotated[AdSet | None, Blank] = None
    clicks: Figure = Field(None, ge=0, le=MAX_CENTS)
    impressions: Figure = Field(None, ge=0, le=MAX_CENTS)
