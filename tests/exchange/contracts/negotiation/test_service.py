"""A negotiation from both sides without a socket: what is asked, agreed, sealed, countersigned, refused."""

from typing import Any

import msgspec
import pytest

from connector.exchange.contracts import store
from connector.exchange.contracts.model import NegotiationRow
from connector.exchange.delivery.messages import TRIES_4XX
from connector.foundation.errors import Mistake, PeerError, Unknown
from connector.foundation.http.outbound import Answer
from connector.foundation.storage.database import Tx
from connector.kernel.protocol import messages as m
from tests.testkit.cities import COMPANY
from tests.testkit.towns import Towns

WHOLE = [
    "nachbardorf: ContractRequestMessage",
    "musterstadt: ContractAgreementMessage",
    "nachbardorf: ContractAgreementVerificationMessage",
    "musterstadt: ContractNegotiationEventMessage",
]


async def negotiated(towns: Towns, **wish: Any) -> NegotiationRow:
    """Nachbardorf asks Musterstadt for a dataset; everything that can be delivered is."""
    asked = await towns.ask("nachbardorf", "musterstadt", await towns.publish("musterstadt", **wish))
    await towns.run()
    return await towns.case("nachbardorf", asked.id)


async def other_side(towns: Towns, case: NegotiationRow) -> NegotiationRow:
    assert case.kernel.peer_pid is not None
    return await towns.case("musterstadt", case.kernel.peer_pid)


async def test_request_to_finalized(towns: Towns) -> None:
    """>> request << agreement >> verification << FINALIZED: both sides hold the same document and both seals."""
    case = await negotiated(towns)
    assert case.shown == "FINALIZED"
    assert (await other_side(towns, case)).shown == "FINALIZED"
    assert towns.wire.sent == WHOLE
    ours, theirs = [await towns.agreement(slug, case.agreement) for slug in ("nachbardorf", "musterstadt")]
    assert ours.state == theirs.state == "finalized"
    assert ours.document == theirs.document
    assert ours.provider_jws == theirs.provider_jws is not None
    assert ours.consumer_jws == theirs.consumer_jws is not None


async def test_a_transaction_saves_a_negotiation_once_and_every_state_is_kept(
    towns: Towns, monkeypatch: pytest.MonkeyPatch
) -> None:
    """>> a negotiation of four messages << its row is written anew once for each message or answer that changed it (as
    provider once more after the first request), and tells of the states between two words of one transaction."""
    saved, save = list[str](), store.save_case

    def noted(tx: Tx, case: NegotiationRow) -> NegotiationRow:
        saved.append(case.participant)
        return save(tx, case)

    monkeypatch.setattr(store, "save_case", noted)
    towns.late_acks = True
    case = await negotiated(towns)
    await towns.acks.booked()
    assert case.states == ("REQUESTED", "AGREED", "VERIFIED", "FINALIZED")
    assert (await other_side(towns, case)).states == ("REQUESTED", "AGREED", "VERIFIED", "FINALIZED")
    assert (saved.count("nachbardorf"), saved.count("musterstadt")) == (2, 3)


async def test_a_firm_is_told_the_clause_that_fails(towns: Towns) -> None:
    """>> request << TERMINATED with code policy and a sentence in both languages; no agreement came about."""
    await towns.add("stadtwerke", kind=COMPANY)
    asked = await towns.ask("stadtwerke", "musterstadt", await towns.publish("musterstadt"))
    await towns.run()
    await towns.hurry()
    case = await towns.case("stadtwerke", asked.id)
    assert (case.shown, case.agreement) == ("TERMINATED", None)
    assert case.reason is not None
    assert "Kommune" in " ".join(case.reason["de"])
    assert case.reason["de"] != case.reason["en"]
    assert await towns.rows("musterstadt", "SELECT 1 FROM agreement WHERE participant = :participant") == []


async def test_the_preset_is_preferred_and_one_signature_is_then_enough(towns: Towns) -> None:
    """>> verification without a seal << FINALIZED; the agreement is one-sided, and says so on the provider's side."""
    towns.wire.bend["ContractAgreementVerificationMessage"] = _without_seal
    case = await negotiated(towns, countersignature="preferred")
    assert (await other_side(towns, case)).shown == "FINALIZED"
    assert (await towns.agreement("musterstadt", case.agreement)).state == "one-sided"


