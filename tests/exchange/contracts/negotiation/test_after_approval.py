"""Contracts that wait for people: what is asked for waits, the last yes concludes it, a no goes to the partner."""

import asyncio
import json
from functools import partial
from typing import Any

import pytest

from connector.data.approvals.decide import Late, NotYours
from connector.data.approvals.model import ApprovalRow, ApprovalRule, Voter
from connector.data.approvals.service import TermsBack
from connector.data.catalogue.life import DatasetChange, Replacement
from connector.exchange.contracts.approval import Approval
from connector.exchange.contracts.document import draft
from connector.exchange.contracts.model import NegotiationRow
from connector.foundation.errors import Mistake, PeerError, Unavailable
from connector.foundation.storage.database import Tx, acting
from tests.testkit.towns import Towns

TOWN, VILLAGE = "musterstadt", "nachbardorf"
ANNA, BERTA = Voter("p-aaaaaa", frozenset({"steward"})), Voter("p-bbbbbb", frozenset({"steward"}))
CARL = Voter("p-cccccc", frozenset({"protection"}))


async def ruled(towns: Towns, slug: str, subject: Any, people: Any, *, protection: bool = False) -> None:
    rule = ApprovalRule(subject=subject, template="", people=people, protection=protection, days=14)
    await towns.db.write(slug, towns.approvals.rules.put, slug, rule, "p-000000")


async def asked(towns: Towns, **wish: Any) -> NegotiationRow:
    """Nachbardorf asks Musterstadt for its trees; all that needs no person happens."""
    case = await towns.ask(VILLAGE, TOWN, await towns.publish(TOWN, **wish))
    await towns.run()
    return await towns.case(VILLAGE, case.id)


async def waiting(towns: Towns, slug: str = TOWN) -> ApprovalRow:
    found = await towns.db.read(slug, towns.approvals.waiting, slug)
    assert len(found) == 1
    return found[0]


async def yes(towns: Towns, one: ApprovalRow, who: Voter) -> ApprovalRow:
    slug = one.participant
    after, _ = await towns.db.write(slug, towns.publications.yes, slug, one.id, who)
    await towns.run()
    return after


async def states(towns: Towns, case: NegotiationRow) -> tuple[str, ...]:
    return (await towns.case(VILLAGE, case.id)).states


async def test_without_a_rule_nobody_is_asked(towns: Towns) -> None:
    case = await asked(towns)
    assert case.shown == "FINALIZED"
    assert await towns.rows(TOWN, "SELECT id FROM approval WHERE participant = :participant") == []


@pytest.mark.threat("T93")
async def test_four_eyes_conclude_it(towns: Towns) -> None:
    """>> request << waits >> yes, yes again by the same << still waits >> yes by another << FINALIZED, and the signed
    approval says who."""
    await ruled(towns, TOWN, "contract", "two")
    case = await asked(towns)
    assert case.shown == "REQUESTED"
    one = await waiting(towns)
    assert (one.title, one.counterparty, one.process) == ("Bäume", towns.did(VILLAGE), case.kernel.peer_pid)
    for _ in range(2):
        assert (await yes(towns, one, ANNA)).ballot.state == "open"
    assert (await towns.case(VILLAGE, case.id)).shown == "REQUESTED"
    assert (await yes(towns, one, BERTA)).ballot.state == "approved"
    ended = await towns.case(VILLAGE, case.id)
    assert ended.shown == "FINALIZED"
    agreement = await towns.agreement(VILLAGE, ended.agreement)
    assert agreement.consumer_jws is not None  # a person's approval is nothing that the other side has to read
    signed = await towns.db.read(VILLAGE, towns.contracts.agreements.sealed, agreement)
    said = json.loads(signed[draft.APPROVAL["provider"]])
    assert (said["role"], said["pseudonym"]) == ("steward", BERTA.who)
    with pytest.raises(Late, match=r"approvals\.approved"):
        await yes(towns, one, Voter("p-ffffff", frozenset({"steward"})))


