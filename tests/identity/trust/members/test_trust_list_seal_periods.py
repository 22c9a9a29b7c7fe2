"""Listed seal certificates have one form, which the connector and the offline verifier read the same.

A plain SHA-256, or `{sha256, validFrom, validUntil}`. A past bug: the connector refused every list with a period.
"""

from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.foundation.clock import FakeClock, rfc3339
from connector.foundation.errors import PeerError
from connector.identity.trust.keys.jose import sign_jwt
from connector.identity.trust.keys.signing import KeyRecord, Vault
from connector.identity.trust.members import entries as space
from connector.identity.trust.members.authority import Authority
from connector.identity.trust.members.entries import OVERLAP_MS, continued
from connector.identity.trust.members.trust_list import TYP, Anchor, Entry, Sealing, read_list
from connector.verify.formats import trustlist
from connector.verify.formats.faults import Fault
from tests.fuzz.effort import amount
from tests.identity.trust.members.lists import DID, HOUR, KEY, LIST, MOMENTS, NOW, entry, listed, times

A, B, C = "aa" * 32, "bb" * 32, "cc" * 32


def signed(seals: object) -> str:
    """A list, signed as it should be, whose only member has these `sealCertificates`."""
    member = LIST["participants"][0] | {"sealCertificates": seals}
    return sign_jwt(LIST | {"participants": [member]}, KEY, TYP)


def by_connector(seals: object) -> dict[str, tuple[bool, ...]] | None:
    """By certificate: whether it may seal at each of `MOMENTS`; None if the list is refused."""
    try:
        entries = read_list(signed(seals), KEY.public_jwk).participants
    except PeerError:
        return None
    return {one.sha256: tuple(one.holds(at * 1000) for at in MOMENTS) for one in entries[0].listed_seals}


def by_verifier(seals: object) -> dict[str, tuple[bool, ...]] | None:
    try:
        found = trustlist.parse(signed(seals).encode()).member(DID).seal_certificates
    except Fault:
        return None
    return {name: tuple(period.holds(at) for at in MOMENTS) for name, period in found.items()}


digests: st.SearchStrategy[object] = st.sampled_from([A, B, C, A.upper(), A[:-1], f"{A}\n", "", None, 5])
periods = st.fixed_dictionaries({"sha256": digests}, optional={"validFrom": times, "validUntil": times, "more": times})
certificates = st.one_of(digests, periods, st.just({}), st.just([]))


@given(st.one_of(st.lists(certificates, max_size=3), st.just({}), st.just("x"), st.just(A)))
@settings(deadline=None, max_examples=amount(100, 300))
def test_both_read_the_same(seals: object) -> None:
    """The same lists are refused, and of the others each certificate counts at the same instants."""
    assert by_connector(seals) == by_verifier(seals)


@pytest.mark.parametrize(
    ("seals", "expected"),
    [
        ([A, B], {A: (True,) * 6, B: (True,) * 6}),
        ([{"sha256": A}], {A: (True,) * 6}),
        ([A, {"sha256": B, "validFrom": "2026-01-01T00:00:00Z"}], {A: (True,) * 6, B: (False,) * 3 + (True,) * 3}),
        ([{"sha256": A, "validFrom": None, "validUntil": "2026-01-01T00:00:00Z"}], {A: (True,) * 3 + (False,) * 3}),
        ([{"sha256": A, "validUntil": "1970-01-01T00:00:00Z"}], {A: (False,) * 6}),
        ([], {}),
    ],
)
def test_periods(seals: object, expected: dict[str, tuple[bool, ...]]) -> None:
    """The begin belongs to it, the end does not; the beginning of 1970 is an end like any other."""
    assert by_connector(seals) == by_verifier(seals) == expected


@pytest.mark.threat("T56")
@pytest.mark.parametrize("seals", [[A, A], [A, {"sha256": A}], [A.upper()], [{"validFrom": None}], [None], {}], ids=str)
def test_what_could_be_read_in_two_ways_is_refused(seals: object) -> None:
    """Twice the same, other spellings, no digest at all."""
    assert by_connector(seals) is by_verifier(seals) is None


def test_only_what_counts_now_may_seal(clock: FakeClock, tmp_path: Path, vault: Vault) -> None:
    """What the connector checks seals against: former certificates and future ones are not among them."""
    authority, now = Authority.create(tmp_path / "authority", vault), clock.now()
    seals = (A, Sealing(B, valid_until=rfc3339(now)), Sealing(C, valid_from=rfc3339(now + HOUR)))
    anchor = Anchor(authority.public_jwk)
    anchor.update(authority.issue(listed(authority, now, entry("a", now, seal_certificates=seals))))
    one = anchor.member(DID, now)
    assert one.seal_certificates == seals
    assert one.sealing(now) == (A,)
    assert one.sealing(now - 1000) == (A, B)
    assert one.sealing(now + HOUR) == (A, C)


