"""A town ends its provider's mandate without the provider, by the code that it kept (T108; spec/mandates.md 5.2)."""

import asyncio
from typing import Any, NamedTuple

import pytest
from cryptography import x509
from msgspec.structs import replace

from connector.cli.main import main
from connector.data.approvals.model import Ballot
from connector.dataspace.spaces.decision import member_keys, membership
from connector.dataspace.spaces.documents import RequestClaims
from connector.dataspace.spaces.model import (
    MOST_MANDATES,
    SKEW_MS,
    Application,
    GivenMandate,
    Invitation,
    Joined,
    Keys,
    Member,
    Rules,
)
from connector.exchange.mandates import service
from connector.exchange.mandates.model import Given, Wish
from connector.foundation.clock import SystemClock
from connector.foundation.errors import Mistake, PeerError, Unauthenticated
from connector.identity.trust.did.did import Did
from connector.identity.trust.did.documents import DidDocument, read_document
from connector.identity.trust.keys.signing import SoftwareKey
from tests.dataspace.spaces.conftest import COUNTY, PEOPLE, TOWN, County, applied, joined
from tests.exchange.mandates.entrusting import PROVIDER, YEAR_MS
from tests.testkit.cities import City

pytestmark = pytest.mark.threat("T108")
CODE, OTHER = "0" * 64, "1" * 64


def member(**keys: Any) -> Member:
    return Member(
        participant=COUNTY,
        did="did:web:stadt.example",
        name="Stadt",
        operator="IT",
        kind="",
        ars="",
        admin_level="",
        keys=Keys(**keys),
        succeeds=(),
        state="active",
        since=0,
        until=None,
        suspended_since=None,
        reason="",
        application="",
        changed_at=0,
    )


def wish(town: City) -> Wish:
    until = town.services.infra.clock.now() + YEAR_MS
    return Wish(agent=PROVIDER, name="IT", actions=("negotiate",), until=until, contract="AVV 1")


async def of(county: County, town: City) -> Member:
    """As the authority has it."""
    found = await county.city.services.spaces.memberships.all(COUNTY)
    return next(one for one in found if one.did == town.did(TOWN))


INVITED = Invitation(
    participant=COUNTY,
    id="1",
    code_hash="",
    name="Stadt",
    ars="",
    kind="",
    domain="",
    state="open",
    made_by="",
    made_at=0,
    until=1,
)


def application(*keys: str) -> Application:
    return Application(
        participant=COUNTY,
        id="1",
        did="did:web:stadt.example",
        invitation="1",
        name="Stadt",
        operator="IT",
        kind="",
        ars="",
        document="",
        keys=Keys(keys=keys),
        checks=(),
        attachments=(),
        asked_at=0,
        ballot=Ballot(stewards=1, protection=0, drafter="", due_at=1),
    )


def entrusted(code: str, *own: str) -> GivenMandate:
    return GivenMandate(agent=PROVIDER, withdrawal=code, own=own)


async def test_the_code_ends_it_everywhere(county: County, town: City) -> None:
    """>> a mandate, and its code read out at the authority << suspended, no member answers; its keys list nothing any
    more, and it does not come back while they are there."""
    memberships, spaces = county.city.services.spaces.memberships, town.services.spaces
    one = await joined(town, TOWN, county)
    await town.stop_jobs()
    given = await town.services.mandates.service.give(TOWN, wish(town))
    await spaces.joining.work()
    did = town.did(TOWN)
    listed = next(entry for entry in await memberships.all(COUNTY) if entry.did == did)
    assert given.mandate.said["key"] in listed.keys.keys
    with pytest.raises(Mistake, match="withdrawal-code"):
        await memberships.strike(COUNTY, did, "0000-" * 7, PEOPLE[0])
    after = await memberships.strike(COUNTY, did, given.code.lower(), PEOPLE[0])
    assert (after.state, after.keys.keys) == ("suspended", ())
    assert set(after.keys.struck) == set(listed.keys.keys)
    await county.issue()
    anchor = county.city.services.trust.anchor
    with pytest.raises(Unauthenticated):
        anchor.between(county.city.did(COUNTY), did, county.city.services.infra.clock.now())
    hosted = await town.services.participants.get(TOWN)
    told = replace(listed.keys, mandates=())
    with pytest.raises(PeerError):
        await spaces.joining.request(hosted, one, RequestClaims(space=one.space, request="keys", keys=told))
    with pytest.raises(Mistake, match="keyless"):
        await memberships.change(COUNTY, did, "active", "", PEOPLE[0])
    await memberships.strike(COUNTY, did, given.code, PEOPLE[0])


