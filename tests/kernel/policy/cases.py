"""Who asks and what for in the tests of this room: a company, a municipality, and policies as on the wire."""

from typing import Any

from connector.data.catalogue.templates.templates import fill
from connector.foundation.language import say as message
from connector.kernel.dialects.policies.skos import Vocabulary
from connector.kernel.policy.odrl.model import Policy
from connector.kernel.policy.odrl.parse import parse
from connector.kernel.policy.odrl.state_of_world import Fact, World
from connector.kernel.policy.wording.words import Words

H = "https://w3id.org/hanse/v1#"
ODRL = "http://www.w3.org/ns/odrl/2/"
NOW = 1_795_000_006_000
"""18.11.2026, 12:06:46 in Germany; the agreement is six seconds old."""


def words_of(vocabulary: Vocabulary, lang: str) -> Words:
    return Words(lambda key, /, **facts: message(key, lang, **facts), vocabulary.labels(lang))


def firm(vocabulary: Vocabulary, **changes: Any) -> World:
    """A company that declares research; `claims` by local name are from the trust list."""
    claims = {"participantKind": H + "company"} | changes.pop("claims", {})
    known = {H + name: Fact(frozenset({value} - {""}), "verified-credential") for name, value in claims.items()}
    facts: dict[str, Any] = {"facts": known, "purpose": H + "research", "purpose_source": "declared", "uses": {"": 1}}
    facts |= {"agreement_at": NOW - 6000, "closure": vocabulary.closure, "now": NOW, "participant": "did:web:firm"}
    return World(**facts | changes)


def town(vocabulary: Vocabulary, **changes: Any) -> World:
    """A municipality that declares winter service."""
    usual: dict[str, Any] = {"claims": {"participantKind": H + "municipality"}, "purpose": H + "winterService"}
    return firm(vocabulary, **usual | changes)


def municipal(**slots: str) -> Policy:
    """Template 3."""
    return parse(fill("municipal-purpose", {"until": "31.12.2027"} | slots))


def use(*constraints: object, **members: Any) -> dict[str, Any]:
    return {"permission": [{"action": "use", "constraint": list(constraints)}]} | members


def atom(left: str, operator: str, right: object, **more: object) -> dict[str, object]:
    return {"leftOperand": left, "operator": operator, "rightOperand": right, **more}


KIND = atom(H + "participantKind", "isAnyOf", [H + "county"])
ODD = atom("partner", "eq", "gold")
