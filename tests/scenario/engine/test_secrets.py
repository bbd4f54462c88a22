"""What credentials hold is hidden wherever it turns up in a trace."""

from __future__ import annotations

from segconnect.credentials import SERVICES
from segconnect.modules.schema import form
from segconnect.scenario.engine.settings import Limits
from segconnect.scenario.engine.trace import HIDDEN, Masker, secrets_of


def test_a_value_of_any_name_of_its_own_is_hidden() -> None:
    bank = {"pin": 482916, "iban": "NO93 8601 1117 947", "host": "bank.example.com"}
    masker = Masker(Limits(), secrets_of({"bank": bank}))

    assert masker.shown("482916 for NO93 8601 1117 947 at bank.example.com") == (
        f"{HIDDEN} for {HIDDEN} at bank.example.com"
    )


def test_every_secret_of_a_service_is_hidden_and_nothing_else_is() -> None:
    for kind in SERVICES.values():
        names = [kind.facts()[field.name].wire or field.name for field in form(kind)]
        secret = [kind.facts()[name].wire for name in kind.secrets()]

        hidden = secrets_of({"one": {name: f"{name} value" for name in names}})
        assert [name for name in names if f"{name} value" in hidden] == secret
