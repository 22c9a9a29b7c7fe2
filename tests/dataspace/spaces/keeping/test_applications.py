"""An authority and applicants that are not what they say: only the right town with two yeses becomes a member."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from connector.app.surfaces import peer_routes
from connector.data.approvals.decide import NotYours
from connector.dataspace.spaces import application_store, documents, member_store
from connector.dataspace.spaces.decision import membership
from connector.dataspace.spaces.keeping.invitations import NewInvitation
from connector.dataspace.spaces.model import DAY_MS, INVITED_MS, MOST_TRIES, Keys, Rules
from connector.dataspace.witness import possession
from connector.foundation.clock import FakeClock, SystemClock
from connector.foundation.errors import Mistake, Unknown
from connector.foundation.storage.database import Tx, acting
from connector.identity.trust.keys.jwk import encode, thumbprint
from connector.identity.trust.keys.signing import SoftwareKey
from tests.dataspace.spaces.conftest import COUNTY, COUNTY_KIND, PEOPLE, TOWN, UNLISTED, County, applied, joined
from tests.testkit.cities import MUNICIPALITY, City, Space
from tests.testkit.nasty import NastyPeer, Reply, nasty_peer, nasty_peers

ANNA, BERT, CEM = PEOPLE


@pytest.fixture
async def nasty(space: Space) -> AsyncIterator[NastyPeer]:
    """A stranger with a DID, on no list."""
    async with nasty_peer(space, kind=None) as peer:
        yield peer


async def hand_in(county: County, nasty: NastyPeer, invited: NewInvitation | None, **changes: Any) -> Reply:
    """An application of the stranger; `changes` are claims of it, `signer` signs."""
    signer = changes.pop("signer", None)
    said = {
        "space": f"{county.city.root(COUNTY)}/space",
        "code": invited.code if invited else "x" * 43,
        "name": "Nasty",
        "operator": "Nasty",
        "kind": MUNICIPALITY,
        "ars": "",
        "keys": {},
        "documents": [],
    }
    token = nasty.token(county.city.did(COUNTY), typ=documents.APPLICATION, signer=signer, **{**said, **changes})
    return await send(county, nasty, token, "applications")


async def send(county: County, nasty: NastyPeer, token: str, door: str) -> Reply:
    url = f"{county.city.root(COUNTY)}/space/{door}"
    return await nasty.call("POST", url, token.encode(), Content_Type=documents.MEDIA)


def code(reply: Reply) -> Any:
    return reply.json["code"]


async def members(county: County) -> set[str]:
    return {one.did for one in await county.city.services.spaces.memberships.all(COUNTY)}


@pytest.mark.threat("T29")
async def test_pending_is_refused_at_every_door_that_wants_a_member(county: County, nasty: NastyPeer) -> None:
    """Generated from the table of routes: whatever is not public says 401, before and after the application."""
    reply = await hand_in(county, nasty, await county.invite())
    assert (reply.status, reply.json["state"]) == (201, "pending")
    exchange: Any = None
    doors = [route for route in peer_routes(county.city.services, exchange) if not route.public]
    assert len(doors) > 15
    for route in doors:
        path = route.path.replace("{", "").replace("+}", "").replace("}", "")
        token = nasty.token(county.city.did(COUNTY))
        body = None if route.method == "GET" else {}
        answer = await nasty.call(route.method, county.city.root(COUNTY) + path, body, token=token)
        assert answer.status in (401, 403), (route.method, path, answer.status)
    assert await members(county) == {county.city.did(COUNTY)}


@pytest.mark.threat("T30")
async def test_a_code_is_for_one_use_and_its_holder(county: County, nasty: NastyPeer, town: City) -> None:
    """>> used by a town, then shown by a stranger << the words for an unknown one; by the town again: the same."""
    invited = await county.invite()
    one = await applied(town, TOWN, invited, county)
    again = await hand_in(county, nasty, invited)
    assert (again.status, code(again)) == (403, "spaces.code")
    assert (await applied(town, TOWN, invited, county)).application == one.application


@pytest.mark.threat("T30")
async def test_codes_that_do_not_hold_are_refused_in_the_same_words(county: County, nasty: NastyPeer) -> None:
    """>> unknown, withdrawn, expired, for another domain << 403 and nothing else."""
    withdrawn, elsewhere = await county.invite(), await county.invite(domain="stadt.example")
    await county.invitations.withdraw(COUNTY, withdrawn.invitation.id)
    expired = await county.invite()
    await county.city.services.infra.db.write(COUNTY, expire, expired.invitation.id)
    for invited in (None, withdrawn, elsewhere, expired):
        reply = await hand_in(county, nasty, invited)
        assert (reply.status, code(reply)) == (403, "spaces.code")
    assert await county.applications.all(COUNTY) == []


def expire(tx: Any, invitation: str) -> None:
    tx.run("UPDATE space_invitation SET until = until - :ms WHERE id = :id", ms=INVITED_MS, id=invitation)


@pytest.mark.threat("T30")
async def test_five_wrong_codes_an_hour(county: County, nasty: NastyPeer) -> None:
    """Unknown ones by address; for a town that tried five that were made for others even a right one waits."""
    statuses = [(await hand_in(county, nasty, None)).status for _ in range(7)]
    assert statuses == [403] * 5 + [429] * 2
    for _ in range(5):
        assert (await hand_in(county, nasty, await county.invite(domain="stadt.example"))).status == 403
    right = await county.invite()
    assert (await hand_in(county, nasty, right)).status == 429


@pytest.mark.threat("T168")
async def test_bug_one_town_shut_out_all_that_share_its_host(county: County, space: Space) -> None:
    """Bug: >> a town tries wrong codes until it waits, its neighbour on the same host and address brings a right one <<
    429; and what a town used up in statements, others from there lacked."""
    async with nasty_peers(space, ["frech", "brav"], kind=None) as peers:
        bad, good = peers["frech"], peers["brav"]
        assert bad.did.rpartition(":")[0] == good.did.rpartition(":")[0]
        elsewhere = await county.invite(domain="stadt.example")
        statuses = [(await hand_in(county, bad, elsewhere)).status for _ in range(40)]
        assert statuses[:6] == [403] * 5 + [429]
        assert (await hand_in(county, good, elsewhere)).status == 403
        assert (await hand_in(county, good, await county.invite())).status == 201


@pytest.mark.threat("T168")
async def test_names_that_somebody_makes_up_use_up_nothing_of_others(county: County, nasty: NastyPeer) -> None:
    """>> a hundred wrong codes in as many names << one more is neither kept nor logged, a right one is taken."""
    elsewhere, db = await county.invite(domain="stadt.example"), county.city.services.infra.db
    await db.write(COUNTY, made_up)
    before = await db.read(COUNTY, tries_and_events)
    reply = await hand_in(county, nasty, elsewhere)
    assert (reply.status, code(reply)) == (429, "spaces.tries")
    assert await db.read(COUNTY, tries_and_events) == before
    assert (await hand_in(county, nasty, await county.invite())).status == 201


def made_up(tx: Tx) -> None:
    for number in range(MOST_TRIES):
        application_store.note_try(tx, COUNTY, f"did:web:viele.example:{number}", "viele.example")


def tries_and_events(tx: Tx) -> Any:
    sql = "SELECT (SELECT count(*) FROM space_try WHERE participant = :p) AS tries, count(*) AS events FROM audit_entry"
    return tx.one(f"{sql} WHERE participant = :p", p=COUNTY)


async def test_an_unknown_code_makes_us_fetch_nothing(county: County, nasty: NastyPeer) -> None:
    await hand_in(county, nasty, None)
    assert nasty.inbox == []


@pytest.mark.threat("T102")
async def test_an_invitation_for_another_town(county: County, nasty: NastyPeer) -> None:
    """>> for a code of a municipality, for a kind << another one is refused."""
    for bound, said in (
        ({"ars": "053150000000"}, {"ars": "053340002002"}),
        ({"kind": MUNICIPALITY}, {"kind": "https://w3id.org/hanse/v1#company"}),
    ):
        reply = await hand_in(county, nasty, await county.invite(**bound), **said)
        assert (reply.status, code(reply)) == (400, "spaces.other-town"), bound


@pytest.mark.threat("T148")
async def test_an_operator_that_looks_like_another_one_is_refused(county: County, nasty: NastyPeer) -> None:
    """>> the name of the authority's operator with a zero width space, in capitals << refused; written just so: taken.
    A town that is called as a member is may be another town: the checklist says so."""
    [own] = [
        one for one in await county.city.services.spaces.memberships.all(COUNTY) if one.did == county.city.did(COUNTY)
    ]
    for name in (f"\u200b{own.operator}", own.operator.upper()):
        reply = await hand_in(county, nasty, await county.invite(), operator=name)
        assert (reply.status, code(reply)) == (400, "spaces.operator-alike"), name
    reply = await hand_in(county, nasty, await county.invite(name=own.name.upper()), operator=own.operator)
    assert reply.status == 201
    [found] = await county.city.services.spaces.applications.all(COUNTY)
    assert [one.note for one in found.checks if one.name == "alike" and not one.good] == [own.name]


@pytest.mark.threat("T148")
@pytest.mark.parametrize("name", ["Werk\u200bNord", "Werk\u3164Nord", "\u2800", " "])
async def test_bug_a_name_of_which_something_does_not_show_was_taken(
    county: County, nasty: NastyPeer, name: str
) -> None:
    """>> an operator, or a town, with signs that do not show, or of nothing else << refused: the honest one of that
    name would have had to write them, too."""
    for changes in ({"operator": name}, {"name": name}):
        reply = await hand_in(county, nasty, await county.invite(), **changes)
        assert (reply.status, code(reply)) == (400, "participants.name"), changes


@pytest.mark.threat("T148")
async def test_an_operator_that_came_first_stays_alone_with_its_name(county: County, town: City) -> None:
    """>> while people decide, another one becomes a member with an operator that looks the same << the last yes makes
    no member."""
    one = await applied(town, TOWN, await county.invite(), county)
    found = await county.applications.get(COUNTY, one.application)

    def first(tx: Tx) -> None:
        own = member_store.members(tx, COUNTY)[0]
        put = replace(own, did="did:web:first.example", operator=found.operator.upper(), version=0)
        member_store.put_member(tx, put)

    await county.city.services.infra.db.write(COUNTY, first)
    await county.applications.note(COUNTY, one.application, "letter", good=True, note="AZ 10", login=ANNA)
    await county.applications.approve(COUNTY, one.application, ANNA)
    with pytest.raises(Mistake) as refused:
        await county.applications.approve(COUNTY, one.application, BERT)
    assert refused.value.code == "spaces.operator-alike"
    assert town.did(TOWN) not in await members(county)


@pytest.mark.threat("T102")
async def test_in_anothers_name_nobody_applies(county: County, nasty: NastyPeer, town: City) -> None:
    """>> the DID of a town, signed by the stranger; its own DID with a key that it does not show << 401."""
    invited = await county.invite()
    other = SoftwareKey.generate("peer", nasty.did)
    for changes in ({"iss": town.did(TOWN), "sub": town.did(TOWN)}, {"signer": other}):
        assert (await hand_in(county, nasty, invited, **changes)).status == 401
    assert (await hand_in(county, nasty, invited, aud=town.did(TOWN))).status == 401
    assert (await hand_in(county, nasty, invited, space="https://elsewhere.example/space")).status == 400


@pytest.mark.threat("T102")
async def test_keys_of_another_are_not_listed(county: County, nasty: NastyPeer, town: City) -> None:
    """>> keys of a town, by name; keys of its log; a witness elsewhere << 400."""
    hosted = await town.services.participants.get(TOWN)
    foreign: dict[str, Any] = {
        "keys": [hosted.signers["peer"].kid.partition("#")[2]],
        "logKeys": [hosted.signers["log"].public_jwk],
        "witness": {"url": "https://other.example/witness", "keys": []},
    }
    for kind, keys in foreign.items():
        reply = await hand_in(county, nasty, await county.invite(), keys={kind: keys})
        assert (reply.status, code(reply)) == (400, "spaces.foreign-key"), kind


@pytest.mark.threat("T149")
async def test_bug_a_stranger_named_the_key_of_anothers_witness_before_its_owner(
    county: County, nasty: NastyPeer, town: City
) -> None:
    """>> the key of a town's witness at the stranger's address: without a proof, with the town's own for itself, and
    later in a request << refused; with a key of its own and its proof << taken; the town is listed with its key."""
    town_keys = town.services.witness.keys
    space, url = f"{county.city.root(COUNTY)}/space", f"{nasty.root}/witness"
    stolen = {"witness": {"url": url, "keys": list(await town_keys.public())}}
    for proof in ({}, await town_keys.proofs(space, town.did(TOWN))):
        reply = await hand_in(county, nasty, await county.invite(), keys=stolen, witnessProof=proof)
        assert (reply.status, code(reply)) == (400, "spaces.witness-proof")
    own = SoftwareKey.generate("log", nasty.did)
    name = thumbprint(own.public_jwk)
    said = {"url": url, "keys": [{each: own.public_jwk[each] for each in ("kty", "crv", "x")}]}
    proof = {name: encode(own.sign(possession.message(space, nasty.did, url, name)))}
    peer = {"keys": [nasty.signer.kid.partition("#")[2]]}
    reply = await hand_in(county, nasty, await county.invite(), keys={**peer, "witness": said}, witnessProof=proof)
    await admit(county, reply.json["id"])
    assert code(await ask(county, nasty, nasty.signer, {**peer, **stolen})) == "spaces.witness-proof"
    await joined(town, TOWN, county)
    await county.issue()
    current = next(listed.current for listed in [county.city.services.trust.anchor])
    found = {one.url: {key["x"] for key in one.keys if "x" in key} for one in current.witnesses}
    assert found[url] == {own.public_jwk["x"]}
    assert found[town_keys.url] == {key["x"] for key in await town_keys.public() if "x" in key}


FALSE_KEY = {"kty": "OKP", "crv": "Ed25519", "x": "!!"}
PQ_KEY = {"kty": "AKP", "alg": "ML-DSA-44", "pub": "AAAA"}


FALSE_KEYS: tuple[dict[str, Any], ...] = (
    {"sealCertificates": [{"sha256": "0" * 64, "validUntil": "some day"}]},
    {"sealCertificates": ["0" * 64, "0" * 64]},
    {"sealKeyPq": {}},
    {"sealKeyPq": {"kty": "EC", "crv": "P-256", "x": "x", "y": "y"}},
    {"formerSealKeysPq": [{"key": {}}]},
    {"formerSealKeysPq": [{"key": PQ_KEY}, {"key": PQ_KEY}]},
    {"sealKeyPq": {**PQ_KEY, "more": "x" * 70_000}},
    {"witness": [FALSE_KEY]},
    {"witness": [{**PQ_KEY, "pub": "!!"}]},
    {"witness": [{**PQ_KEY, "validUntil": "some day"}]},
    {"witness": [{}]},
)


@pytest.mark.threat("T106")
async def test_keys_that_would_break_the_list_for_everybody_are_refused(county: County, nasty: NastyPeer) -> None:
    """>> what a reader, or the offline verifier, stumbles over: the whole list would be lost for all << 400."""
    for keys in FALSE_KEYS:
        shown = {"witness": {"url": f"{nasty.root}/witness", "keys": keys["witness"]}} if "witness" in keys else keys
        reply = await hand_in(county, nasty, await county.invite(), keys=shown)
        assert (reply.status, code(reply)) in ((400, "trust.list-form"), (400, "spaces.keys")), str(keys)[:200]


@pytest.mark.threat("T106")
async def test_a_member_cannot_stop_the_list(county: County, nasty: NastyPeer) -> None:
    """>> a member asks for a key without form, then is expelled << refused, and the list goes on."""
    own = {"keys": [nasty.signer.kid.partition("#")[2]]}
    reply = await hand_in(county, nasty, await county.invite(), keys=own)
    await admit(county, reply.json["id"])
    assert (await ask(county, nasty, nasty.signer, {**own, "sealKeyPq": {}})).status == 400
    await county.issue()
    await county.city.services.spaces.memberships.change(COUNTY, nasty.did, "expelled", "Test", ANNA)
    before = county.city.services.trust.anchor.edition
    await county.issue()
    assert county.city.services.trust.anchor.edition > before


@pytest.mark.threat("T106")
async def test_a_member_that_asks_without_end_waits(county: County, nasty: NastyPeer) -> None:
    """>> other keys with each request: a version of the list for each << twelve an hour."""
    own = {"keys": [nasty.signer.kid.partition("#")[2]]}
    reply = await hand_in(county, nasty, await county.invite(), keys=own)
    await admit(county, reply.json["id"])
    asked = [await ask(county, nasty, nasty.signer, {**own, "sealCertificates": [f"{at:064}"]}) for at in range(13)]
    assert [one.status for one in asked] == [204] * 12 + [429]


async def admit(county: County, application: str) -> None:
    for login in (ANNA, BERT):
        await county.applications.note(COUNTY, application, "letter", good=True, note="", login=login)
        await county.applications.approve(COUNTY, application, login)


@pytest.mark.threat("T102")
async def test_two_people_approve_each_once_and_not_before_they_looked(county: County, town: City) -> None:
    """>> a yes before the checklist, a second by the same person, one by nobody << refused; the second person's makes
    the member."""
    one = await applied(town, TOWN, await county.invite(), county)
    with pytest.raises(Mistake) as unchecked:
        await county.applications.approve(COUNTY, one.application, ANNA)
    assert unchecked.value.code == "spaces.checklist"
    await county.applications.note(COUNTY, one.application, "letter", good=True, note="AZ 10-2026", login=ANNA)
    assert (await county.applications.approve(COUNTY, one.application, ANNA)).state == "pending"
    for login in (ANNA, "", "nobody@example.org", "no login", "\x00"):
        with pytest.raises(NotYours):
            await county.applications.approve(COUNTY, one.application, login)
    assert await members(county) == {county.city.did(COUNTY)}
    assert (await county.applications.approve(COUNTY, one.application, BERT)).state == "approved"
    assert await members(county) == {county.city.did(COUNTY), town.did(TOWN)}
    with pytest.raises(Mistake):
        await county.applications.approve(COUNTY, one.application, CEM)


@pytest.mark.threat("T102")
async def test_nobody_decides_under_anothers_name(county: County, town: City) -> None:
    """>> a session of one person that names another << refused."""
    one = await applied(town, TOWN, await county.invite(), county)
    people = {m.person.login: m.pseudonym for m in (await county.city.services.accounts.people.members(COUNTY))[0]}
    with acting({COUNTY: people[ANNA]}):
        with pytest.raises(NotYours) as refused:
            await county.applications.approve(COUNTY, one.application, BERT)
        assert refused.value.code == "spaces.who"
        noted = await county.applications.note(COUNTY, one.application, "letter", good=True, note="")
    assert noted.checks[-1].by == people[ANNA]


async def test_both_at_the_same_time_are_two(county: County, town: City) -> None:
    one = await applied(town, TOWN, await county.invite(), county)
    await county.applications.note(COUNTY, one.application, "letter", good=True, note="", login=ANNA)
    await asyncio.gather(*(county.applications.approve(COUNTY, one.application, login) for login in (ANNA, BERT)))
    assert town.did(TOWN) in await members(county)


async def test_one_no_ends_it_and_the_town_reads_why(county: County, town: City) -> None:
    one = await applied(town, TOWN, await county.invite(), county)
    await county.applications.refuse(COUNTY, one.application, "Bitte mit Siegel.", ANNA)
    told = await town.services.spaces.joining.progress(TOWN, one.space)
    assert (told.state, told.reason) == ("refused", "Bitte mit Siegel.")
    assert (await applied(town, TOWN, await county.invite(), county)).state == "pending"


async def test_what_nobody_decides_in_time_is_over_and_may_be_asked_again(space: Space) -> None:
    """>> thirty days without a decision << the town reads that it is over, and applies by another invitation."""
    clock = FakeClock(SystemClock().now())
    space.clock = clock
    county = County(await space.city("county", {COUNTY: COUNTY_KIND}, UNLISTED))
    town = await space.city("town", {TOWN: MUNICIPALITY}, UNLISTED)
    await county.found()
    one = await applied(town, TOWN, await county.invite(), county)
    for _ in range(11):
        clock.advance(3 * DAY_MS)
        await county.issue()
    told = await town.services.spaces.joining.progress(TOWN, one.space)
    assert (told.state, told.reason) == ("refused", "expired")
    assert (await applied(town, TOWN, await county.invite(), county)).state == "pending"


@pytest.mark.threat("T102")
async def test_who_is_no_steward_notes_and_changes_nothing(county: County, town: City) -> None:
    """>> a session of somebody with another role << 403, for what she notes as for whom she suspends."""
    one = await applied(town, TOWN, await county.invite(), county)
    people = county.city.services.accounts.people
    dora = await people.add("dora@kreis.example", "Dora")
    await people.decide(dora.id, COUNTY, "publisher", take=False)
    pseudonyms = {m.person.login: m.pseudonym for m in (await people.members(COUNTY))[0]}
    with acting({COUNTY: pseudonyms["dora@kreis.example"]}):
        with pytest.raises(NotYours):
            await county.applications.note(COUNTY, one.application, "letter", good=True, note="")
        with pytest.raises(NotYours):
            await county.applications.refuse(COUNTY, one.application, "nein")
        with pytest.raises(NotYours):
            await county.city.services.spaces.memberships.change(COUNTY, town.did(TOWN), "expelled", "Test")


@pytest.mark.threat("T102")
async def test_an_authority_does_not_decide_about_its_own_membership(county: County) -> None:
    """>> people of the authority expel or renew the authority itself << refused: it is a member as long as there is a
    space."""
    memberships, own = county.city.services.spaces.memberships, county.city.did(COUNTY)
    before = await memberships.all(COUNTY)
    for decided in (memberships.change(COUNTY, own, "expelled", "Test", ANNA), memberships.renew(COUNTY, own, ANNA)):
        with pytest.raises(Mistake) as refused:
            await decided
        assert refused.value.code == "spaces.oneself"
    assert await memberships.all(COUNTY) == before


async def test_what_the_rules_ask_for_is_brought_and_kept(county: County, town: City) -> None:
    await county.authority.change_rules(COUNTY, Rules(documents=("Beschluss",)))
    invited, joining = await county.invite(), town.services.spaces.joining
    with pytest.raises(Mistake) as missing:
        await applied(town, TOWN, invited, county)
    assert missing.value.code == "spaces.documents"
    said = await county.authority.description(COUNTY)
    brought = documents.Document(name="Beschluss", media_type="text/plain", content="SGFsbG8")
    one = await joining.apply(TOWN, invited.link, said.fingerprint, [brought])
    kept = await county.applications.get(COUNTY, one.application)
    assert [(one.name, one.size) for one in kept.attachments] == [("Beschluss", 5)]
    assert await county.applications.evidence(COUNTY, kept.attachments[0].sha256) == ("text/plain", b"Hallo")


async def test_an_application_is_shown_to_its_applicant_alone(county: County, nasty: NastyPeer, town: City) -> None:
    one = await applied(town, TOWN, await county.invite(), county)
    answer = await nasty.get(county.city, COUNTY, f"/space/applications/{one.application}")
    assert answer.status == 404
    bare = await nasty.call("GET", f"{one.space}/applications/{one.application}")
    assert bare.status == 401


async def test_a_space_is_begun_once(county: County, town: City) -> None:
    """The same again is the same; other rules are another wish. A participant without a space has no door."""
    before = await county.authority.description(COUNTY)
    from tests.dataspace.spaces.conftest import RULES

    await county.authority.create(COUNTY, before.name, RULES)
    assert await county.authority.description(COUNTY) == before
    with pytest.raises(Mistake):
        await county.authority.create(COUNTY, "Anders", RULES)
    with pytest.raises(Unknown):
        await town.services.spaces.authority.description(TOWN)


async def test_the_code_is_kept_as_a_hash_alone(county: County) -> None:
    invited = await county.invite()
    rows = await county.city.services.infra.db.read(COUNTY, lambda tx: tx.all("SELECT * FROM space_invitation"))
    assert invited.code not in repr(rows)
    assert invited.link.endswith(f"/space#{invited.code}")


@pytest.mark.threat("T105")
async def test_a_key_that_is_not_listed_says_nothing(county: County, town: City, nasty: NastyPeer) -> None:
    """>> a member whose domain was taken over: another document, whose keys sign that the list names them << 401."""
    reply = await hand_in(county, nasty, await county.invite(), keys={"keys": [nasty.signer.kid.partition("#")[2]]})
    for login in (ANNA, BERT):
        await county.applications.note(COUNTY, reply.json["id"], "letter", good=True, note="", login=login)
        await county.applications.approve(COUNTY, reply.json["id"], login)
    stolen = SoftwareKey.generate("peer", nasty.did)
    listed, nasty.keys = nasty.keys, [stolen.record()]
    assert (await ask(county, nasty, stolen, {"keys": [stolen.kid.partition("#")[2]]})).status == 401
    nasty.keys = [*listed, stolen.record()]
    fresh = {"keys": [stolen.kid.partition("#")[2]]}
    assert (await ask(county, nasty, nasty.signer, fresh, iat=seconds(county) - 60)).status == 204
    assert (await ask(county, nasty, nasty.signer, fresh)).status == 401  # off the list by the request before
    assert (await ask(county, nasty, stolen, fresh, iat=seconds(county) - 120)).status == 400


def seconds(county: County) -> int:
    return county.city.services.infra.clock.now() // 1000


async def ask(county: County, nasty: NastyPeer, signer: SoftwareKey, keys: dict[str, Any], **claims: Any) -> Reply:
    said = {"space": f"{county.city.root(COUNTY)}/space", "request": "keys", "keys": keys}
    token = nasty.token(county.city.did(COUNTY), typ=documents.REQUEST, signer=signer, **said, **claims)
    return await send(county, nasty, token, "requests")


async def test_strangers_ask_for_nothing(county: County, nasty: NastyPeer) -> None:
    assert (await ask(county, nasty, nasty.signer, {})).status == 401


async def test_who_took_a_members_place_meanwhile_is_not_admitted_once_more(county: County, town: City) -> None:
    """>> an applicant becomes the successor of a member by its move, then the last person approves << refused; it stays
    the successor."""
    one = await applied(town, TOWN, await county.invite(), county)
    own = county.city.did(COUNTY)

    def takes_place(tx: Tx) -> None:
        found = member_store.known(tx, COUNTY, own)
        assert found is not None
        member_store.put_member(tx, membership.moved(found, town.did(TOWN), Keys(), "", tx.now))

    await county.city.services.infra.db.write(COUNTY, takes_place)
    with pytest.raises(Mistake, match="member-already"):
        await county.admit(one)
    found = {each.did: each for each in await county.city.services.spaces.memberships.all(COUNTY)}
    assert found[town.did(TOWN)].succeeds[0][0] == own


async def test_who_is_a_member_need_not_apply(county: County, town: City) -> None:
    await joined(town, TOWN, county)
    other = await county.invite()
    hosted = await town.services.participants.get(TOWN)
    said = documents.ApplicationClaims(
        space=f"{county.city.root(COUNTY)}/space",
        code=other.code,
        name="M",
        operator="M",
        kind=MUNICIPALITY,
        ars="",
        keys=Keys(),
    )
    claims = documents.claims(hosted.participant.did, county.city.did(COUNTY), town.services.infra.clock.now(), said)
    statement = await documents.signed(msgspec.json.encode(claims), hosted.signers["peer"], documents.APPLICATION)
    with pytest.raises(Exception, match="member-already"):
        await county.applications.apply(COUNTY, statement)
