"""What runs follows its policy: held when a duty is missed or membership is lost, released when that is mended."""

import pytest

from connector.data.dataplane import flows
from connector.exchange.delivery.messages import TRIES_4XX
from connector.foundation.clock import rfc3339
from connector.foundation.errors import Mistake, Unavailable
from connector.foundation.http.outbound import Answer
from connector.kernel.policy.engine import Requester
from tests.exchange.transfer.holds import (
    CONSUMER,
    DAY,
    ONLY_TOWNS,
    PROVIDER,
    RESTS,
    REVIEWS,
    RUNS,
    clock,
    delete_by,
    done,
    shown,
    within,
)
from tests.testkit.cities import COMPANY
from tests.testkit.towns import Towns


@pytest.mark.threat("T43")
async def test_a_missed_duty_suspends_at_the_very_instant(timed: Towns, agreed, started, accessed) -> None:
    """>> nothing is said by the deadline << suspended then and not before, the peer hears why, the gate is closed."""
    due = clock(timed).now() + DAY
    pair = await started(timed, await agreed(timed, **delete_by(due)))
    decision = await accessed(timed, pair[1])
    assert decision.permit
    assert decision.expires_at == due
    clock(timed).at = due - 1
    await timed.tick()
    assert await shown(timed, pair) == RUNS
    clock(timed).at = due
    await timed.tick()
    assert await shown(timed, pair) == RESTS
    assert timed.wire.sent[-1] == f"{PROVIDER}: TransferSuspensionMessage"
    theirs, mine = [await timed.process(process.participant, process.id) for process in pair]
    assert theirs.reason == mine.reason
    assert mine.held == "duty"
    assert theirs.reason is not None
    assert "Lösch" in " ".join(theirs.reason["de"]) or "ausgesetzt" in " ".join(theirs.reason["de"])
    assert not (await accessed(timed, pair[1])).permit


async def test_the_gate_needs_no_timer(timed: Towns, agreed, started, accessed) -> None:
    """>> an access at the deadline, before any timer has fired << refused all the same."""
    due = clock(timed).now() + DAY
    pair = await started(timed, await agreed(timed, **delete_by(due)))
    assert (await accessed(timed, pair[1])).permit
    clock(timed).at = due
    assert not (await accessed(timed, pair[1])).permit


async def test_a_duty_made_up_for_lets_it_go_on(timed: Towns, agreed, started, accessed) -> None:
    """>> suspended for a missed duty, then the steward notes the receipt << resumed with a fresh address, at once."""
    due = clock(timed).now() + DAY
    agreement = await agreed(timed, **delete_by(due))
    pair = await started(timed, agreement)
    clock(timed).at = due
    await timed.tick()
    clock(timed).advance(1000)
    await done(timed, agreement.id)
    assert await shown(timed, pair) == RUNS
    assert timed.pulls == [CONSUMER] * 2
    assert (await timed.process(PROVIDER, pair[1].id)).held is None
    assert (await accessed(timed, pair[1])).permit


async def test_what_we_send_is_held_and_released_too(timed: Towns, agreed) -> None:
    """>> a push under a missed duty << held; made up for << a fresh key of the consumer's door, sent again."""
    due = clock(timed).now() + DAY
    agreement = await agreed(timed, **delete_by(due))
    asked = await timed.fetch(CONSUMER, PROVIDER, agreement, "push")
    await timed.run()
    mine = await timed.process(CONSUMER, asked.id)
    pair = (mine, await timed.process(PROVIDER, mine.kernel.peer_pid))
    clock(timed).at = due
    await timed.tick()
    assert await shown(timed, pair) == RESTS
    clock(timed).advance(1000)
    await done(timed, agreement.id)
    assert await shown(timed, pair) == RUNS
    assert timed.pushes == [PROVIDER] * 2


