"""A countersignature that comes late, seen by the provider: withheld, taken once, too late (spec/contracts.md 3.6)."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from connector.exchange.contracts import object_store
from connector.exchange.contracts.evidence.service import Evidence
from connector.exchange.contracts.model import Agreement, NegotiationRow
from connector.exchange.contracts.negotiation import late_countersignature
from connector.exchange.contracts.negotiation.late_countersignature import Settled
from connector.exchange.contracts.signing.gather import Task
from connector.foundation.errors import PeerError, Unavailable, Unknown
from connector.foundation.storage.database import WORKER, Tx
from connector.identity.trust.members.authority import Authority
from connector.identity.trust.members.entries import entry
from connector.identity.trust.members.list_writer import next_list
from connector.identity.trust.members.roots import roots_pem
from connector.verify.bundle import verify_bundle
from tests.exchange.contracts.late import Waiting, hand_in, waiting
from tests.testkit.towns import Towns

FINALIZE = "musterstadt: ContractNegotiationEventMessage"


async def after(towns: Towns, found: Waiting) -> tuple[str, str, str]:
    """Both negotiations and the provider's agreement."""
    ours, theirs = await towns.case("nachbardorf", found.ours), await towns.case("musterstadt", found.theirs)
    return ours.shown, theirs.shown, (await towns.agreement("musterstadt", found.agreement)).state


async def another(towns: Towns, found: Waiting) -> str:
    """Another valid countersignature of Nachbardorf."""
    desk: Any = towns.handlers["countersign"].__self__  # type: ignore[attr-defined]
    hosted = await towns.participants.get("nachbardorf")
    case, agreement = await both(towns, "nachbardorf", found.ours)
    kept = await towns.db.read("nachbardorf", object_store.objects, "nachbardorf", case.id)
    task = Task(hosted, case, agreement, kept, {})
    seal, _ = await desk.seal(task, await desk.contract(task, None))
    assert seal != found.seal
    return str(seal)


async def both(towns: Towns, slug: str, case_id: str) -> tuple[NegotiationRow, Agreement]:
    case = await towns.case(slug, case_id)
    return case, await towns.agreement(slug, case.agreement)


async def deadline(towns: Towns) -> None:
    """The deadline is now."""
    await towns.db.write(WORKER, _due)
    await towns.tick()


def _due(tx: Tx) -> None:
    tx.run("UPDATE timer SET due_at = 0 WHERE kind = 'countersign' AND done_at IS NULL")


def _withdrawn(tx: Tx) -> None:
    tx.run("DELETE FROM offer WHERE participant = :participant", participant=tx.scope)


async def records(towns: Towns, slug: str, type_: str) -> list[bytes]:
    sql = "SELECT record FROM audit_entry WHERE participant = :participant AND type = :type ORDER BY id"
    return [bytes(row["record"]) for row in await towns.rows(slug, sql, type=type_)]


@pytest.mark.parametrize("bend", ["none", "foreign", "broken"])
async def test_what_is_required_and_missing_is_waited_for(towns: Towns, bend: str) -> None:
    """>> verification with no, a foreign or a broken seal << nothing: VERIFIED on both sides, nothing in force."""
    found = await waiting(towns, bend, countersignature="required")
    await towns.tick()
    assert await after(towns, found) == ("VERIFIED", "VERIFIED", "signed")
    assert FINALIZE not in towns.wire.sent
    noted = [one for one in await records(towns, "musterstadt", "decision") if b'"invalid"' in one]
    assert len(noted) == (0 if bend == "none" else 1)


@pytest.mark.on_both
async def test_both_sides_read_the_same_demand_from_what_they_sealed(towns: Towns) -> None:
    """The setting and the deadline stand in the signed profile; that the offer is gone changes neither."""
    found = await waiting(towns, countersignature="required")
    await towns.db.write("musterstadt", _withdrawn)
    demands = []
    for slug, case_id in (("musterstadt", found.theirs), ("nachbardorf", found.ours)):
        _, agreement = await both(towns, slug, case_id)
        demands.append(await towns.db.read(slug, towns.contracts.agreements.demand, agreement))
    assert demands[0] == demands[1]
    assert demands[0].setting == "required"
    timers = await towns.rows("musterstadt", "SELECT due_at FROM timer WHERE participant = :participant")
    assert [row["due_at"] for row in timers] == [demands[0].until]


