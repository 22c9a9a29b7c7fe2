"""What an authority decides, as values: every state of a membership, every way an invitation may not hold."""

import itertools
from pathlib import Path

import pytest
from msgspec.structs import replace

from connector.errors import Mistake, PeerError
from connector.spaces import decide
from connector.spaces.model import (
    DAY_MS,
    OVER,
    Invitation,
    Keys,
    Member,
    MemberState,
    Recognised,
    Rules,
    WitnessKeys,
    fingerprint,
    same_fingerprint,
)
from connector.trust.keys.signing import SoftwareKey, Vault
from connector.trust.members.authority import Authority
from connector.trust.members.trust_list import read_list, require_form
from tests.spaces.values import NOW, SPACE, member


def invitation(**more: object) -> Invitation:
    known = Invitation(
        participant="kreis", id="1", code_hash="", name="A", ars="", kind="", domain="", state="open",
        made_by="", made_at=NOW, until=NOW + DAY_MS,
    )  # fmt: skip
    return replace(known, **more)


@pytest.mark.parametrize(("before", "after"), list(itertools.product(decide.STEPS, decide.STEPS)))
def test_every_step_of_a_membership(before: str, after: str) -> None:
    """What is over stays over, and an end is one from that instant on; who is suspended is listed as such."""
    one = member(state=before, suspended_since=NOW - 1 if before == "suspended" else None)
    if before == after or before in OVER:
        with pytest.raises(Mistake):
            decide.step(one, after, NOW)  # type: ignore[arg-type]
        return
    entry = decide.entry_of(decide.step(one, after, NOW))  # type: ignore[arg-type]
    assert entry.admitted(NOW) is (after == "active")
    assert (entry.state == "suspended") is (after == "suspended")
    assert (entry.valid_until is not None) is (after in OVER)


@pytest.mark.threat("T30")
@pytest.mark.parametrize(
    ("found", "host"),
    [
        (None, "a.de"),
        (invitation(state="used"), "a.de"),
        (invitation(state="withdrawn"), "a.de"),
        (invitation(until=NOW), "a.de"),
        (invitation(domain="a.de"), "b.de"),
        (invitation(domain="a.de"), "evil-a.de"),
        (invitation(domain="a.de"), "a.de.evil.de"),
    ],
)
def test_an_invitation_that_does_not_hold(found: Invitation | None, host: str) -> None:
    with pytest.raises(decide.WrongCode):
        decide.require_usable(found, host, NOW)


@pytest.mark.parametrize("host", ["a.de", "connector.a.de"])
def test_an_invitation_for_a_domain_is_for_hosts_below_it(host: str) -> None:
    assert decide.require_usable(invitation(domain="a.de"), host, NOW).id == "1"


@pytest.mark.parametrize("state", ["active", "suspended", "expelled", "left", "ended"])
def test_people_renew_who_belongs(state: MemberState) -> None:
    """>> each state << a term from today for who belongs, even if suspended; an error for who is over."""
    one, rules = member(state=state, until=NOW + DAY_MS), Rules(term_days=30, renewal="people")
    if state in OVER:
        with pytest.raises(Mistake):
            decide.extended(one, rules, NOW)
    else:
        assert decide.extended(one, rules, NOW).until == NOW + 30 * DAY_MS


def test_no_end_comes_sooner_by_renewal() -> None:
    long, endless, lapsed = member(until=NOW + 90 * DAY_MS), member(until=None), member(until=NOW)
    assert decide.extended(long, Rules(term_days=30), NOW) == long
    assert decide.extended(endless, Rules(term_days=30), NOW) == endless
    assert decide.extended(long, Rules(term_days=0), NOW).until is None
    with pytest.raises(Mistake):
        decide.extended(lapsed, Rules(term_days=30), NOW)


def test_renewal_is_in_time_and_once() -> None:
    rules, soon = Rules(term_days=365, renew_days=60), member(until=NOW + 60 * DAY_MS)
    renewed = decide.renewed(soon, rules, NOW)
    assert renewed is not None
    assert renewed.until == NOW + 365 * DAY_MS
    assert decide.renewed(renewed, rules, NOW) is None
    assert decide.renewed(member(until=NOW + 61 * DAY_MS), rules, NOW) is None
    assert decide.renewed(soon, replace(rules, renewal="people"), NOW) is None
    assert decide.renewed(replace(soon, state="suspended"), rules, NOW) is None
    assert decide.renewed(replace(soon, until=NOW), rules, NOW) is None
    assert decide.lapsed(replace(soon, until=NOW), NOW)
    assert not decide.lapsed(replace(soon, until=NOW, state="left"), NOW)


