"""Drafts: whoever may only draft waits for a steward, nobody approves her own, and what was read is published."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import pytest

from connector.data.approvals.decide import Late, NotYours
from connector.data.approvals.model import ApprovalRule, Voter
from connector.data.approvals.publications import ChangedDataset, Draft, NewDataset, ReplacedDataset, Submitted
from connector.data.catalogue.life import DatasetChange, Outdated, Replacement
from connector.data.catalogue.model import Dataset
from connector.data.catalogue.service import OfferWish, Publication
from connector.data.catalogue.templates import templates
from connector.foundation.errors import Mistake
from connector.foundation.storage.database import Tx
from tests.testkit.towns import Towns

TOWN = "musterstadt"
ANNA, BERTA = Voter("p-aaaaaa", frozenset({"steward"})), Voter("p-bbbbbb", frozenset({"steward", "publisher"}))
CARL, PAULA = Voter("p-cccccc", frozenset({"protection"})), Voter("p-999999", frozenset({"publisher"}))


@pytest.fixture
async def town(towns: Towns) -> Towns:
    towns.people.roles = {who.who: set(who.roles) for who in (ANNA, BERTA, CARL, PAULA)}
    return towns


async def trees(towns: Towns, **wish: Any) -> NewDataset:
    base: dict[str, Any] = {"title": "Bäume", "rule": "municipal-purpose", "slots": {"until": "31.12.2099"}}
    return NewDataset(Publication(**{**base, "source": await towns.file(TOWN), **wish}))


async def submit(towns: Towns, by: Voter, draft: Draft) -> Submitted:
    return await towns.db.write(TOWN, towns.publications.submit, TOWN, by, draft)


async def yes(towns: Towns, made: Submitted, who: Voter) -> Any:
    assert made.approval is not None
    return await towns.db.write(TOWN, towns.publications.yes, TOWN, made.approval.id, who)


async def ruled(towns: Towns, **rule: Any) -> None:
    base: dict[str, Any] = {"subject": "publication", "template": "", "people": "two", "protection": False, "days": 7}
    one = ApprovalRule(**{**base, **rule})
    await towns.db.write(TOWN, towns.approvals.rules.put, TOWN, one, ANNA.who)


async def published(towns: Towns) -> list[str]:
    return [one.title for one, _ in await towns.db.read(TOWN, towns.catalogue.own, TOWN)]


async def test_a_steward_publishes_at_once(town: Towns) -> None:
    made = await submit(town, ANNA, await trees(town))
    assert made.dataset is not None
    assert await published(town) == ["Bäume"]


async def test_a_publisher_drafts_and_a_steward_publishes(town: Towns) -> None:
    """>> a draft << nothing is out >> yes << published."""
    made = await submit(town, PAULA, await trees(town))
    assert await published(town) == []
    one, dataset = await yes(town, made, ANNA)
    assert (one.ballot.state, await published(town)) == ("approved", ["Bäume"])
    assert one.dataset == dataset.id


@pytest.mark.threat("T93")
async def test_nobody_approves_her_own_draft(town: Towns) -> None:
    await ruled(town)
    made = await submit(town, BERTA, await trees(town))
    with pytest.raises(NotYours, match=r"approvals\.own-draft"):
        await yes(town, made, BERTA)
    await yes(town, made, ANNA)
    assert await published(town) == ["Bäume"]


def _updated(template: str, slots: Mapping[str, str], edition: int = 0) -> dict[str, object]:
    """What the templates of the next release say: nothing is asked any more."""
    return {"permission": [{"action": "use"}]}


@pytest.mark.on_both
@pytest.mark.threat("T162")
async def test_bug_a_yes_published_what_an_update_had_made_of_the_draft(
    town: Towns, monkeypatch: pytest.MonkeyPatch
) -> None:
    """>> a draft waits, an update changes its template, the last yes << refused, nothing published, nobody has agreed;
    the template as it was again << published."""
    await ruled(town)
    made = await submit(town, ANNA, await trees(town))
    with monkeypatch.context() as update:
        update.setattr(templates, "fill", _updated)
        with pytest.raises(Mistake, match=r"approvals\.other-terms"):
            await yes(town, made, BERTA)
        assert await published(town) == []
        (one,) = await town.db.read(TOWN, town.approvals.waiting, TOWN)
        assert one.ballot.votes == ()
        told = await town.db.write(TOWN, town.publications.other_terms, TOWN, one.id)
        assert told is not None, "before anybody says yes"
        assert told.code == "approvals.other-terms"
    assert await town.db.write(TOWN, town.publications.other_terms, TOWN, one.id) is None
    assert await published(town) == []
    await yes(town, made, BERTA)
    assert await published(town) == ["Bäume"]


@pytest.mark.threat("T162")
async def test_what_nobody_knows_the_terms_of_is_submitted_anew(town: Towns) -> None:
    """>> a draft that a replica of an earlier release took in, so nobody knows what it offered << refused; one that
    offers nothing is published; a process that dies in the last yes << it waits as before."""
    await ruled(town)
    made = await submit(town, ANNA, await trees(town))
    silent = await submit(town, ANNA, await trees(town, title="Linden", rule="", slots={}, source=""))
    forget = "UPDATE approval SET terms = '' WHERE participant = :participant"
    await town.db.write(TOWN, lambda tx: tx.run(forget, participant=TOWN))
    with pytest.raises(Mistake, match=r"approvals\.other-terms"):
        await yes(town, made, BERTA)

    def dies(tx: Tx) -> None:
        town.publications.yes(tx, TOWN, str(silent.approval and silent.approval.id), BERTA)
        raise RuntimeError

    with pytest.raises(RuntimeError):
        await town.db.write(TOWN, dies)
    assert await published(town) == []
    await yes(town, silent, BERTA)
    assert await published(town) == ["Linden"]


@pytest.mark.threat("T162")
async def test_bug_an_update_changed_what_a_draft_says_anew_of_standing_data(
    town: Towns, monkeypatch: pytest.MonkeyPatch
) -> None:
    """>> changes of a dataset that stands: of its rule, and of its words alone; an update << the rule is refused, for
    words nothing is asked anew."""
    dataset, _ = await town.publish(TOWN)
    await ruled(town)
    rule = await submit(
        town, ANNA, ChangedDataset(dataset.id, DatasetChange(rule="municipal-purpose", slots={"until": "01.01.2098"}))
    )
    words = await submit(town, ANNA, ChangedDataset(dataset.id, DatasetChange(description="Alle")))
    monkeypatch.setattr(templates, "fill", _updated)
    with pytest.raises(Mistake, match=r"approvals\.other-terms"):
        await yes(town, rule, BERTA)
    one, _ = await yes(town, words, BERTA)
    assert one.ballot.state == "approved"


@pytest.mark.threat("T162")
async def test_bug_new_bytes_went_out_under_offers_that_nobody_had_agreed_to(town: Towns) -> None:
    """>> new bytes about persons wait, or a stricter rule; meanwhile one person alone makes a further
    offer, gives the dataset another rule, or shows it to more << the last yes publishes nothing; nothing changed << it
    does."""
    until = {"until": "31.12.2098"}

    async def offers(dataset: Dataset) -> None:
        await town.db.write(
            TOWN, town.catalogue.offer, TOWN, dataset.uuid, OfferWish(rule="municipal-purpose", slots=until)
        )

    async def changes(dataset: Dataset, **what: Any) -> None:
        await town.db.write(TOWN, town.catalogue.life.change, TOWN, dataset.id, DatasetChange(**what))

    async def nothing(dataset: Dataset) -> None: ...

    meanwhile = (
        offers,
        partial(changes, rule="municipal-purpose", slots=until),
        partial(changes, visibility="eligible"),
        partial(changes, countersignature="none"),
        nothing,
    )
    await ruled(town, template="no-ai-training")
    for stranger in meanwhile:
        for stricter in (False, True):
            dataset, _ = await town.publish(TOWN)
            source = await town.file(TOWN, "1" * 64)
            draft: Draft = (
                ChangedDataset(dataset.id, DatasetChange(rule="no-ai-training"))
                if stricter
                else ReplacedDataset(dataset.id, Replacement(source=source, personal=True))
            )
            made, last = await submit(town, ANNA, draft), BERTA if stricter else CARL
            await stranger(dataset)
            replaced = stricter and stranger in (offers, meanwhile[1])  # its own rule takes the place of all others
            if stranger is nothing or replaced:
                assert (await yes(town, made, last))[0].ballot.state == "approved"
                continue
            with pytest.raises(Mistake, match=r"approvals\.other-terms"):
                await yes(town, made, last)


async def test_whoever_may_neither_publish_nor_draft_does_not(town: Towns) -> None:
    with pytest.raises(Mistake, match=r"approvals\.role"):
        await submit(town, CARL, await trees(town))


@pytest.mark.on_both
async def test_what_could_not_be_published_does_not_wait(town: Towns) -> None:
    """>> a draft whose rule lacks its day << refused at once, and nothing of the attempt is left."""
    with pytest.raises(Mistake, match=r"policy\.slot-missing"):
        await submit(town, PAULA, await trees(town, slots={}))
    for table in ("approval", "dataset", "offer"):
        assert await town.rows(TOWN, f"SELECT id FROM {table} WHERE participant = :participant") == []
    with pytest.raises(Mistake, match=r"policy\.slot-missing"):
        await submit(town, ANNA, await trees(town, slots={}))


async def test_bug_one_person_of_both_roles_was_to_agree_twice(town: Towns) -> None:
    """>> a draft that a steward and data protection agree to, and one person has both roles << said at once; with
    another steward it waits for both."""
    both = Voter("p-dddddd", frozenset({"steward", "protection"}))
    town.people.roles = {both.who: set(both.roles), PAULA.who: {"publisher"}}
    with pytest.raises(Mistake, match=r"approvals\.nobody-else"):
        await submit(town, PAULA, await trees(town, personal=True))
    town.people.roles[ANNA.who] = {"steward"}
    made = await submit(town, PAULA, await trees(town, personal=True))
    await yes(town, made, both)
    one, _ = await yes(town, made, ANNA)
    assert one.ballot.state == "approved"


async def test_nobody_who_could_agree(town: Towns) -> None:
    """>> personal data, and nobody for data protection << said at once, not after two weeks."""
    town.people.roles = {ANNA.who: {"steward"}}
    with pytest.raises(Mistake, match=r"approvals\.no-protection"):
        await submit(town, ANNA, await trees(town, personal=True))
    await ruled(town)
    with pytest.raises(Mistake, match=r"approvals\.nobody-else"):
        await submit(town, ANNA, await trees(town))


async def test_personal_data_wait_for_data_protection(town: Towns) -> None:
    made = await submit(town, ANNA, await trees(town, personal=True))
    await yes(town, made, CARL)
    assert await published(town) == ["Bäume"]
    found = await town.db.read(TOWN, town.catalogue.own, TOWN)
    assert found[0][0].personal


async def test_a_change_is_shown_beside_what_is_published(town: Towns) -> None:
    """>> another title << the difference; published by the yes; on another revision than the read one it is not."""
    dataset = (await submit(town, ANNA, await trees(town))).dataset
    assert dataset is not None
    first = await submit(town, PAULA, ChangedDataset(dataset.id, DatasetChange(title="Stadtbäume")))
    second = await submit(town, PAULA, ChangedDataset(dataset.id, DatasetChange(title="Alle Bäume")))
    assert first.approval is not None
    told = await town.db.read(TOWN, town.publications.comparison, TOWN, first.approval)
    assert told.before is not None
    assert (told.before.title, told.after.title) == ({"de": "Bäume"}, {"de": "Stadtbäume"})
    await yes(town, first, ANNA)
    assert await published(town) == ["Stadtbäume"]
    with pytest.raises(Outdated):
        await yes(town, second, ANNA)
    assert second.approval is not None
    still = await town.db.read(TOWN, town.approvals.get, TOWN, second.approval.id)
    assert still.ballot.state == "open"  # what could not be published was not approved


async def test_new_bytes_wait_too(town: Towns) -> None:
    dataset = (await submit(town, ANNA, await trees(town))).dataset
    assert dataset is not None
    made = await submit(town, PAULA, ReplacedDataset(dataset.id, Replacement(source=await town.file(TOWN))))
    assert made.approval is not None
    one, after = await yes(town, made, ANNA)
    assert (one.ballot.state, after.id) == ("approved", dataset.id)


async def test_the_drafter_takes_it_back(town: Towns) -> None:
    made = await submit(town, PAULA, await trees(town))
    assert made.approval is not None
    await town.db.write(TOWN, town.approvals.take_back, TOWN, made.approval.id, PAULA.who)
    with pytest.raises(Late, match=r"approvals\.withdrawn"):
        await yes(town, made, ANNA)


@pytest.mark.threat("T93")
async def test_no_other_door_publishes_what_two_have_to_agree_to(town: Towns) -> None:
    """>> publish, offer, change and replace as the command line does << refused; the draft's own way is open."""
    dataset = (await submit(town, ANNA, await trees(town))).dataset
    assert dataset is not None
    await ruled(town, template="municipal-purpose")
    life, slots = town.catalogue.life, {"until": "31.12.2099"}
    doors: list[Any] = [
        (town.catalogue.publish, (await trees(town)).wish),
        (town.catalogue.offer, dataset.uuid, OfferWish(rule="municipal-purpose", slots=slots)),
        (life.change, dataset.id, DatasetChange(title="Stadtbäume")),
        (life.replace, dataset.id, Replacement(source=await town.file(TOWN))),
    ]
    for door, *wish in doors:
        with pytest.raises(Mistake, match=r"approvals\.needed-publication"):
            await town.db.write(TOWN, door, TOWN, *wish)
    assert (await submit(town, ANNA, ChangedDataset(dataset.id, DatasetChange(title="Stadtbäume")))).approval