async def test_a_duty_done_in_time_suspends_nothing(timed: Towns, agreed, started) -> None:
    due = clock(timed).now() + DAY
    agreement = await agreed(timed, **delete_by(due))
    pair = await started(timed, agreement)
    await done(timed, agreement.id)
    clock(timed).at = due + 1
    await timed.tick()
    assert await shown(timed, pair) == RUNS


async def test_a_deadline_may_count_from_the_first_access(timed: Towns, agreed, started, accessed) -> None:
    """>> `firstAccess+P1D` << no deadline before an access; a day after it, suspended."""
    pair = await started(timed, await agreed(timed, **within("firstAccess+P1D")))
    clock(timed).advance(3 * DAY)
    await timed.tick()
    assert await shown(timed, pair) == RUNS
    assert (await accessed(timed, pair[1])).permit
    await timed.tick()
    clock(timed).advance(DAY + 1)
    await timed.tick()
    assert await shown(timed, pair) == RESTS


@pytest.mark.parametrize("owner", ["consumer", "operator"])
async def test_nobody_lifts_a_suspension_that_a_duty_asks_for(timed: Towns, agreed, started, owner: str) -> None:
    """>> the peer resumes << it is suspended again, no address; the operator resumes << told that it goes by itself."""
    due = clock(timed).now() + DAY
    pair = await started(timed, await agreed(timed, **delete_by(due)))
    clock(timed).at = due
    await timed.tick()
    if owner == "operator":
        with pytest.raises(Mistake, match=r"transfer\.held"):
            await timed.db.write(PROVIDER, timed.transfers.resume, PROVIDER, pair[1].id)
    else:
        await timed.db.write(CONSUMER, timed.transfers.resume, CONSUMER, pair[0].id)
        await timed.run()
    assert await shown(timed, pair) == RESTS
    assert timed.pulls == [CONSUMER]


async def test_nothing_new_begins_while_a_duty_is_missed(timed: Towns, agreed, started) -> None:
    """>> a request after the deadline << TERMINATED with the reason."""
    due = clock(timed).now() + DAY
    agreement = await agreed(timed, **delete_by(due))
    clock(timed).at = due
    asked = await timed.fetch(CONSUMER, PROVIDER, agreement)
    await timed.run()
    await timed.hurry()
    mine = await timed.process(CONSUMER, asked.id)
    assert (mine.shown, mine.outcome) == ("TERMINATED", "refused")


async def test_a_member_that_is_lost_is_held_and_comes_back(towns: Towns, agreed, started, accessed) -> None:
    """>> struck off the list << held by the review, on each database >> on it again << goes on."""
    did = towns.did(CONSUMER)
    pair = await started(towns, await agreed(towns, **ONLY_TOWNS))
    assert (await accessed(towns, pair[1])).permit
    requester = towns.requesters.pop(did)
    await towns.db.write(PROVIDER, towns.enforcement.review, PROVIDER, pair[1].agreement)
    held = await towns.process(PROVIDER, pair[1].id)
    assert (held.shown, held.held) == ("SUSPENDED", "policy")
    towns.requesters[did] = requester
    await towns.run()
    await towns.db.write(PROVIDER, towns.enforcement.members_changed, PROVIDER, {did})
    await towns.tick()
    assert await shown(towns, pair) == RUNS


async def test_open_data_too_are_for_members_only(towns: Towns, agreed, started, accessed) -> None:
    """>> a policy without any condition, and a peer that was struck off << refused, with the reason."""
    pair = await started(towns, await agreed(towns))
    assert (await accessed(towns, pair[1])).permit
    del towns.requesters[towns.did(CONSUMER)]
    decision = await accessed(towns, pair[1])
    assert not decision.permit
    assert "Datenraum" in decision.reasons["de"][0]


async def test_who_has_changed_its_kind_is_held(towns: Towns, agreed, started) -> None:
    did = towns.did(CONSUMER)
    pair = await started(towns, await agreed(towns, **ONLY_TOWNS))
    towns.requesters[did] = Requester(did=did, kind=COMPANY)
    await towns.db.write(PROVIDER, towns.enforcement.members_changed, PROVIDER, {did, "did:web:somebody.else"})
    await towns.tick()
    assert await shown(towns, pair) == RESTS


