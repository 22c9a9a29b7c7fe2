"""A participant's own groups: whom it puts in has its data at once, whom it takes out has none any more."""

import asyncio
import json
from typing import Any

import pytest
from msgspec.structs import replace

from connector.app.policy_engine import policy_engine
from connector.cli.main import main
from connector.data.approvals.model import ApprovalRule, Voter
from connector.data.approvals.publications import ChangedDataset, NewDataset, ReplacedDataset
from connector.data.catalogue.life import DatasetChange, Replacement
from connector.data.catalogue.service import OfferWish, Publication
from connector.foundation.errors import Mistake, PeerError, Unknown
from connector.foundation.storage.database import Database, Tx
from connector.identity.participants import groups
from connector.identity.trust.members.claims import OwnGroups, requester
from connector.kernel.policy.engine import Requester
from connector.oversight.partners.groups import PartnerGroups
from connector.surfaces.views.terms import offered
from tests.exchange.transfer.conftest import accessed, agreed, replicas, started
from tests.exchange.transfer.holds import RESTS, RUNS, shown
from tests.identity.trust.members.lists import NOW, entry
from tests.testkit.cities import MUNICIPALITY, Refused, Space
from tests.testkit.moved import set_former
from tests.testkit.towns import Towns

__all__ = ["accessed", "agreed", "replicas", "started"]
BEFORE = "did:web:alt.example:town"
TOWN, VILLAGE, HANSE = "musterstadt", "nachbardorf", "https://w3id.org/hanse/v1#"


def only(group: str, operator: str = "isAnyOf") -> dict[str, Any]:
    """A rule for members of a group."""
    clause = {"leftOperand": f"{HANSE}memberOf", "operator": operator, "rightOperand": [group]}
    return {"permission": [{"action": "use", "constraint": [clause]}]}


async def write(towns: Towns, what: Any, *args: str) -> Any:
    one = towns.participants.held(TOWN).participant
    return await towns.db.write(TOWN, lambda tx: what(tx, one, *args))


async def begun(towns: Towns) -> str:
    """The IRI of a group of the town."""
    await write(towns, lambda tx, one: groups.begin(tx, one, "partner", {"de": "Partner"}))
    return groups.place(towns.participants.held(TOWN).participant.root) + "partner"


async def test_whoever_is_put_in_sees_and_has_and_whoever_is_taken_out_does_not(space: Space) -> None:
    """>> an offer for a group, a village put in, taken out << nothing, a contract and data, nothing; no restart. The
    consumer is told that the provider alone knows; the case file says by which groups it was decided, no others."""
    town = await space.city("town", {TOWN: MUNICIPALITY})
    village = await space.city("village", {VILLAGE: MUNICIPALITY})
    await space.reload(town, village)
    place, did = f"/api/v1/participants/{TOWN}/groups", village.did(VILLAGE)
    made = await town.api.post(place, {"name": "partner", "label": {"de": "Partner"}})
    await town.api.post(place, {"name": "andere", "label": {"de": "Andere"}})
    await town.api.post(f"{place}/andere/members", {"did": did})
    slots = {"until": "31.12.2099", "space": made["group"]}
    published = await town.publish(TOWN, visibility="eligible", slots=slots)

    async def negotiated() -> dict[str, Any]:
        return await village.negotiate(VILLAGE, town.did(TOWN), published["dataset"])

    with pytest.raises(Refused):
        await negotiated()
    await town.api.post(f"{place}/partner/members", {"did": did})
    signed = await negotiated()
    assert signed["state"] == "FINALIZED"
    assert (await village.fetch(VILLAGE, signed["agreement"]))["state"] == "COMPLETED"
    rows = await town.services.infra.db.read(TOWN, lambda tx: tx.all("SELECT world FROM decision"))
    facts = [json.loads(row["world"])["facts"][f"{HANSE}memberOf"] for row in rows]
    assert {(one["source"], one["evidence"]) for one in facts} == {("measured", "trust-list, own-groups")}
    assert all(made["group"] in one["value"] and f"{made['group'][:-7]}andere" not in one["value"] for one in facts)
    said = await village.api.get(f"/api/v1/participants/{VILLAGE}/agreements/{signed['agreement']}/clauses")
    notes = [note for clause in said["clauses"] for note in clause["notes"]["en"]]
    assert "the provider alone says who belongs to it; only it can check" in notes
    await town.api.post(f"{place}/partner/members/end", {"did": did})
    with pytest.raises(Refused):
        await negotiated()
    assert (await village.fetch(VILLAGE, signed["agreement"]))["outcome"] == "refused"
    shown = await town.api.get(f"{place}/partner")
    assert [(one["did"], one["until"] is None) for one in shown["members"]] == [(did, False)]


