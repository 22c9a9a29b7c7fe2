"""What the next list of a space says, as values."""

from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from connector.dataspace.spaces.decision import member_keys, next_list
from connector.dataspace.spaces.model import DAY_MS, Keys, Member, RecognisedAuthority, WitnessKeys
from connector.foundation.clock import rfc3339
from connector.foundation.errors import PeerError
from connector.identity.trust.keys.signing import Vault
from connector.identity.trust.members.authority import Authority
from connector.identity.trust.members.trust_list import read_list, require_form
from tests.dataspace.spaces.values import NOW, SPACE, member


def test_a_list_goes_on_from_the_one_before() -> None:
    """A certificate that is listed no more stays with its end, because what it sealed is judged by the list."""
    sealed = member(keys=Keys(seal_certificates=("0" * 64,)))
    first = next_list.following(SPACE, [sealed], None, NOW, 1)
    after = next_list.following(SPACE, [replace(sealed, keys=Keys())], first, NOW + DAY_MS, 2)
    (seal,) = after.participants[0].listed_seals
    assert seal.sha256 == "0" * 64
    assert seal.valid_until is not None
    require_form(after)


def test_whoever_works_for_several_operators_is_no_witness() -> None:
    def at(url: str, operator: str, did: str) -> Member:
        return member(did, operator=operator, keys=Keys(witness=WitnessKeys(url=url, keys=())))

    pairs = [("a", "A"), ("a", "A"), ("b", "B"), ("b", "C")]
    said = [at(f"https://{url}/w", operator, f"did:web:{at_}") for at_, (url, operator) in enumerate(pairs)]
    listed = next_list.following(SPACE, said, None, NOW, 1)
    assert [(one.url, one.operator) for one in listed.witnesses] == [("https://a/w", "A")]


@pytest.mark.threat("T148")
def test_one_operator_in_two_spellings_stays_one_witness() -> None:
    """>> a second member of the same process spells its operator otherwise << one witness, as the older one wrote it;
    and no key of it is listed as retired when the older one leaves."""
    witness = WitnessKeys(url="https://a/w", keys=({"kty": "OKP", "crv": "Ed25519", "x": "AAAA"},))
    said = [
        member("did:web:a", operator="ITK Nord", since=NOW - DAY_MS, keys=Keys(witness=witness)),
        member("did:web:b", operator="ITK \u200bNORD", keys=Keys(witness=witness)),
    ]
    first = next_list.following(SPACE, said, None, NOW, 1)
    assert [(one.url, one.operator) for one in first.witnesses] == [("https://a/w", "ITK Nord")]
    after = next_list.following(SPACE, [replace(said[0], state="left", until=NOW), said[1]], first, NOW + 1, 2)
    assert [len(one.keys) for one in after.witnesses] == [1]
    assert "validUntil" not in after.witnesses[0].keys[0]


@pytest.mark.threat("T106")
def test_nobody_names_the_key_of_anothers_witness_as_its_own() -> None:
    """>> a newer member names it, as if it worked for somebody else, who would then lose that witness << the older one
    keeps it."""
    key = {"kty": "OKP", "crv": "Ed25519", "x": "AAAA"}

    def at(name: str, since: int) -> Member:
        witness = WitnessKeys(url=f"https://{name}/w", keys=(key,))
        return member(f"did:web:{name}", operator=name.upper(), since=since, keys=Keys(witness=witness))

    listed = next_list.following(SPACE, [at("a", NOW), at("b", NOW - DAY_MS)], None, NOW, 1)
    assert [(one.operator, one.keys) for one in listed.witnesses] == [
        ("A", ()),
        ("B", ({**key, "validFrom": rfc3339(NOW)},)),
    ]


@pytest.mark.threat("T149")
def test_bug_who_named_the_key_of_anothers_witness_first_kept_it() -> None:
    """>> an older member has named it, its owner shows to hold it << the owner's alone, and nothing stays listed of
    it with the other one, not as a former key either."""
    key = {"kty": "OKP", "crv": "Ed25519", "x": "AAAA"}

    def at(name: str, since: int, **more: Any) -> Member:
        witness = WitnessKeys(url=f"https://{name}/w", keys=(key,))
        return member(f"did:web:{name}", operator=name.upper(), since=since, keys=Keys(witness=witness, **more))

    thief = at("thief", NOW - DAY_MS)
    first = next_list.following(SPACE, [thief], None, NOW, 1)
    owner = at("owner", NOW, proven=(member_keys.key_print(key),))
    for said in ([thief, owner], [owner, replace(thief, state="left")]):
        after = next_list.following(SPACE, said, first, NOW + DAY_MS, 2)
        assert {one.operator: [each["x"] for each in one.keys] for one in after.witnesses if one.keys} == {
            "OWNER": ["AAAA"]
        }


def test_a_signed_list_reads_as_it_was_made(tmp_path: Path) -> None:
    authority = Authority.create(tmp_path / "key", Vault(bytes(32)))
    other = RecognisedAuthority(
        participant="kreis",
        authority="urn:b",
        space="https://b.de/space",
        name="B",
        did="did:web:b.de",
        jwk={"kty": "EC"},
        list_url="https://b.de/space/list",
        kinds=(),
        since=NOW,
    )
    made = next_list.following(SPACE, [member()], None, NOW, 1, [other])
    assert read_list(authority.issue(made), authority.public_jwk) == made


def test_what_would_break_a_list_is_found_before() -> None:
    next_list.require_listable(member(), NOW)
    twice = Keys(seal_certificates=("0" * 64, "0" * 64))
    with pytest.raises(PeerError):
        next_list.require_listable(member(keys=twice), NOW)


def test_it_is_due_when_something_changed_or_half_its_life_is_over() -> None:
    assert not next_list.due(SPACE, NOW)
    assert next_list.due(replace(SPACE, changes=4), NOW)
    assert next_list.due(SPACE, NOW + 7 * DAY_MS // 2)


@pytest.mark.threat("T106")
def test_former_certificates_of_one_member_do_not_fill_the_list() -> None:
    """>> other certificates each time << the newest stay, and those that count longest, and no more than 256."""
    listed = None
    for version in range(1, 8):
        seals = tuple(f"{version * 100 + at:064}" for at in range(60))
        one = member(keys=Keys(seal_certificates=seals))
        listed = next_list.following(SPACE, [one], listed, NOW + version * DAY_MS, version)
    (entry,) = listed.participants if listed is not None else ()
    assert len(entry.seal_certificates) == next_list.MOST_SEALS
    assert set(seals) <= {seal.sha256 for seal in entry.listed_seals}
    assert f"{100:064}" not in {seal.sha256 for seal in entry.listed_seals}