async def test_after_the_deadline_it_ends(towns: Towns) -> None:
    """<< TERMINATED countersignature-missing, with the reason in words; nothing comes into force on either side."""
    found = await waiting(towns, countersignature="required")
    codes: list[str] = []
    towns.wire.bend["ContractNegotiationTerminationMessage"] = lambda message: codes.append(message["code"])
    await deadline(towns)
    assert await after(towns, found) == ("TERMINATED", "TERMINATED", "terminated")
    assert codes == ["countersignature-missing"]
    case, agreement = await both(towns, "nachbardorf", found.ours)
    assert case.reason is not None
    assert "Gegenzeichnung" in case.reason["de"][0]
    assert agreement.state == "terminated"


@pytest.mark.on_both
async def test_a_peer_that_never_verifies_is_not_waited_for_beyond_the_deadline(towns: Towns) -> None:
    """<< agreement >> nothing << TERMINATED."""
    asked = await towns.ask(
        "nachbardorf", "musterstadt", await towns.publish("musterstadt", countersignature="required")
    )
    await towns.run(rows=2)
    theirs = (await towns.case("nachbardorf", asked.id)).kernel.peer_pid or ""
    assert (await towns.case("musterstadt", theirs)).shown == "AGREED"
    await towns.db.write(WORKER, _due)
    case = await towns.db.read("musterstadt", towns.contracts.get, "musterstadt", theirs)
    await towns.db.write("musterstadt", towns.contracts.countersigning.deadline, "musterstadt", case.id)
    assert (await towns.agreement("musterstadt", case.agreement)).state == "terminated"


async def test_a_late_one_finalizes(towns: Towns) -> None:
    """>> the countersignature by its own route << FINALIZED, over both seals; the deadline then changes nothing."""
    found = await waiting(towns, countersignature="required")
    await hand_in(towns, found)
    await towns.run()
    assert await after(towns, found) == ("FINALIZED", "FINALIZED", "finalized")
    theirs, ours = [await towns.agreement(slug, found.agreement) for slug in ("musterstadt", "nachbardorf")]
    assert theirs.consumer_jws == ours.consumer_jws == found.seal
    assert ours.state == "finalized"
    await deadline(towns)
    assert await after(towns, found) == ("FINALIZED", "FINALIZED", "finalized")


@pytest.mark.on_both
async def test_where_it_is_only_preferred_a_late_one_completes_the_contract(towns: Towns) -> None:
    """>> late << the one-sided agreement is finalized, and a further agreement record with the next number says so."""
    found = await waiting(towns, countersignature="preferred")
    await towns.hurry()
    assert await after(towns, found) == ("FINALIZED", "FINALIZED", "one-sided")
    await hand_in(towns, found)
    assert (await after(towns, found))[2] == "finalized"
    first, second = await records(towns, "musterstadt", "agreement")
    assert b'"consumerJws":null' in first
    assert b'"consumerJws":null' not in second
    sql = "SELECT seq FROM audit_entry WHERE participant = :participant AND agreement = :agreement ORDER BY seq"
    numbers = [row["seq"] for row in await towns.rows("musterstadt", sql, agreement=found.agreement)]
    assert numbers == list(range(len(numbers)))


@pytest.mark.parametrize("rotated", [False, True])
async def test_the_bundle_of_a_late_contract_holds(towns: Towns, tmp_path: Path, rotated: bool) -> None:
    """Both seals, also if the consumer signed with a key that it did not have when it verified."""
    found = await waiting(towns, countersignature="preferred")
    seal = found.seal
    if rotated:
        for slug in ("nachbardorf", "musterstadt"):
            await towns.participants.rotate(slug, "seal")
        seal = await another(towns, found)
    await hand_in(towns, found, seal)
    evidence, roots = await auditor(towns, tmp_path)
    report = verify_bundle(await evidence.bundle("musterstadt", found.agreement), roots, "de")
    assert report.verdict.name != "FAILED", report.reason
    assert "einseitig" not in str(report.reason)