def test_a_member_whose_time_is_over_since_1970_is_none(clock: FakeClock) -> None:
    """Past bug: an end at the beginning of 1970 was read as no end at all."""
    assert not entry("a", 0, valid_until="1970-01-01T00:00:00Z").admitted(clock.now())


# What the tools of a development space write


def grown(before: Entry, *seals: str | Sealing, **changes: Any) -> Entry:
    fresh = msgspec.structs.replace(before, valid_from=rfc3339(NOW), seal_certificates=seals, **changes)
    return continued(before, fresh, rfc3339(NOW), NOW)


def test_a_former_certificate_stays_listed_with_its_period() -> None:
    """>> A, then B alone, then B again << A ends after the overlap, and that end stays."""
    end = rfc3339(NOW + OVERLAP_MS)
    first = entry("a", NOW - HOUR, seal_certificates=(A,))
    second = grown(first, B)
    assert second.seal_certificates == (B, Sealing(A, valid_until=end))
    assert continued(second, second, rfc3339(NOW), NOW + HOUR).seal_certificates == second.seal_certificates
    assert grown(second, B).seal_certificates == second.seal_certificates
    assert grown(second, A, B).seal_certificates == (A, B), "it seals again"


def test_a_certificate_that_is_called_former_gets_one_end_only() -> None:
    """Each new list would move it otherwise."""
    begin, early, late = rfc3339(NOW - HOUR), rfc3339(NOW + HOUR), rfc3339(NOW + 2 * HOUR)
    first = entry("a", NOW - HOUR, seal_certificates=(Sealing(A, valid_from=begin),))
    second = grown(first, Sealing(A, valid_until=early))
    assert second.seal_certificates == (Sealing(A, begin, early),)
    assert grown(second, Sealing(A, valid_until=late)).seal_certificates == second.seal_certificates


def test_a_member_stays_one_since_it_first_was() -> None:
    """Past bug: with every new list a member began anew, and its older contracts were by none."""
    first = entry("a", NOW - HOUR)
    assert grown(first).valid_from == first.valid_from
    gone = msgspec.structs.replace(first, valid_until=rfc3339(NOW - 1000))
    assert grown(gone, valid_until=None).valid_from == rfc3339(NOW), "it had left and comes back"
    assert continued(None, first, rfc3339(NOW), NOW) == first


def test_former_seal_keys_are_listed_with_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """By what the key is now: in use without an end, former with the overlap; without a time of the list none."""
    monkeypatch.setattr(space, "_unnamed", lambda did, key: key.certificate)
    keys = tuple(
        KeyRecord(kid=f"{DID}#{state}", purpose="seal", state=state, public_jwk={}, certificate=digest)  # type: ignore[arg-type]
        for state, digest in (("active", A), ("verify-only", B), ("removed", C))
    )
    known = {"did": DID, "name": "A", "operator": "O", "kind": "K", "valid_from": rfc3339(0), "keys": keys}
    end = rfc3339(NOW + OVERLAP_MS)
    made = space.entry(**known, at=rfc3339(NOW))  # type: ignore[arg-type]
    assert made.seal_certificates == (A, Sealing(B, valid_until=end), Sealing(C, valid_until=end))
    assert space.entry(**known).seal_certificates == (A, B, C)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("log_keys", "witness_keys", "good"), [(256, 1024, True), (257, 0, False), (0, 1025, False), (300, 1200, False)]
)
def test_both_refuse_lists_with_more_keys_than_anybody_reads(log_keys: int, witness_keys: int, good: bool) -> None:
    """An auditor reads each key before it is looked for: the authority's list has so many at most."""
    key = {"kty": "OKP", "crv": "Ed25519", "x": "AAAA"}
    member = LIST["participants"][0] | {"logKeys": [key] * log_keys}
    witnesses = [{"operator": "did:web:o", "url": "https://o", "keys": [key] * witness_keys}]
    jws = sign_jwt(LIST | {"participants": [member], "witnesses": witnesses}, KEY, TYP)
    if good:
        assert read_list(jws, KEY.public_jwk).witnesses
        assert trustlist.parse(jws.encode()).witnesses
        return
    with pytest.raises(PeerError):
        read_list(jws, KEY.public_jwk)
    with pytest.raises(Fault):
        trustlist.parse(jws.encode())
