"""Access and erasure over everything that two towns keep: what the schema finds is in the copy, and goes or is told.

>> what people did, with a pseudonym wherever one may be said << every hit in the copy; after erasure none is left
unsaid; once nothing must be kept none is left.
"""

import asyncio
import json

import msgspec
import pytest
from msgspec.structs import replace

from connector.continuity.privacy import (
    holds,
    person_in_objects,
    person_in_tables,
    pseudonyms,
    retention_store,
    subject_access,
)
from connector.continuity.privacy.erasure import Eraser
from connector.continuity.privacy.retention import Periods
from connector.continuity.privacy.subject_access import Persons
from connector.exchange.contracts import object_store, store
from connector.exchange.contracts.agreement.agreements import ended_at
from connector.exchange.contracts.model import Agreement, EvidenceObject
from connector.exchange.transfer.decision import decision_store
from connector.foundation.storage.database import Conflict, Tx
from connector.foundation.storage.work import ask
from connector.identity.participants import lifecycle_store
from tests.continuity.privacy.persons import CONSUMER, HEAD, HER, PROVIDER, WHY, ask_for, signed
from tests.exchange.contracts import told
from tests.exchange.contracts.late import broken, order
from tests.testkit.neighbours import Neighbours
from tests.testkit.towns import Towns

TYPES = ("agreement", "termination", "transfer", "deed", "decision", "confirmation", "publication", "key")


def eraser(towns: Towns, days: int, *, in_time: bool = True) -> Eraser:
    """Every record type is kept so long, by duty; a negative number: whatever has ended is over since then."""
    periods = Periods(days=dict.fromkeys(TYPES, days), other=days, duties=frozenset(TYPES))
    return Eraser(periods, ended_at, towns.did, person_in_objects.release, lambda now: in_time)


def over(towns: Towns) -> Persons:
    return Persons(towns.db, eraser(towns, -1))


def running(towns: Towns) -> Persons:
    return Persons(towns.db, eraser(towns, 3650))


async def lived(towns: Towns) -> Agreement:
    """Everything that a person may do at the consumer, with her pseudonym wherever one can be said."""
    agreement = await signed(towns)
    await order(towns, await broken(towns), HEAD)  # countersigned late
    await towns.run()
    confirm = towns.contracts.countersigning.confirm
    await towns.db.write(CONSUMER, confirm, CONSUMER, agreement, HEAD, f"Gelesen. {HER}")
    ended = await ask_for(towns)
    await towns.db.write(CONSUMER, towns.contracts.terminate, CONSUMER, ended, "operator", WHY)
    await towns.run()
    process = await towns.fetch(CONSUMER, PROVIDER, agreement)
    await towns.run()
    await towns.db.write(CONSUMER, towns.transfers.terminate, CONSUMER, process.id, "operator", WHY)
    await towns.run()
    put = await towns.db.write(
        CONSUMER, lambda tx: holds.put(tx, CONSUMER, None, "Rechtsamt", "Klage", did=towns.did(CONSUMER))
    )
    await towns.db.write(
        CONSUMER, lambda tx: holds.lift(tx, CONSUMER, put.id, "Rechtsamt", "erledigt", did=towns.did(CONSUMER))
    )
    await towns.termination_delivery.end(CONSUMER, agreement.id, WHY, None)
    await towns.run()
    await towns.db.write(CONSUMER, _besides, agreement)
    return agreement


def _besides(tx: Tx, agreement: Agreement) -> None:
    """What other writers may put down: a question, a deed, a decision, and why a participant closes."""
    ask(tx, CONSUMER, agreement.negotiation, "countersign-failed", fault=f"no key of {HER}")
    deed = decision_store.Entry(
        id="d1",
        action="use",
        rule="",
        party="did:web:a",
        at=tx.now,
        facts={"payer": [HER]},
        evidence="",
        actor=HER,
        created_at=tx.now,
    )
    decision_store.insert_deed(tx, CONSUMER, agreement.id, deed)
    ruled = decision_store.KeptDecision(
        id="r1",
        agreement=agreement.id,
        process="t1",
        phase="access",
        permit=True,
        at=tx.now,
        record="{}",
        world=json.dumps({"payer": HER}),
    )
    decision_store.insert_decision(tx, CONSUMER, ruled)
    lifecycle_store.begin(tx, CONSUMER, f"{HER} geht in Ruhestand")