def test_what_the_agent_does_not_hold_stays() -> None:
    """>> a seal key that lies with the town << it alone stays listed, and lists other keys."""
    after = membership.struck(member(keys=("op", "old", "own"), mandates=(entrusted(CODE, "own"),)), CODE, 5)
    assert (after.state, after.suspended_since, after.keys.keys, after.keys.struck) == (
        "suspended",
        5,
        ("own",),
        ("op", "old"),
    )
    taken_off = membership.struck(member(keys=("op", "old"), mandates=(entrusted(CODE, "own"),)), CODE, 5)
    assert taken_off.keys.keys == ("own",)
    fresh = member_keys.with_keys(after, Keys(keys=("own", "new")), 6)
    assert (fresh.keys.keys, fresh.keys.struck, fresh.keys.mandates) == (
        ("own", "new"),
        ("op", "old"),
        after.keys.mandates,
    )
    with pytest.raises(PeerError, match="struck-key"):
        member_keys.with_keys(after, Keys(keys=("own", "op")), 6)


def test_a_provider_makes_no_code_forgotten() -> None:
    """>> keys sent without the mandate, with another one, with what the authority alone says, or with very many << the
    first code still counts."""
    before = member(keys=("op",), mandates=(entrusted(CODE),))
    for keys in (Keys(keys=("op",)), Keys(keys=("op",), mandates=(entrusted(OTHER),), struck=("x",))):
        after = member_keys.with_keys(before, keys, 1)
        assert after.keys.mandates[0] == entrusted(CODE)
        assert after.keys.struck == ()
        assert membership.struck(after, CODE, 2).state == "suspended"
    many = replace(before, keys=Keys(mandates=tuple(entrusted(f"{at:064x}") for at in range(MOST_MANDATES))))
    with pytest.raises(PeerError, match="mandates"):
        member_keys.with_keys(many, Keys(mandates=(entrusted("f" * 64),)), 1)


def test_a_code_counts_once() -> None:
    """>> told again after the town has made itself new keys << they stay, and so does the membership."""
    after = membership.struck(member(keys=("op", "own"), mandates=(entrusted(CODE, "own"),)), CODE, 5)
    back = membership.step(member_keys.with_keys(after, Keys(keys=("own", "new")), 6), "active", 7)
    assert membership.struck(back, CODE, 8) == back
    assert member_keys.with_keys(back, Keys(keys=("own",), mandates=(entrusted(CODE),)), 9).keys.mandates == (
        replace(entrusted(CODE, "own"), over=True),
    )


def test_what_was_struck_stays_struck_wherever_the_member_goes() -> None:
    """>> it moves to another DID, or leaves and is invited anew << code and struck keys go along; what the applicant
    says of either itself is not believed."""
    before = membership.struck(member(keys=("op",), mandates=(entrusted(CODE), entrusted(OTHER))), CODE, 5)
    moved = membership.moved(before, "did:web:neu.example", Keys(keys=("new",)), "", 6)
    assert (moved.keys.mandates, moved.keys.struck) == (before.keys.mandates, ("op",))
    with pytest.raises(PeerError, match="struck-key"):
        membership.moved(before, "did:web:neu.example", Keys(keys=("op",)), "", 6)
    assert membership.admitted(application("new"), INVITED, Rules(), 7, before).keys.struck == ("op",)
    with pytest.raises(PeerError, match="struck-key"):
        membership.admitted(application("op"), INVITED, Rules(), 7, before)