@pytest.mark.threat("T93")
async def test_no_other_door_passes_data_protection_by(town: Towns) -> None:
    """>> data that may be about persons, published, changed, replaced and offered as by a program << refused."""
    dataset, _ = await town.publish(TOWN, personal=True)
    life, slots = town.catalogue.life, {"until": "31.12.2099"}
    doors: list[Any] = [
        (town.catalogue.publish, (await trees(town, personal=True)).wish),
        (town.catalogue.offer, dataset.uuid, OfferWish(rule="municipal-purpose", slots=slots)),
        (life.change, dataset.id, DatasetChange(title="Stadtbäume")),
        (life.replace, dataset.id, Replacement(source=await town.file(TOWN))),
    ]
    for door, *wish in doors:
        with pytest.raises(Mistake, match=r"approvals\.needed-publication"):
            await town.db.write(TOWN, door, TOWN, *wish)


@pytest.mark.threat("T93")
async def test_four_eyes_on_one_template_do_not_spare_data_protection_on_another(town: Towns) -> None:
    """>> published under a template that wants data protection; changed to one that wants two people << both."""
    dataset, _ = await town.publish(TOWN)
    await ruled(town, template="municipal-purpose", people="one", protection=True, days=3)
    await ruled(town, template="municipalities-only", people="two", days=7)
    wish = DatasetChange(rule="municipalities-only")
    made = await submit(town, ANNA, ChangedDataset(dataset.id, wish))
    assert made.approval is not None
    ballot = made.approval.ballot
    assert (ballot.stewards, ballot.protection) == (1, 1)
    assert ballot.due_at - made.approval.asked_at == 3 * 86_400_000