async def test_data_that_may_be_about_persons_wait_for_data_protection(towns: Towns) -> None:
    """>> request for personal data, without any rule << waits for data protection alone, whose yes concludes it."""
    case = await asked(towns, personal=True)
    one = await waiting(towns)
    assert (one.ballot.stewards, one.ballot.protection) == (0, 1)
    with pytest.raises(NotYours):
        await yes(towns, one, ANNA)
    await yes(towns, one, CARL)
    assert (await towns.case(VILLAGE, case.id)).shown == "FINALIZED"


async def test_a_no_goes_to_the_partner_with_its_reason(towns: Towns) -> None:
    await ruled(towns, TOWN, "contract", "one")
    case = await asked(towns)
    one = await waiting(towns)
    with pytest.raises(Mistake, match=r"approvals\.reason"):
        await towns.db.write(TOWN, towns.approvals.no, TOWN, one.id, ANNA, "other", "")
    await towns.db.write(TOWN, towns.approvals.no, TOWN, one.id, ANNA, "purpose", "Bitte mit Zweck Baumpflege.")
    await towns.run()
    ended = await towns.case(VILLAGE, case.id)
    assert ended.shown == "TERMINATED"
    assert ended.reason is not None
    assert ended.reason["de"] == ["Der genannte Zweck passt nicht zu diesen Daten. Bitte mit Zweck Baumpflege."]


@pytest.mark.on_both
async def test_what_nobody_approves_in_time_is_refused(towns: Towns) -> None:
    """>> the deadline << TERMINATED; a yes after it is refused in words."""
    await ruled(towns, TOWN, "contract", "one")
    case = await asked(towns)
    one = await waiting(towns)
    await towns.db.write(TOWN, _elapsed, one.id)
    await towns.tick()
    assert (await towns.case(VILLAGE, case.id)).shown == "TERMINATED"
    with pytest.raises(Late, match=r"approvals\.expired"):
        await yes(towns, one, ANNA)


def _elapsed(tx: Tx, approval: str) -> None:
    tx.run("UPDATE approval SET due_at = :now WHERE id = :id", now=tx.now - 1, id=approval)
    tx.run("UPDATE timer SET due_at = :now WHERE subject = :id", now=tx.now - 1, id=approval)


@pytest.mark.on_both
@pytest.mark.threat("T93")
async def test_two_yes_at_once_count_each_once(towns: Towns) -> None:
    """>> two people agree in the same moment, each twice << approved once, one contract."""
    await ruled(towns, TOWN, "contract", "two")
    case = await asked(towns)
    one = await waiting(towns)
    both = (towns.db.write(TOWN, towns.publications.yes, TOWN, one.id, who) for who in (ANNA, BERTA, ANNA, BERTA))
    told = await asyncio.gather(*both, return_exceptions=True)
    assert all(isinstance(each, tuple | Late) for each in told)
    errands = "SELECT id FROM outbox WHERE participant = :participant AND kind = 'approval-decided'"
    assert len(await towns.rows(TOWN, errands)) == 1
    await towns.run()
    assert (await towns.case(VILLAGE, case.id)).shown == "FINALIZED"
    assert len(await towns.rows(TOWN, "SELECT id FROM agreement WHERE participant = :participant")) == 1


async def test_revoked_before_the_last_yes(towns: Towns) -> None:
    await ruled(towns, TOWN, "contract", "two")
    await asked(towns)
    one = await waiting(towns)
    await yes(towns, one, ANNA)
    await towns.db.write(TOWN, towns.approvals.revoke, TOWN, one.id, ANNA)
    assert (await yes(towns, one, BERTA)).ballot.state == "open"


async def test_a_partner_that_gives_up_asks_nobody_any_more(towns: Towns) -> None:
    await ruled(towns, TOWN, "contract", "one")
    case = await asked(towns)
    one = await waiting(towns)
    reason = {"de": ["Doch nicht."], "en": ["Not after all."]}
    await towns.db.write(VILLAGE, towns.contracts.terminate, VILLAGE, case.id, "operator", reason)
    await towns.run()
    with pytest.raises(Late, match=r"approvals\.withdrawn"):
        await yes(towns, one, ANNA)


