"""Who may say what in a negotiation, and what is said by itself: offers, counter-offers, proposals, endings."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from connector.data.approvals.model import Voter
from connector.data.catalogue.life import DatasetChange
from connector.exchange.contracts.agreement.agreements import Agreements
from connector.exchange.contracts.model import NegotiationRow
from connector.exchange.contracts.negotiation.decide import NegotiationDecider
from connector.exchange.contracts.negotiation.service import QUOTA
from connector.exchange.trace import recorder
from connector.foundation.errors import Mistake, PeerError, Unknown
from connector.foundation.language.reasons import because
from connector.foundation.storage import work
from connector.foundation.storage.database import Tx
from connector.kernel.policy.plan import Plan, Plans
from connector.kernel.protocol import codec
from connector.kernel.protocol import messages as m
from connector.kernel.protocol.negotiation import TERMINAL, State
from tests.testkit.cities import COMPANY
from tests.testkit.shown import as_shown
from tests.testkit.towns import Towns

TOWN, VILLAGE = "musterstadt", "nachbardorf"
ODRL = "http://www.w3.org/ns/odrl/2/"
FIRM = {"permission": [{"action": "use"}]}


async def proposed(towns: Towns, **wish: Any) -> NegotiationRow:
    """Musterstadt offers Nachbardorf a dataset; the case of the village."""
    made = await towns.publish(TOWN, **wish)
    ours = await towns.db.write(TOWN, towns.contracts.propose, TOWN, towns.partner(VILLAGE), made[1].id)
    await towns.run()
    theirs = (await towns.case(TOWN, ours.id)).kernel.peer_pid
    assert theirs is not None
    await towns.db.write(VILLAGE, towns.contracts.looked_at, VILLAGE, theirs, as_shown(*made))
    return await towns.case(VILLAGE, theirs)


async def accept(towns: Towns, slug: str, case_id: str) -> NegotiationRow:
    """A person reads the terms that lie there and takes them."""
    terms = towns.engine.digest((await towns.case(slug, case_id)).policy)
    return await towns.db.write(slug, towns.contracts.accept, slug, case_id, terms)


async def other(towns: Towns, case: NegotiationRow) -> NegotiationRow:
    slug = TOWN if case.participant == VILLAGE else VILLAGE
    assert case.kernel.peer_pid is not None
    return await towns.case(slug, case.kernel.peer_pid)


async def questions(towns: Towns, slug: str) -> list[tuple[str, str]]:
    rows = await towns.rows(slug, "SELECT subject, kind FROM question WHERE participant = :participant")
    return [(row["subject"], row["kind"]) for row in rows]


async def test_a_provider_may_begin(towns: Towns) -> None:
    """>> offer << a person is asked, who accepts >> agreement << verification >> FINALIZED, sealed by both."""
    case = await proposed(towns)
    assert (case.shown, case.proposed) == ("OFFERED", True)
    assert await questions(towns, VILLAGE) == [(case.id, "proposed")]
    await accept(towns, VILLAGE, case.id)
    await towns.run()
    ended = await towns.case(VILLAGE, case.id)
    assert ended.states == ("OFFERED", "ACCEPTED", "AGREED", "VERIFIED", "FINALIZED")
    assert (await other(towns, ended)).states == ended.states
    agreement = await towns.agreement(VILLAGE, ended.agreement)
    assert agreement.state == "finalized"
    assert towns.wire.sent == [
        "musterstadt: ContractOfferMessage",
        "nachbardorf: ContractNegotiationEventMessage",
        "musterstadt: ContractAgreementMessage",
        "nachbardorf: ContractAgreementVerificationMessage",
        "musterstadt: ContractNegotiationEventMessage",
    ]


async def test_the_same_terms_with_a_purpose_are_an_acceptance(towns: Towns) -> None:
    """>> offer << the same offer as a request of ours >> agreement."""
    case = await proposed(towns)
    await towns.db.write(VILLAGE, towns.contracts.counter, VILLAGE, case.id, case.policy)
    await towns.run()
    ended = await towns.case(VILLAGE, case.id)
    assert ended.states == ("OFFERED", "REQUESTED", "AGREED", "VERIFIED", "FINALIZED")


async def test_other_terms_than_proposed_are_turned_down(towns: Towns) -> None:
    """>> offer << terms of our own >> TERMINATED with the reason."""
    case = await proposed(towns)
    await towns.db.write(VILLAGE, towns.contracts.counter, VILLAGE, case.id, FIRM)
    await towns.run()
    ended = await towns.case(VILLAGE, case.id)
    assert ended.states == ("OFFERED", "REQUESTED", "TERMINATED")
    assert ended.reason is not None
    assert "weicht" in ended.reason["de"][0]


async def test_who_may_not_have_it_is_told_why_when_it_accepts(towns: Towns) -> None:
    """>> offer for municipalities to a firm << accepted >> TERMINATED: the policy decides, not the invitation."""
    await towns.add("stadtwerke", kind=COMPANY)
    _, offer = await towns.publish(TOWN)
    ours = await towns.db.write(TOWN, towns.contracts.propose, TOWN, towns.partner("stadtwerke"), offer.id)
    await towns.run()
    theirs = (await towns.case(TOWN, ours.id)).kernel.peer_pid
    assert theirs is not None
    await accept(towns, "stadtwerke", theirs)
    await towns.run()
    ended = await towns.case("stadtwerke", theirs)
    assert (ended.shown, ended.agreement) == ("TERMINATED", None)
    assert ended.reason is not None
    assert "Kommune" in " ".join(ended.reason["de"])


@pytest.mark.on_both
async def test_an_offer_withdrawn_meanwhile_is_not_agreed(towns: Towns) -> None:
    """>> offer; withdrawn << accepted >> TERMINATED: it is no longer there."""
    case = await proposed(towns)

    def withdraw(tx: Any) -> None:
        tx.run("UPDATE offer SET state = 'withdrawn' WHERE participant = :participant", participant=TOWN)

    await towns.db.write(TOWN, withdraw)
    await accept(towns, VILLAGE, case.id)
    await towns.run()
    ended = await towns.case(VILLAGE, case.id)
    assert ended.shown == "TERMINATED"
    assert ended.reason is not None
    assert "nicht mehr" in ended.reason["de"][0]


@pytest.mark.on_both
async def test_terms_published_otherwise_meanwhile_are_not_agreed(towns: Towns) -> None:
    """>> offer; the dataset is published under other terms << the old ones accepted >> TERMINATED, no agreement."""
    case = await proposed(towns)
    change = DatasetChange(rule="municipal-purpose", slots={"until": "31.12.2098"})
    await towns.db.write(TOWN, towns.catalogue.life.change, TOWN, case.dataset, change)
    await accept(towns, VILLAGE, case.id)
    await towns.run()
    ended = await towns.case(VILLAGE, case.id)
    assert (ended.states, ended.agreement) == (("OFFERED", "ACCEPTED", "TERMINATED"), None)
    assert ended.reason is not None
    assert "nicht mehr" in ended.reason["de"][0]


@pytest.mark.threat("T33")
async def test_a_first_offer_twice_is_one_negotiation(towns: Towns) -> None:
    """>> the same first offer again, even under another message id << the negotiation that is there."""
    case = await proposed(towns)
    again = m.ContractOfferMessage(
        id="other", provider_pid=str(case.kernel.peer_pid), offer=case.policy, callback_address="https://localhost"
    )
    digest = codec.digest(codec.plain(again))
    reply = await towns.db.write(VILLAGE, towns.contracts.receive_offer, VILLAGE, towns.partner(TOWN), again, digest)
    assert (reply.case.id, reply.created) == (case.id, False)


async def test_our_own_offer_without_words_is_not_agreed_to(towns: Towns, monkeypatch: pytest.MonkeyPatch) -> None:
    """>> an offer that could be said when it was published and cannot be now, accepted << ended, nothing is signed."""
    case = await proposed(towns)
    await accept(towns, VILLAGE, case.id)
    monkeypatch.setattr(Agreements, "worded", lambda self, policy: False)
    await towns.run()
    ended = await other(towns, case)
    assert (ended.shown, ended.agreement) == ("TERMINATED", None)
    assert ended.reason == because("contracts.not-understood")


@pytest.mark.on_both
@pytest.mark.threat("T36")
async def test_unasked_offers_count_for_the_quota(towns: Towns, monkeypatch: pytest.MonkeyPatch) -> None:
    """>> one more unasked offer than may be open << refused, nothing kept."""
    assert QUOTA == 1000
    monkeypatch.setattr("connector.exchange.contracts.negotiation.service.QUOTA", 2)
    first, _ = await proposed(towns), await proposed(towns)
    third = m.ContractOfferMessage(provider_pid="third", offer=first.policy, callback_address="https://localhost")
    with pytest.raises(PeerError, match=r"contracts\.quota"):
        await towns.db.write(VILLAGE, towns.contracts.receive_offer, VILLAGE, towns.partner(TOWN), third, "x")
    assert len(await towns.db.read(VILLAGE, towns.contracts.all, VILLAGE)) == 2


async def test_a_refused_counter_offer_leaves_the_offer_that_was_there(towns: Towns) -> None:
    """>> other terms, for another dataset << 400 each time; their offer, not ours, lies before us and can be taken."""
    case = await proposed(towns)
    towns.wire.bend["ContractRequestMessage"] = lambda message: message["offer"].update({"target": "urn:other"})
    await towns.db.write(VILLAGE, towns.contracts.counter, VILLAGE, case.id, FIRM)
    for _ in range(5):
        await towns.hurry()
    left = await towns.case(VILLAGE, case.id)
    assert (left.shown, left.policy, left.standing) == ("OFFERED", case.policy, None)
    assert (await other(towns, case)).shown == "OFFERED"
    towns.wire.bend.clear()
    await accept(towns, VILLAGE, case.id)
    await towns.run()
    assert (await towns.case(VILLAGE, case.id)).shown == "FINALIZED"


async def test_only_what_was_read_can_be_accepted(towns: Towns) -> None:
    """>> accept under other, too short or no digest << Mistake: those are not the terms that lie here."""
    case = await proposed(towns)
    right = towns.engine.digest(case.policy)
    for terms in ("", right[:7], towns.engine.digest(FIRM), right + "0"):
        with pytest.raises(Mistake, match=r"contracts\.other-terms"):
            await towns.db.write(VILLAGE, towns.contracts.accept, VILLAGE, case.id, terms)
    assert (await towns.db.write(VILLAGE, towns.contracts.accept, VILLAGE, case.id, right[:8])).shown == "ACCEPTED"


async def test_terms_without_words_are_taken_only_explicitly(towns: Towns) -> None:
    """>> an offer with a clause that nobody here can say << accepted only by who says so."""
    strange = {"leftOperand": "https://evil.example/ns#fee", "operator": "eq", "rightOperand": "100000"}
    towns.wire.bend["ContractOfferMessage"] = lambda message: message["offer"]["permission"][0].update(
        {"constraint": [strange]}
    )
    case = await proposed(towns)
    terms = towns.engine.digest(case.policy)
    with pytest.raises(Mistake, match=r"contracts\.unworded"):
        await towns.db.write(VILLAGE, towns.contracts.accept, VILLAGE, case.id, terms)
    taken = await towns.db.write(VILLAGE, lambda tx: towns.contracts.accept(tx, VILLAGE, case.id, terms, unworded=True))
    assert taken.shown == "ACCEPTED"


@pytest.mark.threat("T36")
async def test_questions_end_with_what_they_are_about(towns: Towns) -> None:
    """>> proposals, each called off again << no question is left of them, and a real one is seen."""
    for _ in range(3):
        gone = await other(towns, await proposed(towns))
        await towns.db.write(TOWN, towns.contracts.terminate, TOWN, gone.id, "operator", because("reason.none"))
        await towns.run()
    case = await proposed(towns)
    waiting = await towns.db.read(VILLAGE, work.questions, VILLAGE)
    assert [question["subject"] for question in waiting] == [case.id]
    await accept(towns, VILLAGE, case.id)
    assert await towns.db.read(VILLAGE, work.questions, VILLAGE) == []


async def test_a_proposal_names_a_published_offer(towns: Towns) -> None:
    """>> an offer that is not there << Unknown, nothing begun."""
    with pytest.raises(Unknown, match=r"catalogue\.no-offer"):
        await towns.db.write(TOWN, towns.contracts.propose, TOWN, towns.partner(VILLAGE), "urn:none")


@pytest.mark.parametrize("move", ["accept", "counter"])
async def test_only_an_offer_can_be_answered(towns: Towns, move: str) -> None:
    """>> accept or counter when nothing lies before us, or in the provider's place << Mistake."""
    asked = await towns.ask(VILLAGE, TOWN, await towns.publish(TOWN))
    more = (towns.engine.digest(asked.policy),) if move == "accept" else (asked.policy,)
    with pytest.raises(Mistake, match=r"contracts\.no-offer-here"):
        await towns.db.write(VILLAGE, getattr(towns.contracts, move), VILLAGE, asked.id, *more)
    case = await proposed(towns)
    theirs = await other(towns, case)
    with pytest.raises(Mistake, match=r"contracts\.no-offer-here"):
        await towns.db.write(TOWN, getattr(towns.contracts, move), TOWN, theirs.id, *more)


