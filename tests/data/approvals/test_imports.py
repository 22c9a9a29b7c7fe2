"""What an import would make public waits for whom the rules ask, and the choice that new records always wait."""

from typing import Any

import pytest

from connector.data.approvals import imports
from connector.data.approvals.decide import Late, NotYours
from connector.data.approvals.departed import Departures
from connector.data.approvals.imports import UNKNOWN, ImportedDatasets, import_draft
from connector.data.approvals.model import Voter
from connector.data.harvest import publish, waiting
from connector.data.harvest import store as store_of_imports
from connector.data.harvest.model import Answer
from connector.foundation.errors import Mistake, Refusal, Unknown
from connector.foundation.storage.database import Tx, acting
from tests.data.approvals.imports import ANNA, BERTA, CARL, PAULA, SOURCE, TOWN, Town
from tests.data.harvest.imports import WORDS, catalogue, ended, harvest
from tests.testkit.towns import Towns

NEIGHBOUR = "nachbardorf"
DORA = Voter("p-212121", frozenset({"steward"}))
GERMAN = "dct:language <http://publications.europa.eu/resource/authority/language/GER> .\n"

pytestmark = [pytest.mark.threat("T143"), pytest.mark.threat("T165")]


@pytest.fixture
async def town(towns: Towns) -> Town:
    towns.people.roles = {one.who: set(one.roles) for one in (ANNA, BERTA, CARL, PAULA)}
    return Town(towns)


@pytest.mark.on_both
@pytest.mark.parametrize(
    ("rule", "agree"),
    [
        ({"people": "two"}, (BERTA,)),
        ({"protection": True}, (CARL,)),
        ({"people": "two", "protection": True}, (BERTA, CARL)),
        ({"people": "two", "template": "open-attribution"}, (BERTA,)),
    ],
)
async def test_bug_a_town_with_rules_had_to_loosen_them_for_each_import(
    town: Town, rule: dict[str, Any], agree: tuple[Voter, ...]
) -> None:
    """>> 48 datasets under each rule << one approval for all of them, nothing is public; whoever delivered cannot
    agree; by the last yes all are public; the same delivery again asks nobody."""
    await town.ruled(**rule)
    content = catalogue(*(f"d{number:02}" for number in range(48)))
    report = await town.takes(content)
    assert (report.released, report.waiting, report.fresh, report.unchanged, report.new) == (0, 48, 48, 0, 48)
    (one,) = await town.open()
    assert (one.id, import_draft(one)) == (report.approval, ImportedDatasets(SOURCE, import_draft(one).digest, 48))  # type: ignore[union-attr]
    assert (await town.served(), len(await town.waiting())) == ({}, 48)
    with pytest.raises(NotYours):
        await town.yes(report.approval, ANNA)
    for who in agree:
        assert await town.served() == {}
        await town.yes(report.approval, who)
    assert (len(await town.served()), await town.waiting()) == (48, set())
    again = await town.takes(content)
    assert (again.released, again.waiting, again.unchanged, again.changed, again.approval) == (0, 0, 48, 0, "")
    assert await town.open() == []


@pytest.mark.on_both
async def test_a_source_that_runs_again_loses_nothing_and_keeps_the_yes_to_the_same(town: Town) -> None:
    """>> two have to agree besides; one does; the same again, on another replica << the same approval with her yes, and
    nothing counts as new or changed."""
    await town.ruled(people="two", protection=True)
    first = await town.takes(catalogue("a", "b"))
    await town.yes(first.approval, BERTA)
    again = await town.takes(catalogue("a", "b"), by=BERTA, way=harvest(town.towns.db, people=town.towns.imports))
    assert (again.approval, again.waiting, again.fresh, again.new, again.changed) == (first.approval, 2, 0, 0, 0)
    assert [one.who for one in (await town.approval(first.approval)).ballot.votes] == [BERTA.who]
    await town.yes(first.approval, CARL)
    assert set(await town.served()) == {"a", "b"}


