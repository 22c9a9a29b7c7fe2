"""Every ruling is kept with what it was made from: it can be made again, and says who vouched for what."""

import json
from typing import Any

import pytest
from msgspec.structs import replace

from connector.app.policy_engine import lists
from connector.exchange.contracts.document import draft
from connector.exchange.transfer.decision import decision_store
from connector.exchange.transfer.decision.decision_store import MOST_PERMITS, MOST_REFUSALS, KeptDecision
from connector.exchange.transfer.model import TransferRow
from connector.foundation.storage.database import Tx
from connector.kernel.policy.evaluation.record import replay
from connector.kernel.policy.odrl.names import HANSE
from tests.testkit.cities import MUNICIPALITY, PURPOSE
from tests.testkit.towns import Towns

CONSUMER, PROVIDER = "nachbardorf", "musterstadt"


async def kept(towns: Towns, process: TransferRow) -> list[KeptDecision]:
    return await towns.db.read(PROVIDER, decision_store.decisions, PROVIDER, process.id)


async def test_a_kept_decision_is_made_again_from_what_was_kept(towns: Towns, started, accessed) -> None:
    """>> a permit and a refusal under template 3 << record and world, byte by byte the same when decided again."""
    agreement = await towns.concluded(CONSUMER, PROVIDER)
    pair = await started(towns, agreement)
    assert (await accessed(towns, pair[1])).permit
    towns.requesters[towns.did(CONSUMER)] = replace(towns.requesters[towns.did(CONSUMER)], kind=f"{HANSE}company")
    assert not (await accessed(towns, pair[1])).permit
    found = await kept(towns, pair[1])
    assert [ruled.permit for ruled in found] == [False, True, True]
    for ruled in found:
        record = json.loads(ruled.record)
        closure = lists().closure_of(record["vocabulary"])
        again = replay(record, json.loads(ruled.world), agreement.policy, closure)
        assert json.loads(json.dumps(again)) == record
    for ruled in found[1:]:
        changed = {**json.loads(ruled.world), "purpose": f"{HANSE}marketing"}
        assert replay(json.loads(ruled.record), changed, agreement.policy, lists().current.closure) != json.loads(
            ruled.record
        )


async def test_the_log_has_the_digest_and_the_case_file_the_world(towns: Towns, started, accessed) -> None:
    pair = await started(towns, await towns.concluded(CONSUMER, PROVIDER))
    await accessed(towns, pair[1])
    newest = (await kept(towns, pair[1]))[0]
    rows = await towns.rows(
        PROVIDER, "SELECT record FROM audit_entry WHERE participant = :participant AND type = 'decision' ORDER BY id"
    )
    body = json.loads(bytes(rows[-1]["record"]))["body"]
    assert (body["decision"], body["permit"], body["member"]) == (newest.id, True, True)
    assert body["world"] == json.loads(newest.record)["world"]
    assert "participant" not in body["world"]


@pytest.mark.threat("T112")
async def test_what_was_signed_is_kept_for_this_agreement_of_this_participant_alone(towns: Towns) -> None:
    """>> the terms, then those of a row with its id of another participant, or of other bytes  << never those."""
    found = await towns.concluded(CONSUMER, PROVIDER)
    agreement = await towns.db.read(PROVIDER, towns.contracts.agreements.get, PROVIDER, found.id)
    signed = towns.contracts.agreements.signed
    terms, vocabulary = await towns.db.read(PROVIDER, signed, agreement)
    assert (terms.media_type, bool(vocabulary)) == ("text/csv", True)
    assert await towns.db.read(PROVIDER, signed, agreement) == (terms, vocabulary)
    foreign, none = await towns.db.read(CONSUMER, signed, replace(agreement, participant=CONSUMER))
    assert (foreign.media_type, foreign.version, none) == ("", "", "")
    other, none = await towns.db.read(PROVIDER, signed, replace(agreement, digest="0", negotiation="another"))
    assert (other.media_type, other.version, none) == ("", "", "")