async def stopped_in(towns: Towns, state: State, *, begun_by: str) -> NegotiationRow:
    """A negotiation that has come as far as `state` and rests there; the case of the village."""
    towns.wire.at_hand = False  # else nothing rests in AGREED or VERIFIED
    if begun_by == TOWN:
        case = await proposed(towns)
        if state is not State.OFFERED:
            await accept(towns, VILLAGE, case.id)
    else:
        case = await towns.ask(VILLAGE, TOWN, await towns.publish(TOWN))
    for _ in range(50):
        now = await towns.case(VILLAGE, case.id)
        if now.kernel.state is state:
            return now
        await towns.run(1)
    raise AssertionError(state)


ENDING = [
    (state, begun_by, by)
    for state in State
    if state not in TERMINAL
    for begun_by in (TOWN, VILLAGE)
    for by in (TOWN, VILLAGE)
    if (state, begun_by) not in {(State.REQUESTED, TOWN), (State.OFFERED, VILLAGE), (State.ACCEPTED, VILLAGE)}
]


@pytest.mark.parametrize(
    ("state", "begun_by", "by"),
    [pytest.param(*one, marks=pytest.mark.long if one[1] == one[2] else ()) for one in ENDING],
)
async def test_either_side_may_end_it_in_every_state(towns: Towns, state: State, begun_by: str, by: str) -> None:
    """>> a negotiation somewhere on its way; one side ends it << TERMINATED on both, and no agreement is in force."""
    case = await stopped_in(towns, state, begun_by=begun_by)
    if by == TOWN and case.kernel.peer_pid is None:
        await towns.run(1)
        case = await towns.case(VILLAGE, case.id)
    mine = case if by == VILLAGE else await other(towns, case)
    await towns.db.write(by, towns.contracts.terminate, by, mine.id, "operator", because("reason.none"))
    for _ in range(4):
        await towns.hurry()
    ended = await towns.case(VILLAGE, case.id)
    assert ended.shown == (await other(towns, ended)).shown == "TERMINATED"
    for slug in (TOWN, VILLAGE):
        held = await towns.rows(slug, "SELECT state FROM agreement WHERE participant = :participant")
        assert {row["state"] for row in held} <= {"terminated"}, (slug, held)