async def test_bug_an_access_before_the_review_of_a_new_list_was_refused_for_good(
    towns: Towns, agreed, started, accessed
) -> None:
    """>> the first access of a flow, when the list is new and nothing is reviewed yet << held, with the reason, and so
    is the transfer a moment later >> listed again << goes on."""
    did = towns.did(CONSUMER)
    pair = await started(towns, await agreed(towns, **ONLY_TOWNS))
    requester = towns.requesters.pop(did)
    decision = await accessed(towns, pair[1])
    assert (decision.permit, decision.held) == (False, True)
    assert "Datenraum" in decision.reasons["de"][0]
    await towns.tick()
    assert await shown(towns, pair) == RESTS
    towns.requesters[did] = requester
    await towns.db.write(PROVIDER, towns.enforcement.members_changed, PROVIDER, {did})
    await towns.tick()
    assert await shown(towns, pair) == RUNS
    assert (await accessed(towns, pair[1])).permit


async def test_a_use_too_many_is_refused_and_not_held(towns: Towns, agreed, started, accessed) -> None:
    """>> one use is agreed, and a second flow comes << refused for good: no review would hold it."""
    once = {"leftOperand": "odrl:count", "operator": "lteq", "rightOperand": "1"}
    agreement = await agreed(towns, permission=[{"action": "use", "constraint": [once]}])
    first, second = await started(towns, agreement), await started(towns, agreement)
    assert (await accessed(towns, first[1])).permit
    decision = await accessed(towns, second[1])
    assert (decision.permit, decision.held) == (False, False)
    await towns.tick()
    assert await shown(towns, second) == RUNS


async def test_a_change_of_somebody_else_touches_nothing(towns: Towns, agreed, started) -> None:
    await started(towns, await agreed(towns, **ONLY_TOWNS))
    before = await towns.rows(PROVIDER, REVIEWS)
    await towns.db.write(PROVIDER, towns.enforcement.members_changed, PROVIDER, {"did:web:somebody.else"})
    assert await towns.rows(PROVIDER, REVIEWS) == before


async def test_a_membership_that_ends_by_itself_ends_the_stream(timed: Towns, agreed, started, accessed) -> None:
    """>> valid until tomorrow << the answer may run until then, and at that instant the transfer is held."""
    end = clock(timed).now() + DAY
    timed.ends[timed.did(CONSUMER)] = end
    pair = await started(timed, await agreed(timed))
    assert (await accessed(timed, pair[1])).expires_at == end
    clock(timed).at = end
    await timed.tick()
    assert (await timed.process(PROVIDER, pair[1].id)).held == "policy"


async def test_an_edge_of_time_that_changes_nothing_cuts_no_stream(timed: Towns, agreed, started, accessed) -> None:
    """>> two permissions, one until tomorrow and one for ever << no end."""
    until = {"leftOperand": "odrl:dateTime", "operator": "lt", "rightOperand": rfc3339(clock(timed).now() + DAY)}
    pair = await started(
        timed, await agreed(timed, permission=[{"action": "use", "constraint": [until]}, {"action": "use"}])
    )
    decision = await accessed(timed, pair[1])
    assert decision.permit
    assert decision.expires_at is None


async def test_at_most_one_review_of_an_agreement_waits(timed: Towns, agreed, started) -> None:
    agreement = await agreed(timed, **delete_by(clock(timed).now() + DAY))
    for _ in range(4):
        await started(timed, agreement)
    assert len(await timed.rows(PROVIDER, REVIEWS)) == 1