@pytest.mark.on_both
@pytest.mark.threat("T59")
async def test_every_hit_is_copied_then_goes_or_is_told(towns: Towns) -> None:
    """>> a whole life; copy; erase while it must be kept; erase once nothing must << as the scan says, each time."""
    await lived(towns)
    await Neighbours(towns).seal()
    for slug in (CONSUMER, PROVIDER):
        found = await told.mine(towns.db, slug, HER)
        assert told.as_hits(await told.copied(running(towns), slug, HER)) == found
    found = await told.mine(towns.db, CONSUMER, HER)
    expected = {
        ("audit_entry", "record"),
        ("object", "body"),
        ("negotiation", "approval"),
        ("negotiation", "reason"),
        ("transfer", "reason"),
        ("outbox", "body"),
        ("question", "facts"),
        ("deed", "actor"),
        ("deed", "facts"),
        ("decision", "world"),
        ("ending", "statement"),
        ("participant", "closing_reason"),
    }
    assert set(found) == expected
    theirs = await told.mine(towns.db, PROVIDER, HER)
    assert {("transcript", "reason"), ("ending", "statement"), ("object", "body")} <= set(theirs)

    for slug in (CONSUMER, PROVIDER):
        left, why = await told.erased(running(towns), slug, HER)
        await Neighbours(towns).seal()
        assert left == await told.mine(towns.db, slug, HER)
        assert all(stay.until or stay.days for stay in why.values() if stay.why in ("period", "in-force"))
        assert {stay.why for stay in why.values()} == {"period", "in-force"}
        assert not {("outbox", "body"), ("negotiation", "reason"), ("transcript", "reason")} & set(left)
    kept = set(await told.mine(towns.db, CONSUMER, HER))
    assert kept == {
        ("audit_entry", "record"),
        ("object", "body"),
        ("negotiation", "approval"),
        ("deed", "actor"),
        ("deed", "facts"),
        ("ending", "statement"),
    }

    end = "UPDATE agreement SET state = 'ended', ended_at = :at WHERE participant = :p AND state <> 'terminated'"
    for slug in (CONSUMER, PROVIDER):
        await towns.db.write(slug, lambda tx, s=slug: tx.run(end, p=s, at=tx.now))
        await retained(towns, slug)
        left, why = await told.erased(over(towns), slug, HER)
        await retained(towns, slug)
        left, why = await told.erased(over(towns), slug, HER)
        assert left == [], why
        assert why == {}
        assert await told.mine(towns.db, slug, HER) == []
        assert told.as_hits(await told.copied(over(towns), slug, HER)) == []


async def retained(towns: Towns, slug: str) -> None:
    """What the retention job does, until nothing is due."""
    it = eraser(towns, -1)
    for _ in range(4):
        await Neighbours(towns).seal()
        due, _ = await towns.db.read(slug, it.due, slug, 0)
        await towns.db.write(slug, it.erase, slug, due, told.ORDER, asked=False)


@pytest.mark.on_both
@pytest.mark.threat("T59")
async def test_the_approval_of_a_negotiation_goes_with_the_tombstone(
    towns: Towns, monkeypatch: pytest.MonkeyPatch
) -> None:
    """>> the last agreement record is erased, the process dies before COMMIT << nothing gone; again << all of it."""
    agreement = await signed(towns)
    await towns.db.write(CONSUMER, lambda tx: tx.run(ENDED, p=CONSUMER, id=agreement.id, at=tx.now - 1))
    approval = "SELECT approval FROM negotiation WHERE participant = :participant"

    def dies(*_: object) -> None:
        raise RuntimeError("power cut")

    with monkeypatch.context() as cut:
        cut.setattr(person_in_objects, "_unsign", dies)
        await Neighbours(towns).seal()
        with pytest.raises(RuntimeError, match="power cut"):
            await retained(towns, CONSUMER)
    [row] = await towns.rows(CONSUMER, approval)
    assert HER in row["approval"]
    await retained(towns, CONSUMER)
    [row] = await towns.rows(CONSUMER, approval)
    assert row["approval"] is None
    rows = await towns.rows(CONSUMER, "SELECT body FROM outbox WHERE participant = :participant AND kind <> 'message'")
    assert not any(HER.encode() in bytes(row["body"]) for row in rows)
    before = (await towns.case(CONSUMER, agreement.negotiation)).version
    await towns.db.write(CONSUMER, person_in_objects.release, CONSUMER, agreement.id)  # again: nothing is left to do
    assert (await towns.case(CONSUMER, agreement.negotiation)).version == before