# Narrower terms (decision 0024)


def narrowed(shown: dict[str, Any], *more: Any, **changes: Any) -> dict[str, Any]:
    """The published terms with further conditions of the first permission, and other members."""
    [permission, *rest] = shown["permission"]
    constraint = permission["constraint"]
    constraint = [*(constraint if isinstance(constraint, list) else [constraint]), *more]
    return {**shown, "permission": [{**permission, "constraint": constraint}, *rest], **changes}


async def asked(towns: Towns, terms: Any) -> NegotiationRow:
    """Nachbardorf asks for a dataset of Musterstadt under terms made from the published ones; the case, at rest."""
    dataset, offer = await towns.publish(TOWN)
    partner = towns.partner(TOWN)
    wish = terms(offer.for_catalogue())
    purpose = "https://w3id.org/hanse/v1#publicAdministration"
    case = await towns.db.write(
        VILLAGE,
        towns.contracts.request,
        VILLAGE,
        partner,
        dataset.id,
        wish,
        purpose,
        None,
        None,
        None,
        as_shown(dataset, offer),
    )
    await towns.run()
    return await towns.case(VILLAGE, case.id)


UNTIL = {"leftOperand": "odrl:dateTime", "operator": "lt", "rightOperand": "2090-01-01T00:00:00+01:00"}
EARLY = {"leftOperand": "odrl:dateTime", "operator": "lt", "rightOperand": "2001-01-01T00:00:00+01:00"}
FEE = {"leftOperand": "https://elsewhere.example/ns#fee", "operator": "eq", "rightOperand": "0"}


