"""What the trust list says of a DID: the facts of a member, and an answer for strangers."""

from pathlib import Path

import pytest

from connector.foundation.clock import FakeClock
from connector.identity.trust.keys.vault import Vault
from connector.identity.trust.members.authority import Authority
from connector.identity.trust.members.members import Members
from connector.identity.trust.members.trust_list import Anchor
from tests.identity.trust.members.lists import entry, listed

LOG_KEY = {"kid": "one"}
SECOND = {"kty": "AKP", "alg": "ML-DSA-44", "pub": "AAAA"}
STRANGER = "did:web:fremd.de"


@pytest.fixture
def authority(tmp_path: Path, vault: Vault) -> Authority:
    return Authority.create(tmp_path / "trust" / "authority.jwk.enc", vault)


def test_a_member_is_what_the_list_says_and_a_stranger_speaks_for_itself(
    authority: Authority, clock: FakeClock
) -> None:
    """>> list with one member << its name, operator and keys; a stranger is its DID and has no keys."""
    one = entry(
        "musterstadt",
        clock.now(),
        log_keys=(LOG_KEY,),
        seal_certificates=("ab" * 32,),
        seal_key_pq=SECOND,
    )
    anchor = Anchor(authority.public_jwk)
    anchor.update(authority.issue(listed(authority, clock.now(), one)))
    known = Members(anchor, clock)
    assert (known.name_of(one.did), known.operator_of(one.did)) == ("Musterstadt", "Rechenzentrum")
    assert list(known.seal_certificates(one.did)) == ["ab" * 32]
    assert (list(known.second_seal_keys(one.did)), list(known.log_keys(one.did))) == ([SECOND], [LOG_KEY])
    assert (known.admitted(one.did, clock.now()), known.admitted(STRANGER, clock.now())) == (True, False)
    assert (known.name_of(STRANGER), known.operator_of(STRANGER)) == (STRANGER, STRANGER)
    keys = known.seal_certificates(STRANGER), known.second_seal_keys(STRANGER), known.log_keys(STRANGER)
    assert [list(found) for found in keys] == [[], [], []]
