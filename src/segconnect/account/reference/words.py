"""What fields mean, what answers hold, and examples: what the shapes on the wire cannot say."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]

FIELDS = {
    "contact_id": "The contact's id in the program that sends it. Looked for before the email.",
    "email": "The contact's email address, in any case of letters.",
    "first_name": "The contact's first name.",
    "last_name": "The contact's last name.",
    "status": "Whether the contact is opted in; `active` for a new one.",
    "date_created": "When it was created; now for a new contact that does not say.",
    "last_updated": "When it was changed last; now unless it says.",
    "referring_url": "The page that the contact came from.",
    "optin_url": "The page on which the contact opted in.",
    "ip_address": "The address that the contact opted in from.",
    "affiliate_id": "Who sent the contact.",
    "tags": "Ids, names or objects, or a mix. On a contact they replace the ones that it has.",
    "custom_fields": "Keys and plain values, merged into those there are; null removes a key.",
    "amount": "The whole amount, in cents.",
    "paid": "What was paid of it, in cents.",
    "is_refunded": "Whether the order was refunded.",
    "discount": "In cents.",
    "tax": "In cents.",
    "shipping": "In cents.",
    "items": "The line items; they replace the ones that the order has.",
    "product_id": "The product's id; one that is not known is created.",
    "start_date": "When the subscription began.",
    "last_bill_date": "When it was billed last.",
    "billing_cycle": "The unit of time between bills.",
    "frequency": "How many units lie between bills: `month` and 3 is quarterly.",
    "quantity": "How many are subscribed to; 1 unless it says.",
    "trial_end_date": "When the trial ends. Also read as `trial_end`.",
    "end_date": "When the subscription will end by itself.",
    "canceled_date": "When it was canceled; null revokes it. Also read as `cancellation_date`.",
    "spend": "What was spent, in cents.",
    "clicks": "How often the ad was clicked that day.",
    "impressions": "How often the ad was shown that day.",
    "ad": "The ad: its id, or an object that creates or renames it.",
    "adset": "The ad set: its id, or an object that creates or renames it.",
    "adcampaign": "The ad campaign: its id, or an object that creates or renames it.",
    "Tag.id": "The tag's id. Also read as `tag_id`.",
    "Tag.date": "When the tag was applied; now unless it says.",
    "Order.id": "The order's id; the same one again updates the order.",
    "Order.date_created": "When the order was placed.",
    "Item.id": "The line's id; the order's, a hyphen and the line's number unless it says.",
    "Item.name": "The product's name; it stands for the product's id where there is none.",
    "Item.total_paid": "What was paid of the line, in cents; all of it if the order is paid.",
    "Item.subscription_id": "The subscription that the line bills.",
    "Subscription.id": "The subscription's id; the same one again updates it.",
    "Subscription.name": "The product's name. Also read as `product_name`.",
    "Product.id": "The product's id; the same one again renames it.",
    "uid": "The visitor's uid, as the script in a page makes it.",
    "PageView.id": "Tells two views of one second apart; the same one again replaces the view.",
    "PageView.uid": "The visitor; made from contact_id, else email, where it is absent.",
    "url": "The page, with its query. Also read as `full_url`.",
    "referrer": "Where the visitor came from: a URL or a host.",
    "PageView.date_created": "When it was seen; now unless it says.",
    "user_agent": "What the browser calls itself. Bots are marked by it.",
    "PageView.ip_address": "The visitor's address; its last part is not kept.",
    "ad_id": "The ad's id; the URL's `ad_id` unless it says.",
    "country_code": "The country's two letters.",
    "Performance.date": "The day that the figures are of. Also read as `date_created`.",
}
"""What a field means, by its name, or by its object and name where that differs."""

TEXT: Json = {"type": "string"}
MAYBE: Json = {"type": ["string", "null"]}
NUMBER: Json = {"type": "number"}
WHOLE: Json = {"type": "integer"}
TRUTH: Json = {"type": "boolean"}
OBJECT: Json = {"type": "object"}
LIST: Json = {"type": "array"}

ANSWERS: dict[str, dict[str, Json]] = {
    "contact": {
        "contact_id": TEXT, "first_name": MAYBE, "last_name": MAYBE, "email": MAYBE,
        "status": TEXT, "date_created": TEXT, "last_updated": TEXT, "custom_fields": OBJECT,
    },
    "invoice": {
        "id": TEXT, "contact_id": MAYBE, "email": MAYBE, "amount": WHOLE, "paid": WHOLE,
        "is_refunded": TRUTH, "discount": WHOLE, "tax": WHOLE, "shipping": WHOLE,
        "date_created": TEXT,
    },
    "subscription": {
        "id": TEXT, "contact_id": MAYBE, "email": MAYBE, "amount": WHOLE, "product_id": TEXT,
        "billing_cycle": TEXT, "frequency": WHOLE, "quantity": WHOLE, "start_date": TEXT,
        "last_bill_date": TEXT, "trial_end_date": MAYBE, "end_date": MAYBE, "canceled_date": MAYBE,
    },
    "product": {"id": TEXT, "name": TEXT},
    "ad_performance": {
        "ad": TEXT, "date": TEXT, "spend": WHOLE, "clicks": WHOLE, "impressions": WHOLE,
    },
    "page_view": {"uid": TEXT, "is_counted": TRUTH},
    "identify": {"uid": TEXT, "email": MAYBE, "contact_id": MAYBE},
}  # fmt: skip
"""What an upsert answers under the object's own name."""

