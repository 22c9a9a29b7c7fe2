"""Duties under an agreement: how they stand, who marks them as done, and what the log keeps of it."""

import json
from typing import Any

import pytest

from connector.exchange.transfer import duties
from connector.exchange.transfer.decision import decision_store
from connector.exchange.transfer.decision.decision_store import Entry
from connector.exchange.transfer.duties import Done, DutyNow
from connector.foundation.clock import FakeClock, rfc3339
from connector.foundation.errors import Mistake, Unknown
from tests.testkit.moved import move_town
from tests.testkit.towns import Towns

CONSUMER, PROVIDER = "nachbardorf", "musterstadt"
ODRL, HANSE = "http://www.w3.org/ns/odrl/2/", "https://w3id.org/hanse/v1#"
DAY = 86_400_000
DIGEST = "a" * 64


def clock(towns: Towns) -> FakeClock:
    assert isinstance(towns.clock, FakeClock)
    return towns.clock


def constraint(left: str, operator: str, right: str) -> dict[str, str]:
    return {"leftOperand": left, "operator": operator, "rightOperand": right}


def delete_by(at: int) -> dict[str, Any]:
    due = constraint(f"{HANSE}dueBy", "lt", rfc3339(at))
    return {"action": "odrl:delete", "constraint": [due], "odrl:consequence": [{"action": f"{HANSE}suspendAccess"}]}


PAY = {"action": "odrl:compensate", "constraint": [constraint("odrl:payAmount", "gteq", "12.50")]}
PAID = {"permission": [{"action": "use", "duty": [PAY]}]}


async def standing(towns: Towns, slug: str, agreement: str) -> list[DutyNow]:
    return await towns.db.read(slug, towns.duties.standing, slug, agreement)


async def done(towns: Towns, agreement: str, slug: str = PROVIDER, **told: Any) -> Entry:
    entry = await towns.db.write(slug, towns.duties.done, slug, agreement, Done(**told), "steward")
    await towns.run()
    return entry


async def test_what_is_owed_is_owed_still_after_a_move(timed: Towns, agreed) -> None:
    """>> a duty is open, and the consumer moves << it owes it under its new DID, and marks it as done."""
    agreement = await agreed(timed, obligation=[delete_by(clock(timed).now() + DAY)])
    await move_town(timed, CONSUMER)
    owed = {}
    for slug in (CONSUMER, PROVIDER):
        owed[slug] = next(one for one in await standing(timed, slug, agreement.id) if one.kind == "obligation").owed
    assert owed == {CONSUMER: True, PROVIDER: False}
    assert (await done(timed, agreement.id, CONSUMER, action="delete")).action == f"{ODRL}delete"


async def test_both_sides_see_what_is_owed_and_by_when(timed: Towns, agreed) -> None:
    """>> duties << open, with its deadline; the consumer is the one who owes it."""
    due = (clock(timed).now() + DAY) // 1000 * 1000
    agreement = await agreed(timed, obligation=[delete_by(due)])
    for slug, owed in ((CONSUMER, True), (PROVIDER, False)):
        duty = next(one for one in await standing(timed, slug, agreement.id) if one.kind == "obligation")
        assert (duty.action, duty.state, duty.due_at, duty.owed, duty.blocks) == (
            f"{ODRL}delete",
            "not-set",
            due,
            owed,
            False,
        )


async def test_a_missed_one_is_shown_as_such_and_blocks(timed: Towns, agreed) -> None:
    due = (clock(timed).now() + DAY) // 1000 * 1000
    agreement = await agreed(timed, obligation=[delete_by(due)])
    clock(timed).at = due
    duty = next(one for one in await standing(timed, PROVIDER, agreement.id) if one.kind == "obligation")
    assert (duty.state, duty.blocks) == ("violated", True)
    clock(timed).advance(1000)
    await done(timed, agreement.id, action="delete", evidence=DIGEST)
    duty = next(one for one in await standing(timed, PROVIDER, agreement.id) if one.kind == "obligation")
    assert (duty.state, duty.blocks) == ("healed", False)