@pytest.mark.on_both
@pytest.mark.parametrize(
    "other",
    [
        catalogue("a", "b", title="Anders"),
        catalogue("a", "b", "c"),
        catalogue("a", "b", licence="dct:license <http://dcat-ap.de/def/licenses/dl-by-de/2.0>"),
    ],
)
async def test_a_yes_is_void_once_something_else_waits(town: Town, other: bytes) -> None:
    """>> one of two has agreed; other words, one more, another licence << asked anew, the yes of before opens nothing,
    and both who delivered are authors now."""
    await town.ruled(people="two", protection=True)
    first = await town.takes(catalogue("a", "b"))
    await town.yes(first.approval, CARL)
    again = await town.takes(other, by=BERTA)
    assert again.approval not in {"", first.approval}
    assert again.fresh > 0
    with pytest.raises(Late, match=r"approvals\.withdrawn"):
        await town.yes(first.approval, BERTA)
    assert (await town.approval(again.approval)).ballot.authors == {ANNA.who, BERTA.who}
    assert ([one.id for one in await town.open()], await town.served()) == ([again.approval], {})
    await town.yes(again.approval, CARL)
    with pytest.raises(NotYours):
        await town.yes(again.approval, BERTA)
    assert await town.served() == {}


async def test_what_is_public_keeps_its_words_while_others_wait(town: Town) -> None:
    """>> public; other words under four eyes; then the old ones again << the old ones all the time, and in the end
    nobody is asked; the other words go out by a yes."""
    await town.takes(catalogue("a", "b"))
    before = await town.served()
    await town.ruled(people="two")
    report = await town.takes(catalogue("a", "b", title="Anders"))
    assert (report.released, report.waiting, report.unchanged, report.changed) == (0, 2, 2, 2)
    assert await town.served() == before
    back = await town.takes(catalogue("a", "b"))
    assert (back.waiting, back.approval, await town.open(), await town.waiting()) == (0, "", [], set())
    with pytest.raises(Late):
        await town.yes(report.approval, BERTA)
    again = await town.takes(catalogue("a", "b", title="Anders"))
    await town.yes(again.approval, BERTA)
    assert all(b"Anders" in triples for triples in (await town.served()).values())


async def test_what_asks_for_nobody_goes_out_beside_what_waits(town: Town) -> None:
    """>> a rule for open data; one with an open licence, one with a closed one << the closed one is out at once."""
    await town.ruled(people="two", template="open-attribution")
    closed = catalogue("closed", licence="dct:license <http://dcat-ap.de/def/licenses/other-closed>")
    report = await town.takes(closed + catalogue("free"))
    assert (report.released, report.waiting) == (1, 1)
    assert (set(await town.served()), await town.waiting()) == ({"closed"}, {"free"})


async def test_what_goes_and_what_a_question_holds_needs_nobody(town: Town) -> None:
    """>> twenty public, under four eyes: one goes, one gets a licence that nobody knows << at once, nobody is asked;
    one that waits and goes is not asked about any more."""
    names = [f"d{number:02}" for number in range(20)]
    await town.takes(catalogue(*names))
    await town.ruled(people="two")
    assert (await town.takes(catalogue(*names[1:]))).removed == 1
    assert (await town.takes(catalogue(*names[2:]) + catalogue(names[1], licence=WORDS))).waiting == 0
    assert set(await town.served()) == set(names[2:])
    report = await town.takes(catalogue(*names[2:], "new") + catalogue(names[1], licence=WORDS))
    assert await town.waiting() == {"new"}
    gone = await town.takes(catalogue(*names[2:]) + catalogue(names[1], licence=WORDS))
    assert (gone.removed, gone.waiting, await town.waiting(), await town.open()) == (1, 0, set(), [])
    with pytest.raises(Late):
        await town.yes(report.approval, BERTA)


@pytest.mark.on_both
async def test_answers_undone_rules_and_moved_records_wait_as_well(town: Town) -> None:
    """>> four eyes; an answer, a rule undone, and an IRI that became another << each waits, and goes out by a yes."""
    await town.takes(catalogue("a", licence=WORDS) + catalogue("b", more=":b " + GERMAN))
    await town.ruled(people="two")
    with acting({TOWN: ANNA.who}):
        answered = await town.way.answer(
            TOWN, [Answer(kind="licence", value="Nutzungsbedingungen", answer="dl-by-de/2.0")]
        )
        assert (await town.waiting(), set(await town.served())) == ({"a"}, {"b"})
        (undone,) = await town.way.undo(TOWN, "language")
    assert (answered.reports[0].waiting, undone.waiting, await town.waiting()) == (1, 2, {"a", "b"})
    await town.yes(undone.approval, BERTA)
    assert b"language" not in (await town.served())["b"]
    moved = (catalogue("a", licence=WORDS) + catalogue("b")).replace(b":b ", b":elsewhere ").replace(b":b-f", b":e-f")
    report = await town.takes(moved)
    assert (report.waiting, set(await town.served())) == (1, {"a", "b"})
    await town.yes(report.approval, BERTA)
    assert set(await town.served()) == {"a", "elsewhere"}