@pytest.mark.on_both
async def test_an_invalid_countersignature_counts_as_none_where_it_is_only_preferred(towns: Towns) -> None:
    """>> a seal that does not hold << FINALIZED one-sided; the log notes the fault."""
    towns.wire.bend["ContractAgreementVerificationMessage"] = lambda message: message.update({SEAL: "a..b"})
    case = await negotiated(towns, countersignature="preferred")
    agreement = await towns.agreement("musterstadt", case.agreement)
    assert (agreement.state, agreement.consumer_jws) == ("one-sided", None)
    records = await towns.rows(
        "musterstadt", "SELECT record FROM audit_entry WHERE participant = :participant AND type = 'decision'"
    )
    assert any(b'"countersignature":"invalid"' in bytes(row["record"]) for row in records)


async def test_a_provider_without_seals_still_concludes(towns: Towns) -> None:
    """<< agreement without our extension, as other connectors send it >> verification without seal << one-sided.

    Both words leave a moment late: such a peer may read them before it has read our answer.
    """
    towns.wire.bend["ContractAgreementMessage"] = _without_seal
    towns.wire.bend["ContractAgreementVerificationMessage"] = _no_seal_offered
    case = await negotiated(towns, countersignature="none")
    for step, shown in ((1, "VERIFIED"), (2, "FINALIZED")):
        assert (case.shown, len(towns.wire.sent)) == ("VERIFIED", step + 1)
        await towns.hurry()
        case = await towns.case("nachbardorf", case.id)
        assert case.shown == shown
    assert case.shown == "FINALIZED"
    agreement = await towns.agreement("nachbardorf", case.agreement)
    assert (agreement.state, agreement.provider_jws, agreement.consumer_jws) == ("one-sided", None, None)


CHANGES: dict[str, dict[str, Any]] = {
    "assigner": {"assigner": "did:web:evil.example"},
    "assignee": {"assignee": "did:web:localhost%3A18443:musterstadt"},
    "target": {"target": "https://localhost:18443/musterstadt/datasets/another"},
    "permission": {"permission": [{"action": "use"}]},
    "prohibition": {"prohibition": [{"action": "distribute"}]},
    "obligation": {"obligation": [{"action": "delete"}]},
}


@pytest.mark.threat("T22")
@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
async def test_an_agreement_that_is_not_the_request_is_never_taken(towns: Towns, change: dict[str, Any]) -> None:
    """<< agreement with one member changed >> 400 each time it is tried; then the provider's steward is asked."""
    towns.wire.bend["ContractAgreementMessage"] = lambda message: message["agreement"].update(change)
    case = await negotiated(towns)
    for _ in range(5):
        await towns.hurry()
    case = await towns.case("nachbardorf", case.id)
    assert case.agreement is None
    assert case.shown != "FINALIZED"
    assert await towns.rows("nachbardorf", "SELECT 1 FROM agreement WHERE participant = :participant") == []
    assert towns.wire.sent.count("musterstadt: ContractAgreementMessage") == TRIES_4XX
    asked = await towns.rows("musterstadt", "SELECT subject, kind FROM question WHERE participant = :participant")
    assert asked == [{"subject": case.kernel.peer_pid, "kind": "refused"}]
    theirs = (await other_side(towns, case)).agreement
    assert theirs is not None
    with pytest.raises(Unknown, match=r"contracts\.no-agreement"):
        await towns.db.read(
            "musterstadt", towns.contracts.agreements.in_force, "musterstadt", theirs, towns.did("nachbardorf")
        )