async def test_a_payment_opens_the_data(towns: Towns, agreed, started, accessed) -> None:
    """>> access unpaid << refused >> a receipt of less is noted << refused >> of enough << permitted."""
    agreement = await agreed(towns, **PAID)
    _, theirs = await started(towns, agreement)
    assert not (await accessed(towns, theirs)).permit
    await done(towns, agreement.id, action="compensate", values={"payAmount": "12.49"})
    assert not (await accessed(towns, theirs)).permit
    await done(towns, agreement.id, action="compensate", values={"odrl:payAmount": "12.50"}, evidence=DIGEST)
    assert (await accessed(towns, theirs)).permit


@pytest.mark.on_both
async def test_each_deed_is_in_the_log_with_the_digest_of_its_receipt(towns: Towns, agreed) -> None:
    agreement = await agreed(towns, **PAID)
    entry = await done(towns, agreement.id, action="compensate", values={"payAmount": "20"}, evidence=DIGEST)
    rows = await towns.rows(
        PROVIDER, "SELECT agreement, record FROM audit_entry WHERE participant = :participant AND type = 'deed'"
    )
    [record] = [json.loads(bytes(row["record"])) for row in rows]
    assert rows[0]["agreement"] == agreement.id
    assert record["actor"] == "steward"
    assert record["body"] == {
        "event": "done",
        "deed": entry.id,
        "action": f"{ODRL}compensate",
        "rule": "",
        "at": rfc3339(entry.at),
        "evidence": DIGEST,
    }
    assert entry.facts == {f"{ODRL}payAmount": 20_000_000}


NO_DUTIES = (
    ({"action": "anonymize"}, "duties.action"),
    ({"action": "x" * 5000}, "duties.action"),
    ({"action": "compensate", "rule": "/permission/9"}, "duties.rule"),
    ({"action": "compensate", "at": "2999-01-01"}, "duties.when"),
    ({"action": "compensate", "at": "1999-01-01"}, "duties.when"),
    ({"action": "compensate", "at": "gestern"}, "duties.when"),
    ({"action": "compensate", "evidence": "A" * 64}, "duties.evidence"),
    ({"action": "compensate", "evidence": "../../etc/passwd"}, "duties.evidence"),
    ({"action": "compensate", "values": {"payAmount": "viel"}}, "duties.value"),
    ({"action": "compensate", "values": {"payAmount": "1e9"}}, "duties.value"),
    ({"action": "compensate", "values": {"dateTime": "2026-01-01"}}, "duties.value"),
    ({"action": "compensate", "values": {"nonsense": "1"}}, "duties.value"),
    ({"action": "compensate", "values": {"currency": "E\x1b[2J"}}, "duties.value"),
    ({"action": "compensate", "values": {"currency": "E" * 501}}, "duties.value"),
    ({"action": "compensate", "values": {f"x{n}": "1" for n in range(99)}}, "duties.value"),
)


async def test_what_no_duty_asks_for_is_not_booked(timed: Towns, agreed) -> None:
    agreement = await agreed(timed, **PAID)
    for told, code in NO_DUTIES:
        with pytest.raises(Mistake) as caught:
            await done(timed, agreement.id, **told)
        assert (told, caught.value.code) == (told, code)
        assert await timed.rows(PROVIDER, "SELECT id FROM deed WHERE participant = :participant") == []


async def test_of_a_day_its_end_counts(timed: Towns, agreed) -> None:
    """>> done on the day of the deadline, without a time << the end of that day in town, too late for its noon."""
    clock(timed).at = 1_795_000_000_000
    agreement = await agreed(timed, obligation=[delete_by(clock(timed).now() + DAY)])
    clock(timed).advance(3 * DAY)
    entry = await done(timed, agreement.id, action="delete", at="2026-11-19")
    assert rfc3339(entry.at) == "2026-11-19T22:59:59Z"


