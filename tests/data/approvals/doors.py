"""A town with people, rules, a group and imports, what others see of it, and every door that can open something.

Each door is tried as one person alone. `wish` is the same as a draft, which those who have to agree agree to; where
there is none (an import, a group), the rule itself has to be loosened by the people that it names.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, NamedTuple

from connector.data.approvals.model import ApprovalRule, Voter
from connector.data.approvals.publications import ChangedDataset, Draft, NewDataset, ReplacedDataset
from connector.data.catalogue.life import DatasetChange, Replacement
from connector.data.catalogue.model import SAMPLE, Dataset
from connector.data.catalogue.restore import answers_of
from connector.data.catalogue.service import Catalogue, OfferWish, Publication
from connector.data.harvest.model import Answer
from connector.data.harvest.service import Harvest
from connector.foundation.errors import HanseError, Mistake
from connector.foundation.storage.database import Tx, acting
from connector.identity.participants import groups
from connector.identity.participants.service import Hosted
from connector.kernel.policy.engine import Requester
from connector.oversight.partners.groups import PartnerGroups
from tests.data.harvest.imports import WORDS, catalogue, harvest, taken
from tests.data.harvest.portals import PORTAL, Portal
from tests.testkit.cities import MUNICIPALITY
from tests.testkit.towns import Towns

TOWN, VILLAGE = "musterstadt", "nachbardorf"
ANNA, BERTA = Voter("p-aaaaaa", frozenset({"steward"})), Voter("p-bbbbbb", frozenset({"steward"}))
CARL = Voter("p-cccccc", frozenset({"protection"}))
RITA, BEA = Voter("p-dddddd", frozenset({"admin"})), Voter("p-eeeeee", frozenset({"admin"}))
GERMAN = "dct:language <http://publications.europa.eu/resource/authority/language/GER> .\n"
PAGE = f"{PORTAL}/catalog?page=1"
TEMPLATE = "municipal-purpose"
OPEN: dict[str, Any] = {"access": "open", "licence": "cc-zero", "rule": "", "slots": {}}


class Rule(NamedTuple):
    """What the town says of publications, and of its data. `agree` are those whose yes is missing after a steward's."""

    people: str = "none"
    protection: bool = False
    personal: bool = False
    template: str = ""
    agree: tuple[Voter, ...] = ()


