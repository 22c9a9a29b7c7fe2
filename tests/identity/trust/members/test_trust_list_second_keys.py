"""Keys for second seals in the list: the present one as ever, former ones with their period, read alike by everybody.

A development space keeps a key that was replaced until the overlap ends, and one that was withdrawn until then.
"""

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.foundation.clock import FakeClock, rfc3339
from connector.foundation.errors import PeerError
from connector.identity.trust.keys.jose import sign_jwt
from connector.identity.trust.keys.signing import KeyRecord, State, Vault
from connector.identity.trust.members import entries as space
from connector.identity.trust.members.authority import Authority
from connector.identity.trust.members.entries import OVERLAP_MS, continued
from connector.identity.trust.members.list_writer import to_form
from connector.identity.trust.members.trust_list import MOST_FORMER, TYP, Anchor, Entry, SecondKey, read_list
from connector.verify.formats import trustlist
from connector.verify.formats.faults import Fault
from tests.fuzz.effort import amount
from tests.identity.trust.members.lists import DID, HOUR, KEY, LIST, MOMENTS, NOW, entry, listed, times


def jwk(pub: str) -> dict[str, str]:
    return {"kty": "AKP", "alg": "ML-DSA-44", "pub": pub}


A, B, C = jwk("AAAA"), jwk("BBBB"), jwk("CCCC")


def signed(former: object, present: object = A) -> str:
    """A list, signed as it should be, whose only member has these keys for second seals."""
    member = LIST["participants"][0] | {"formerSealKeysPq": former, "sealKeyPq": present}
    return sign_jwt(LIST | {"participants": [member]}, KEY, TYP)


def by_connector(former: object) -> dict[str, tuple[bool, ...]] | None:
    """By key: whether it counts at each of `MOMENTS`; None if the list is refused."""
    try:
        one = read_list(signed(former), KEY.public_jwk).participants[0]
    except PeerError:
        return None
    return {key.key["pub"]: tuple(key.holds(at * 1000) for at in MOMENTS) for key in one.former_seal_keys_pq}


def by_verifier(former: object) -> dict[str, tuple[bool, ...]] | None:
    try:
        found = trustlist.parse(signed(former).encode()).member(DID).former_seal_keys_pq
    except Fault:
        return None
    return {str(key.jwk["pub"]): tuple(key.period.holds(at) for at in MOMENTS) for key in found}


jwks: st.SearchStrategy[object] = st.sampled_from(
    [A, B, C, B | {"more": "x"}, B | {"more": 7}, {"kty": "AKP"}, {"pub": 7}, {"pub": None}, {}, "AAAA", None, 7]
)
keys = st.fixed_dictionaries({"key": jwks}, optional={"validFrom": times, "validUntil": times, "more": times})


@given(st.one_of(st.lists(st.one_of(keys, jwks), max_size=3), st.just({}), st.just("x"), st.none()))
@settings(deadline=None, max_examples=amount(100, 300))
def test_both_read_the_same(former: object) -> None:
    """The same lists are refused, and of the others each key counts at the same instants."""
    assert by_connector(former) == by_verifier(former)


@pytest.mark.threat("T56")
@pytest.mark.parametrize("former", [[{"key": B}, {"key": B}], [{"key": A}], [{"key": {}}], [B], {}, None], ids=str)
def test_what_could_be_read_in_two_ways_is_refused(former: object) -> None:
    """Twice the same key, the present one among the former ones, no key, no list."""
    assert by_connector(former) is by_verifier(former) is None


def test_as_many_as_a_list_may_name() -> None:
    former = [{"key": jwk(f"{at:04}")} for at in range(MOST_FORMER)]
    assert len(by_connector(former) or ()) == len(by_verifier(former) or ()) == MOST_FORMER
    assert by_connector([*former, {"key": B}]) is by_verifier([*former, {"key": B}]) is None


def test_who_knows_only_the_present_key_reads_it_where_it_was() -> None:
    """A reader of an older version: `sealKeyPq` is a key, and the rest is a member that it does not know."""
    form = to_form(read_list(signed([{"key": B, "validUntil": rfc3339(NOW)}]), KEY.public_jwk))
    member = form["participants"][0]
    assert list(member.pop("formerSealKeysPq")) == [{"key": B, "validUntil": rfc3339(NOW)}]
    older = sign_jwt(form, KEY, TYP)
    assert read_list(older, KEY.public_jwk).participants[0].seal_key_pq == A
    found = trustlist.parse(older.encode()).member(DID)
    assert (found.seal_key_pq, found.former_seal_keys_pq) == (A, ())