async def test_of_the_same_action_twice_the_pointer_decides(timed: Towns, agreed) -> None:
    """>> two duties to inform, one done << the other stays open."""
    inform = {"action": "odrl:inform"}
    agreement = await agreed(timed, obligation=[inform, inform])
    [first, second] = await standing(timed, PROVIDER, agreement.id)
    await done(timed, agreement.id, action="inform", rule=second.rule)
    states = {duty.rule: duty.state for duty in await standing(timed, PROVIDER, agreement.id)}
    assert states == {first.rule: "not-set", second.rule: "fulfilled"}


@pytest.mark.threat("T41")
async def test_a_peer_cannot_mark_its_own_duty_as_done(towns: Towns, agreed, started, accessed) -> None:
    """>> the consumer marks its duty as done, at home << at the provider nothing changed, no message was sent."""
    agreement = await agreed(towns, **PAID)
    _, theirs = await started(towns, agreement)
    said = list(towns.wire.sent)
    await done(towns, agreement.id, slug=CONSUMER, action="compensate", values={"payAmount": "99"})
    assert towns.wire.sent == said
    assert [duty.state for duty in await standing(towns, CONSUMER, agreement.id)] == ["fulfilled"]
    assert [duty.state for duty in await standing(towns, PROVIDER, agreement.id)] == ["not-set"]
    assert not (await accessed(towns, theirs)).permit


@pytest.mark.threat("T18")
async def test_another_tenant_sees_nothing_of_it(towns: Towns, agreed) -> None:
    """>> a third town asks for the duties, deeds and decisions of the others << as if they were not there."""
    await towns.add("fremdhausen")
    agreement = await agreed(towns, **PAID)
    await done(towns, agreement.id, action="compensate")
    for ask in (towns.duties.standing, towns.duties.entries):
        with pytest.raises(Unknown):
            await towns.db.read("fremdhausen", ask, "fremdhausen", agreement.id)
    with pytest.raises(Unknown):
        await towns.db.write(
            "fremdhausen", towns.duties.done, "fremdhausen", agreement.id, Done(action="compensate"), "steward"
        )
    assert await towns.db.read("fremdhausen", decision_store.entries, "fremdhausen", agreement.id) == []


@pytest.mark.on_both
async def test_an_agreement_that_is_not_in_force_has_no_duties_to_mark(towns: Towns, agreed) -> None:
    agreement = await agreed(towns, **PAID)
    gone = "UPDATE agreement SET state = 'terminated' WHERE participant = :participant AND id = :id"
    await towns.db.write(PROVIDER, lambda tx: tx.run(gone, participant=PROVIDER, id=agreement.id))
    with pytest.raises(Mistake, match=r"duties\.not-in-force"):
        await done(towns, agreement.id, action="compensate")


async def test_the_list_of_deeds_is_bounded(timed: Towns, agreed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(duties, "MOST_DEEDS", 2)
    agreement = await agreed(timed, **PAID)
    for _ in range(2):
        await done(timed, agreement.id, action="compensate")
    with pytest.raises(Mistake, match=r"duties\.many"):
        await done(timed, agreement.id, action="compensate")


async def test_uses_leave_a_trace_only_where_a_deadline_can_count_from_them(
    timed: Towns, agreed, started, accessed
) -> None:
    """>> three uses, a deed, two uses << one use is noted before the deed and one after it."""
    agreement = await agreed(timed, **PAID)
    await done(timed, agreement.id, action="compensate", values={"payAmount": "20"})
    for _ in range(3):
        clock(timed).advance(1000)
        assert (await accessed(timed, (await started(timed, agreement))[1])).permit
    clock(timed).advance(1000)
    await done(timed, agreement.id, action="compensate", values={"payAmount": "20"})
    for _ in range(2):
        clock(timed).advance(1000)
        assert (await accessed(timed, (await started(timed, agreement))[1])).permit
    kept = await timed.db.read(PROVIDER, decision_store.entries, PROVIDER, agreement.id)
    assert [entry.action.rpartition("/")[2] for entry in kept] == ["compensate", "use", "compensate", "use"]