@pytest.mark.threat("T107")
async def test_what_runs_is_held_and_goes_on(towns: Towns, agreed: Any, started: Any) -> None:
    """>> in the group, taken out while data flow, put in again << runs, held by the review, runs; on each database."""
    group, did = await begun(towns), towns.did(VILLAGE)
    await write(towns, groups.add, "partner", did)
    pair = await started(towns, await agreed(towns, **only(group)))
    assert await shown(towns, pair) == RUNS

    async def judged(what: Any) -> list[str]:
        def unit(tx: Tx) -> None:
            assert what(tx, towns.participants.held(TOWN).participant, "partner", did)
            towns.enforcement.members_changed(tx, TOWN, frozenset((did,)))

        await towns.db.write(TOWN, unit)
        await towns.tick()
        await towns.run()
        return await shown(towns, pair)

    assert await judged(groups.remove) == RESTS
    assert await judged(groups.add) == RUNS


@pytest.mark.threat("T107")
async def test_another_replica_goes_by_what_was_said_a_moment_ago(
    replicas: tuple[Towns, Database], agreed: Any, started: Any, accessed: Any
) -> None:
    """>> taken out by the first, decided by the second, whose signal got lost << refused all the same."""
    towns, second = replicas
    group, did = await begun(towns), towns.did(VILLAGE)
    await write(towns, groups.add, "partner", did)
    _, theirs = await started(towns, await agreed(towns, **only(group)))
    assert (await accessed(towns, theirs, second)).permit
    await write(towns, groups.remove, "partner", did)
    assert not (await accessed(towns, theirs, second)).permit


@pytest.mark.threat("T107")
async def test_after_a_move_the_groups_are_known_by_their_iris_of_before(
    replicas: tuple[Towns, Database], agreed: Any, started: Any, accessed: Any
) -> None:
    """>> an agreement that names a group below the root of before, one that forbids it, a list that gives it, a group
    of that name elsewhere << as if by its IRI of now: runs, forbidden, not the list's to give, not in it."""
    towns, second = replicas
    await begun(towns)
    await towns.db.write(TOWN, set_former, TOWN, BEFORE)
    await towns.participants.load()
    await write(towns, groups.add, "partner", towns.did(VILLAGE))
    permits = {
        (operator, group): await permitted(operator, group, towns, second, agreed, started, accessed)
        for operator in ("isAnyOf", "isNoneOf")
        for group in ("https://alt.example/town/groups/partner", "https://alt.example/groups/partner")
    }
    assert list(permits.values()) == [True, False, False, True]
    kept = (await towns.participants.get(TOWN)).groups
    given = entry("firm", NOW, groups=("https://alt.example/town/groups/partner",))
    assert requester(given, kept).known()[f"{HANSE}memberOf"].value == frozenset()
    assert all(one in kept.names for one in kept.members[towns.did(VILLAGE)])


async def permitted(
    operator: str, group: str, towns: Towns, second: Database, agreed: Any, started: Any, accessed: Any
) -> bool:
    """Whether data would flow under an agreement with that clause."""
    _, theirs = await started(towns, await agreed(towns, **only(group, operator)))
    return bool((await accessed(towns, theirs, second)).permit)