async def test_the_world_says_who_vouches_for_what(towns: Towns, started, accessed) -> None:
    """Kind from the trust list, format from the signed description, channel from the flow, purpose declared."""
    pair = await started(towns, await towns.concluded(CONSUMER, PROVIDER))
    await accessed(towns, pair[1])
    world: dict[str, Any] = json.loads((await kept(towns, pair[1]))[0].world)
    facts = {
        iri.rpartition("#")[2].rpartition("/")[2]: (fact["value"], fact["source"], fact["evidence"])
        for iri, fact in world["facts"].items()
    }
    assert facts["participantKind"] == ([MUNICIPALITY], "verified-credential", "trust-list")
    assert facts["memberOf"] == ([], "verified-credential", "trust-list")
    assert facts["fileFormat"][0] == ["https://www.iana.org/assignments/media-types/text/csv"]
    assert facts["absoluteSize"] == ("8000000", "measured", "agreement")
    assert facts["deliveryChannel"] == ([f"{HANSE}download"], "measured", pair[1].id)
    assert facts["recipient"][0] == [towns.did(CONSUMER)]
    assert (world["purpose"], world["purpose_source"]) == (PURPOSE, "declared")
    assert (world["participant"], world["can"], world["first_access"]) == (towns.did(CONSUMER), [], None)


async def test_a_peer_that_declares_no_purpose_binds_itself_to_the_agreed_ones(towns: Towns, accessed) -> None:
    agreement = await towns.concluded(CONSUMER, PROVIDER)
    partner = towns.partner(PROVIDER)
    asked = await towns.db.write(CONSUMER, towns.transfers.request, CONSUMER, partner, agreement.id, None, None, "pull")
    await towns.run()
    theirs = await towns.process(PROVIDER, (await towns.process(CONSUMER, asked.id)).kernel.peer_pid)
    assert (await accessed(towns, theirs)).permit
    record = json.loads((await kept(towns, theirs))[0].record)
    assert record["purposeSource"] == "contractual"


async def test_another_purpose_than_the_agreed_ones_is_refused(towns: Towns, started) -> None:
    """>> a transfer request that names another purpose or action << TERMINATED, whatever the negotiation said."""
    agreement = await towns.concluded(CONSUMER, PROVIDER)
    for purpose, action in ((f"{HANSE}marketing", None), (PURPOSE, f"{HANSE}aiTraining"), ("nonsense", None)):
        asked = await towns.db.write(
            CONSUMER, towns.transfers.request, CONSUMER, towns.partner(PROVIDER), agreement.id, purpose, action, "pull"
        )
        await towns.run()
        await towns.hurry()
        assert (await towns.process(CONSUMER, asked.id)).shown == "TERMINATED", (purpose, action)


async def test_a_purpose_of_many_pages_is_not_taken(towns: Towns) -> None:
    """>> a purpose of 2 001 characters << refused; it would be in every record."""
    agreement = await towns.concluded(CONSUMER, PROVIDER)
    asked = await towns.db.write(
        CONSUMER, towns.transfers.request, CONSUMER, towns.partner(PROVIDER), agreement.id, "x" * 2001, None, "pull"
    )
    await towns.run()
    await towns.hurry()
    assert (await towns.process(CONSUMER, asked.id)).kernel.peer_pid is None
    assert await towns.rows(PROVIDER, "SELECT id FROM transfer WHERE participant = :participant") == []


@pytest.mark.on_both
@pytest.mark.threat("T40")
async def test_who_asks_again_and_again_fills_nothing(towns: Towns, agreed, started, accessed) -> None:
    """>> a hundred accesses that are refused << each refused, some twenty recorded."""
    pair = await started(towns, await agreed(towns, permission=[{"action": "use"}]))
    del towns.requesters[towns.did(CONSUMER)]
    for _ in range(100):
        assert not (await accessed(towns, pair[1])).permit
    refusals = [ruled for ruled in await kept(towns, pair[1]) if not ruled.permit]
    assert len(refusals) == MOST_REFUSALS
    logged = await towns.rows(
        PROVIDER, "SELECT id FROM audit_entry WHERE participant = :participant AND type = 'decision'"
    )
    assert len(logged) <= MOST_REFUSALS + 2