def test_only_what_counts_now_may_make_second_seals(clock: FakeClock, tmp_path: Any, vault: Vault) -> None:
    authority, now = Authority.create(tmp_path / "authority", vault), clock.now()
    former = (SecondKey(B, valid_until=rfc3339(now)), SecondKey(C, valid_from=rfc3339(now + HOUR)))
    anchor = Anchor(authority.public_jwk)
    member = entry("a", now, seal_key_pq=A, former_seal_keys_pq=former)
    anchor.update(authority.issue(listed(authority, now, member)))
    one = anchor.member(DID, now)
    assert [one.second_keys(at) for at in (now - 1000, now, now + HOUR)] == [(A, B), (A,), (A, C)]
    assert entry("a", now, former_seal_keys_pq=former).second_keys(now - 1000) == (B,)


# What the tools of a development space write


def record(key: dict[str, str], state: State, until: int | None = None) -> KeyRecord:
    return KeyRecord(kid=f"{DID}#{key['pub']}", purpose="seal-pq", state=state, public_jwk=key, until=until)


def made(*keys: KeyRecord) -> Entry:
    return space.entry(did=DID, name="A", operator="O", kind="K", valid_from=rfc3339(NOW), keys=keys)


def test_a_replaced_key_counts_until_the_overlap_and_a_withdrawn_one_until_then() -> None:
    """What it made last is seen by a witness later; what a thief makes with it is not its owner's."""
    found = made(record(A, "active"), record(B, "verify-only", NOW), record(C, "removed", NOW))
    assert found.seal_key_pq == A
    assert found.former_seal_keys_pq == (
        SecondKey(B, valid_until=rfc3339(NOW + OVERLAP_MS)),
        SecondKey(C, valid_until=rfc3339(NOW)),
    )
    assert made(record(A, "active"), record(B, "removed")).former_seal_keys_pq == (), "nobody knows since when"


def grown(before: Entry, *keys: KeyRecord, at: int = NOW) -> Entry:
    return continued(before, made(*keys), rfc3339(NOW), at)


def test_a_former_key_stays_listed_with_its_end() -> None:
    """>> A, then B, and again << A keeps the end that was said first; a withdrawal makes it earlier."""
    end = rfc3339(NOW + OVERLAP_MS)
    first = made(record(A, "active"))
    second = grown(first, record(B, "active"), record(A, "verify-only", NOW))
    assert (second.seal_key_pq, second.former_seal_keys_pq) == (B, (SecondKey(A, valid_until=end),))
    assert grown(second, record(B, "active"), record(A, "verify-only", NOW), at=NOW + HOUR) == second
    withdrawn = (SecondKey(A, valid_until=rfc3339(NOW + HOUR)),)
    third = grown(second, record(B, "active"), record(A, "removed", NOW + HOUR), at=NOW + 2 * HOUR)
    assert third.former_seal_keys_pq == withdrawn
    assert grown(third, record(B, "active"), record(A, "verify-only", NOW)) == third, "it does not come back"
    assert grown(third, record(B, "active"), at=NOW + 3 * HOUR) == third


@pytest.mark.threat("T60")
def test_a_withdrawn_key_counts_no_longer_at_once() -> None:
    """A participant names no withdrawn keys: what is gone without having been replaced is what a thief has."""
    first = made(record(A, "active"))
    withdrawn = (SecondKey(A, valid_until=rfc3339(NOW + HOUR)),)
    assert grown(first, record(B, "active"), at=NOW + HOUR).former_seal_keys_pq == withdrawn
    replaced = grown(first, record(B, "active"), record(A, "verify-only", NOW))
    assert grown(replaced, record(B, "active"), at=NOW + HOUR).former_seal_keys_pq == withdrawn


def test_a_key_that_is_in_use_again_is_no_former_one() -> None:
    before = msgspec.structs.replace(
        made(record(B, "active")), former_seal_keys_pq=(SecondKey(A, valid_until=rfc3339(NOW)),)
    )
    assert grown(before, record(A, "active"), record(B, "verify-only", NOW)).former_seal_keys_pq == (
        SecondKey(B, valid_until=rfc3339(NOW + OVERLAP_MS)),
    )


def test_of_very_many_the_last_ones_stay() -> None:
    """The list stays one, however often somebody rotates."""
    keys = [record(jwk(f"{at:04}"), "removed", NOW + at * 1000) for at in range(MOST_FORMER + 10)]
    found = made(record(A, "active"), *keys)
    assert len(found.former_seal_keys_pq) == MOST_FORMER
    assert found.former_seal_keys_pq[0].key["pub"] == f"{MOST_FORMER + 9:04}"
    again = continued(found, made(record(B, "active"), record(A, "verify-only", NOW), *keys), rfc3339(NOW), NOW)
    assert len(again.former_seal_keys_pq) == MOST_FORMER
    assert again.former_seal_keys_pq[0].key == A
    read_list(sign_jwt(LIST | {"participants": [msgspec.to_builtins(again)]}, KEY, TYP), KEY.public_jwk)
