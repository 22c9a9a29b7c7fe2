"""The trust list: issued by the authority, held against its pinned key, only ever newer."""

import json
from pathlib import Path

import pytest
import rfc8785

from connector.foundation.clock import FakeClock, rfc3339
from connector.foundation.errors import Defect, Mistake, PeerError, Unauthenticated
from connector.identity.trust.development import dev_ca
from connector.identity.trust.keys.jose import sign_jwt
from connector.identity.trust.keys.jwk import decode
from connector.identity.trust.keys.signing import SoftwareKey, Vault
from connector.identity.trust.members.authority import Authority
from connector.identity.trust.members.list_writer import next_list, to_form
from connector.identity.trust.members.roots import read_roots, roots_pem
from connector.identity.trust.members.trust_list import TYP, Anchor, read_list
from tests.identity.trust.members.lists import HOUR, KIND, entry, listed


@pytest.fixture
def authority(tmp_path: Path, vault: Vault) -> Authority:
    return Authority.create(tmp_path / "trust" / "authority.jwk.enc", vault)


def test_the_list_that_is_issued_is_the_list_that_is_read(authority: Authority, clock: FakeClock) -> None:
    """>> issue << the same values, log keys and certificate digests included, over canonical JSON."""
    log = SoftwareKey.generate("log", "did:web:a.de").public_jwk
    one = entry(
        "müsterstadt", clock.now(), did="did:web:a.de", log_keys=(log,), seal_certificates=("ab" * 32,), ars="01001000"
    )
    made = listed(authority, clock.now(), one)
    jws = authority.issue(made)
    assert read_list(jws, authority.public_jwk) == made
    head, body, _ = (decode(part) for part in jws.split("."))
    assert json.loads(head)["typ"] == TYP
    assert body == rfc8785.dumps(to_form(made))
    form = json.loads(body)["participants"][0]
    assert (form["sealCertificates"], form["logKeys"], form["validUntil"]) == (["ab" * 32], [log], None)


def test_the_authority_keeps_its_key(tmp_path: Path, vault: Vault) -> None:
    """Created once, opened after; the file is private and opens only with the master key."""
    path = tmp_path / "authority.jwk.enc"
    first = Authority.create(path, vault)
    assert Authority.create(path, vault).public_jwk == Authority.open(path, vault).public_jwk == first.public_jwk
    assert first.id.startswith("urn:ietf:params:oauth:jwk-thumbprint:sha-256:")
    assert path.stat().st_mode & 0o777 == 0o600
    with pytest.raises(Defect):
        Authority.open(path, Vault(bytes(32)))
    path.write_text("{}")
    with pytest.raises(Mistake, match="authority-file"):
        Authority.open(path, vault)


def test_only_the_pinned_authority_counts(authority: Authority, clock: FakeClock, tmp_path: Path, vault: Vault) -> None:
    """>> another authority's list, a changed one, a token by the authority << refused, the old list stays."""
    anchor = Anchor(authority.public_jwk)
    jws = authority.issue(listed(authority, clock.now(), entry("a", clock.now())))
    assert anchor.update(jws)
    other = Authority.create(tmp_path / "other", vault)
    head, body, signature = jws.split(".")
    forged = json.loads(decode(body)) | {"version": 9}
    for bad in (
        other.issue(listed(other, clock.now(), version=9)),
        f"{head}.{body[:-4]}AAAA.{signature}",
        sign_jwt(forged, SoftwareKey.generate("peer", "did:web:a.de"), TYP),
        "",
    ):
        with pytest.raises(Unauthenticated):
            anchor.update(bad)
    assert anchor.version == 1
    assert anchor.entry("did:web:a.de") is not None


def test_versions_only_rise(authority: Authority, clock: FakeClock) -> None:
    """>> 1, 3, 2 << rollback refused; >> another 3 << fork refused; >> 3 again, signed anew << nothing new."""
    anchor = Anchor(authority.public_jwk)
    third = listed(authority, clock.now(), entry("a", clock.now()), version=3)
    assert anchor.update(authority.issue(listed(authority, clock.now())))
    assert anchor.update(authority.issue(third))
    with pytest.raises(PeerError, match="list-rollback"):
        anchor.update(authority.issue(listed(authority, clock.now(), version=2)))
    with pytest.raises(PeerError, match="list-fork"):
        anchor.update(authority.issue(listed(authority, clock.now(), version=3)))
    assert not anchor.update(authority.issue(third))
    assert anchor.current == third