async def test_terms_provably_narrower_are_agreed_to(towns: Towns) -> None:
    """>> the published terms, for a shorter time and with one more prohibition >> the agreement is over those terms."""
    printing = {"action": "odrl:print"}
    case = await asked(towns, lambda shown: narrowed(shown, UNTIL, prohibition=[*shown["prohibition"], printing]))
    assert case.states == ("REQUESTED", "AGREED", "VERIFIED", "FINALIZED")
    document = (await towns.agreement(TOWN, case.agreement)).document
    assert b"2090-01-01" in document
    assert b"odrl:print" in document
    audited = await towns.rows(TOWN, "SELECT record FROM audit_entry WHERE participant = :participant")
    assert any(b'"verdict":"compatible"' in bytes(row["record"] or b"") for row in audited)


@pytest.mark.parametrize(
    "terms",
    [
        pytest.param(lambda shown: {**shown, "prohibition": shown["prohibition"][:1]}, id="a prohibition is missing"),
        pytest.param(lambda shown: {**shown, "permission": [{"action": "use"}]}, id="the conditions are missing"),
        pytest.param(
            lambda shown: {
                **shown,
                "odrl:conflict": {"@id": "odrl:perm"},
                "permission": [
                    *shown["permission"],
                    {"action": "odrl:distribute", "constraint": shown["permission"][0]["constraint"]},
                ],
            },
            id="a permission that wins over a prohibition",
        ),
        pytest.param(lambda shown: narrowed(shown, FEE), id="a condition that is not understood"),
        pytest.param(lambda shown: narrowed(shown, EARLY), id="nothing is left of it for the one who asks"),
        pytest.param(lambda shown: {**narrowed(shown, UNTIL), "odrl:assignee": "did:web:somebody"}, id="another party"),
        pytest.param(lambda shown: {**narrowed(shown, UNTIL), "dct:title": "Vollmacht"}, id="words not offered"),
        pytest.param(
            lambda shown: {
                **narrowed(shown, UNTIL),
                "obligation": [{"action": "odrl:inform", "assignee": "did:web:localhost%3A18443:musterstadt"}],
            },
            id="a duty for us",
        ),
    ],
)
async def test_other_terms_get_ours(towns: Towns, terms: Any) -> None:
    """>> terms that are wider, or of which nobody can tell << the published offer, once; no agreement."""
    case = await asked(towns, terms)
    assert (case.shown, case.agreement) == ("OFFERED", None)


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(lambda shown: {"uid": shown["@id"]}, id="uid"),
        pytest.param(lambda shown: {"odrl:uid": shown["@id"]}, id="uid with a prefix"),
        pytest.param(lambda shown: {"odrl:assigner": "did:web:localhost%3A18443:musterstadt"}, id="assigner"),
        pytest.param(lambda shown: {ODRL + "assignee": "did:web:localhost%3A18443:nachbardorf"}, id="assignee"),
        pytest.param(lambda shown: {"dspace:timestamp": "2026-11-24T20:00:00Z"}, id="timestamp"),
    ],
)
async def test_bug_an_offer_that_spelled_its_names_otherwise_broke_the_contract(towns: Towns, name: Any) -> None:
    """>> the published offer, with its name, a party or a time in a spelling of ODRL or the protocol << the agreement
    has its own names, once each; it could not be read, and whoever asked was answered by an error."""
    case = await asked(towns, lambda shown: {**shown, **name(shown)})
    assert case.shown == "FINALIZED"
    agreement = await towns.agreement(TOWN, case.agreement)
    assert not {*name({"@id": ""})} & {*json.loads(agreement.document)}


