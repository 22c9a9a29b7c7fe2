"""`kill -9` between any two steps of a late seal, an end, a renewal and a withdrawn key: afterwards each is there once.

As in `test_crashes`, the process dies just before or just after each commit until an act has no commit left; a client
looks whether its wish was heard before it repeats it.
"""

import asyncio
import json
import os
import time
from collections.abc import Awaitable, Callable
from itertools import count
from typing import Any

import pytest

from connector.foundation.clock import rfc3339
from tests.cities import forgetful
from tests.testkit import crash
from tests.testkit.cities import Refused, Space
from tests.testkit.pair import TOWN, VILLAGE, Pair, disarmed, patiently, revived, two
from tests.testkit.patience import eventually
from tests.testkit.processes import Process

pytestmark = pytest.mark.threat("T57")
LONG = os.environ.get("HANSE_LONG") == "1"
WHEN = ["before", "after"] if LONG else ["after"]
"""Just before a commit is just after the one before it, but for what was sent in between."""
STRIDE = 1 if LONG else 2
"""A death costs a start of the process: only long runs take every step, all others every second one."""
Act = Callable[[Pair, Process, str], Awaitable[None]]
SIDES = {"provider": TOWN, "consumer": VILLAGE}
ONE_OF_THEM = ["provider", pytest.param("consumer", marks=pytest.mark.long)]


async def through_all_deaths(pair: Pair, side: str, when: str, act: Act, *, stride: int = STRIDE, **wish: Any) -> int:
    """A new agreement for each step, then the act with a process that dies there; about how many steps it has."""
    victim = pair.provider if side == "provider" else pair.consumer
    for step in count(1, stride):
        agreement = await agreed(pair, **wish)
        assert await victim.say(f"{when} {step}") == "armed"
        async with revived(victim) as codes:
            await act(pair, victim, agreement)
            await eventually(lambda: all(not one.rows(_OPEN) for one in (pair.provider, pair.consumer)))
        for process in (pair.provider, pair.consumer):
            chain = [row["seq"] for row in process.rows(_CHAIN, agreement)]
            assert chain == list(range(chain[0], chain[0] + len(chain)))
        if not codes:
            return step
        assert codes == [-9], f"step {step}"
    raise AssertionError


_OPEN = "SELECT id FROM outbox WHERE done_at IS NULL"
_CHAIN = "SELECT seq FROM audit_entry WHERE agreement = ? ORDER BY seq"


async def agreed(pair: Pair, state: str = "FINALIZED", **wish: Any) -> str:
    """An agreement of the village, which the negotiation has brought to `state` on both sides."""
    body = {"provider": pair.did, "dataset": pair.dataset, "purpose": _PURPOSE, **wish}
    begun = await pair.consumer.api.post(f"/api/v1/participants/{VILLAGE}/negotiations", body)
    after = "SELECT state FROM negotiation WHERE id = ? OR peer_pid = ?"

    def there() -> bool:
        found = [process.rows(after, begun["id"], begun["id"]) for process in (pair.provider, pair.consumer)]
        return all([row["state"] for row in rows] == [state] for rows in found)

    await eventually(there)
    await eventually(lambda: all(not one.rows(_OPEN) for one in (pair.provider, pair.consumer)))
    return str(pair.consumer.rows("SELECT agreement FROM negotiation WHERE id = ?", begun["id"])[0]["agreement"])


_PURPOSE = "https://w3id.org/hanse/v1#publicAdministration"


def state(process: Process, agreement: str) -> str:
    return str(process.rows("SELECT state FROM agreement WHERE id = ?", agreement)[0]["state"])


def both(pair: Pair, agreement: str) -> list[str]:
    return [state(process, agreement) for process in (pair.provider, pair.consumer)]


def bodies(process: Process, agreement: str, type_: str) -> list[dict[str, Any]]:
    rows = process.rows(
        "SELECT record FROM audit_entry WHERE agreement = ? AND type = ? ORDER BY seq", agreement, type_
    )
    return [json.loads(row["record"])["body"] for row in rows]


async def once(wish: Callable[[], Awaitable[object]], heard: Callable[[], bool]) -> None:
    """A client that looks before it repeats itself, and takes a no for an answer only if its wish was not heard."""

    async def ask() -> None:
        if not heard():
            try:
                await wish()
            except Refused:
                if not heard():
                    raise

    await patiently(ask)


@pytest.mark.parametrize("when", WHEN)
@pytest.mark.parametrize("side", ONE_OF_THEM)
async def test_a_late_seal_is_booked_once(side: str, when: str, space: Space) -> None:
    """>> a person signs late << finalized on both sides with the same seal, one further record, one FINALIZED."""
    async with two(space, crash.PROGRAM, forgetful.PROGRAM) as pair:
        wish = {"title": "Bäume", "rule": "municipal-purpose", "slots": {"until": "31.12.2099"}}
        source = await pair.provider.api.post(f"/api/v1/participants/{TOWN}/files?name=b.csv", data=pair.content)
        made = await pair.provider.api.post(
            f"/api/v1/participants/{TOWN}/datasets", {**wish, **source, "countersignature": "required"}
        )
        pair.dataset = made["dataset"]
        steps = await through_all_deaths(pair, side, when, signed_late, state="VERIFIED")
        assert steps > 2