async def test_an_offer_withdrawn_meanwhile_is_not_agreed(towns: Towns) -> None:
    """>> withdrawn while people think << their yes concludes nothing."""
    await ruled(towns, TOWN, "contract", "one")
    case = await asked(towns)
    one = await waiting(towns)
    await towns.db.write(TOWN, towns.catalogue.withdraw, TOWN)
    await yes(towns, one, ANNA)
    assert (await towns.case(VILLAGE, case.id)).shown == "TERMINATED"


@pytest.mark.on_both
@pytest.mark.threat("T93")
@pytest.mark.parametrize("day", ["31.12.2098", "31.12.2100"], ids=["narrower", "wider"])
async def test_terms_published_otherwise_meanwhile_are_not_agreed(towns: Towns, day: str) -> None:
    """>> asked for; the dataset is published until another day while people think << their yes to the old terms
    concludes nothing, and the partner reads why; who asks anew is asked about anew, and gets the new ones."""
    await ruled(towns, TOWN, "contract", "one")
    dataset, offer = await towns.publish(TOWN)
    case = await towns.ask(VILLAGE, TOWN, (dataset, offer))
    await towns.run()
    one = await waiting(towns)
    changed = DatasetChange(rule="municipal-purpose", slots={"until": day})
    dataset = await towns.db.write(TOWN, towns.catalogue.life.change, TOWN, dataset.id, changed)
    assert (await yes(towns, one, ANNA)).ballot.state == "approved"
    ended = await towns.case(VILLAGE, case.id)
    assert (ended.states, ended.agreement) == (("REQUESTED", "TERMINATED"), None)
    assert ended.reason is not None
    assert "nicht mehr" in ended.reason["de"][0]
    [offer] = (await towns.db.read(TOWN, towns.catalogue.life.show, TOWN, dataset.id))[2]
    again = await towns.ask(VILLAGE, TOWN, (dataset, offer))
    await towns.run()
    await yes(towns, await waiting(towns), ANNA)
    made = await towns.agreement(VILLAGE, (await towns.case(VILLAGE, again.id)).agreement)
    assert towns.engine.digest(made.document) == towns.engine.digest(offer.policy)
    assert len(await towns.rows(TOWN, "SELECT id FROM agreement WHERE participant = :participant")) == 1


@pytest.mark.on_both
@pytest.mark.threat("T93")
@pytest.mark.parametrize("personal", [False, True])
async def test_bug_a_yes_counted_for_data_that_came_later(towns: Towns, personal: bool) -> None:
    """>> one of two agrees; the data get a new version, which may be about persons; the other agrees << all are asked
    anew about it, data protection too, and only then there is a contract."""
    await ruled(towns, TOWN, "contract", "two")
    dataset, offer = await towns.publish(TOWN)
    case = await towns.ask(VILLAGE, TOWN, (dataset, offer))
    await towns.run()
    before = await waiting(towns)
    await yes(towns, before, ANNA)
    newer = Replacement(source=await towns.file(TOWN, "1" * 64), personal=personal)
    await towns.db.write(TOWN, partial(towns.catalogue.life.replace, released=True), TOWN, dataset.id, newer)
    assert (await yes(towns, before, BERTA)).ballot.state == "approved"
    assert await states(towns, case) == ("REQUESTED",)
    anew = await waiting(towns)
    assert (anew.ballot.votes, anew.ballot.protection, anew.dataset_version) == ((), int(personal), "1" * 64)
    for who in (ANNA, BERTA, *([CARL] if personal else [])):
        assert (await towns.case(VILLAGE, case.id)).shown == "REQUESTED"
        await yes(towns, anew, who)
    assert await states(towns, case) == ("REQUESTED", "AGREED")  # the partner reads what is not as it was described


