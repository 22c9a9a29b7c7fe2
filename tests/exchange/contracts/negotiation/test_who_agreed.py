"""All who agreed stand in what is signed, each with role, pseudonym and time, on both sides (spec/contracts.md 1.7)."""

import json
from typing import Any

import pytest

from connector.data.approvals.model import PEOPLE, ApprovalRow, ApprovalRule, Ballot, Vote, Voter
from connector.exchange.contracts.approval import Approval, Joint
from connector.exchange.contracts.document import draft
from connector.exchange.contracts.evidence import approvals
from connector.exchange.contracts.negotiation import who_agreed
from connector.foundation.clock import rfc3339
from connector.verify.checks import contract
from connector.verify.formats.people import MOST
from tests.exchange.contracts.late import SEAL, VERIFY, Broken, order, states
from tests.testkit.cities import PURPOSE
from tests.testkit.shown import as_shown
from tests.testkit.towns import Towns

pytestmark = pytest.mark.threat("T161")
TOWN, VILLAGE = "musterstadt", "nachbardorf"
ANNA, BERTA = Voter("p-aaaaaa", frozenset({"steward"})), Voter("p-bbbbbb", frozenset({"steward"}))
CARL = Voter("p-cccccc", frozenset({"protection"}))
DORA = Approval(role="Amtsleitung", pseudonym="p-dddddd")


async def ruled(towns: Towns, slug: str, subject: Any, people: Any, *, protection: bool = False) -> None:
    rule = ApprovalRule(subject=subject, template="", people=people, protection=protection, days=14)
    await towns.db.write(slug, towns.approvals.rules.put, slug, rule, "p-000000")


async def all_agree(towns: Towns, slug: str, *people: Voter) -> ApprovalRow:
    """What waits is agreed to by these, in turn."""
    [one] = await towns.db.read(slug, towns.approvals.waiting, slug)
    for who in people:
        one, _ = await towns.db.write(slug, towns.publications.yes, slug, one.id, who)
    await towns.run()
    assert one.ballot.state == "approved"
    return one


async def asked(towns: Towns, by: Approval | None = None) -> str:
    """Nachbardorf asks Musterstadt for its trees; all that needs no person happens."""
    dataset, offer = await towns.publish(TOWN)
    case = await towns.db.write(
        VILLAGE,
        towns.contracts.request,
        VILLAGE,
        towns.partner(TOWN),
        dataset.id,
        offer.for_catalogue(),
        PURPOSE,
        None,
        by,
        None,
        as_shown(dataset, offer),
    )
    await towns.run()
    return case.id


async def signed(towns: Towns, case_id: str, side: approvals.Side) -> list[tuple[str, str, str]]:
    """Time, pseudonym and role of all who agreed, the same at both sides and for an auditor."""
    case = await towns.case(VILLAGE, case_id)
    assert case.shown == "FINALIZED"
    name, told = draft.APPROVAL[side], []
    for slug in (TOWN, VILLAGE):
        agreement = await towns.agreement(slug, case.agreement)
        assert agreement.consumer_jws is not None
        found = await towns.db.read(slug, approvals.signed, agreement, side)
        audited = contract.approved(side, {name: (await bodies(towns, slug))[name]})
        assert found is not None
        assert audited is not None
        assert audited.kind == "people"
        assert audited.people == found.people
        told.append([tuple(one) for one in found.people])
    assert told[0] == told[1]
    return told[0]


async def bodies(towns: Towns, slug: str) -> dict[str, bytes]:
    """The approvals of both sides, as this one keeps them."""
    rows = await towns.rows(
        slug,
        "SELECT u.name, o.body FROM object_use u JOIN object o ON o.participant = u.participant"
        " AND o.sha256 = u.sha256 WHERE u.participant = :participant AND u.name LIKE 'approval-%'",
    )
    return {row["name"]: bytes(row["body"]) for row in rows}


