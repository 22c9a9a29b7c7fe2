"""Certificates above L1 and what is struck off: >> who says what << what the list may say (spec/spaces.md 3.4)."""

import pytest
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from msgspec.structs import replace

from connector.data.approvals.decide import Late, NotYours
from connector.data.approvals.model import Vote, Voter
from connector.dataspace.spaces.decision import sealing
from connector.dataspace.spaces.decision.member_keys import with_keys
from connector.dataspace.spaces.model import DAY_MS, Keys, Member, Rules
from connector.dataspace.spaces.seal_model import MOST_ASKED, MOST_STRIKES, AskedSeal, Strike
from connector.foundation.clock import rfc3339
from connector.foundation.errors import Mistake, PeerError
from connector.identity.trust.keys.jwk import encode
from connector.identity.trust.members.trust_list import Sealing
from tests.dataspace.spaces.values import NOW, member
from tests.verify.keys import SealCa, SealKey

pytestmark = pytest.mark.threat("T152")
SEAL, OTHER = "a" * 64, "b" * 64
ANNA, BERT = Voter("anna", frozenset({"steward"})), Voter("bert", frozenset({"steward"}))
RULES = Rules(approvals=2)


def told(before: Member, *seals: str | Sealing) -> Member:
    return with_keys(before, Keys(seal_certificates=seals), NOW)


def test_bug_no_certificate_is_listed_by_the_word_of_a_member() -> None:
    after = told(member(), SEAL)
    assert (after.keys.seal_certificates, sealing.waiting(after)) == ((), (AskedSeal(sha256=SEAL, at=NOW),))


def test_it_is_listed_once_two_people_agreed_and_once_only() -> None:
    asked = told(member(), SEAL)
    once = sealing.approved(asked, SEAL, ANNA, RULES, NOW)
    assert sealing.approved(once, SEAL, ANNA, RULES, NOW + 1) == once
    twice = sealing.approved(once, SEAL, BERT, RULES, NOW)
    assert (once.keys.seal_certificates, twice.keys.seal_certificates) == ((), (SEAL,))
    assert not sealing.waiting(twice)
    with pytest.raises(Late):
        sealing.approved(twice, SEAL, ANNA, RULES, NOW)
    assert told(twice, SEAL, OTHER).keys.seal_certificates == (SEAL,)


def test_neither_strangers_nor_those_of_another_role_agree() -> None:
    asked = told(member(), SEAL)
    for voter in (Voter("", frozenset({"steward"})), Voter("cem", frozenset({"protection"}))):
        with pytest.raises(NotYours):
            sealing.approved(asked, SEAL, voter, RULES, NOW)
    for who, name in ((asked, OTHER), (replace(asked, state="left"), SEAL)):
        with pytest.raises(Mistake, match="no-certificate"):
            sealing.approved(who, name, ANNA, RULES, NOW)


def test_a_no_stays_until_the_member_names_it_no_more() -> None:
    refused = sealing.refused(told(member(), SEAL), SEAL, ANNA, RULES, NOW)
    assert not sealing.waiting(told(refused, SEAL))
    with pytest.raises(Late):
        sealing.approved(refused, SEAL, BERT, RULES, NOW)
    assert sealing.waiting(told(told(refused), SEAL))


def test_what_was_dropped_is_looked_at_again() -> None:
    approved = member(keys=Keys(seal_certificates=(SEAL,)))
    assert sealing.waiting(told(told(approved), SEAL))


def test_a_yes_that_was_given_counts_on_and_is_no_members_to_give() -> None:
    """>> a member that says the votes itself << its own word counts for nothing."""
    once = sealing.approved(told(member(), SEAL), SEAL, ANNA, RULES, NOW)
    assert told(once, SEAL).keys.asked[0].votes == (Vote("anna", "steward", NOW),)
    votes = tuple(Vote(who, "steward", NOW) for who in ("x", "y"))
    said = Keys(
        seal_certificates=(SEAL,),
        asked=(AskedSeal(sha256=SEAL, at=0, votes=votes),),
        strikes=(Strike(name=OTHER, since="2020-01-01T00:00:00Z"),),
    )
    after = with_keys(member(), said, NOW).keys
    assert (after.asked, after.strikes) == ((AskedSeal(sha256=SEAL, at=NOW),), ())


def test_nobody_is_asked_about_too_many_or_about_what_is_over() -> None:
    over = Sealing(SEAL, valid_until="2020-01-01T00:00:00Z")
    assert told(member(), over).keys.asked == ()
    with pytest.raises(PeerError, match="certificates"):
        told(member(), *(f"{at:064}" for at in range(MOST_ASKED + 1)))


def test_only_what_is_listed_is_struck_off_and_never_in_advance() -> None:
    one, listed = member(keys=Keys(seal_certificates=(SEAL,))), {SEAL}
    for name, since, match in ((OTHER, NOW, "strike"), (SEAL, NOW + 1, "strike-time")):
        with pytest.raises(Mistake, match=match):
            sealing.struck(one, name, since, listed, NOW)
    first = sealing.struck(one, SEAL, NOW - DAY_MS, listed, NOW)
    assert first.keys.strikes == (Strike(name=SEAL, since=rfc3339(NOW - DAY_MS)),)
    assert sealing.struck(first, SEAL, NOW, listed, NOW) == first
    sooner = sealing.struck(first, SEAL, NOW - 2 * DAY_MS, listed, NOW)
    assert sooner.keys.strikes == (Strike(name=SEAL, since=rfc3339(NOW - 2 * DAY_MS)),)
    assert with_keys(first, Keys(), NOW).keys.strikes == first.keys.strikes
    full = replace(
        one, keys=replace(one.keys, strikes=tuple(Strike(name=f"{n:064}", since="") for n in range(MOST_STRIKES)))
    )
    with pytest.raises(Mistake, match="strikes"):
        sealing.struck(full, SEAL, NOW, listed, NOW)


def test_what_came_along_says_what_the_digest_names() -> None:
    """>> a certificate of ours and one of somebody else come along; garbage; a certificate that comes later << shown
    for the one that is named, whoever brought what; votes stay."""
    ca = SealCa()
    ours, foreign = (SealKey(f"did:web:{name}", ca).certificate for name in ("a.example", "b.example"))
    name = ours.fingerprint(SHA256()).hex()
    said = Keys(seal_certificates=(name,))
    bare = with_keys(member(), said, NOW)
    voted = sealing.approved(bare, name, ANNA, RULES, NOW)
    brought = sealing.brought([encode(one.public_bytes(Encoding.DER)) for one in (foreign, ours)] + ["AAAA", "=", "é"])
    (asked,) = with_keys(voted, replace(said, asked=brought), NOW + 1).keys.asked
    assert asked.shown is not None
    assert (asked.shown.subject, asked.shown.qualified) == (ours.subject.rfc4514_string(), False)
    assert asked.shown.ends == int(ours.not_valid_after_utc.timestamp() * 1000)
    assert (asked.at, [vote.who for vote in asked.votes]) == (NOW, ["anna"])
    assert len(brought) == 2


def test_the_reason_of_a_no_stays_for_the_member() -> None:
    after = sealing.refused(told(member(), SEAL), SEAL, ANNA, RULES, NOW, "Nein.\u202e\n")
    assert [(one.refused, one.reason) for one in after.keys.asked] == [(True, "Nein.")]