@pytest.mark.parametrize(("term", "renew"), [(1, 60), (30, 60), (60, 60), (61, 60), (90, 60), (365, 60)])
def test_a_term_shorter_than_its_notice_is_renewed_once(term: int, renew: int) -> None:
    """>> a term of thirty days that is renewed sixty days before its end << not anew in each second."""
    rules = Rules(term_days=term, renew_days=renew)
    first = member(until=decide.term(rules, NOW))
    assert decide.renewed(first, rules, NOW) is None
    later = NOW + term * DAY_MS - min(renew, term / 2) * DAY_MS
    renewed = decide.renewed(first, rules, int(later))
    assert renewed is not None
    assert decide.renewed(renewed, rules, int(later) + 1_000) is None


def test_a_list_goes_on_from_the_one_before() -> None:
    """A certificate that is listed no more stays with its end, because what it sealed is judged by the list."""
    sealed = member(keys=Keys(seal_certificates=("0" * 64,)))
    first = decide.following(SPACE, [sealed], None, NOW, 1)
    after = decide.following(SPACE, [replace(sealed, keys=Keys())], first, NOW + DAY_MS, 2)
    (seal,) = after.participants[0].listed_seals
    assert seal.sha256 == "0" * 64
    assert seal.valid_until is not None
    require_form(after)


def test_whoever_works_for_several_operators_is_no_witness() -> None:
    def at(url: str, operator: str, did: str) -> Member:
        return member(did, operator=operator, keys=Keys(witness=WitnessKeys(url=url, keys=())))

    pairs = [("a", "A"), ("a", "A"), ("b", "B"), ("b", "C")]
    said = [at(f"https://{url}/w", operator, f"did:web:{at_}") for at_, (url, operator) in enumerate(pairs)]
    listed = decide.following(SPACE, said, None, NOW, 1)
    assert [(one.url, one.operator) for one in listed.witnesses] == [("https://a/w", "A")]


@pytest.mark.threat("T106")
def test_nobody_names_the_key_of_anothers_witness_as_its_own() -> None:
    """>> a newer member names it, as if it worked for somebody else, who would then lose that witness << the older one
    keeps it."""
    key = {"kty": "OKP", "crv": "Ed25519", "x": "AAAA"}

    def at(name: str, since: int) -> Member:
        witness = WitnessKeys(url=f"https://{name}/w", keys=(key,))
        return member(f"did:web:{name}", operator=name.upper(), since=since, keys=Keys(witness=witness))

    listed = decide.following(SPACE, [at("a", NOW), at("b", NOW - DAY_MS)], None, NOW, 1)
    assert [(one.operator, one.keys) for one in listed.witnesses] == [("A", ()), ("B", (key,))]


def test_a_signed_list_reads_as_it_was_made(tmp_path: Path) -> None:
    authority = Authority.create(tmp_path / "key", Vault(bytes(32)))
    other = Recognised(
        participant="kreis", authority="urn:b", space="https://b.de/space", name="B", did="did:web:b.de",
        jwk={"kty": "EC"}, list_url="https://b.de/space/list", kinds=(), since=NOW,
    )  # fmt: skip
    made = decide.following(SPACE, [member()], None, NOW, 1, [other])
    assert read_list(authority.issue(made), authority.public_jwk) == made


def test_what_would_break_a_list_is_found_before() -> None:
    decide.require_listable(member(), NOW)
    twice = Keys(seal_certificates=("0" * 64, "0" * 64))
    with pytest.raises(PeerError):
        decide.require_listable(member(keys=twice), NOW)


def test_it_is_due_when_something_changed_or_half_its_life_is_over() -> None:
    assert not decide.due(SPACE, NOW)
    assert decide.due(replace(SPACE, changes=4), NOW)
    assert decide.due(SPACE, NOW + 7 * DAY_MS // 2)


@pytest.mark.threat("T104")
def test_a_fingerprint_is_compared_whole() -> None:
    key = SoftwareKey.generate("peer", "")
    urn = f"urn:ietf:params:oauth:jwk-thumbprint:sha-256:{key.public_jwk['kid']}"
    shown = fingerprint(urn)
    assert len(shown.replace(" ", "")) == 32
    assert same_fingerprint(shown, urn)
    assert same_fingerprint(shown.upper().replace(" ", ""), urn)
    for wrong in ("", shown[:-1], shown[:-1] + ("0" if shown[-1] != "0" else "1")):
        assert not same_fingerprint(wrong, urn)


@pytest.mark.threat("T106")
def test_former_certificates_of_one_member_do_not_fill_the_list() -> None:
    """>> other certificates each time << the newest stay, and those that count longest, and no more than 256."""
    listed = None
    for version in range(1, 8):
        seals = tuple(f"{version * 100 + at:064}" for at in range(60))
        one = member(keys=Keys(seal_certificates=seals))
        listed = decide.following(SPACE, [one], listed, NOW + version * DAY_MS, version)
    (entry,) = listed.participants if listed is not None else ()
    assert len(entry.seal_certificates) == decide.MOST_SEALS
    assert set(seals) <= {seal.sha256 for seal in entry.listed_seals}
    assert f"{100:064}" not in {seal.sha256 for seal in entry.listed_seals}
