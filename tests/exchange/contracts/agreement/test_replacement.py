"""A new agreement takes the place of an old one: named in profile and log, compared, and the old one ends (14)."""

import json
from typing import Any

import pytest

from connector.exchange.contracts import object_store
from connector.exchange.contracts.document import clause_diff, draft, sealing
from connector.exchange.contracts.model import Agreement
from connector.exchange.contracts.termination import statement
from connector.foundation.errors import Mistake, PeerError, Unavailable
from connector.kernel.protocol.messages import HANSE
from tests.exchange.contracts.replacing import CONSUMER, PROVIDER, ask, first
from tests.testkit.forging import forged
from tests.testkit.towns import Towns

REQUEST, REPLACES = "ContractRequestMessage", f"{HANSE}replaces"


async def renewed(towns: Towns, made: Any, old: Agreement) -> Agreement:
    asked = await ask(towns, made, old.id)
    await towns.run()
    return await towns.agreement(CONSUMER, (await towns.case(CONSUMER, asked.id)).agreement)


async def bodies(towns: Towns, slug: str, agreement: Agreement, type_: str) -> list[dict[str, Any]]:
    sql = (
        "SELECT record FROM audit_entry WHERE participant = :participant AND agreement = :agreement AND type = :type"
        " ORDER BY seq"
    )
    rows = await towns.rows(slug, sql, agreement=agreement.id, type=type_)
    return [json.loads(bytes(row["record"]))["body"] for row in rows]


async def test_the_old_one_ends_when_the_new_one_is_in_force(towns: Towns) -> None:
    """>> a transfer runs; a renewal is asked for << both sides: the old one ended as replaced, the new one in force."""
    old, made = await first(towns)
    running = await towns.fetch(CONSUMER, PROVIDER, old)
    await towns.run()
    new = await renewed(towns, made, old)
    await towns.tick()
    assert (new.state, new.replaces) == ("finalized", old.digest)
    for slug in (PROVIDER, CONSUMER):
        assert (await towns.agreement(slug, old.id)).state == "ended"
        assert (await towns.agreement(slug, new.id)).replaces == old.digest
        assert (await bodies(towns, slug, new, "agreement"))[0]["replaces"] == old.digest
        [ended] = await bodies(towns, slug, old, "termination")
        assert (ended["event"], ended["by"]) == ("replaced", new.digest)
    mine = await towns.process(CONSUMER, running.id)
    assert mine.shown == "TERMINATED"
    assert mine.reason is not None
    assert "abgelöst" in " ".join(mine.reason["de"])
    assert (await towns.fetch(CONSUMER, PROVIDER, new)).shown == "REQUESTED"


async def test_what_is_replaced_is_signed_and_the_comparison_is_kept(towns: Towns) -> None:
    """The digest stands in the profile under both seals, never in the agreement itself; both keep the same rows."""
    old, made = await first(towns)
    new = await renewed(towns, made, old)
    kept = []
    for slug in (PROVIDER, CONSUMER):
        negotiation = (await towns.agreement(slug, new.id)).negotiation
        objects = await towns.db.read(slug, object_store.objects, slug, negotiation)
        assert json.loads(objects[draft.PROFILE].body)["replaces"] == old.digest
        kept.append(objects[clause_diff.COMPARISON].body)
    assert kept[0] == kept[1]
    assert {row["change"] for row in json.loads(kept[0])["rows"]} == {"kept"}
    assert old.digest.encode() not in new.document


async def test_a_provider_that_knows_nothing_of_it_is_not_disturbed(towns: Towns) -> None:
    """>> a peer that skips the member << the contract comes about; the consumer's own old one ends."""
    old, made = await first(towns)
    towns.wire.bend[REQUEST] = lambda message: message.pop(REPLACES)
    new = await renewed(towns, made, old)
    assert (new.state, new.replaces) == ("finalized", old.digest)
    assert [(await towns.agreement(slug, old.id)).state for slug in (PROVIDER, CONSUMER)] == ["finalized", "ended"]


async def test_an_offer_that_is_refused_leaves_the_old_one_alone(towns: Towns) -> None:
    old, made = await first(towns)
    asked = await ask(towns, made, old.id)
    await towns.db.write(CONSUMER, towns.contracts.terminate, CONSUMER, asked.id, "x", {"de": ["x"], "en": ["x"]})
    await towns.run()
    assert (await towns.agreement(CONSUMER, old.id)).state == "finalized"