@pytest.mark.on_both
async def test_bug_of_four_eyes_and_data_protection_the_contract_named_one(towns: Towns) -> None:
    """>> two stewards and the officer agree << all three in the provider's approval, and the partner, who seals that
    unasked, keeps just that; who reads one person reads the steward who was last."""
    await ruled(towns, TOWN, "contract", "two", protection=True)
    case = await asked(towns)
    one = await all_agree(towns, TOWN, ANNA, CARL, BERTA)
    voted = sorted((rfc3339(vote.at), vote.who, vote.part) for vote in one.ballot.votes)
    assert await signed(towns, case, "provider") == voted
    outside = json.loads((await bodies(towns, VILLAGE))[draft.APPROVAL["provider"]])
    assert (outside["role"], outside["pseudonym"]) == ("steward", BERTA.who)


@pytest.mark.on_both
async def test_bug_whoever_asked_first_was_left_out_of_the_consumers_approval(towns: Towns) -> None:
    """>> Dora asks, Anna is the second << both agreed, Dora when she asked."""
    towns.people.roles = {DORA.pseudonym: {"steward"}}
    await ruled(towns, VILLAGE, "offer", "two")
    case = await asked(towns, DORA)
    began = (await towns.case(VILLAGE, case)).created_at
    one = await all_agree(towns, VILLAGE, ANNA)
    [vote] = one.ballot.votes
    assert await signed(towns, case, "consumer") == sorted(
        [(rfc3339(began), DORA.pseudonym, DORA.role), (rfc3339(vote.at), ANNA.who, "steward")]
    )
    assert isinstance((await towns.case(VILLAGE, case)).approval, Joint)


async def test_whoever_orders_the_signature_later_joins_those_who_agreed(towns: Towns) -> None:
    """>> Anna and Berta agree, the seal is lost; Dora orders it anew << three people, and Dora outside."""
    await ruled(towns, VILLAGE, "offer", "two")
    towns.wire.bend[VERIFY] = lambda message: message.update({SEAL: message[SEAL][:-8] + "AAAAAAAA"})
    case = await asked(towns)
    await all_agree(towns, VILLAGE, ANNA, BERTA)
    lost = Broken(case, str((await towns.case(VILLAGE, case)).agreement))
    assert await states(towns, lost) == ("one-sided", "one-sided")
    await order(towns, lost, DORA)
    await towns.run()
    everybody = {ANNA.who, BERTA.who, DORA.pseudonym}
    assert {who for _, who, _ in await signed(towns, case, "consumer")} == everybody


@pytest.mark.parametrize("people", PEOPLE)
@pytest.mark.parametrize("asker", ["", "p-dddddd"])
async def test_no_rule_asks_for_more_people_than_stand_in_an_approval(towns: Towns, people: Any, asker: str) -> None:
    """>> every rule there is, with data protection, whoever asked, and one more who orders the signature << all fit."""
    stewards = PEOPLE[people] - bool(asker and PEOPLE[people])
    votes = tuple(Vote(one, "steward", 0) for one in ("p-aaaaaa", "p-bbbbbb")[:stewards])
    ballot = Ballot(
        stewards=stewards,
        protection=1,
        drafter=asker,
        due_at=1,
        state="approved",
        votes=(*votes, Vote("p-cccccc", "protection", 0)),
    )
    held = _row(ballot)
    case = await towns.case(VILLAGE, await asked(towns, DORA if asker else None))
    last = Approval(role="steward", pseudonym="p-eeeeee")
    joint = who_agreed.ordered(last, case.created_at, held, case, held.terms)
    assert isinstance(joint, Joint)
    assert len(joint.people) == stewards + 1 + bool(asker) + 1 <= MOST


def _row(ballot: Ballot) -> ApprovalRow:
    return ApprovalRow(
        participant=VILLAGE,
        id="1",
        subject="offer",
        process="n",
        dataset="",
        title="",
        counterparty="",
        template="",
        terms="t",
        draft=None,
        ballot=ballot,
        asked_at=0,
        remind_at=0,
    )