async def ruled(towns: Towns, **more: Any) -> None:
    base: dict[str, Any] = {"subject": "publication", "template": "", "people": "two", "protection": False, "days": 14}
    await towns.db.write(TOWN, towns.approvals.rules.put, TOWN, ApprovalRule(**{**base, **more}), "p-aaaaaa")


def ours(towns: Towns) -> PartnerGroups:
    return PartnerGroups(towns.db, towns.participants, towns.enforcement, towns.widening)


async def within(towns: Towns) -> list[str]:
    rows = await towns.db.read(TOWN, groups.members, TOWN, "partner")
    return [one.did for one in rows if one.until is None]


@pytest.mark.on_both
@pytest.mark.threat("T145")
@pytest.mark.parametrize("rule", [{"people": "two"}, {"people": "none", "protection": True}])
async def test_bug_nobody_widens_alone_what_others_have_to_agree_to(towns: Towns, rule: dict[str, Any]) -> None:
    """>> an offer for a group, a rule that asks for more people, a village put in << refused, nothing kept. Who is
    in it already, and a group for which nothing is offered, need nobody; who was taken out does not come back."""
    group, did, add = await begun(towns), towns.did(VILLAGE), ours(towns).add
    await write(towns, groups.begin, "andere", {"de": "Andere"})
    await add(TOWN, "partner", "did:web:dorf.example")
    await towns.publish(TOWN, slots={"until": "31.12.2099", "space": group})
    await ruled(towns, **rule)
    with pytest.raises(Mistake, match=r"participants\.group-widens"):
        await add(TOWN, "partner", did)
    assert await within(towns) == ["did:web:dorf.example"]
    await add(TOWN, "partner", "did:web:dorf.example")
    await add(TOWN, "andere", did)
    await ours(towns).remove(TOWN, "partner", "did:web:dorf.example")
    with pytest.raises(Mistake, match=r"participants\.group-widens"):
        await add(TOWN, "partner", "did:web:dorf.example")


ANNA, BERTA = Voter("p-aaaaaa", frozenset({"steward"})), Voter("p-bbbbbb", frozenset({"steward"}))


async def drafted(towns: Towns, group: str, **wish: Any) -> str:
    """The id of the approval of a draft that offers data to the group, once Berta agrees."""
    towns.people.roles = {one.who: {"steward"} for one in (ANNA, BERTA)} | {"p-cccccc": {"protection"}}
    base: dict[str, Any] = {"rule": "municipal-purpose", "slots": {"until": "31.12.2099", "space": group}}
    wanted = Publication(**{"title": "Bäume", "source": await towns.file(TOWN), **base, **wish})
    made = await towns.db.write(TOWN, towns.publications.submit, TOWN, ANNA, NewDataset(wanted))
    return str(made.approval and made.approval.id)


@pytest.mark.on_both
@pytest.mark.threat("T145")
async def test_bug_a_group_was_widened_by_one_while_a_draft_for_it_waited(towns: Towns) -> None:
    """>> a draft for a group waits for a second yes; a village put in << refused, before the yes and after it; the
    draft taken back << the group is free again."""
    group, did, add = await begun(towns), towns.did(VILLAGE), ours(towns).add
    await ruled(towns)
    first = await drafted(towns, group)
    with pytest.raises(Mistake, match=r"participants\.group-widens"):
        await add(TOWN, "partner", did)
    await towns.db.write(TOWN, towns.approvals.take_back, TOWN, first, ANNA.who)
    await add(TOWN, "partner", did)
    await ours(towns).remove(TOWN, "partner", did)
    second = await drafted(towns, group)
    await towns.db.write(TOWN, towns.publications.yes, TOWN, second, BERTA)
    with pytest.raises(Mistake, match=r"participants\.group-widens"):
        await add(TOWN, "partner", did)
    assert await within(towns) == []