class World:
    """`towns` with people; whatever is prepared was published as those who have to agree would have let it."""

    def __init__(self, towns: Towns, rule: Rule) -> None:
        self.towns, self.rule = towns, rule
        self._files = 0
        self.portal = Portal({})
        self.harvest: Harvest = harvest(towns.db, self.portal, towns.imports)
        self.groups = PartnerGroups(towns.db, towns.participants, towns.enforcement, towns.widening)
        self.group = ""

    async def begin(self) -> None:
        voters = (ANNA, BERTA, CARL, RITA, BEA)
        self.towns.people.roles = {one.who: set(one.roles) for one in voters}
        self.group = (await self.groups.begin(TOWN, "partner", {"de": "Partner"})).iri
        with acting({TOWN: ANNA.who}):
            await taken(self.harvest, catalogue("held", licence=WORDS) + catalogue("plain", more=":plain " + GERMAN))
            await taken(self.harvest, catalogue("undone", more=":undone " + GERMAN), name="second.ttl")
        await self.harvest.undo(TOWN, "language", "second.ttl")
        self.portal.pages[PAGE] = catalogue("known")
        await self.fetched()
        if (self.rule.people, self.rule.protection) != ("none", False):
            assert await self.ruled(people=self.rule.people, protection=self.rule.protection)

    async def ruled(self, **said: Any) -> bool:
        """Whether it holds at once."""
        base: dict[str, Any] = {"subject": "publication", "template": self.rule.template, "days": 14}
        rules = self.towns.approvals.rules
        return await self.towns.db.write(TOWN, rules.put, TOWN, ApprovalRule(**{**base, **said}), RITA.who)

    async def loosened(self) -> None:
        """Nobody has to agree any more: to which those agree who had to."""
        rules, write = self.towns.approvals.rules, self.towns.db.write
        assert not await self.ruled(people="none", protection=False)
        (one,) = await self.towns.db.read(TOWN, rules.pending, TOWN)
        for who in (BEA, CARL):
            part = next(iter(who.roles))
            if part in one.missing:
                await write(TOWN, rules.agree, TOWN, one.proposal.id, who)
        assert await self.towns.db.read(TOWN, rules.pending, TOWN) == []

    async def file(self) -> str:
        """New bytes, each time others."""
        self._files += 1
        return await self.towns.file(TOWN, f"{self._files:064x}")

    async def dataset(self, **wish: Any) -> Dataset:
        """One that stands; offered to the group unless `wish` says otherwise."""
        slots = {"until": "31.12.2099", "space": self.group}
        base: dict[str, Any] = {"title": "Bäume", "rule": TEMPLATE, "slots": slots, "visibility": "eligible"}
        wanted = Publication(**{**base, "personal": self.rule.personal, "source": await self.file(), **wish})
        made, _ = await self.towns.db.write(TOWN, self.towns.catalogue.publish, TOWN, wanted, released=True)
        return made

    async def fetched(self) -> None:
        run_id = await self.harvest.start_url(TOWN, PAGE, source=None)
        await self.harvest._tasks[run_id]
        run = await self.harvest.run(TOWN, run_id)
        if run.error:
            raise Mistake(run.error)

    async def took(self, content: bytes, name: str) -> None:
        run_id = await self.harvest.start(TOWN, content, name=name, media_type=None, source=None)
        await self.harvest._tasks[run_id]
        run = await self.harvest.run(TOWN, run_id)
        if run.error:
            raise Mistake(run.error)

    async def seen(self) -> set[tuple[object, ...]]:
        it, did = self.towns, self.towns.did(VILLAGE)
        return await it.db.read(TOWN, seen, it.catalogue, self.harvest, it.participants.held(TOWN), did)


def seen(tx: Tx, it: Catalogue, harvest: Harvest, town: Hosted, village: str) -> set[tuple[object, ...]]:
    """All that others have of the town: in the public catalogue, of its imports, and as partners in its catalogue,
    one of whom is in whatever group the village is in, each with the version of the bytes."""
    public = {("public", one.record.iri, one.digest) for one in it.public.catalogue(tx, TOWN).datasets}
    imports = {("import", one.iri, one.sha256) for one in harvest.served(tx, TOWN)}
    own = groups.kept(tx, town.participant).members.get(village, frozenset[str]())
    partner = Requester(did=village, kind=MUNICIPALITY, own=own)
    shown = {
        ("partner", one.id, it.pages.dataset(tx, TOWN, partner, one.id), it.served(tx, TOWN, one.id))
        for one, _ in it.own(tx, TOWN)
    }
    return public | imports | {one for one in shown if one[2] is not None}


class Door(NamedTuple):
    """`prepare` gives what `alone` and `wish` are about. `waits`: one person is not refused, and what she may not open
    waits for the others. `bytes`: it takes a file in; `persons`: whether what may be
    about persons can come to it."""

    prepare: Callable[[World], Awaitable[Any]]
    alone: Callable[[World, Any], Awaitable[object]]
    wish: Callable[[World, Any], Draft] | None = None
    bytes: bool = False
    persons: bool = True
    waits: bool = False


def new(**wish: Any) -> Door:
    """A publication, with bytes unless it says that they lie elsewhere."""

    async def prepare(w: World) -> Publication:
        slots = {"until": "31.12.2099"}
        base: dict[str, Any] = {"title": "Brunnen", "rule": TEMPLATE, "slots": slots, "personal": w.rule.personal}
        source = {} if "source" in wish else {"source": await w.file()}
        return Publication(**{**base, **source, **wish})

    async def alone(w: World, what: Publication) -> object:
        return await w.towns.db.write(TOWN, w.towns.catalogue.publish, TOWN, what)

    return Door(prepare, alone, lambda _, what: NewDataset(what), bytes="source" not in wish)