@pytest.mark.threat("T93")
async def test_open_data_fall_under_their_template_though_nobody_names_it(town: Towns) -> None:
    """>> two people for open data; a program and a steward publish some without naming a rule << refused, and waits."""
    await ruled(town, template="open-attribution")
    open_data = NewDataset(
        Publication(
            title="Brunnen", access="open", licence="dl-by-de/2.0", attribution="Stadt", source=await town.file(TOWN)
        )
    )
    with pytest.raises(Mistake, match=r"approvals\.needed-publication"):
        await town.db.write(TOWN, town.catalogue.publish, TOWN, open_data.wish)
    assert (await submit(town, ANNA, open_data)).approval is not None


async def test_who_is_told(town: Towns) -> None:
    """Whoever the rule names at once, the deputy with the reminder; never who drafted it or has agreed."""
    await ruled(town, people="two", responsible=ANNA.who, deputy=BERTA.who, protection=True)
    made = await submit(town, PAULA, await trees(town))
    assert made.approval is not None
    one = made.approval

    def told(tx: Any, reminder: bool) -> frozenset[str]:
        return town.approvals.addressed(tx, TOWN, one, reminder=reminder)

    assert await town.db.read(TOWN, told, False) == {ANNA.who, CARL.who}
    assert await town.db.read(TOWN, told, True) == {ANNA.who, BERTA.who, CARL.who}
    await yes(town, made, ANNA)
    one = await town.db.read(TOWN, town.approvals.get, TOWN, one.id)
    assert await town.db.read(TOWN, told, True) == {CARL.who}