@pytest.mark.on_both
@pytest.mark.threat("T22")
@pytest.mark.parametrize("name", ["permission", "prohibition", "obligation"])
async def test_a_request_that_is_not_the_offer_gets_the_offer(towns: Towns, name: str) -> None:
    """>> the published offer with a rule changed << our terms; >> accepted << an agreement over what is published."""
    towns.wire.bend["ContractRequestMessage"] = lambda message: message["offer"].update(CHANGES[name])
    case = await negotiated(towns)
    assert case.shown == "FINALIZED"
    assert towns.wire.sent[:3] == [
        "nachbardorf: ContractRequestMessage",
        "musterstadt: ContractOfferMessage",
        "nachbardorf: ContractNegotiationEventMessage",
    ]
    published = (await towns.rows("musterstadt", "SELECT digest FROM offer WHERE participant = :participant"))[0]
    agreed = await towns.agreement("nachbardorf", case.agreement)
    assert towns.engine.digest(agreed.policy) == published["digest"]


@pytest.mark.threat("T22")
@pytest.mark.parametrize("name", ["permission", "prohibition", "obligation"])
async def test_whoever_insists_on_other_terms_is_turned_down(towns: Towns, name: str) -> None:
    """>> other terms << ours >> other terms again << TERMINATED, with the reason."""
    towns.wire.bend["ContractRequestMessage"] = lambda message: message["offer"].update(CHANGES[name])
    towns.wire.bend["ContractOfferMessage"] = lambda message: message["offer"].update(CHANGES["permission"])
    asked = await towns.ask("nachbardorf", "musterstadt", await towns.publish("musterstadt"))
    await towns.run()
    assert (await towns.case("nachbardorf", asked.id)).shown == "OFFERED"
    waiting = await towns.rows("nachbardorf", "SELECT subject, kind FROM question WHERE participant = :participant")
    assert waiting == [{"subject": asked.id, "kind": "offered"}]
    await towns.db.write("nachbardorf", towns.contracts.counter, "nachbardorf", asked.id, asked.policy)
    await towns.run()
    ended = await towns.case("nachbardorf", asked.id)
    assert ended.shown == "TERMINATED"
    assert ended.reason is not None
    assert "weicht vom veröffentlichten Angebot ab" in ended.reason["de"][0]


@pytest.mark.threat("T22")
async def test_words_that_the_digest_does_not_see_are_not_agreed_to(towns: Towns) -> None:
    """>> the published offer with a sentence as the name of its rule << ours without it, and so is the agreement."""
    named = {"uid": "urn:the town pays a thousand euros"}
    towns.wire.bend["ContractRequestMessage"] = lambda message: message["offer"]["permission"][0].update(named)
    await negotiated(towns)
    assert towns.wire.sent[1] == "musterstadt: ContractOfferMessage"
    agreed = await towns.rows("musterstadt", "SELECT document FROM agreement WHERE participant = :participant")
    assert [b"thousand" in bytes(row["document"]) for row in agreed] == [False]


async def test_an_agreement_id_that_is_taken_is_the_peers_fault(towns: Towns) -> None:
    """<< a second agreement under the id of the first >> refused as the peer's error, and the first stays as it is."""
    first = await negotiated(towns)
    towns.wire.bend["ContractAgreementMessage"] = lambda message: message["agreement"].update({"@id": first.agreement})
    second = await negotiated(towns)
    assert (await towns.case("nachbardorf", second.id)).agreement is None
    assert (await towns.agreement("nachbardorf", first.agreement)).negotiation == first.id


@pytest.mark.on_both
@pytest.mark.threat("T33")
async def test_repetition_changes_nothing(towns: Towns) -> None:
    """>> every message twice << the same answer; one agreement, one countersignature, one log entry each."""
    post = towns.wire.post

    async def twice(slug: str, did: str, url: str, body: bytes) -> Answer:
        first = await post(slug, did, url, body)
        second = await post(slug, did, url, body)
        assert second.status == first.status
        assert msgspec.json.decode(second.body)["@type"] == "ContractNegotiation"
        return first

    towns.wire.post = twice  # type: ignore[method-assign]
    case = await negotiated(towns)
    assert case.shown == (await other_side(towns, case)).shown == "FINALIZED"
    for slug in ("musterstadt", "nachbardorf"):
        sql = "SELECT count(*) AS n FROM {} WHERE participant = :participant"
        assert (await towns.rows(slug, sql.format("agreement")))[0]["n"] == 1
        assert (await towns.rows(slug, sql.format("audit_entry") + " AND type = 'agreement'"))[0]["n"] == 1
    assert (await towns.rows("musterstadt", "SELECT count(*) AS n FROM negotiation WHERE participant = :participant"))[
        0
    ]["n"] == 1