def change(standing: dict[str, Any] | None = None, **wish: Any) -> Door:
    """A change of a dataset that stands, of which the village is to have what it had not."""

    async def prepare(w: World) -> Dataset:
        return await w.dataset(**{"visibility": "members", "slots": {"until": "31.12.2099"}, **(standing or {})})

    async def alone(w: World, what: Dataset) -> object:
        return await w.towns.db.write(TOWN, w.towns.catalogue.life.change, TOWN, what.id, DatasetChange(**wish))

    return Door(prepare, alone, lambda _, what: ChangedDataset(what.id, DatasetChange(**wish)))


def replaced(**standing: Any) -> Door:
    """New bytes of a dataset that everybody or each member has."""

    async def prepare(w: World) -> tuple[Dataset, Replacement]:
        made = await w.dataset(**{"visibility": "members", "slots": {"until": "31.12.2099"}, **standing})
        return made, Replacement(source=await w.file())

    async def alone(w: World, what: tuple[Dataset, Replacement]) -> object:
        return await w.towns.db.write(TOWN, w.towns.catalogue.life.replace, TOWN, what[0].id, what[1])

    return Door(prepare, alone, lambda _, what: ReplacedDataset(what[0].id, what[1]), bytes=True)


def _restored() -> Door:
    """What was said before is said again."""

    async def prepare(w: World) -> tuple[Dataset, DatasetChange]:
        made = await w.dataset(visibility="members", slots={"until": "31.12.2099"})
        life = w.towns.catalogue.life
        now = await w.towns.db.write(TOWN, life.change, TOWN, made.id, DatasetChange(title="Anders"), released=True)
        return made, answers_of(made.record, now.record, now.revision)

    async def alone(w: World, what: tuple[Dataset, DatasetChange]) -> object:
        return await w.towns.db.write(TOWN, w.towns.catalogue.life.change, TOWN, what[0].id, what[1])

    return Door(prepare, alone, lambda _, what: ChangedDataset(what[0].id, what[1]))


async def _further(w: World, what: Dataset) -> object:
    wish = OfferWish(rule=TEMPLATE, slots={"until": "31.12.2099"})
    return await w.towns.db.write(TOWN, w.towns.catalogue.offer, TOWN, what.uuid, wish)


def imported(alone: Callable[[World, Any], Awaitable[object]]) -> Door:
    """Nobody says of an import that it is about persons, and it has no bytes here."""

    async def prepare(w: World) -> None:
        return None

    return Door(prepare, alone, persons=False, waits=True)


async def _waiting(w: World) -> str:
    """A draft that offers data to a group, which nothing published names yet; the group."""
    name = f"gruppe-{await w.file()}"[:40]
    made = await w.groups.begin(TOWN, name, {"de": "Gruppe"})
    wish = Publication(
        title="Brunnen",
        rule=TEMPLATE,
        slots={"until": "31.12.2099", "space": made.iri},
        visibility="eligible",
        personal=w.rule.personal,
        source=await w.file(),
    )
    await w.towns.db.write(TOWN, w.towns.publications.submit, TOWN, ANNA, NewDataset(wish))
    return name


async def _scheduled(w: World, _: object) -> None:
    w.portal.pages[PAGE] = catalogue("known", title="Anders")
    await w.fetched()


async def _address(w: World, _: object) -> None:
    w.portal.pages[PAGE] = catalogue("known", "further")
    await w.fetched()


async def _answers(w: World, _: object) -> None:
    await w.harvest.answer(TOWN, [Answer(kind="licence", value="Nutzungsbedingungen", answer="dl-by-de/2.0")])