ENDED = "UPDATE agreement SET state = 'ended', ended_at = :at WHERE participant = :p AND id = :id"


async def test_who_read_the_approval_before_cannot_write_it_back(towns: Towns) -> None:
    """>> a replica read the negotiation, it is emptied, the replica saves << Conflict: it begins anew."""
    case_id = await ask_for(towns)
    await towns.db.write(CONSUMER, towns.contracts.terminate, CONSUMER, case_id, "operator", WHY)
    before = await towns.case(CONSUMER, case_id)
    assert before.approval == HEAD
    await towns.run()
    before = await towns.case(CONSUMER, case_id)
    await told.erased(running(towns), CONSUMER, HER)
    after = await towns.case(CONSUMER, case_id)
    assert (after.approval, after.version) == (None, before.version + 1)
    assert after.reason == {lang: [pseudonyms.blanked(said[0], HER)] for lang, said in WHY.items()}

    def unit(tx: Tx) -> str:
        try:
            store.save_case(tx, before)
        except Conflict:
            return "anew"
        return "written back"

    assert await towns.db.write(CONSUMER, unit) == "anew"


async def test_an_open_negotiation_keeps_what_it_needs(towns: Towns) -> None:
    """>> asked for and not delivered yet << the approval and the errand stay as open; a hold says so instead."""
    case_id = await ask_for(towns)
    left, why = await told.erased(running(towns), CONSUMER, HER)
    assert left == [("negotiation", "approval")]
    assert {stay.why for stay in why.values()} == {"open"}
    await towns.db.write(CONSUMER, towns.contracts.terminate, CONSUMER, case_id, "operator", WHY)
    left, why = await told.erased(running(towns), CONSUMER, HER)
    assert {(table, column, stay.why) for (table, column, _), stay in why.items()} == {
        ("negotiation", "approval", "open"),
        ("outbox", "body", "open"),
        ("audit_entry", "record", "unsealed"),
    }
    await towns.run()
    await towns.db.write(
        CONSUMER, lambda tx: holds.put(tx, CONSUMER, None, "Rechtsamt", "Klage", did=towns.did(CONSUMER))
    )
    await Neighbours(towns).seal()
    _, why = await told.erased(over(towns), CONSUMER, HER)
    assert {stay.why for stay in why.values()} == {"hold"}
    assert ("negotiation", "approval") in {key[:2] for key in why}


@pytest.mark.on_both
async def test_what_is_published_or_agreed_is_told_and_left_alone(towns: Towns) -> None:
    """>> a title that names her << it stays where it is offered and where it was agreed, and both are told."""
    case_id = await ask_for(towns, title=f"Liste {HER}")
    await towns.run()
    agreement = await towns.agreement(CONSUMER, (await towns.case(CONSUMER, case_id)).agreement)
    before = await told.mine(towns.db, PROVIDER, HER)
    left, why = await told.erased(running(towns), PROVIDER, HER)
    assert left == await told.mine(towns.db, PROVIDER, HER)
    reasons = {(table, stay.why) for (table, _, _), stay in why.items()}
    assert {("dataset", "published"), ("object", "in-force")} <= reasons
    assert {hit for hit in before if hit[0] != "outbox"} == {hit for hit in left if hit[0] != "outbox"}
    assert (await towns.agreement(CONSUMER, agreement.id)).digest == agreement.digest


async def test_an_approval_that_another_took_the_place_of_is_found(towns: Towns) -> None:
    """Bug: a former countersignature's approval has no use any more, and was in no copy and no erasure."""
    agreement = await signed(towns)
    kept = await towns.db.read(CONSUMER, object_store.objects, CONSUMER, agreement.negotiation)
    fresh = kept["approval-provider.json"]
    await towns.db.write(
        CONSUMER,
        object_store.take_object,
        CONSUMER,
        agreement.negotiation,
        agreement.counterparty,
        EvidenceObject(
            name="approval-consumer.json", sha256=fresh.sha256, media_type=fresh.media_type, body=fresh.body
        ),
    )
    [one] = (await told.copied(running(towns), CONSUMER, HER))["objects"]
    assert one.use is None
    left, _ = await told.erased(running(towns), CONSUMER, HER)
    assert ("object", "body") not in left
    assert await towns.db.read(CONSUMER, object_store.known_object, CONSUMER, one.item.sha256) is None