@pytest.mark.on_both
async def test_bug_who_delivered_what_a_question_held_agreed_to_it(town: Town) -> None:
    """Bug: of what a question held nobody was an author. >> four eyes; Anna delivers, Berta answers the question, with
    and without something else that waited << both are authors until it is public, and whoever was removed is one whom
    nobody knows."""
    await town.ruled(people="two")
    await town.takes(catalogue("a", licence=WORDS))
    answers = [Answer(kind="licence", value="Nutzungsbedingungen", answer="dl-by-de/2.0")]
    with acting({TOWN: BERTA.who}):
        (answered,) = (await town.way.answer(TOWN, answers)).reports
    assert (await town.approval(answered.approval)).ballot.authors == {ANNA.who, BERTA.who}
    with pytest.raises(NotYours):
        await town.yes(answered.approval, ANNA)
    town.towns.people.roles[DORA.who] = {"steward"}
    await town.yes(answered.approval, DORA)
    report = await town.takes(catalogue("a", licence=WORDS, title="Anders"), by=BERTA)
    assert (await town.approval(report.approval)).ballot.authors == {BERTA.who}
    await town.takes(catalogue("a", licence=WORDS) + catalogue("b", licence="dct:license <https://x.example/l>"))
    gone = Departures(town.towns.participants, waiting.forget_author)
    await town.towns.db.write(TOWN, gone.removed, TOWN, ANNA.who)
    also = [Answer(kind="licence", value="https://x.example/l", answer="dl-by-de/2.0")]
    with acting({TOWN: BERTA.who}):
        (answered,) = (await town.way.answer(TOWN, also)).reports
    assert (await town.approval(answered.approval)).ballot.authors == {BERTA.who, UNKNOWN}


async def test_a_refusal_holds_until_something_else_is_delivered(town: Town) -> None:
    """>> refused; the same again << nobody is asked again, and the run says so; other words << asked; a time that ran
    out or a draft taken back << asked again with the next run."""
    await town.ruled(people="two")
    first = await town.takes(catalogue("a"))
    await town.no(first.approval, BERTA)
    again = await town.takes(catalogue("a"))
    assert (again.approval, again.refused, again.waiting, await town.open()) == (first.approval, True, 1, [])
    other = await town.takes(catalogue("a", title="Anders"))
    assert (other.refused, [one.id for one in await town.open()]) == (False, [other.approval])
    await town.towns.db.write(TOWN, town.towns.approvals.take_back, TOWN, other.approval, ANNA.who)
    third = await town.takes(catalogue("a", title="Anders"), by=BERTA)
    assert third.approval not in {"", other.approval}
    assert (await town.approval(third.approval)).ballot.authors == {ANNA.who}
    await town.yes(third.approval, BERTA)
    assert set(await town.served()) == {"a"}


async def test_of_whom_nobody_knows_who_delivered_two_have_to_agree(town: Town) -> None:
    """>> a delivery on the operator's own socket, under four eyes << two stewards have to agree, not one."""
    await town.ruled(people="two")
    report = await town.takes(catalogue("a"), by=None)
    assert (await town.approval(report.approval)).ballot.authors == {UNKNOWN}
    await town.yes(report.approval, ANNA)
    assert await town.served() == {}
    await town.yes(report.approval, BERTA)
    assert set(await town.served()) == {"a"}


async def test_it_waits_although_nobody_could_agree_today(town: Town) -> None:
    """>> one steward and four eyes << the run ends well and waits; with a second steward it goes out."""
    town.towns.people.roles.pop(BERTA.who)
    await town.ruled(people="two")
    report = await town.takes(catalogue("a"))
    assert report.waiting == 1
    town.towns.people.roles[BERTA.who] = {"steward"}
    await town.yes(report.approval, BERTA)
    assert set(await town.served()) == {"a"}


async def test_a_rule_that_became_stricter_is_asked_anew(town: Town) -> None:
    """>> two people; then data protection besides << the last yes opens nothing; with the next run all are asked."""
    await town.ruled(people="two")
    first = await town.takes(catalogue("a"))
    await town.ruled(people="two", protection=True)
    with pytest.raises(Mistake, match=r"approvals\.stricter-import"):
        await town.yes(first.approval, BERTA)
    assert await town.served() == {}
    again = await town.takes(catalogue("a"))
    assert (again.approval != first.approval, (await town.approval(again.approval)).ballot.protection) == (True, 1)