async def test_bug_a_consumers_own_name_for_its_terms_stood_beside_ours(towns: Towns) -> None:
    """>> our offer << other terms under a name of their own, as `@id` and as `uid` >> the reason in words."""
    case = await proposed(towns)
    own = {**FIRM, "@id": "urn:uuid:own", "uid": "urn:uuid:own"}
    await towns.db.write(VILLAGE, towns.contracts.counter, VILLAGE, case.id, own)
    await towns.run()
    ended = await towns.case(VILLAGE, case.id)
    assert ended.states == ("OFFERED", "REQUESTED", "TERMINATED")
    assert (await other(towns, ended)).policy["@id"] == case.policy["@id"]


async def test_who_asks_again_for_wider_terms_is_told_the_clause(towns: Towns) -> None:
    """>> our offer << the same without its prohibitions >> TERMINATED; the reason names what is missing."""
    case = await proposed(towns)
    terms = {name: value for name, value in case.policy.items() if name != "prohibition"}
    await towns.db.write(VILLAGE, towns.contracts.counter, VILLAGE, case.id, terms)
    await towns.run()
    ended = await towns.case(VILLAGE, case.id)
    assert ended.shown == "TERMINATED"
    assert ended.reason is not None
    assert "Verbot" in " ".join(ended.reason["de"])
    assert "prohibition" in " ".join(ended.reason["en"])