async def test_the_flow_closes_before_the_peer_can_be_told(timed: Towns, agreed) -> None:
    """>> our START is unanswered at the deadline << the flow closes at once, the suspension follows the answer."""
    due = clock(timed).now() + 1000
    agreement = await agreed(timed, **delete_by(due))
    asked = await timed.fetch(CONSUMER, PROVIDER, agreement)
    await timed.run(1)
    timed.wire.answers = [Unavailable("peer.busy", status=503)]
    await timed.run()
    [row] = await timed.rows(PROVIDER, "SELECT id FROM transfer WHERE participant = :participant")
    clock(timed).at = due
    await timed.tick()
    flow = await timed.db.read(PROVIDER, flows.find, PROVIDER, row["id"])
    assert flow is not None
    assert flow.state == "SUSPENDED"
    await timed.hurry()
    await timed.tick()
    assert (await timed.process(CONSUMER, asked.id)).shown == "SUSPENDED"


async def test_a_suspension_that_the_peer_refuses_opens_nothing(timed: Towns, agreed, started, accessed) -> None:
    """>> 400 to our suspension, again and again << the flow stays closed, and it is tried anew later."""
    due = clock(timed).now() + DAY
    pair = await started(timed, await agreed(timed, **delete_by(due)))
    clock(timed).at = due
    no = Answer(400, {}, b"{}")
    timed.wire.answers = [no] * TRIES_4XX
    await timed.tick()
    for _ in range(TRIES_4XX):
        await timed.hurry()
    flow = await timed.db.read(PROVIDER, flows.find, PROVIDER, pair[1].id)
    assert flow is not None
    assert flow.state != "STARTED"
    assert not (await accessed(timed, pair[1])).permit


async def test_what_the_operator_suspended_stays_with_the_operator(timed: Towns, agreed, started) -> None:
    """>> suspended by hand, then the duty is missed and made up for << still suspended."""
    due = clock(timed).now() + DAY
    agreement = await agreed(timed, **delete_by(due))
    pair = await started(timed, agreement)
    why = {"de": ["Pause."], "en": ["Break."]}
    await timed.db.write(PROVIDER, timed.transfers.suspend, PROVIDER, pair[1].id, "operator", why)
    await timed.run()
    clock(timed).at = due
    await timed.tick()
    clock(timed).advance(1000)
    await done(timed, agreement.id)
    assert await shown(timed, pair) == RESTS


async def test_what_has_run_out_is_ended_not_held(timed: Towns, agreed, started) -> None:
    """>> the end of the agreement << TERMINATED, as before."""
    end = clock(timed).now() + DAY
    until = {"leftOperand": "odrl:dateTime", "operator": "lt", "rightOperand": rfc3339(end)}
    pair = await started(timed, await agreed(timed, permission=[{"action": "use", "constraint": [until]}]))
    clock(timed).at = end // 1000 * 1000
    await timed.tick()
    assert await shown(timed, pair) == ["TERMINATED", "TERMINATED"] * 2


async def test_an_agreement_that_falls_takes_its_transfers_along(towns: Towns, agreed, started) -> None:
    agreement = await agreed(towns)
    pair = await started(towns, agreement)
    gone = "UPDATE agreement SET state = 'terminated' WHERE participant = :participant AND id = :id"
    await towns.db.write(PROVIDER, lambda tx: tx.run(gone, participant=PROVIDER, id=agreement.id))
    await towns.db.write(PROVIDER, towns.enforcement.review, PROVIDER, agreement.id)
    await towns.run()
    assert (await towns.process(PROVIDER, pair[1].id)).shown == "TERMINATED"


async def test_a_review_that_repeats_says_nothing_again(timed: Towns, agreed, started) -> None:
    due = clock(timed).now() + DAY
    agreement = await agreed(timed, **delete_by(due))
    await started(timed, agreement)
    clock(timed).at = due
    await timed.tick()
    said = len(timed.wire.sent)
    for _ in range(3):
        await timed.db.write(PROVIDER, timed.enforcement.review, PROVIDER, agreement.id)
        await timed.run()
    assert len(timed.wire.sent) == said