async def auditor(towns: Towns, folder: Path) -> tuple[Evidence, bytes]:
    """The service with a trust list that names both towns, and the roots an auditor is given."""
    authority = Authority.create(folder / "authority.jwk.enc", towns.vault)
    entries = [
        entry(
            did=hosted.participant.did,
            name=hosted.participant.name,
            operator="",
            kind=hosted.participant.kind,
            valid_from="2020-01-01T00:00:00Z",
            keys=hosted.keys,
        )
        for hosted in await towns.participants.all()
    ]
    members = next_list(None, authority=authority.id, now=towns.clock.now(), life_ms=10**9, participants=tuple(entries))
    issued = authority.issue(members)
    pem = (folder / "space" / "certs" / "seal-ca.pem").read_text()
    roots = roots_pem([pem], authority.public_jwk).encode()
    return Evidence(towns.db, towns.clock, towns.participants, lambda own, dids: issued), roots


@pytest.mark.threat("T46")
async def test_the_same_again_changes_nothing_and_another_is_refused(towns: Towns) -> None:
    """>> the same twice << fine; >> another valid one of the same consumer << 409, the first stays."""
    found = await waiting(towns, countersignature="preferred")
    for _ in range(2):
        await hand_in(towns, found)
    with pytest.raises(Settled, match=r"countersigned-otherwise") as refused:
        await hand_in(towns, found, await another(towns, found))
    assert refused.value.status == 409
    assert (await towns.agreement("musterstadt", found.agreement)).consumer_jws == found.seal
    assert len(await records(towns, "musterstadt", "agreement")) == 2


@pytest.mark.threat("T46")
async def test_one_that_does_not_hold_counts_as_missing(towns: Towns) -> None:
    """>> late, but invalid << refused and recorded; the contract still waits."""
    other = await waiting(towns, countersignature="none")
    found = await waiting(towns, countersignature="required")
    provider = (await towns.agreement("musterstadt", found.agreement)).provider_jws or ""
    seals = {
        "signature": found.seal[:-8] + "AAAAAAAA",
        "form": "a..b",
        "provider's": provider,
        "other agreement": other.seal,
    }
    for count, (bend, seal) in enumerate(seals.items(), 1):
        with pytest.raises(PeerError, match=r"countersignature-invalid"):
            await hand_in(towns, found, seal)
        assert await after(towns, found) == ("VERIFIED", "VERIFIED", "signed"), bend
        recorded = await records(towns, "musterstadt", "decision")
        assert sum(b'"invalid"' in one for one in recorded) == count, bend