@pytest.mark.threat("T53")
async def test_an_object_without_a_use_is_under_any_hold(towns: Towns) -> None:
    """Bug: a hold on the agreement let a wish delete the former approval, which no row gives to an agreement."""
    agreement = await signed(towns)
    kept = await towns.db.read(CONSUMER, object_store.objects, CONSUMER, agreement.negotiation)
    former = kept["approval-consumer.json"].sha256
    fresh = replace(kept["approval-provider.json"], name="approval-consumer.json")
    await towns.db.write(
        CONSUMER, object_store.take_object, CONSUMER, agreement.negotiation, agreement.counterparty, fresh
    )
    about = await towns.db.write(
        CONSUMER, lambda tx: holds.put(tx, CONSUMER, agreement.id, "Rechtsamt", "Klage", did=towns.did(CONSUMER))
    )
    _, why = await told.erased(over(towns), CONSUMER, HER)
    assert {key[2]: stay.why for key, stay in why.items() if key[0] == "object"}[former, ""] == "hold"
    assert await towns.db.read(CONSUMER, object_store.known_object, CONSUMER, former) is not None
    await towns.db.write(
        CONSUMER, lambda tx: holds.lift(tx, CONSUMER, about.id, "Rechtsamt", "erledigt", did=towns.did(CONSUMER))
    )
    await told.erased(over(towns), CONSUMER, HER)
    assert await towns.db.read(CONSUMER, object_store.known_object, CONSUMER, former) is None


@pytest.mark.threat("T53")
async def test_a_wish_does_not_trust_a_clock_that_runs_ahead(towns: Towns) -> None:
    """Bug: >> every period is over by a clock that cannot be right << a wish erased what the job left alone."""
    agreement = await signed(towns)
    await towns.termination_delivery.end(CONSUMER, agreement.id, WHY, None)
    await towns.run()
    await Neighbours(towns).seal()
    proof = [("ending", "statement"), ("negotiation", "approval"), ("object", "body"), ("object", "body")]
    left, why = await told.erased(Persons(towns.db, eraser(towns, -1, in_time=False)), CONSUMER, HER)
    assert left == await told.mine(towns.db, CONSUMER, HER) == proof
    assert {stay.why for stay in why.values()} == {"clock"}
    _, why = await told.erased(over(towns), CONSUMER, HER)
    assert {stay.why for stay in why.values()} == {"needed"}, "by a record that the retention job takes"


@pytest.mark.parametrize("levels", [301, 900, 5_000, 100_000])
def test_an_object_too_deep_to_read_is_searched_as_text(levels: int) -> None:
    """>> JSON in so many brackets << on every Python searched and shown as the text that it is; nobody's copy fails."""
    body = b"[" * levels + b'"%s"' % HER.encode() + b"]" * levels
    item = EvidenceObject(name="", sha256="0" * 64, media_type=person_in_objects.JSON, body=body)
    assert subject_access.hers(item, HER)
    assert subject_access.shown(item) == body.decode()


async def test_escapes_hide_nobody(towns: Towns) -> None:
    """>> a partner's approval spells her with escapes << it is found all the same."""
    agreement = await signed(towns)
    body = rb'{"pseudonym":"\u0070-7f3a91"}'
    item = EvidenceObject(name="approval-provider.json", sha256="0" * 64, media_type=person_in_objects.JSON, body=body)
    await towns.db.write(
        CONSUMER, object_store.take_object, CONSUMER, agreement.negotiation, agreement.counterparty, item
    )
    found = (await told.copied(running(towns), CONSUMER, HER))["objects"]
    assert "0" * 64 in {one.item.sha256 for one in found}