class Told(NamedTuple):
    """What the authority has when a town tells its keys while a provider acts for it."""

    keys: Keys
    carried: dict[str, Any]
    document: DidDocument
    roots: tuple[x509.Certificate, ...]

    def take(
        self, carried: object, keys: Keys | None = None, document: DidDocument | None = None, late: int = 0
    ) -> Keys:
        """`late`: by how much the authority's clock is ahead (ms)."""
        shown, now = document or self.document, SystemClock().now() + late
        return member_keys.checked_keys(
            keys or self.keys, carried, shown, "localhost", member_keys.SealAnchors(self.roots), now
        )


@pytest.fixture
async def told(town: City) -> Told:
    given = await town.services.mandates.service.give(TOWN, wish(town))
    hosted = await town.services.participants.get(TOWN)
    key = str(given.mandate.said["key"])
    assert hosted.acting is not None
    document = read_document(Did(hosted.participant.did), hosted.document)
    return Told(Keys(keys=(key,)), hosted.acting.carried, document, town.services.trust.seal_roots)


async def test_the_authority_believes_of_a_mandate_what_the_town_sealed(told: Told) -> None:
    """>> the town's mandate, and other things that its process says of it << the code and the keys that the seal
    covers; everything else that it says is dropped."""
    lie = replace(told.keys, mandates=(entrusted(CODE, *told.keys.keys),), struck=("x",))
    found = told.take(told.carried, lie)
    (one,) = found.mandates
    said = told.carried["mandate"]
    assert (one.withdrawal, list(one.own), found.struck) == (said["withdrawal"], said["own"], ())
    assert told.take(told.carried, lie, late=-30_000) == found
    for late in (-SKEW_MS - 5_000, YEAR_MS):
        with pytest.raises(PeerError, match=r"spaces\.mandate"):
            told.take(told.carried, late=late)


@pytest.mark.parametrize("bent", ["none", "another code", "another's key beside it"])
async def test_an_agents_key_is_not_listed_without_the_sealed_mandate(told: Told, bent: str) -> None:
    """>> the process keeps the mandate to itself, tells another code, or has a second agent << refused."""
    methods: Any = told.document.raw["verificationMethod"]
    fresh = SoftwareKey.generate("agent", told.document.did)
    more = {
        **methods[-1],
        "id": fresh.kid,
        "controller": "did:web:fremd.example",
        "publicKeyJwk": dict(fresh.public_jwk),
    }
    named: Any = told.document.raw["capabilityInvocation"]
    two = {**told.document.raw, "verificationMethod": [*methods, more], "capabilityInvocation": [*named, fresh.kid]}
    carried, document = {
        "none": (None, told.document),
        "another code": ({**told.carried, "mandate": {**told.carried["mandate"], "withdrawal": CODE}}, told.document),
        "another's key beside it": (told.carried, read_document(Did(told.document.did), two)),
    }[bent]
    with pytest.raises(PeerError, match="mandate"):
        told.take(carried, document=document)


async def test_a_town_that_is_acted_for_tells_a_new_seal_key(county: County, town: City) -> None:
    """>> the seal key is exchanged while a provider acts << the list names the new one: the agent's key tells it."""
    one = await joined(town, TOWN, county)
    await town.stop_jobs()
    await town.services.mandates.service.give(TOWN, wish(town))
    await town.services.spaces.joining.work()
    await county.issue()
    await town.services.trust.listing.look(one.authority)
    listed = (await of(county, town)).keys.keys
    hosted = await town.services.participants.rotate(TOWN, "seal")
    fresh = hosted.seal.kid.partition("#")[2]
    assert fresh not in listed
    await town.services.spaces.joining.work()
    assert fresh in (await of(county, town)).keys.keys