async def test_a_lost_answer_is_made_good_by_the_next_message(towns: Towns) -> None:
    """>> request, its answer lost << agreement all the same; the open row counts as delivered."""
    post = towns.wire.post
    lost: list[str] = []

    async def deaf(slug: str, did: str, url: str, body: bytes) -> Answer:
        answer = await post(slug, did, url, body)
        if not lost:
            lost.append(url)
            return Answer(503, {}, b"")
        return answer

    towns.wire.post = deaf  # type: ignore[method-assign]
    case = await negotiated(towns)
    await towns.hurry()
    assert (await towns.case("nachbardorf", case.id)).shown == "FINALIZED"
    assert towns.wire.sent.count("nachbardorf: ContractRequestMessage") == 1


@pytest.mark.threat("T17")
async def test_a_third_party_sees_and_moves_nothing(towns: Towns) -> None:
    """>> another member asks for, or terminates, the negotiation of two others << as if it were not there."""
    await towns.add("drittdorf")
    case = await negotiated(towns)
    pid = case.kernel.peer_pid
    assert pid is not None
    ending = m.ContractNegotiationTerminationMessage(provider_pid=pid, consumer_pid=case.id, id="urn:uuid:1")
    with pytest.raises(Unknown, match=r"contracts\.unknown"):
        await towns.db.read("musterstadt", towns.contracts.get, "musterstadt", pid, towns.did("drittdorf"))
    with pytest.raises(Unknown, match=r"contracts\.unknown"):
        await towns.db.write(
            "musterstadt", towns.contracts.receive, "musterstadt", towns.partner("drittdorf"), pid, ending, "0"
        )
    with pytest.raises(Unknown, match=r"contracts\.no-agreement"):
        await towns.db.read(
            "musterstadt", towns.contracts.agreements.in_force, "musterstadt", case.agreement, towns.did("drittdorf")
        )


async def test_pids_of_another_negotiation_are_refused(towns: Towns) -> None:
    """>> a termination whose pids do not name this negotiation << contracts.pid."""
    case = await negotiated(towns)
    assert case.kernel.peer_pid is not None
    ending = m.ContractNegotiationTerminationMessage(provider_pid="urn:uuid:0", consumer_pid=case.id, id="urn:uuid:1")
    with pytest.raises(PeerError, match=r"contracts\.pid"):
        await towns.db.write(
            "musterstadt",
            towns.contracts.receive,
            "musterstadt",
            towns.partner("nachbardorf"),
            case.kernel.peer_pid,
            ending,
            "0",
        )


async def test_an_operator_ends_an_open_negotiation_once(towns: Towns) -> None:
    """>> terminate while the request is on its way << request first, then termination; a second time: ended."""
    asked = await towns.ask("nachbardorf", "musterstadt", await towns.publish("musterstadt"))
    reason = {"de": ["Doch nicht."], "en": ["Rather not."]}
    await towns.db.write("nachbardorf", towns.contracts.terminate, "nachbardorf", asked.id, "operator", reason)
    with pytest.raises(Mistake, match=r"contracts\.ended"):
        await towns.db.write("nachbardorf", towns.contracts.terminate, "nachbardorf", asked.id, "operator", reason)
    await towns.run()
    await towns.hurry()
    case = await towns.case("nachbardorf", asked.id)
    assert case.shown == (await other_side(towns, case)).shown == "TERMINATED"
    mine = [sent for sent in towns.wire.sent if sent.startswith("nachbardorf")]
    assert mine == ["nachbardorf: ContractRequestMessage", "nachbardorf: ContractNegotiationTerminationMessage"]