@pytest.mark.threat("T47")
async def test_a_peer_cannot_replace_what_is_not_its_own(towns: Towns) -> None:
    """>> a digest of nothing; of a third town's agreement; of one about other data << refused, nothing ends."""
    old, made = await first(towns)
    await towns.add("seestadt")
    foreign = await towns.concluded("seestadt", PROVIDER)
    other = await towns.concluded(CONSUMER, PROVIDER)
    for named in ("0" * 64, "", "x" * 100_000, foreign.digest, other.digest):
        towns.wire.bend[REQUEST] = lambda message, named=named: message.update({REPLACES: named})  # type: ignore[misc]
        asked = await ask(towns, made, old.id)
        await towns.run()
        for _ in range(4):
            await towns.hurry()
        assert (await towns.case(CONSUMER, asked.id)).shown == "TERMINATED"
    for one in (old, foreign, other):
        assert (await towns.agreement(PROVIDER, one.id)).state == "finalized"


async def test_we_ask_to_replace_only_what_is_ours_and_in_force(towns: Towns) -> None:
    old, made = await first(towns)
    elsewhere = await towns.concluded(CONSUMER, PROVIDER)
    with pytest.raises(Mistake, match="not-replaceable"):
        await ask(towns, made, elsewhere.id)
    with pytest.raises(PeerError, match="no-agreement"):
        await ask(towns, made, "urn:uuid:nothing")
    await renewed(towns, made, old)
    with pytest.raises(Mistake, match="not-replaceable"):
        await ask(towns, made, old.id)


async def test_a_contract_that_replaces_another_than_asked_for_is_not_signed(
    towns: Towns,
) -> None:
    """<< a sealed profile that names another agreement >> TERMINATED, in words."""
    old, made = await first(towns)

    def other(body: bytes) -> bytes:
        return sealing.canonical({**json.loads(body), "replaces": "f" * 64})

    with forged({draft.PROFILE: other}):
        asked = await ask(towns, made, old.id)
        await towns.run()
    case = await towns.case(CONSUMER, asked.id)
    assert case.shown == "TERMINATED"
    assert case.reason is not None
    assert "löst der Vertrag eine andere Vereinbarung ab" in case.reason["de"][0]
    assert (await towns.agreement(CONSUMER, old.id)).state == "finalized"


async def test_bug_a_termination_that_crossed_finalized_cost_the_old_agreement(towns: Towns) -> None:
    """<< FINALIZED does not get through; the consumer ends the negotiation >> the new one never was, the old one is."""
    old, made = await first(towns)

    def lose(message: dict[str, Any]) -> None:
        if message.get("eventType") == "FINALIZED":
            raise Unavailable("http.unreachable")

    towns.wire.bend["ContractNegotiationEventMessage"] = lose
    asked = await ask(towns, made, old.id)
    await towns.run()
    new = (await towns.case(CONSUMER, asked.id)).agreement
    assert (await towns.agreement(PROVIDER, new)).state == "finalized"
    await towns.db.write(CONSUMER, towns.contracts.terminate, CONSUMER, asked.id, "x", {"de": ["x"], "en": ["x"]})
    await towns.run()
    for slug in (PROVIDER, CONSUMER):
        assert (await towns.agreement(slug, new)).state == "terminated"
        assert (await towns.agreement(slug, old.id)).state == "finalized"


async def test_the_old_one_ends_once_a_lost_finalized_got_through(towns: Towns) -> None:
    old, made = await first(towns)
    lost = [Unavailable("http.unreachable")]

    def lose_once(message: dict[str, Any]) -> None:
        if message.get("eventType") == "FINALIZED" and lost:
            raise lost.pop()

    towns.wire.bend["ContractNegotiationEventMessage"] = lose_once
    await ask(towns, made, old.id)
    await towns.run()
    assert (await towns.agreement(PROVIDER, old.id)).state == "finalized"
    await towns.hurry()
    for slug in (PROVIDER, CONSUMER):
        assert (await towns.agreement(slug, old.id)).state == "ended"
        assert len(await bodies(towns, slug, old, "termination")) == 1


async def test_bug_a_replaced_agreement_was_said_to_end_by_a_notice_for_later(towns: Towns) -> None:
    """>> notice for next year, then a renewal << what ended it is the renewal, and that is said."""
    old, made = await first(towns)
    why = {"de": ["Zum Jahresende."], "en": ["By the end of the year."]}
    await towns.termination_delivery.end(CONSUMER, old.id, why, towns.clock.now() + 90 * 86_400_000)
    await towns.run()
    await renewed(towns, made, old)
    over = await towns.db.read(PROVIDER, statement.over, await towns.agreement(PROVIDER, old.id))
    assert over.code == "replaced"