@pytest.mark.on_both
@pytest.mark.threat("T145")
async def test_bug_a_draft_that_only_changes_the_rule_of_a_dataset_opens_it_to_a_group_too(towns: Towns) -> None:
    """>> a dataset that stands, a draft that would offer it to a group instead << the group waits with it; a draft
    that names other groups, or another's group of that name, holds nobody up."""
    group, did, add = await begun(towns), towns.did(VILLAGE), ours(towns).add
    made, _ = await towns.publish(TOWN)
    await ruled(towns)
    for other in (group + "-2", group.replace("//", "//www.")):
        await drafted(towns, other)
    await add(TOWN, "partner", did)
    await ours(towns).remove(TOWN, "partner", did)
    change = DatasetChange(
        rule="municipal-purpose", slots={"until": "31.12.2099", "space": f"https://a.de/space, {group}"}
    )
    await towns.db.write(TOWN, towns.publications.submit, TOWN, ANNA, ChangedDataset(made.id, change))
    with pytest.raises(Mistake, match=r"participants\.group-widens"):
        await add(TOWN, "partner", did)


@pytest.mark.threat("T145")
async def test_bug_a_waiting_draft_about_persons_holds_its_group_without_any_rule(towns: Towns) -> None:
    group = await begun(towns)
    await drafted(towns, group, personal=True)
    with pytest.raises(Mistake, match=r"participants\.group-widens"):
        await ours(towns).add(TOWN, "partner", towns.did(VILLAGE))


@pytest.mark.threat("T145")
async def test_bug_new_bytes_that_waited_held_no_group_to_which_they_go(towns: Towns) -> None:
    """>> data offered to a group without a rule; new bytes about persons wait, a village put in << refused, before the
    yes and after it; words that only wait for a steward, since a publisher wrote them << hold nobody up."""
    group, did, add = await begun(towns), towns.did(VILLAGE), ours(towns).add
    made, _ = await towns.publish(TOWN, slots={"until": "31.12.2099", "space": group})
    towns.people.roles = {ANNA.who: {"steward"}, BERTA.who: {"steward", "protection"}}
    words = ChangedDataset(made.id, DatasetChange(description="Alle"))
    paula = Voter("p-999999", frozenset({"publisher"}))
    waits = await towns.db.write(TOWN, towns.publications.submit, TOWN, paula, words)
    assert waits.approval is not None
    await add(TOWN, "partner", did)
    await ours(towns).remove(TOWN, "partner", did)
    bytes_ = ReplacedDataset(made.id, Replacement(source=await towns.file(TOWN, "1" * 64), personal=True))
    fresh = await towns.db.write(TOWN, towns.publications.submit, TOWN, ANNA, bytes_)
    assert fresh.approval is not None
    with pytest.raises(Mistake, match=r"participants\.group-widens"):
        await add(TOWN, "partner", did)
    officer = Voter(BERTA.who, frozenset({"protection"}))
    await towns.db.write(TOWN, towns.publications.yes, TOWN, fresh.approval.id, officer)
    with pytest.raises(Mistake, match=r"participants\.group-widens"):
        await add(TOWN, "partner", did)
    assert await within(towns) == []


@pytest.mark.threat("T145")
async def test_a_group_that_a_draft_names_cannot_be_made_anew(towns: Towns) -> None:
    """>> a draft for a group and for one that nobody has begun; the one ended << never again by that name; the other
    begun << without members; nobody is put into it by one."""
    group = await begun(towns)
    await ruled(towns)
    await drafted(towns, group)
    await drafted(towns, group.replace("partner", "morgen"))
    await ours(towns).end(TOWN, "partner")
    with pytest.raises(Mistake, match=r"participants\.group-ended"):
        await begun(towns)
    await ours(towns).begin(TOWN, "morgen", {"de": "Morgen"})
    with pytest.raises(Mistake, match=r"participants\.group-widens"):
        await ours(towns).add(TOWN, "morgen", towns.did(VILLAGE))