@pytest.mark.threat("T93")
async def test_bug_data_that_turned_out_to_be_about_persons_passed_data_protection_by(towns: Towns) -> None:
    """>> the same bytes, said to be about persons while a steward thinks; she agrees << data protection is asked."""
    await ruled(towns, TOWN, "contract", "one")
    dataset, offer = await towns.publish(TOWN)
    case = await towns.ask(VILLAGE, TOWN, (dataset, offer))
    await towns.run()
    before = await waiting(towns)
    same = Replacement(source=dataset.source, personal=True)
    await towns.db.write(TOWN, partial(towns.catalogue.life.replace, released=True), TOWN, dataset.id, same)
    await yes(towns, before, ANNA)
    anew = await waiting(towns)
    assert (anew.ballot.stewards, anew.ballot.protection) == (1, 1)
    await yes(towns, anew, ANNA)
    assert (await towns.case(VILLAGE, case.id)).shown == "REQUESTED"
    await yes(towns, anew, CARL)
    assert (await towns.case(VILLAGE, case.id)).shown == "FINALIZED"


@pytest.mark.on_both
@pytest.mark.threat("T160")
@pytest.mark.parametrize("late", [False, True], ids=["before the last yes", "after it"])
@pytest.mark.parametrize(("people", "protection"), [("two", False), ("one", True), ("two", True)])
async def test_bug_a_yes_under_a_laxer_rule_concluded_under_a_stricter_one(
    towns: Towns, people: str, protection: bool, late: bool
) -> None:
    """>> one has to agree to a contract; the rule comes to ask for more, before her yes or its errand << it waits
    anew, her yes counts there, hers alone concludes nothing, and the contract names all who agreed."""
    await ruled(towns, TOWN, "contract", "one")
    case = await asked(towns)
    before = await waiting(towns)
    if late:
        await towns.db.write(TOWN, towns.publications.yes, TOWN, before.id, ANNA)
    await ruled(towns, TOWN, "contract", people, protection=protection)
    if not late:
        await yes(towns, before, ANNA)
    await towns.run()
    anew = await waiting(towns)
    assert (anew.id != before.id, [one.who for one in anew.ballot.votes]) == (True, [ANNA.who])
    assert (await yes(towns, anew, ANNA)).ballot.state == "open"
    assert await states(towns, case) == ("REQUESTED",)
    others = [*([BERTA] if people == "two" else []), *([CARL] if protection else [])]
    for who in others:
        assert (await towns.case(VILLAGE, case.id)).shown == "REQUESTED"
        await yes(towns, anew, who)
    ended = await towns.case(VILLAGE, case.id)
    assert ended.shown == "FINALIZED"
    sealed = await towns.db.read(
        VILLAGE, towns.contracts.agreements.sealed, await towns.agreement(VILLAGE, ended.agreement)
    )
    said = json.loads(sealed[draft.APPROVAL["provider"]])
    assert {one["pseudonym"] for one in said["people"]} == {one.who for one in (ANNA, *others)}


@pytest.mark.threat("T160")
@pytest.mark.parametrize("late", [False, True], ids=["before the last yes", "after it"])
async def test_bug_our_own_seal_went_by_the_rule_of_before(towns: Towns, late: bool) -> None:
    """>> data protection has to agree to what the village asks for; two people have to besides, before its yes or
    before the errand << no seal before two stewards have agreed, too."""
    await ruled(towns, VILLAGE, "offer", "one", protection=True)
    case = await asked(towns)
    before = await waiting(towns, VILLAGE)
    assert (before.ballot.stewards, before.ballot.protection) == (0, 1)
    if late:
        await towns.db.write(VILLAGE, towns.publications.yes, VILLAGE, before.id, CARL)
    await ruled(towns, VILLAGE, "offer", "two", protection=True)
    if not late:
        await yes(towns, before, CARL)
    await towns.run()
    anew = await waiting(towns, VILLAGE)
    for who in (ANNA, BERTA):
        assert (await towns.case(VILLAGE, case.id)).shown == "AGREED"
        await yes(towns, anew, who)
    assert (await towns.case(VILLAGE, case.id)).shown == "FINALIZED"