async def test_large_objects_come_in_more_portions(towns: Towns, monkeypatch: pytest.MonkeyPatch) -> None:
    """Bug: a thousand objects of any size in one answer << a portion ends where they are large; none is lost."""
    agreement = await signed(towns)

    def some(tx: Tx) -> None:
        for number in range(5):
            item = EvidenceObject(
                name=f"late:{number}",
                sha256=f"{number:064x}",
                media_type=person_in_objects.JSON,
                body=b'{"pseudonym":"%s","long":"%s"}' % (HER.encode(), b"x" * 2_000),
            )
            object_store.keep_object(tx, CONSUMER, agreement.negotiation, agreement.counterparty, item)

    await towns.db.write(CONSUMER, some)
    monkeypatch.setattr(person_in_tables, "LARGEST", 4_000)
    first = await running(towns).copy(CONSUMER, HER, "o")
    assert (len(first.objects), first.following) == (2, f"o{1:064x}")
    assert len({one.item.sha256 for one in (await told.copied(running(towns), CONSUMER, HER))["objects"]}) == 6


@pytest.mark.on_both
async def test_a_walk_loses_nothing_between_portions(towns: Towns, monkeypatch: pytest.MonkeyPatch) -> None:
    """>> one item a portion of each kind << all that a single portion has, each once, and erased all the same."""
    await lived(towns)
    await Neighbours(towns).seal()
    whole = await told.copied(running(towns), CONSUMER, HER)
    monkeypatch.setattr("connector.continuity.privacy.log_entries.MOST", 1)
    monkeypatch.setattr(subject_access, "MOST_OBJECTS", 1)
    monkeypatch.setattr(person_in_tables, "MOST", 1)
    monkeypatch.setattr(person_in_tables, "_PAGE", 1)
    assert await told.copied(running(towns), CONSUMER, HER) == whole
    left, _ = await told.erased(running(towns), CONSUMER, HER)
    assert left == await told.mine(towns.db, CONSUMER, HER)


@pytest.mark.on_both
async def test_bug_more_than_a_thousand_objects_were_told_and_not_shown(
    towns: Towns, monkeypatch: pytest.MonkeyPatch
) -> None:
    """>> more approvals that say her, of one contract, than are looked at at once (here a hundred, not a thousand)
    << each in the copy, once; erased in portions, none left."""
    monkeypatch.setattr(subject_access, "MOST_OBJECTS", 100)
    agreement = await signed(towns)

    def many(tx: Tx) -> None:
        for number in range(110):
            item = EvidenceObject(
                name=f"late:{number}",
                sha256=f"{number:064x}",
                media_type=person_in_objects.JSON,
                body=b'{"pseudonym":"%s","number":%d}' % (HER.encode(), number),
            )
            object_store.keep_object(tx, CONSUMER, agreement.negotiation, agreement.counterparty, item)

    await towns.db.write(CONSUMER, many)
    found = (await told.copied(running(towns), CONSUMER, HER))["objects"]
    assert len(found) == len({one.item.sha256 for one in found}) == 111
    await towns.db.write(CONSUMER, lambda tx: tx.run(ENDED, p=CONSUMER, id=agreement.id, at=tx.now - 1))
    left, why = await told.erased(over(towns), CONSUMER, HER)
    assert left.count(("object", "body")) == 111, "its record is still there"
    assert {stay.why for (table, _, _), stay in why.items() if table == "object"} == {"needed"}
    empty = "UPDATE audit_entry SET record = NULL, salt = NULL WHERE participant = :p AND type = 'agreement'"
    if towns.db.dialect == "sqlite":  # PostgreSQL lets nobody do that without a tombstone
        await towns.db.write(CONSUMER, lambda tx: tx.run(empty, p=CONSUMER))
        left, _ = await told.erased(over(towns), CONSUMER, HER)
        assert ("object", "body") not in left
        assert ("object", "body") not in await told.mine(towns.db, CONSUMER, HER)


@pytest.mark.on_both
async def test_two_replicas_clear_once(towns: Towns) -> None:
    """>> the same wish at two replicas in one moment << each place cleared once, and counted once in the log."""
    await lived(towns)
    await Neighbours(towns).seal()
    await asyncio.gather(*(told.erased(running(towns), CONSUMER, HER) for _ in range(3)))
    rows = await towns.db.read(CONSUMER, retention_store.clearings, CONSUMER, 10)
    bodies = [json.loads(bytes(row["record"]))["body"] for row in rows]
    assert sum(body["cleared"].get("transfer.reason", 0) for body in bodies) == 1
    assert {(body["role"], body["ground"]) for body in bodies} == {tuple(msgspec.to_builtins(told.ORDER).values())}
    assert not any(pseudonyms.said(bytes(row["record"]).decode()) for row in rows)