async def test_without_the_rule_what_waits_goes_out_with_the_next_run(town: Town) -> None:
    await town.ruled(people="two")
    await town.takes(catalogue("a"))
    await town.ruled()
    report = await town.takes(catalogue("a"))
    assert (report.released, report.waiting, set(await town.served()), await town.open()) == (1, 0, {"a"}, [])


# The crash, the other replica, the right that ended


@pytest.mark.on_both
async def test_killed_in_the_middle_nothing_waits_and_nothing_is_asked(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    """>> a run breaks off where it would ask, and a last yes where it would publish << nothing of either is there; the
    same again goes through."""
    await town.ruled(people="two")

    def killed(*given: object, **more: object) -> None:
        raise KeyError("killed")

    with monkeypatch.context() as patch:
        patch.setattr(waiting, "settle", killed)
        run = await town.way.start(TOWN, catalogue("a"), name=SOURCE, media_type=None, source=None)
        assert (await ended(town.way, run)).error == "harvest.defect"
    assert (await town.way.sources(TOWN), await town.open()) == ([], [])
    report = await town.takes(catalogue("a", "b"))
    with monkeypatch.context() as patch:
        patch.setattr(store_of_imports, "move_on", killed)
        with pytest.raises(KeyError):
            await town.yes(report.approval, BERTA)
    assert (await town.served(), len(await town.waiting())) == ({}, 2)
    assert (await town.approval(report.approval)).ballot.votes == ()
    await town.yes(report.approval, BERTA)
    assert set(await town.served()) == {"a", "b"}


@pytest.mark.on_both
async def test_a_yes_on_another_replica_while_a_run_goes_on(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """>> a run with other words has looked, the last yes comes, the run ends << what was agreed to is public, the run
    is told to begin anew, and nothing that nobody agreed to goes out."""
    await town.ruled(people="two")
    first = await town.takes(catalogue("a"))
    asked, write = [first.approval], town.towns.db.write

    async def slow(slug: str, unit: Any, *given: Any, **more: Any) -> Any:
        if unit is publish.publish and asked:
            await town.yes(asked.pop(), BERTA)
        return await write(slug, unit, *given, **more)

    monkeypatch.setattr(town.towns.db, "write", slow)
    run = await town.way.start(TOWN, catalogue("a", title="Anders"), name=SOURCE, media_type=None, source=None)
    assert (await ended(town.way, run)).error == "harvest.busy"
    monkeypatch.undo()
    assert b"Titel" in (await town.served())["a"]
    assert (await town.takes(catalogue("a", title="Anders"))).waiting == 1
    assert b"Titel" in (await town.served())["a"]


@pytest.mark.threat("T140")
async def test_a_right_that_ended_in_the_middle_leaves_nothing_that_waits(town: Town) -> None:
    """>> a run is begun, and its person loses the role << it says so; nothing waits, nobody is asked."""
    await town.ruled(people="two")
    may = [True]

    def still(tx: Tx) -> None:
        if not may:
            raise Refusal("api.key-scope", scope="publish")

    with acting({TOWN: ANNA.who}, still):
        run = await town.way.start(TOWN, catalogue("a"), name=SOURCE, media_type=None, source=None)
    may.clear()
    assert (await ended(town.way, run)).error == "harvest.right-ended"
    assert (await town.way.sources(TOWN), await town.open(), await town.served()) == ([], [], {})


async def test_neighbours_see_and_decide_nothing_of_it(town: Town) -> None:
    """>> the approval and the source of a town, named by its neighbour << unknown to both."""
    await town.ruled(people="two")
    report = await town.takes(catalogue("a"))
    write = town.towns.db.write
    with pytest.raises(Unknown):
        await write(NEIGHBOUR, town.towns.publications.yes, NEIGHBOUR, report.approval, BERTA)
    it = town.towns.imports
    for unit, more in ((it.wait, {}), (it.let_go, {"steward": True}), (it.again, {})):
        with pytest.raises(Unknown):
            await write(NEIGHBOUR, unit, NEIGHBOUR, SOURCE, **more)
    assert await town.towns.db.read(NEIGHBOUR, waiting.shown, NEIGHBOUR, SOURCE) == []
    assert await town.served() == {}


# Asked again, asked too often, and what came in between


@pytest.mark.on_both
async def test_bug_a_mistaken_refusal_could_not_be_asked_again(town: Town) -> None:
    """>> refused by mistake; a person asks again << a new approval about the same set, of which she is an author, too;
    the same run asks nobody else; time that ran out: asked again; nothing waits, or another asks: in words."""
    await town.ruled(people="two", protection=True)
    first = await town.takes(catalogue("a"))
    await town.no(first.approval, BERTA)
    again = await town.again(PAULA)
    assert (await town.approval(again)).ballot.authors == {ANNA.who, PAULA.who}
    assert await town.again(BERTA) == again  # it is asked already: she has no hand in it
    report = await town.takes(catalogue("a"), by=BERTA)
    assert (report.approval, report.refused) == (again, False)
    with pytest.raises(NotYours):
        await town.yes(again, ANNA)
    await town.yes(again, CARL)
    await town.yes(again, BERTA)
    assert set(await town.served()) == {"a"}
    with pytest.raises(Mistake, match=r"harvest\.nothing-waits"):
        await town.again(ANNA)


async def test_a_source_that_changes_with_each_run_asks_once(town: Town) -> None:
    """>> other words with each of twelve runs, nobody has said anything << one approval, about the last set, with the
    deadline of the first; what was agreed to meanwhile goes with the set that it was about."""
    await town.ruled(people="two", protection=True)
    reports = [await town.takes(catalogue("a", title=f"Titel {number}")) for number in range(12)]
    (one,) = await town.open()
    first = reports[0]
    with pytest.raises(Mistake, match=r"harvest\.waiting-changed"):
        await town.towns.db.write(TOWN, waiting.release, TOWN, SOURCE, "0" * 64)
    assert {report.approval for report in reports} == {one.id}
    assert one.ballot.due_at <= (await town.towns.db.read(TOWN, lambda tx: tx.now)) + 14 * 86_400_000
    digest = await town.towns.db.read(TOWN, lambda tx: waiting.of(tx, TOWN, SOURCE).digest)
    assert import_draft(one) == ImportedDatasets(SOURCE, digest, 1)
    await town.yes(first.approval, CARL)
    other = await town.takes(catalogue("a", title="Anders"))
    assert [one.id for one in await town.open()] == [other.approval] != [first.approval]


async def test_bug_a_rule_that_came_while_it_waited_let_who_delivered_agree(town: Town) -> None:
    """>> no rule, somebody chose to wait; four eyes come meanwhile << whoever delivered cannot agree, also if
    somebody delivers the same again, who can."""
    await town.takes(catalogue("a"))
    await town.chooses(wait=True)
    report = await town.takes(catalogue("a", "b"))
    await town.ruled(people="two")
    with pytest.raises(Mistake, match=r"approvals\.stricter-import"):
        await town.yes(report.approval, ANNA)
    again = await town.takes(catalogue("a", "b"), by=BERTA)
    with pytest.raises(NotYours):
        await town.yes(again.approval, ANNA)
    await town.yes(again.approval, BERTA)
    assert set(await town.served()) == {"a", "b"}


async def test_ever_other_sources_do_not_hide_what_else_waits(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """>> more sources with something that waits than are asked about at once << the run says so, and nothing of it is
    kept; sources that wait go on."""
    monkeypatch.setattr(imports, "MOST", 2)
    await town.ruled(people="two")
    for name in ("first", "second"):
        await town.takes(catalogue(name), name=f"{name}.ttl")
    run = await town.way.start(TOWN, catalogue("third"), name="third.ttl", media_type=None, source=None)
    assert (await ended(town.way, run)).error == "approvals.many-imports"
    assert [one.id for one, _ in await town.way.sources(TOWN)] == ["first.ttl", "second.ttl"]
    assert (await town.takes(catalogue("first", "more"), name="first.ttl")).waiting == 2


async def test_what_another_source_took_meanwhile_is_not_published_twice(town: Town) -> None:
    """>> public under one IRI, waits under another, which another source brings << the last yes is refused in words;
    after the next run there is nothing of it to agree to."""
    await town.takes(catalogue("a"))
    await town.ruled(people="two")
    moved = catalogue("a").replace(b":a ", b":b ").replace(b":a-f", b":b-f")
    report = await town.takes(moved)
    await town.ruled()
    await town.takes(catalogue("b"), name="other.ttl")
    with pytest.raises(Mistake, match=r"harvest\.waiting-changed"):
        await town.yes(report.approval, BERTA)
    await town.takes(moved)
    assert (await town.waiting(), await town.open(), set(await town.served())) == (set(), [], {"a", "b"})