async def test_a_termination_that_meets_finalized_takes_the_agreement_back(towns: Towns) -> None:
    """>> termination while FINALIZED is on its way << TERMINATED; no data under an agreement that was called off."""
    asked = await towns.ask("nachbardorf", "musterstadt", await towns.publish("musterstadt"))
    while (case := await towns.case("nachbardorf", asked.id)).shown != "VERIFIED":
        await towns.run(rows=1)
    theirs = await other_side(towns, case)
    while theirs.shown != "FINALIZED":
        await towns.run(rows=1)
        theirs = await other_side(towns, case)
    assert theirs.kernel.pending is not None
    ending = m.ContractNegotiationTerminationMessage(provider_pid=theirs.id, consumer_pid=case.id, id="urn:uuid:1")
    await towns.db.write(
        "musterstadt", towns.contracts.receive, "musterstadt", towns.partner("nachbardorf"), theirs.id, ending, "0"
    )
    assert (await towns.agreement("musterstadt", theirs.agreement)).state == "terminated"
    did = towns.did("nachbardorf")
    with pytest.raises(Unknown, match=r"contracts\.no-agreement"):
        await towns.db.read("musterstadt", towns.contracts.agreements.in_force, "musterstadt", theirs.agreement, did)


@pytest.mark.on_both
@pytest.mark.threat("T36")
async def test_one_peer_cannot_open_negotiations_without_end(towns: Towns, monkeypatch: pytest.MonkeyPatch) -> None:
    """>> one request more than the quota << contracts.quota; another peer still gets in."""
    monkeypatch.setattr("connector.exchange.contracts.negotiation.service.QUOTA", 2)
    await towns.add("drittdorf")
    made = await towns.publish("musterstadt")
    towns.wire.bend["ContractAgreementMessage"] = _unreadable
    for _ in range(3):
        await towns.ask("nachbardorf", "musterstadt", made)
    await towns.ask("drittdorf", "musterstadt", made)
    await towns.run(rows=4)
    rows = await towns.rows("musterstadt", "SELECT counterparty FROM negotiation WHERE participant = :participant")
    seen = sorted(row["counterparty"].rpartition(":")[2] for row in rows)
    assert seen == ["drittdorf", "nachbardorf", "nachbardorf"]


@pytest.mark.threat("T36")
async def test_refusals_that_cannot_be_delivered_count_for_the_quota(
    towns: Towns, monkeypatch: pytest.MonkeyPatch
) -> None:
    """>> a firm asks again and again and never takes our TERMINATE << no more rows than the quota."""
    monkeypatch.setattr("connector.exchange.contracts.negotiation.service.QUOTA", 2)
    await towns.add("firma", kind="https://w3id.org/hanse/v1#company")
    made = await towns.publish("musterstadt")
    towns.wire.bend["ContractNegotiationTerminationMessage"] = _unreadable
    for _ in range(5):
        await towns.ask("firma", "musterstadt", made)
    await towns.run(rows=8)
    rows = await towns.rows("musterstadt", "SELECT state FROM negotiation WHERE participant = :participant")
    assert [row["state"] for row in rows] == ["TERMINATED", "TERMINATED"]


async def test_old_contracts_verify_after_a_key_change(towns: Towns) -> None:
    """>> rotate the seal key << the old key stays a verification method; the next contract has the new one."""
    before = await negotiated(towns)
    await towns.participants.rotate("musterstadt", "seal")
    after = await negotiated(towns)
    assert after.shown == "FINALIZED"
    first, second = [await towns.agreement("nachbardorf", case.agreement) for case in (before, after)]
    assert first.provider_jws is not None
    assert second.provider_jws is not None
    assert first.provider_jws.split(".")[0] != second.provider_jws.split(".")[0]
    methods = msgspec.json.encode((await towns.participants.get("musterstadt")).document)
    for jws in (first.provider_jws, second.provider_jws):
        assert _kid(jws).encode() in methods


SEAL = f"{m.HANSE}agreementSignature"


def _without_seal(message: dict[str, Any]) -> None:
    del message[SEAL]


def _no_seal_offered(message: dict[str, Any]) -> None:
    assert SEAL not in message


def _unreadable(message: dict[str, Any]) -> None:
    raise PeerError("peer.message")


def _kid(jws: str) -> str:
    import base64

    head = jws.split(".")[0]
    return str(msgspec.json.decode(base64.urlsafe_b64decode(head + "=="))["kid"])