@pytest.mark.threat("T46")
async def test_invalid_ones_do_not_fill_the_log(towns: Towns, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(late_countersignature, "MOST_INVALID", 2)
    found = await waiting(towns, countersignature="required")
    for _ in range(4):
        with pytest.raises(PeerError, match=r"countersignature-invalid"):
            await hand_in(towns, found, "a..b")
    assert sum(b'"invalid"' in one for one in await records(towns, "musterstadt", "decision")) == 2


@pytest.mark.threat("T46")
@pytest.mark.parametrize("sender", ["seestadt", "musterstadt"])
async def test_to_others_the_agreement_is_not_there(towns: Towns, sender: str) -> None:
    """>> the right seal, brought by a third party, or by the provider itself << 404."""
    await towns.add("seestadt")
    found = await waiting(towns, countersignature="required")
    with pytest.raises(Unknown):
        await hand_in(towns, found, sender=sender)


@pytest.mark.threat("T46")
async def test_a_provider_brings_the_consumer_nothing(towns: Towns) -> None:
    """>> the provider hands a seal in at the consumer's door << 404, and the consumer's contract is as it was."""
    found = await waiting(towns, countersignature="required")
    provider_jws = (await towns.agreement("musterstadt", found.agreement)).provider_jws or ""
    before = await after(towns, found)
    url = f"https://localhost:18443/nachbardorf/evidence/{found.agreement[9:]}/countersignature"
    for seal in (provider_jws, found.seal):
        with pytest.raises(Unknown):
            await towns.late("musterstadt", towns.did("nachbardorf"), url, seal)
    assert await after(towns, found) == before


async def test_before_the_verification_it_is_too_early(towns: Towns) -> None:
    """>> the seal while the verification is still to come << 409: it belongs into the message."""
    asked = await towns.ask("nachbardorf", "musterstadt", await towns.publish("musterstadt"))
    await towns.run(rows=2)
    case, agreement = await both(towns, "nachbardorf", asked.id)
    found = Waiting(case.id, case.kernel.peer_pid or "", agreement.id, "a..b")
    with pytest.raises(Settled, match=r"countersignature-early"):
        await hand_in(towns, found)


@pytest.mark.threat("T46")
async def test_of_the_deadline_and_the_signature_the_first_wins(towns: Towns) -> None:
    """>> late, then the deadline << FINALIZED; the deadline, then late << TERMINATED and 409."""
    first = await waiting(towns, countersignature="required")
    await hand_in(towns, first)
    await towns.db.write("musterstadt", towns.contracts.countersigning.deadline, "musterstadt", first.theirs)
    await towns.run()
    assert await after(towns, first) == ("FINALIZED", "FINALIZED", "finalized")
    assert (await towns.case("musterstadt", first.theirs)).reason is None
    second = await waiting(towns, countersignature="required")
    await towns.db.write("musterstadt", towns.contracts.countersigning.deadline, "musterstadt", second.theirs)
    with pytest.raises(Settled, match=r"countersignature-late"):
        await hand_in(towns, second)
    await towns.run()
    assert await after(towns, second) == ("TERMINATED", "TERMINATED", "terminated")


@pytest.mark.on_both
@pytest.mark.threat("T46")
@pytest.mark.parametrize("turn", range(4))
async def test_of_the_deadline_and_the_signature_at_once_exactly_one_wins(towns: Towns, turn: int) -> None:
    """Two replicas: one fires the timer, the other books the signature that it has checked."""
    found = await waiting(towns, countersignature="required")
    rules, args = towns.contracts.countersigning, ("musterstadt", found.agreement, towns.did("nachbardorf"))
    late = towns.db.write("musterstadt", rules.arrived, *args, found.seal, ())
    fired = towns.db.write("musterstadt", rules.deadline, "musterstadt", found.theirs)
    result, _ = await asyncio.gather(*((late, fired) if turn % 2 else (fired, late)), return_exceptions=True)
    del result
    await towns.run()
    now = await after(towns, found)
    assert now in (("FINALIZED", "FINALIZED", "finalized"), ("TERMINATED", "TERMINATED", "terminated"))
    agreement = await towns.agreement("musterstadt", found.agreement)
    assert (agreement.consumer_jws is not None) == (agreement.state == "finalized")
    assert len(await records(towns, "musterstadt", "agreement")) == (agreement.state == "finalized")


@pytest.mark.on_both
@pytest.mark.threat("T46")
async def test_two_replicas_take_it_once(towns: Towns) -> None:
    """>> the same seal at two replicas at once << both answer yes; one record, one FINALIZED."""
    found = await waiting(towns, countersignature="required")
    await asyncio.gather(*(hand_in(towns, found) for _ in range(4)))
    await towns.run()
    assert await after(towns, found) == ("FINALIZED", "FINALIZED", "finalized")
    assert len(await records(towns, "musterstadt", "agreement")) == 1
    assert towns.wire.sent.count(FINALIZE) == 1


async def test_a_crash_between_check_and_booking_loses_nothing(towns: Towns, monkeypatch: pytest.MonkeyPatch) -> None:
    """The process dies with the seal checked: nothing is booked, and the next attempt is like the first."""
    found = await waiting(towns, countersignature="required")

    def died(*args: Any) -> None:
        raise Unavailable("storage.unavailable")

    with monkeypatch.context() as patch:
        patch.setattr(towns.contracts.countersigning, "arrived", died)
        with pytest.raises(Unavailable):
            await hand_in(towns, found)
    assert await after(towns, found) == ("VERIFIED", "VERIFIED", "signed")
    await hand_in(towns, found)
    await towns.run()
    assert await after(towns, found) == ("FINALIZED", "FINALIZED", "finalized")


async def test_after_the_deadline_a_one_sided_contract_stays_as_it_is(towns: Towns) -> None:
    """>> late, after the instant that the profile names << 409; the agreement is in force, one-sided."""
    towns.contracts.agreements._patience_ms = -1000
    found = await waiting(towns, countersignature="preferred")
    await towns.hurry()
    with pytest.raises(Settled, match=r"countersignature-late"):
        await hand_in(towns, found)
    assert await after(towns, found) == ("FINALIZED", "FINALIZED", "one-sided")