def test_members_are_those_listed_active_and_in_time(authority: Authority, clock: FakeClock) -> None:
    """>> suspended, not yet, no longer, not listed << 401; >> active << its entry with kind and groups."""
    now = clock.now()
    anchor = Anchor(authority.public_jwk)
    with pytest.raises(Unauthenticated, match="not-listed"):
        anchor.member("did:web:a.de", now)
    entries = (
        entry("active", now),
        entry("suspended", now, state="suspended"),
        entry("future", now, valid_from=rfc3339(now + HOUR)),
        entry("past", now, valid_until=rfc3339(now)),
        entry("until", now, valid_until="2030-01-01T00:00:00+01:00"),
    )
    anchor.update(authority.issue(listed(authority, now, *entries)))
    assert anchor.member("did:web:active.de", now).kind == KIND
    assert anchor.member("did:web:until.de", now).groups == ("https://example.org/region-nord",)
    for name in ("suspended", "future", "past", "nobody"):
        with pytest.raises(Unauthenticated, match="not-listed"):
            anchor.member(f"did:web:{name}.de", now)
    assert anchor.entry("did:web:suspended.de") is not None


def test_past_its_next_update_the_list_is_no_longer_fresh(authority: Authority, clock: FakeClock) -> None:
    """Members stay members; only nothing new begins."""
    anchor = Anchor(authority.public_jwk)
    assert not anchor.fresh(clock.now())
    anchor.update(authority.issue(listed(authority, clock.now(), entry("a", clock.now()))))
    assert anchor.fresh(clock.now())
    clock.advance(HOUR)
    assert not anchor.fresh(clock.now())
    assert anchor.member("did:web:a.de", clock.now())


def test_malformed_lists_are_refused(authority: Authority, clock: FakeClock, vault: Vault, tmp_path: Path) -> None:
    """>> well signed, but times without zone, a member twice, a state nobody knows, no version << `PeerError`."""
    key = SoftwareKey.generate("peer", "urn:x")
    good = to_form(listed(authority, clock.now(), entry("a", clock.now())))
    person = good["participants"][0]
    for change in (
        {"issued": "2026-11-24T20:00:00"},
        {"nextUpdate": "soon"},
        {"participants": [person, person]},
        {"participants": [person | {"state": "pending"}]},
        {"participants": [person | {"validUntil": "tomorrow"}]},
        {"version": "1"},
        {"participants": {}},
        {"witnesses": [{"operator": "o", "url": "https://w.example", "keys": [{"validUntil": "soon"}]}]},
    ):
        with pytest.raises(PeerError, match="list-form"):
            read_list(sign_jwt(good | change, key, TYP), key.public_jwk)
    assert read_list(sign_jwt(good | {"new": "member"}, key, TYP), key.public_jwk).version == 1


def test_the_next_list_counts_on(authority: Authority, clock: FakeClock) -> None:
    """Version, times and members of the successor."""
    first = listed(authority, clock.now())
    second = next_list(first, authority=authority.id, now=clock.now() + 1000, life_ms=HOUR, participants=())
    assert (second.version, second.next_update) == (2, rfc3339(clock.now() + 1000 + HOUR))


def test_pinned_keys_are_named_by_the_list(authority: Authority, clock: FakeClock) -> None:
    """What the resolver asks when keys change."""
    anchor = Anchor(authority.public_jwk)
    anchor.update(authority.issue(listed(authority, clock.now(), entry("a", clock.now(), keys=("thumb",)))))
    assert anchor.pinned("did:web:a.de") == {"thumb"}
    assert anchor.pinned("did:web:b.de") == frozenset()


def test_roots_for_auditors_round_trip(authority: Authority, certs: dev_ca.DevelopmentCerts) -> None:
    """>> seal CA and authority key << the same back; >> no key, two keys, rubbish << `Mistake`."""
    seal_ca = certs.seal_ca.read_text()
    text = roots_pem([seal_ca], authority.public_jwk)
    cas, jwk = read_roots(text)
    assert [pem.strip() for pem in cas] == [seal_ca.strip()]
    assert jwk == {name: authority.public_jwk[name] for name in ("kty", "crv", "x", "y")}
    assert read_roots(text.replace("\n", "\r\n"))[1] == jwk
    for bad in ("", seal_ca, text + text, "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"):
        with pytest.raises(Mistake):
            read_roots(bad)


@pytest.mark.threat("T13")
def test_a_list_of_five_hundred_members_is_read(authority: Authority, clock: FakeClock) -> None:
    """The caps of tokens do not apply to the list; it has its own."""
    log = SoftwareKey.generate("log-pq", "did:web:a.de").public_jwk
    members = tuple(entry(f"stadt{n}", clock.now(), log_keys=(log,)) for n in range(500))
    jws = authority.issue(listed(authority, clock.now(), *members))
    assert len(read_list(jws, authority.public_jwk).participants) == 500