async def told_of_mandate(county: County, town: City, one: Joined) -> Given:
    """A mandate that the authority and every list know; what it has to hear of later no job tells it."""
    await town.stop_jobs()
    given = await town.services.mandates.service.give(TOWN, wish(town))
    await town.services.spaces.joining.work()
    await county.issue()
    await town.services.trust.listing.look(one.authority)
    return given


async def hanse(city: City, *words: str, code: int = 0) -> None:
    assert await asyncio.to_thread(main, [*words, "--data", str(city.settings.folder)], {"LANG": "en"}) == code


AUTHORITY = ("--as", COUNTY, "--who", PEOPLE[0])


async def test_a_town_that_kept_its_seal_key_comes_back(
    county: County, town: City, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """>> `hanse space strike` with a wrong code, and with the one that the town kept << refused; suspended; not resumed
    while the provider still acts. >> the town acts itself, and its seal key tells the new keys << resumed."""
    seal = (await town.services.participants.get(TOWN)).seal.kid.partition("#")[2]
    monkeypatch.setattr(service, "_own", lambda hosted: (seal,))  # as if it lay with the town
    one, did = await joined(town, TOWN, county), town.did(TOWN)
    given = await told_of_mandate(county, town, one)
    await hanse(county.city, "space", "strike", did, "--code", "0000-" * 6 + "0000", *AUTHORITY, code=1)
    await hanse(county.city, "space", "strike", did, "--code", given.code, *AUTHORITY)
    assert "hanse space resume" in capsys.readouterr().out
    assert (await of(county, town)).keys.keys == (seal,)
    await hanse(county.city, "space", "resume", did, *AUTHORITY, code=1)
    await town.services.mandates.service.withdraw(TOWN, own=True)
    await county.issue()
    await town.services.trust.listing.look(one.authority)
    await town.services.spaces.joining.work()
    fresh = (await town.services.participants.get(TOWN)).signers["peer"].kid.partition("#")[2]
    assert set((await of(county, town)).keys.keys) == {seal, fresh}
    await hanse(county.city, "space", "resume", did, *AUTHORITY)
    await hanse(county.city, "space", "strike", did, "--code", given.code, *AUTHORITY)  # by mistake, once more
    assert (await of(county, town)).state == "active"


async def test_a_town_of_which_no_key_is_left_is_invited_anew(county: County, town: City) -> None:
    """>> struck, expelled, and a new application, first with a key that the provider held << refused; with new keys
    alone << a member again."""
    one, did = await joined(town, TOWN, county), town.did(TOWN)
    given = await told_of_mandate(county, town, one)
    await hanse(county.city, "space", "strike", did, "--code", given.code, *AUTHORITY)
    await hanse(county.city, "space", "resume", did, *AUTHORITY, code=1)
    await hanse(county.city, "space", "expel", did, *AUTHORITY)
    await county.issue()
    await town.services.spaces.joining.leave(TOWN, one.space)
    participants = town.services.participants
    await town.services.mandates.service.withdraw(TOWN, own=True)
    refused = await applied(town, TOWN, await county.invite(), county)
    assert (refused.state, refused.reason) == ("refused", "spaces.struck-key")
    held = (await participants.get(TOWN)).seal.kid
    await participants.revoke(TOWN, "seal", town.services.infra.clock.now() - 1, "lay with the provider", held)
    again = await joined(town, TOWN, county)
    assert (again.state, (await of(county, town)).state) == ("member", "active")


def test_a_code_of_another_member_and_who_left() -> None:
    with pytest.raises(Mistake, match="withdrawal-code"):
        membership.struck(member(keys=("op",), mandates=(entrusted(OTHER),)), CODE, 1)
    gone = replace(member(mandates=(entrusted(CODE),)), state="left")
    with pytest.raises(Mistake, match="step"):
        membership.struck(gone, CODE, 1)