@pytest.mark.threat("T160")
async def test_bug_one_person_signed_by_hand_under_a_rule_of_two_that_came_later(towns: Towns) -> None:
    """>> a sealed contract has to be read, and nobody was asked; two people have to agree from now on; one orders our
    signature << it waits for two, and after both it is signed by who reads it."""
    made, offer = await towns.publish(TOWN)
    await ruled(towns, TOWN, "contract", "one")
    case = await towns.ask(VILLAGE, TOWN, (made, offer))
    await towns.run()
    newer = Replacement(source=await towns.file(TOWN, "1" * 64))
    await towns.db.write(TOWN, towns.catalogue.life.replace, TOWN, made.id, newer)
    await yes(towns, await waiting(towns), ANNA)
    await yes(towns, await waiting(towns), ANNA)
    case = await towns.case(VILLAGE, case.id)
    assert case.shown == "AGREED"
    await ruled(towns, VILLAGE, "offer", "two")

    async def order() -> str:
        agreement = await towns.agreement(VILLAGE, case.agreement)
        read = await towns.db.read(VILLAGE, towns.contracts.countersigning.unread, agreement)
        by = Approval(role="steward", pseudonym=ANNA.who)
        await towns.db.write(VILLAGE, towns.contracts.countersigning.order, VILLAGE, agreement.id, by, read)
        await towns.run()
        return (await towns.case(VILLAGE, case.id)).shown

    assert await order() == "AGREED"
    anew = await waiting(towns, VILLAGE)
    for who in (ANNA, BERTA):
        await yes(towns, anew, who)
    assert await order() == "FINALIZED"


async def test_a_partner_that_is_no_member_any_more_gets_none(towns: Towns, monkeypatch: pytest.MonkeyPatch) -> None:
    """>> struck from the list while people think << their yes ends the negotiation; an away list is waited for."""
    await ruled(towns, TOWN, "contract", "one")
    case = await asked(towns)
    one = await waiting(towns)
    said: list[Exception] = [Unavailable("http.unreachable"), PeerError("trust.not-listed")]

    async def partner(slug: str, did: str) -> Any:
        raise said.pop(0)

    monkeypatch.setattr(towns.handlers["approval-decided"].__self__, "_partner", partner)
    await yes(towns, one, ANNA)
    assert (await towns.case(VILLAGE, case.id)).shown == "REQUESTED"
    await towns.hurry()
    assert (await towns.case(VILLAGE, case.id)).shown == "TERMINATED"


@pytest.mark.on_both
async def test_a_counter_offer_and_its_acceptance(towns: Towns) -> None:
    """>> only until an earlier day << OFFERED; the partner takes it << FINALIZED: whoever offered it has agreed."""
    towns.people.roles = {ANNA.who: {"steward"}}
    await ruled(towns, TOWN, "contract", "one")
    case = await asked(towns)
    one = await waiting(towns)
    policy = (await towns.case(TOWN, one.process)).policy
    permission = [
        {
            **rule,
            "constraint": [
                *rule["constraint"],
                {
                    "leftOperand": "dateTime",
                    "operator": "lt",
                    "rightOperand": {"@value": "2027-01-01T00:00:00Z", "@type": "xsd:dateTime"},
                },
            ],
        }
        for rule in policy["permission"]
    ]
    other = {**policy, "permission": permission}
    terms = TermsBack(other, towns.engine.digest(other))
    await towns.db.write(TOWN, towns.approvals.counter, TOWN, one.id, ANNA, terms)
    await towns.run()
    assert (await towns.case(VILLAGE, case.id)).shown == "OFFERED"
    theirs = await waiting(towns, VILLAGE)  # the offer of others lies before the village
    await yes(towns, theirs, Voter("p-999999", frozenset({"steward"})))
    assert await states(towns, case) == ("REQUESTED", "OFFERED", "ACCEPTED", "AGREED", "VERIFIED", "FINALIZED")
    kept = await towns.rows(TOWN, "SELECT state FROM approval WHERE participant = :participant ORDER BY asked_at, id")
    assert sorted(row["state"] for row in kept) == ["approved", "countered"]


@pytest.mark.threat("T93")
async def test_no_other_door_gives_to_one_what_two_have_to_decide(towns: Towns) -> None:
    """>> an offer lies before the village, which wants four eyes << its command line cannot accept it alone."""
    await ruled(towns, VILLAGE, "offer", "two")
    made = await towns.publish(TOWN)
    ours = await towns.db.write(TOWN, towns.contracts.propose, TOWN, towns.partner(VILLAGE), made[1].id)
    await towns.run()
    theirs = await towns.case(VILLAGE, (await towns.case(TOWN, ours.id)).kernel.peer_pid or "")
    terms = towns.engine.digest(theirs.policy)
    with pytest.raises(Mistake, match=r"approvals\.needed-offer"):
        await towns.db.write(VILLAGE, towns.contracts.accept, VILLAGE, theirs.id, terms)


