"""What only a later phase can decide is listed with the negotiation, and refuses nothing yet (spec/policy.md 8.1)."""

import json

import pytest

from tests.testkit.towns import Towns

CONSUMER, PROVIDER = "nachbardorf", "musterstadt"


async def negotiated(towns: Towns, **wish: object) -> tuple[str, tuple[str, ...], list[list[str]]]:
    """(state, deferred, deferred as logged) of the provider's negotiation."""
    asked = await towns.ask(CONSUMER, PROVIDER, await towns.publish(PROVIDER, **wish))
    await towns.run()
    mine = await towns.case(CONSUMER, asked.id)
    theirs = await towns.case(PROVIDER, str(mine.kernel.peer_pid))
    rows = await towns.rows(
        PROVIDER, "SELECT record FROM audit_entry WHERE participant = :participant AND type = 'decision' ORDER BY id"
    )
    assert mine.deferred == ()
    logged = [json.loads(bytes(row["record"]))["body"]["deferred"] for row in rows]
    return theirs.shown, theirs.deferred, logged


async def test_a_count_is_agreed_on_and_decided_later(towns: Towns) -> None:
    """>> request under a rule with a quota << FINALIZED; the quota is listed as not yet decided, also in the log."""
    wish = {"rule": "pilot", "slots": {"from": "01.01.2020", "until": "31.12.2099", "count": "3"}}
    state, deferred, logged = await negotiated(towns, **wish)
    assert state == "FINALIZED"
    assert len(deferred) == 1
    assert deferred[0].startswith("/permission/0/")
    assert logged == [list(deferred)]


@pytest.mark.on_both
async def test_what_is_decided_already_is_not_listed(towns: Towns) -> None:
    state, deferred, logged = await negotiated(towns)
    assert (state, deferred, logged) == ("FINALIZED", (), [[]])