EXAMPLES: dict[str, Json] = {
    "POST contact": {
        "contact_id": 42,
        "email": "joey@bloggs.com",
        "first_name": "Joey",
        "last_name": "Bloggs",
        "status": "active",
        "date_created": "2026-02-03 04:05:06",
        "utm_source": "google",
        "utm_medium": "cpc",
        "tags": ["New Lead", 17, {"id": 3, "name": "Webinar", "date": "2026-02-28"}],
        "custom_fields": {"company": "Bloggs Tea", "seats": 4, "fax": None},
    },
    "POST tags/add": {"email": "joey@bloggs.com", "tags": ["Platinum", {"id": 3}]},
    "POST tags/remove": {"contact_id": 42, "tags": ["New Lead"]},
    "POST invoice": {
        "id": "1001",
        "email": "joey@bloggs.com",
        "amount": 3900,
        "paid": 3900,
        "date_created": "2026-02-10 11:00:00",
        "items": [
            {"name": "Green tea", "product_id": "tea", "amount": 900},
            {"name": "Tea club", "product_id": "club", "amount": 3000, "subscription_id": "s7"},
        ],
    },
    "POST subscription": {
        "id": "s7",
        "contact_id": 42,
        "amount": 3000,
        "product_id": "club",
        "name": "Tea club",
        "start_date": "2026-02-10",
        "last_bill_date": "2026-02-10",
        "billing_cycle": "month",
        "frequency": 3,
    },
    "POST product": {"id": "tea", "name": "Green tea"},
    "POST ad/performance": {
        "ad": {"id": "a1", "name": "A cup of tea"},
        "adset": {"id": "s1", "name": "Oslo"},
        "adcampaign": {"id": "c1", "name": "Spring"},
        "spend": 1250,
        "clicks": 40,
        "impressions": 9000,
        "date": "2026-02-10",
    },
    "POST page_view": {
        "uid": "v5k2",
        "url": "https://tea.example/green?utm_source=google&utm_medium=cpc&ad_id=a1",
        "referrer": "https://www.google.com/",
        "date_created": "2026-02-01 09:30:00",
    },
    "POST identify": {"uid": "v5k2", "email": "joey@bloggs.com"},
}
"""A body for every call that takes one, in an order in which an empty account accepts them all."""

EXAMPLE_IDS = {"contact": "joey@bloggs.com", "invoice": "1001", "subscription": "s7"}
