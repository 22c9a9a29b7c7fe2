"""Private keys are opened when they are used, and only so many stay open."""

import pytest

from connector.foundation.errors import Defect
from connector.identity.participants.signers import Opener, Signers
from connector.identity.trust.keys.signing import Purpose, SoftwareKey
from connector.identity.trust.keys.vault import Vault


def sealed(vault: Vault, slug: str, purpose: Purpose = "peer") -> Signers:
    key = SoftwareKey.generate(purpose, f"did:web:{slug}")
    return Signers(OPENERS[vault], slug, {purpose: (key.record(), key.export(vault, slug))})


OPENERS: dict[Vault, Opener] = {}


@pytest.fixture
def vault() -> Vault:
    return Vault(bytes(range(32)))


@pytest.fixture
def opener(vault: Vault) -> Opener:
    OPENERS[vault] = Opener(vault, most=2)
    return OPENERS[vault]


def test_the_one_used_longest_ago_is_closed_first(vault: Vault, opener: Opener) -> None:
    """>> a, b, a, c, a, b with two open at most << b was closed for c; a stayed."""
    a, b, c = (sealed(vault, name) for name in "abc")
    first = a["peer"]
    for one in (b, a, c, a):
        assert one["peer"].sign(b"x")
    assert (opener.opened, a["peer"] is first) == (3, True)
    assert b["peer"].sign(b"x")
    assert opener.opened == 4


def test_a_key_that_is_not_in_use_any_more_is_closed(vault: Vault, opener: Opener) -> None:
    a = sealed(vault, "a")
    opener.forget([a["peer"].kid, "unknown"])
    assert a["peer"].sign(b"x")
    assert opener.opened == 2


@pytest.mark.threat("T27")
def test_sealed_bytes_of_another_participant_do_not_open(vault: Vault, opener: Opener) -> None:
    key = SoftwareKey.generate("peer", "did:web:a")
    moved = Signers(opener, "b", {"peer": (key.record(), key.export(vault, "a"))})
    assert (list(moved), len(moved)) == (["peer"], 1)
    with pytest.raises(Defect):
        moved["peer"]
