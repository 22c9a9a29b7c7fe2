"""A group of a space to which our own data are offered: one person alone lets nobody in past the people who agreed."""

from collections.abc import Awaitable, Callable
from typing import Any, cast

import pytest
from msgspec.structs import replace

from connector.data.approvals.model import ApprovalRule, Voter
from connector.data.approvals.publications import NewDataset
from connector.data.catalogue.service import Publication
from connector.dataspace.spaces import group_store, joined_store, member_store
from connector.dataspace.spaces.documents import GroupAct, RequestClaims
from connector.dataspace.spaces.joining.groups import GroupsElsewhere
from connector.dataspace.spaces.joining.joining import Joining
from connector.dataspace.spaces.keeping.authority import SpaceAuthority
from connector.dataspace.spaces.keeping.groups import SpaceGroups
from connector.dataspace.spaces.model import Joined, Keys, Rules
from connector.foundation.errors import HanseError, Mistake, PeerError
from connector.foundation.storage.database import Tx
from tests.dataspace.spaces.values import member
from tests.testkit.towns import Towns

TOWN, VILLAGE, FARM = "musterstadt", "nachbardorf", "did:web:hof.example"
ANNA, BERTA = Voter("p-aaaaaa", frozenset({"steward"})), Voter("p-bbbbbb", frozenset({"steward"}))
RULES = [{"people": "two"}, {"people": "none", "protection": True}]


class _Anna:
    """Whoever signs in is Anna."""

    def signed_in(self, tx: Tx, slug: str, login: str) -> tuple[str, frozenset[str]] | None:
        return ANNA.who, ANNA.roles

    def roles(self, tx: Tx, slug: str, pseudonym: str) -> frozenset[str]:
        return ANNA.roles


class Kept:
    """The town keeps a space, to which the village belongs; its group is called forest."""

    def __init__(self, towns: Towns) -> None:
        self.towns, self.did, self.sent = towns, towns.did(VILLAGE), list[RequestClaims]()

        async def own_keys(_: object) -> Keys:
            return Keys()

        self.authority = SpaceAuthority(towns.db, towns.vault, towns.participants, _Anna(), own_keys)
        self.groups = SpaceGroups(towns.db, towns.participants, self.authority, towns.widening)
        self.elsewhere = GroupsElsewhere(
            towns.db, towns.clock, towns.participants, cast(Joining, self), self.groups, towns.widening
        )
        self.iri = ""

    async def request(self, hosted: object, one: Joined, claims: RequestClaims) -> None:
        """What is sent to the authority of another space."""
        self.sent.append(claims)

    async def begun(self) -> "Kept":
        self.towns.people.roles = {one.who: {"steward"} for one in (ANNA, BERTA)} | {"p-cccccc": {"protection"}}
        await self.authority.create(TOWN, "Raum", Rules())
        for did in (self.did, FARM):
            one = replace(member(did), participant=TOWN, version=0)
            await self.towns.db.write(TOWN, member_store.put_member, one)
        self.iri = (await self.groups.put(TOWN, "wald", {"de": "Wald"}, "", "anna")).iri
        return self

    async def ruled(self, **more: Any) -> None:
        base: dict[str, Any] = {"subject": "publication", "template": "", "people": "two", "protection": False}
        rule = ApprovalRule(**{**base, "days": 14, **more})
        await self.towns.db.write(TOWN, self.towns.approvals.rules.put, TOWN, rule, ANNA.who)

    async def offered(self) -> None:
        await self.towns.publish(TOWN, slots={"until": "31.12.2099", "space": self.iri})

    async def drafted(self) -> str:
        slots = {"until": "31.12.2099", "space": self.iri}
        wish = Publication(title="B", rule="municipal-purpose", slots=slots, source=await self.towns.file(TOWN))
        made = await self.towns.db.write(TOWN, self.towns.publications.submit, TOWN, ANNA, NewDataset(wish))
        return str(made.approval and made.approval.id)

    async def ask(self, did: str = "") -> None:
        await self.groups.ask(TOWN, "wald", did or self.did, "anna")

    async def keep(self, keeper: str) -> None:
        await self.groups.put(TOWN, "wald", {"de": "Wald"}, keeper, "anna")

    async def said(self, by: str, act: GroupAct, whom: str = "") -> None:
        """What a member has signed arrives."""
        hosted = await self.towns.participants.get(TOWN)
        claims = RequestClaims(space="", request=act, group=self.iri, member=whom)

        def unit(tx: Tx) -> None:
            found = member_store.member(tx, TOWN, by)
            assert found is not None
            self.groups.receive(tx, hosted, found, claims)

        await self.towns.db.write(TOWN, unit)

    async def within(self) -> list[tuple[str, str]]:
        rows = await self.towns.db.read(TOWN, lambda tx: group_store.grouped(tx, TOWN, name="wald"))
        return [(one.did, one.state) for one in rows if one.state != "ended"]


@pytest.fixture
async def kept(towns: Towns) -> Kept:
    return await Kept(towns).begun()