@pytest.mark.parametrize(
    ("now", "shown", "said"),
    [
        pytest.param(lambda was: was, "AGREED", "", id="the same"),
        pytest.param(lambda was: narrowed(was, UNTIL), "TERMINATED", "31.12.2089", id="narrower"),
        pytest.param(lambda was: {**was, "prohibition": was["prohibition"][:1]}, "AGREED", "", id="wider"),
        pytest.param(lambda was: narrowed(was, EARLY), "TERMINATED", "31.12.2000", id="over"),
    ],
)
async def test_people_agreed_and_it_is_judged_by_what_is_published_now(
    towns: Towns, now: Any, shown: str, said: str
) -> None:
    """>> decided once more after a yes, with other terms under the same name << agreed as asked for if that is no
    wider than what is published now, else an end that names the clause, and never a counter-offer."""
    dataset, offer = await towns.publish(TOWN, personal=True)
    await towns.ask(VILLAGE, TOWN, (dataset, offer))
    await towns.run()
    [waits] = await towns.db.read(TOWN, towns.approvals.waiting, TOWN)
    protection = Voter("p-cccccc", frozenset({"protection"}))
    await towns.db.write(TOWN, towns.approvals.yes, TOWN, waits.id, protection)

    def decided(tx: Tx) -> NegotiationRow:
        policy = json.dumps(now(offer.policy))
        tx.run("UPDATE offer SET policy = :policy WHERE participant = :participant", participant=TOWN, policy=policy)
        decide = towns.contracts.decide
        assert isinstance(decide, NegotiationDecider)
        return decide.approved(tx, towns.contracts.get(tx, TOWN, waits.process), towns.partner(VILLAGE))

    case = await towns.db.write(TOWN, decided)
    assert case.shown == shown
    assert said in " ".join((case.reason or {"de": []})["de"])


async def test_what_a_message_says_is_looked_up_once(towns: Towns, monkeypatch: pytest.MonkeyPatch) -> None:
    """>> four messages about one offer << each policy is found once by whoever reads it, and once to be put into words.

    What is published has no class, and both sides find the agreement by its bytes once it was found.
    """
    made = await towns.publish(TOWN)
    asked: dict[str, list[str]] = {TOWN: [], VILLAGE: []}
    slug = ""
    find = Plans.plan

    def counted(self: Plans, document: Mapping[str, Any]) -> Plan:
        asked[slug].append(str(document.get("@type")))
        return find(self, document)

    unit = recorder.hearing

    def hearing(tx: Tx, participant: str, *args: Any) -> Any:
        nonlocal slug
        slug = participant
        return unit(tx, participant, *args)

    monkeypatch.setattr(Plans, "plan", counted)
    monkeypatch.setattr(recorder, "hearing", hearing)
    slug = VILLAGE
    case = await towns.ask(VILLAGE, TOWN, made)
    asked[VILLAGE].clear()
    await towns.run()
    assert (await towns.case(VILLAGE, case.id)).shown == "FINALIZED"
    assert asked == {TOWN: ["Offer", "None", "Offer", "Agreement"], VILLAGE: ["Agreement", "Offer"]}