DOORS: dict[str, Door] = {
    "new, offered": new(),
    "new, announced": new(access="announced"),
    "new, open": new(**OPEN),
    "new, open, to be named": new(**{**OPEN, "licence": "dl-by-de/2.0"}),
    "new, elsewhere": new(source="", rule="", slots={}, access="announced"),
    "further offer": Door(lambda w: w.dataset(), _further),
    "other words": change(title="Stadtbäume"),
    "other words of open data": change(OPEN, title="Stadtbäume"),
    "other licence of open data": change(OPEN, licence="dl-by-de/2.0"),
    "announced": change(access="announced"),
    "opened": change(access="open", licence="dl-by-de/2.0", rule="open-attribution", slots={"source": "Stadt"}),
    "other rule": change(rule="municipalities-only", visibility="members"),
    "seen by more": change(
        {"visibility": "eligible", "slots": {"until": "31.12.2099", "kinds": "county"}}, visibility="members"
    ),
    "restored": _restored(),
    "new bytes": replaced(),
    "new bytes of open data": replaced(**OPEN),
    "file imported": imported(lambda w, _: w.took(catalogue("fresh"), "third.ttl")),
    "address imported": imported(_address),
    "scheduled run": imported(_scheduled),
    "answers": imported(_answers),
    "repair undone": imported(lambda w, _: w.harvest.undo(TOWN, "language", "portal.ttl")),
    "repair taken up": imported(lambda w, _: w.harvest.undo(TOWN, "language", "second.ttl", redo=True)),
    "group widened": Door(lambda w: w.dataset(), lambda w, _: w.groups.add(TOWN, "partner", w.towns.did(VILLAGE))),
    "group of a draft widened": Door(_waiting, lambda w, name: w.groups.add(TOWN, name, w.towns.did(VILLAGE))),
}


OPENING: Mapping[str, str] = {
    "POST P/datasets": "new, offered | new, announced | new, open | new, open, to be named | new, elsewhere",
    "POST P/datasets/{uuid}/offers": "further offer",
    "POST P/datasets/{uuid}/change": "other words | other words of open data | other licence of open data | announced"
    " | opened | other rule | seen by more",
    "POST P/datasets/{uuid}/replace": "new bytes | new bytes of open data",
    "POST P/imports": "file imported",
    "POST P/imports/address": "address imported | scheduled run",
    "POST P/imports/answers": "answers",
    "POST P/imports/undo": "repair undone | repair taken up",
    "POST P/groups/{id}/members": "group widened | group of a draft widened",
    "POST T/publish/{draft}/publish": "new, offered | new, open | new bytes",
    "POST T/approvals/{id}/yes": "new, offered | other words | new bytes",
    "POST T/datasets/{uuid}/change": "other words | other words of open data | other licence of open data | announced",
    "POST T/datasets/{uuid}/rule": "opened | other rule | seen by more",
    "POST T/datasets/{uuid}/version": "new bytes | new bytes of open data",
    "POST T/datasets/{uuid}/history/{number}": "restored",
}
"""Doors by route; those of the desk go as drafts. P and T: the participant's place at each surface."""


REFUSALS = {"approvals.needed-publication", "participants.group-widens"}
OPEN_DATA = {
    "new, open",
    "new, open, to be named",
    "other words of open data",
    "other licence of open data",
    "opened",
    "new bytes of open data",
    "file imported",
    "address imported",
    "scheduled run",
    "answers",
    "repair undone",
    "repair taken up",
}
"""Doors to what falls under the template of open data."""


async def refused(w: World, door: Door, what: Any) -> str:
    """The code with which one person alone is refused; empty if she is not."""
    try:
        await door.alone(w, what)
    except HanseError as error:
        return error.code
    return ""


async def sampled(w: World) -> str:
    """The file that people practise with, under a name of its own."""
    return await w.towns.file(TOWN, SAMPLE)