async def refused(doing: Callable[[], Awaitable[None]], code: str, kind: type[HanseError] = Mistake) -> None:
    with pytest.raises(kind, match=code.replace(".", r"\.")):
        await doing()


@pytest.mark.on_both
@pytest.mark.threat("T145")
@pytest.mark.parametrize("rule", RULES)
async def test_bug_the_authority_widened_alone_a_group_to_which_it_offers(kept: Kept, rule: dict[str, Any]) -> None:
    """>> an offer of the authority's for a group, a rule that asks for more people; a member asked by one, and as
    the group's keeper; another keeper << refused, nothing kept. A new name, and the authority itself, need nobody."""
    await kept.offered()
    await kept.ruled(**rule)
    own = kept.towns.did(TOWN)
    await refused(kept.ask, "spaces.group-widens")
    await refused(lambda: kept.keep(kept.did), "spaces.group-widens")
    claims = RequestClaims(space=kept.iri.partition("/groups/")[0], request="group-add", group=kept.iri, member=FARM)
    await refused(lambda: kept.elsewhere.ask(TOWN, claims), "spaces.group-widens")
    assert await kept.within() == []
    await kept.groups.put(TOWN, "wald", {"de": "Wälder"}, "", "anna")
    await kept.ask(own)
    assert await kept.within() == [(own, "member")]


@pytest.mark.threat("T145")
async def test_bug_whom_one_person_asked_before_came_in_after_the_two_had_agreed(kept: Kept) -> None:
    """>> asked by one, then an offer by two, then the village agrees << refused, and still asked; without the rule it
    is in it. Who is in it already stays, and says so again."""
    await kept.ask()
    await kept.ask(FARM)
    await kept.said(FARM, "group-agree")
    await kept.ruled()
    draft = await kept.drafted()
    await refused(lambda: kept.said(kept.did, "group-agree"), "spaces.group-closed", PeerError)
    await kept.towns.db.write(TOWN, kept.towns.publications.yes, TOWN, draft, BERTA)
    await refused(lambda: kept.said(kept.did, "group-agree"), "spaces.group-closed", PeerError)
    await kept.said(FARM, "group-agree")
    assert sorted(await kept.within()) == sorted([(kept.did, "asked"), (FARM, "member")])


@pytest.mark.threat("T145")
async def test_a_group_without_offers_and_a_rule_that_asks_nobody_are_free(kept: Kept) -> None:
    """>> a rule for two and no offer; an offer and no rule << asked, agreed, handed on, as before."""
    await kept.ruled()
    await kept.ask()
    await kept.said(kept.did, "group-agree")
    await kept.keep(kept.did)
    assert await kept.within() == [(kept.did, "member")]


async def test_an_offer_without_a_rule_is_widened_by_one(kept: Kept) -> None:
    await kept.offered()
    await kept.ask()
    await kept.said(kept.did, "group-agree")
    assert await kept.within() == [(kept.did, "member")]


@pytest.mark.threat("T145")
async def test_whom_another_keeper_lets_in_needs_nobody_of_the_authority(kept: Kept) -> None:
    """>> the village keeps the group when the town offers to it by two << what it says goes on: that was offered."""
    await kept.keep(kept.did)
    await kept.offered()
    await kept.ruled()
    await kept.said(kept.did, "group-add", FARM)
    await kept.said(FARM, "group-agree")
    assert await kept.within() == [(FARM, "member")]
    await kept.keep("")
    await refused(lambda: kept.keep(kept.did), "spaces.group-widens")


@pytest.mark.threat("T145")
async def test_bug_a_keeper_elsewhere_widened_alone_a_group_to_which_it_offers(towns: Towns) -> None:
    """>> the town keeps a group of a county's space and offers data to it by two; one person adds a member, takes
    one out, agrees itself << the first is refused, and never sent."""
    kept, space = Kept(towns), "https://kreis.example/space"
    kept.iri = f"{space}/groups/wald"
    one = Joined(
        participant=TOWN,
        space=space,
        name="K",
        did="did:web:kreis.example",
        authority="urn:k",
        jwk={},
        list_url=f"{space}/list",
        rules=Rules(),
        state="member",
        document="",
        application="",
        reason="",
        told="",
        asked_at=1,
        changed_at=1,
    )
    await towns.db.write(TOWN, joined_store.put, one, None)
    await kept.offered()

    async def asks(act: GroupAct, whom: str) -> None:
        await kept.elsewhere.ask(TOWN, RequestClaims(space=space, request=act, group=kept.iri, member=whom))

    await asks("group-add", FARM)
    await kept.ruled()
    await refused(lambda: asks("group-add", kept.did), "spaces.group-widens")
    await asks("group-add", towns.did(TOWN))
    await asks("group-remove", FARM)
    await asks("group-agree", "")
    assert [(said.request, said.member) for said in kept.sent] == [
        ("group-add", FARM),
        ("group-add", towns.did(TOWN)),
        ("group-remove", FARM),
        ("group-agree", ""),
    ]