async def test_our_own_seal_waits_for_four_eyes(towns: Towns) -> None:
    """>> the village asks by itself and wants four eyes << AGREED waits for two, since nobody said who asked."""
    await ruled(towns, VILLAGE, "offer", "two")
    case = await asked(towns)
    assert case.shown == "AGREED"
    one = await waiting(towns, VILLAGE)
    await yes(towns, one, ANNA)
    await yes(towns, one, BERTA)
    ended = await towns.case(VILLAGE, case.id)
    assert (ended.shown, ended.approval and ended.approval.pseudonym) == ("FINALIZED", BERTA.who)


@pytest.mark.threat("T93")
async def test_nobody_signs_by_hand_what_others_have_to_decide(towns: Towns) -> None:
    """>> our seal waits for four eyes; one person orders it as on the command line << refused."""
    await ruled(towns, VILLAGE, "offer", "two")
    case = await asked(towns)
    agreement = await towns.agreement(VILLAGE, case.agreement)
    order, by = towns.contracts.countersigning.order, Approval(role="steward", pseudonym=ANNA.who)
    with pytest.raises(Mistake, match=r"approvals\.needed-offer"):
        await towns.db.write(VILLAGE, order, VILLAGE, agreement.id, by, "0" * 64)


@pytest.mark.threat("T93")
async def test_after_a_no_nobody_signs_by_hand_before_the_partner_hears_of_it(towns: Towns) -> None:
    """>> two were asked, one said no, the errand has not run << the other cannot sign alone."""
    await ruled(towns, VILLAGE, "offer", "two")
    case = await asked(towns)
    one = await waiting(towns, VILLAGE)
    await towns.db.write(VILLAGE, towns.approvals.no, VILLAGE, one.id, BERTA, "terms", "")
    order, by = towns.contracts.countersigning.order, Approval(role="steward", pseudonym=ANNA.who)
    with pytest.raises(Mistake, match=r"approvals\.needed-offer"):
        await towns.db.write(VILLAGE, order, VILLAGE, str(case.agreement), by, "0" * 64)


@pytest.mark.threat("T93")
async def test_nobody_asks_under_another_persons_name(towns: Towns) -> None:
    """>> Anna's key asks as Berta, so that Anna could be the second pair of eyes << refused; under her own it asks."""
    await ruled(towns, VILLAGE, "offer", "two")
    dataset, offer = await towns.publish(TOWN)
    wish = towns.partner(TOWN), dataset.id, offer.for_catalogue(), None, None
    with acting({VILLAGE: ANNA.who}):
        with pytest.raises(Mistake, match=r"contracts\.pseudonym-other"):
            await towns.db.write(
                VILLAGE, towns.contracts.request, VILLAGE, *wish, Approval(role="steward", pseudonym=BERTA.who)
            )
        by = Approval(role="steward", pseudonym=ANNA.who)
        case = await towns.db.write(VILLAGE, towns.contracts.request, VILLAGE, *wish, by)
    assert case.approval == by


async def test_by_hand_the_question_goes_away(towns: Towns) -> None:
    """>> an offer accepted on the command line << no approval waits any more."""
    made = await towns.publish(TOWN)
    ours = await towns.db.write(TOWN, towns.contracts.propose, TOWN, towns.partner(VILLAGE), made[1].id)
    await towns.run()
    theirs = await towns.case(VILLAGE, (await towns.case(TOWN, ours.id)).kernel.peer_pid or "")
    one = await waiting(towns, VILLAGE)
    assert (one.process, one.due_at) == (theirs.id, None)  # it waits as long as its partner lets it
    await towns.db.write(VILLAGE, towns.contracts.accept, VILLAGE, theirs.id, towns.engine.digest(theirs.policy))
    assert await towns.db.read(VILLAGE, towns.approvals.waiting, VILLAGE) == []