@pytest.mark.threat("T145")
async def test_bug_an_offer_of_a_strictly_ruled_dataset_under_another_template_is_no_way_to_a_group(
    towns: Towns,
) -> None:
    """>> a dataset under a template that asks for two, offered to a group under one that asks for nobody, a village
    put in << refused: it would have the data; one alone makes no further offer of them either."""
    group = await begun(towns)
    made, _ = await towns.publish(TOWN)
    lax = OfferWish(rule="municipalities-only", slots={"space": group})
    await towns.db.write(TOWN, towns.catalogue.offer, TOWN, made.uuid, lax)
    await ruled(towns, template="municipal-purpose")
    with pytest.raises(Mistake, match=r"participants\.group-widens"):
        await ours(towns).add(TOWN, "partner", towns.did(VILLAGE))
    with pytest.raises(Mistake, match=r"approvals\.needed-publication"):
        await towns.db.write(TOWN, towns.catalogue.offer, TOWN, made.uuid, lax)


@pytest.mark.threat("T145")
async def test_a_rule_for_another_template_asks_nobody_about_a_group(towns: Towns) -> None:
    group = await begun(towns)
    await towns.publish(TOWN, slots={"until": "31.12.2099", "space": group})
    await ruled(towns, template="research")
    await ours(towns).add(TOWN, "partner", towns.did(VILLAGE))
    assert await within(towns) == [towns.did(VILLAGE)]


@pytest.mark.threat("T145")
async def test_bug_data_about_persons_are_opened_to_no_new_member_by_one(towns: Towns) -> None:
    """>> no rule at all, data that may be about persons offered to a group, a village put in << refused."""
    group = await begun(towns)
    await towns.publish(TOWN, personal=True, slots={"until": "31.12.2099", "space": group})
    with pytest.raises(Mistake, match=r"participants\.group-widens"):
        await ours(towns).add(TOWN, "partner", towns.did(VILLAGE))
    assert await within(towns) == []


@pytest.mark.threat("T145")
async def test_bug_a_group_is_the_same_one_by_its_iri_of_before_a_move(towns: Towns) -> None:
    """>> offered to the group by the IRI below the root of before the move, a village put in << refused too."""
    await begun(towns)
    await towns.db.write(TOWN, set_former, TOWN, BEFORE)
    await towns.participants.load()
    former = "https://alt.example/town/groups/partner"
    await towns.publish(TOWN, slots={"until": "31.12.2099", "space": former})
    await ruled(towns)
    with pytest.raises(Mistake, match=r"participants\.group-widens"):
        await ours(towns).add(TOWN, "partner", towns.did(VILLAGE))


@pytest.mark.on_both
async def test_each_is_said_once_and_stays_said(towns: Towns) -> None:
    """>> added twice, removed twice, added again, ended << two periods, each with its end; a record for each change."""
    await begun(towns)
    await begun(towns)
    did = towns.did(VILLAGE)
    assert [await write(towns, groups.add, "partner", did) for _ in range(2)] == [True, False]
    assert [await write(towns, groups.remove, "partner", did) for _ in range(2)] == [True, False]
    assert await write(towns, groups.add, "partner", did)
    assert await write(towns, groups.end, "partner") == {did}
    assert await write(towns, groups.end, "partner") == frozenset()
    rows = await towns.db.read(TOWN, groups.members, TOWN, "partner")
    assert [(one.number, one.until is None) for one in rows] == [(1, False), (2, False)]
    records = await towns.rows(TOWN, "SELECT seq FROM audit_entry WHERE participant = :participant AND type = 'group'")
    assert len(records) == 5


