"""Who acts for a member by a mandate, as far as its DID document may be believed."""

from types import SimpleNamespace
from typing import Any

import pytest

from connector.identity.trust.keys.jwk import thumbprint
from connector.identity.trust.keys.signing import SoftwareKey
from connector.oversight.partners.service import Partners

TOWN, AGENT = "did:web:town.example", "did:web:bund.example"
JWK = SoftwareKey.generate("peer", TOWN).public_jwk
KEY = {"id": f"{TOWN}#op", "controller": AGENT, "publicKeyJwk": JWK}
DOCUMENT = {"id": TOWN, "verificationMethod": [KEY], "capabilityInvocation": [KEY["id"]]}


@pytest.mark.threat("T108")
@pytest.mark.parametrize(
    ("listed", "shown"), [({"another"}, None), ({"another", thumbprint(JWK)}, AGENT), (set(), AGENT)]
)
def test_bug_a_member_named_whom_it_liked_as_acting_for_it(listed: set[str], shown: str | None) -> None:
    """>> no contract, a key of another in its document, and a list that names other keys, that one, none << nobody; the
    other."""
    trust: Any = SimpleNamespace(
        resolver=SimpleNamespace(known=lambda did: SimpleNamespace(raw=DOCUMENT)),
        anchor=SimpleNamespace(pinned=lambda did, own: frozenset(listed)),
        members=SimpleNamespace(name_of=lambda did, own: "Bund"),
    )
    nothing: Any = None
    tx: Any = SimpleNamespace(now=0, all=lambda sql, **names: [])
    partners = Partners(nothing, nothing, nothing, nothing, nothing, trust, nothing)
    partners._did = lambda slug: "did:web:village.example"  # type: ignore[method-assign]
    acting = partners._acting(tx, "village", TOWN)
    assert (None if acting is None else acting.did) == shown