async def signed_late(pair: Pair, victim: Process, agreement: str) -> None:
    base = f"/api/v1/participants/{VILLAGE}/agreements/{agreement[9:]}"
    read = await pair.consumer.api.get(f"{base}/reading")
    order = {"digest": read["digest"], "approval": {"role": "Amtsleitung", "pseudonym": "p-7f3a91"}}
    ordered = "SELECT 1 FROM outbox WHERE kind IN ('countersign-late', 'hand-in') AND body LIKE ?"
    case = pair.consumer.rows("SELECT negotiation FROM agreement WHERE id = ?", agreement)[0]["negotiation"]

    def heard() -> bool:
        return state(pair.consumer, agreement) == "finalized" or bool(pair.consumer.rows(ordered, f"%{case}%"))

    await once(lambda: pair.consumer.api.post(f"{base}/countersignature", order), heard)
    await eventually(lambda: both(pair, agreement) == ["finalized", "finalized"])
    seals = [
        process.rows("SELECT consumer_jws FROM agreement WHERE id = ?", agreement)
        for process in (pair.provider, pair.consumer)
    ]
    assert seals[0] == seals[1]
    [theirs], ours = [bodies(process, agreement, "agreement") for process in (pair.provider, pair.consumer)]
    assert ours[-1]["consumerJws"] == theirs["consumerJws"] is not None
    assert len(ours) <= 2, "one more where FINALIZED was faster than the answer to the late seal"
    sent = pair.provider.rows("SELECT body FROM outbox WHERE kind = 'message' AND body LIKE ?", f"%{case}%FINALIZED%")
    assert len(sent) <= 1


@pytest.mark.parametrize("when", WHEN)
@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("by", SIDES if LONG else ["consumer"])
async def test_a_statement_is_made_once_and_delivered(by: str, side: str, when: str, space: Space) -> None:
    """>> one side ends it, either process dies << ended on both sides by the same statement, logged once."""
    programs = {"town": crash.PROGRAM} if side == "provider" else {"village": crash.PROGRAM}

    async def ended(pair: Pair, victim: Process, agreement: str) -> None:
        process = pair.provider if by == "provider" else pair.consumer
        place = f"/api/v1/participants/{SIDES[by]}/agreements/{agreement[9:]}/end"
        await once(
            lambda: process.api.post(place, {"reason": "Nicht mehr nötig."}),
            lambda: state(process, agreement) == "ended",
        )
        await eventually(lambda: both(pair, agreement) == ["ended", "ended"])
        told = [bodies(one, agreement, "termination") for one in (pair.provider, pair.consumer)]
        assert [[one["event"] for one in side_] for side_ in told] == [["stated", "ended"]] * 2
        assert told[0][0]["statement"] == told[1][0]["statement"]

    async with two(space, **programs) as pair:
        steps = await through_all_deaths(pair, side, when, ended)
        assert steps >= 2


@pytest.mark.parametrize("when", WHEN)
@pytest.mark.parametrize("side", ONE_OF_THEM)
async def test_a_renewal_replaces_once(side: str, when: str, space: Space) -> None:
    """>> a request that replaces << the new one in force, the old one ended as replaced by it, once, on both sides."""
    programs = {"town": crash.PROGRAM} if side == "provider" else {"village": crash.PROGRAM}
    async with two(space, **programs) as pair:
        steps = await through_all_deaths(pair, side, when, renewed)
        assert steps >= 4, "three commits at least: what the peer says next books our answers, too"


async def renewed(pair: Pair, victim: Process, old: str) -> None:
    wish = {"provider": pair.did, "dataset": pair.dataset, "purpose": _PURPOSE, "replaces": old}
    done = await pair.persistently("negotiation", wish)
    assert done["state"] == "FINALIZED", done
    new = str(done["agreement"])
    await eventually(lambda: both(pair, old) == ["ended", "ended"])
    assert both(pair, new) == ["finalized", "finalized"]
    for process in (pair.provider, pair.consumer):
        digest = process.rows("SELECT digest FROM agreement WHERE id = ?", new)[0]["digest"]
        [told] = bodies(process, old, "termination")
        assert (told["event"], told["by"]) == ("replaced", digest)


@pytest.mark.parametrize("when", WHEN)
async def test_a_key_is_withdrawn_once_and_a_new_one_seals(when: str, space: Space) -> None:
    """>> revoke-key << the old one is gone, the new one in use, one key event; the next contract holds."""
    async with two(space, crash.PROGRAM) as pair:
        steps = await through_all_deaths(pair, "provider", when, withdrawn, stride=1)
        assert steps >= 2


_ACTIVE = "SELECT kid, created_at FROM key WHERE purpose = 'seal' AND state = 'active'"


async def withdrawn(pair: Pair, victim: Process, agreement: str) -> None:
    [old] = victim.rows(_ACTIVE)
    since = (old["created_at"] // 1000 + 1) * 1000
    while time.time() * 1000 <= since:
        await asyncio.sleep(0.05)
    wish = {"from": rfc3339(since), "reason": "Rechner gestohlen"}
    place = f"/api/v1/participants/{TOWN}/keys/seal/revoke"
    await once(lambda: victim.api.post(place, wish), lambda: victim.rows(_ACTIVE)[0]["kid"] != old["kid"])
    await disarmed(victim)  # what follows is tried elsewhere; if it just died, it comes back unarmed
    [new] = victim.rows(_ACTIVE)
    events = [
        json.loads(row["record"])["body"] for row in victim.rows("SELECT record FROM audit_entry WHERE type = 'key'")
    ]
    assert [one["kid"] for one in events if one.get("kid") == old["kid"]] == [old["kid"]]
    document = json.dumps(await patiently(lambda: victim.api.get(f"/api/v1/participants/{TOWN}")))
    assert new["kid"].partition("#")[2] in document or old["kid"].partition("#")[2] not in document
    # The trust list is written after the commit: who died in between has made up for it when it is back.
    for process in (pair.provider, pair.consumer):
        await patiently(lambda process=process: process.api.post("/api/v1/trust/reload"))  # type: ignore[misc]
    signed = await pair.negotiate()
    assert signed["state"] == "FINALIZED", signed
    await pair.evidence(pair.provider, TOWN, signed["agreement"])