async def test_what_cannot_be(towns: Towns) -> None:
    """>> names that end no IRI, no label, no DID, no group, one that has ended << said so, nothing kept."""
    one = towns.participants.held(TOWN).participant
    for name, label in (("Partner", {"de": "P"}), ("a/b", {"de": "P"}), ("partner", {}), ("partner", {"de": " "})):
        with pytest.raises(Mistake):
            await towns.db.write(TOWN, groups.begin, one, name, label)
    with pytest.raises(Unknown):
        await write(towns, groups.add, "partner", towns.did(VILLAGE))
    await begun(towns)
    with pytest.raises(PeerError):
        await write(towns, groups.add, "partner", "nachbardorf")
    await write(towns, groups.end, "partner")
    with pytest.raises(Mistake):
        await write(towns, groups.add, "partner", towns.did(VILLAGE))
    with pytest.raises(Mistake):
        await begun(towns)


async def test_nobody_in_particular_is_taken_out(towns: Towns) -> None:
    """>> a removal that names nobody << no word about all members; they stay."""
    await begun(towns)
    await write(towns, groups.add, "partner", towns.did(VILLAGE))
    for nobody in ("", "nachbardorf"):
        with pytest.raises(PeerError):
            await write(towns, groups.remove, "partner", nobody)
    rows = await towns.db.read(TOWN, groups.members, TOWN, "partner")
    assert [one.until for one in rows] == [None]


@pytest.mark.on_both
async def test_two_who_add_at_once_are_one(towns: Towns) -> None:
    await begun(towns)
    did = towns.did(VILLAGE)
    assert sorted(await asyncio.gather(*(write(towns, groups.add, "partner", did) for _ in range(2)))) == [False, True]


@pytest.mark.threat("T107")
def test_no_list_has_a_say_in_own_groups() -> None:
    """>> a list that names a member as in a group of ours << not in it; whom we name is, whatever the list says."""
    ours, did = "https://town.de/groups/partner", "did:web:firm.de"
    listed = entry("firm", NOW, groups=(ours, "https://kreis.de/space"))
    nobody = requester(listed, OwnGroups(("https://town.de/groups/",), frozenset((ours,)), {}))
    assert (nobody.groups, nobody.own) == (frozenset(("https://kreis.de/space",)), frozenset())
    named = requester(listed, OwnGroups(("https://town.de/groups/",), frozenset((ours,)), {did: frozenset((ours,))}))
    assert named.own == {ours}
    assert named.known()[f"{HANSE}memberOf"].source == "measured"
    assert requester(replace(listed, groups=())).known()[f"{HANSE}memberOf"].source == "verified-credential"


def test_what_a_partner_is_shown_takes_its_groups_as_met() -> None:
    """>> an offer for a group of the provider; one for a group of a space << met, for it was shown; not met."""
    seeker = Requester(did="did:web:dorf.de", kind=f"{HANSE}municipality")
    found = [
        offered(policy_engine(), seeker, {"@id": "urn:o", "@type": "Offer", **only(group)}, NOW).met
        for group in ("https://town.de/groups/partner", "https://kreis.de/space/groups/wald")
    ]
    assert found == [True, False]


async def test_the_commands(space: Space, capsys: pytest.CaptureFixture[str]) -> None:
    town = await space.city("town", {TOWN: MUNICIPALITY})

    async def hanse(*words: str, code: int = 0) -> Any:
        capsys.readouterr()
        given = ["group", *words, "--as", TOWN, "--json", "--data", str(town.settings.folder)]
        assert await asyncio.to_thread(main, given, {"LANG": "en"}) == code
        return json.loads(capsys.readouterr().out.splitlines()[-1]) if code == 0 else None

    assert (await hanse("list"))["groups"] == []
    made = await hanse("create", "partner", "--label", "Partner", "--label-en", "Partners")
    assert made["group"] == f"{town.root(TOWN)}/groups/partner"
    assert len((await hanse("add", "partner", "did:web:dorf.example"))["members"]) == 1
    await hanse("add", "freunde", "did:web:dorf.example", code=1)
    assert (await hanse("remove", "partner", "did:web:dorf.example"))["members"][0]["until"]
    assert len((await hanse("list"))["groups"]) == 1
    assert (await hanse("end", "partner", "--yes"))["ended"]
    assert (await hanse("show", "partner"))["ended"]