def booked(tx: Tx, ruled: KeptDecision) -> None:
    decision_store.insert_decision(tx, PROVIDER, ruled)
    decision_store.trim(tx, PROVIDER, ruled)


@pytest.mark.threat("T40")
async def test_who_is_permitted_again_and_again_fills_nothing(towns: Towns, started, accessed) -> None:
    """>> suspended and resumed for ever << the last twenty rulings of that phase, and the one that counted the use."""
    pair = await started(towns, await towns.concluded(CONSUMER, PROVIDER))
    await accessed(towns, pair[1])
    first = (await kept(towns, pair[1]))[0]
    more = [replace(first, id=f"{n:03}", phase="transfer", at=first.at + n) for n in range(1, MOST_PERMITS + 5)]
    for ruled in more:
        await towns.db.write(PROVIDER, booked, ruled)
    assert [ruled.id for ruled in await kept(towns, pair[1])] == [ruled.id for ruled in more[:3:-1]] + [first.id]


@pytest.mark.threat("T40")
async def test_all_but_the_use_is_trimmed(towns: Towns, started, accessed, monkeypatch: pytest.MonkeyPatch) -> None:
    """>> a transfer begins, its data are used, and then refused << older rulings go with the first and the last, not
    with the use, which there is once."""
    trimmed: list[tuple[str, bool]] = []
    trim = decision_store.trim

    def noted(tx: Tx, participant: str, ruled: KeptDecision) -> None:
        trimmed.append((ruled.phase, ruled.permit))
        trim(tx, participant, ruled)

    agreement = await towns.concluded(CONSUMER, PROVIDER)
    monkeypatch.setattr(decision_store, "trim", noted)
    pair = await started(towns, agreement)
    assert (await accessed(towns, pair[1])).permit
    del towns.requesters[towns.did(CONSUMER)]
    assert not (await accessed(towns, pair[1])).permit
    assert trimmed == [("transfer", True), ("access", False)]
    assert len(await kept(towns, pair[1])) == 3


@pytest.mark.on_both
async def test_decisions_age_away_and_the_log_stays(towns: Towns, started, accessed) -> None:
    pair = await started(towns, await towns.concluded(CONSUMER, PROVIDER))
    await accessed(towns, pair[1])
    at = max(ruled.at for ruled in await kept(towns, pair[1]))
    await towns.db.write(PROVIDER, decision_store.forget, PROVIDER, at + 1)
    assert await kept(towns, pair[1]) == []
    left = "SELECT id FROM audit_entry WHERE participant = :participant AND type = 'decision' AND record IS NOT NULL"
    assert len(await towns.rows(PROVIDER, left)) >= 2


@pytest.mark.on_both
async def test_concepts_mean_what_they_meant_when_both_signed(towns: Towns, started, accessed) -> None:
    """>> the agreement pins lists that we do not have << nothing is within anything: refused; with ours: permitted."""
    pair = await started(towns, agreement := await towns.concluded(CONSUMER, PROVIDER))
    assert (await accessed(towns, pair[1])).permit
    mine = await towns.db.read(PROVIDER, towns.contracts.agreements.get, PROVIDER, agreement.id)
    assert (await towns.db.read(PROVIDER, towns.decisions.load, mine)).vocabulary == towns.engine.vocabulary
    another = await towns.concluded(CONSUMER, PROVIDER)  # what was signed is read once, so one that nobody has used yet
    mine = await towns.db.read(PROVIDER, towns.contracts.agreements.get, PROVIDER, another.id)
    strange = json.dumps({"vocabulary": "0" * 64}).encode()

    def other_lists(tx: Tx) -> None:
        tx.run(
            "UPDATE object SET body = :body WHERE participant = :participant AND sha256 IN (SELECT sha256 FROM"
            " object_use WHERE participant = :participant AND negotiation = :negotiation AND name = :name)",
            participant=PROVIDER,
            negotiation=mine.negotiation,
            name=draft.PROFILE,
            body=strange,
        )

    await towns.db.write(PROVIDER, other_lists)
    loaded = await towns.db.read(PROVIDER, towns.decisions.load, mine)
    assert loaded.closure.above == {}
    assert loaded.vocabulary == "0" * 64
