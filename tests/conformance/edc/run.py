"""`hanse conformance edc`: Hanse and live Eclipse EDCs, in both directions, scenario by scenario."""

import asyncio
import tempfile
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import NamedTuple

import aiohttp
import uvloop

from connector.cli.frame.call import OK, REFUSED, Call
from tests.conformance import maven
from tests.conformance.children import ended_politely
from tests.conformance.edc import hanse, ours, program, theirs
from tests.conformance.edc.hanse import Hanse, Refused
from tests.conformance.edc.management import Management, Other
from tests.conformance.edc.program import Programs
from tests.conformance.edc.scene import PAGES, TREES, Defective, Otherwise, Scenario, Scene
from tests.conformance.edc.site import CONTENT, SOURCE, serving
from tests.conformance.subject import messages
from tests.conformance.transcript import during, keep, shown

SCENARIOS: Mapping[str, Scenario] = {**theirs.SCENARIOS, **ours.SCENARIOS}
ONE_S = 60.0
QUICK, SLOW = "nachbar", "gemach"
"""Participant ids of the EDCs. A prefix of its own JSON-LD context, such as `edc`, would be expanded."""
DETOUR = "umweg"
_RULES = {
    "open-attribution": ("open-attribution", {"source": "Musterstadt"}),
    "municipalities-only": ("municipalities-only", {}),
    "counties-only": ("municipalities-only", {"kinds": "county"}),
}


class Outcome(NamedTuple):
    """Of one scenario; `reason` is empty if it passed, `again` names why it had to be played a second time."""

    name: str
    reason: str
    began: float
    ended: float
    again: str = ""


def run(call: Call) -> int:
    with ended_politely():
        programs = program.resolved(call.environ, call.args.cache or maven.cache(call.environ))
        call.tell("conformance.release", release=f"Eclipse EDC {programs.release}")
        with tempfile.TemporaryDirectory(prefix="hanse-edc-") as name:
            folder = Path(name)
            outcomes = uvloop.run(_played(call, programs, folder))
            if call.args.keep is not None:
                keep(folder, call.args.keep)
            return _closed(call, outcomes, folder)


async def _played(call: Call, programs: Programs, folder: Path) -> list[Outcome]:
    async with scene(programs, folder, call.environ) as made:
        outcomes = []
        for name, scenario in SCENARIOS.items():
            outcomes.append(await _one(name, scenario, made))
            passed = not outcomes[-1].reason
            said = call.say(f"conformance.case.{name}")
            if outcomes[-1].again:
                call.tell(f"conformance.again.{outcomes[-1].again}", case=said)
            call.tell("conformance.ok" if passed else "conformance.failed", case=said)
        return outcomes


async def _one(name: str, scenario: Scenario, made: Scene) -> Outcome:
    """Bounded; whatever it meets is its reason, so that the others are played all the same.

    Once more, and said, where our record proves a defect of the other program; if it comes again, that is the reason.
    """
    first = await _once(name, scenario, made)
    return first if not first.again else (await _once(name, scenario, made))._replace(again=first.again)


async def _once(name: str, scenario: Scenario, made: Scene) -> Outcome:
    began, reason, again = time.time(), "", ""
    try:
        async with asyncio.timeout(ONE_S):
            await scenario(made)
    except Defective as defect:
        reason, again = defect.told, defect.key
    except Otherwise as other:
        reason = f"{other.expected} ≠ {other.found}"
    except TimeoutError:
        reason = f"> {ONE_S:.0f} s"
    except (Other, Refused, aiohttp.ClientError, LookupError, ValueError) as error:
        reason = f"{type(error).__name__}: {error}"
    return Outcome(name, reason, began, time.time(), again)


@asynccontextmanager
async def scene(programs: Programs, folder: Path, environ: Mapping[str, str]) -> AsyncIterator[Scene]:
    """Two EDCs, our connector and what stands beside them, with all that they have to offer."""
    async with AsyncExitStack() as stack:
        edc = stack.enter_context(program.started(programs.java, programs.whole, folder, QUICK))
        slow = stack.enter_context(program.started(programs.java, programs.bare, folder, SLOW, None))
        port, beside = program.free_ports(2)
        site = await stack.enter_async_context(serving(beside, f"http://localhost:{port}"))
        own = {key: value for key, value in environ.items() if not key.startswith("HANSE_")}
        peers, also = {edc.name: edc, slow.name: slow}, {DETOUR: site.slow(DETOUR)}
        process = hanse.started(folder, port, peers, own, also, f"{site.root}/sink")
        running = await asyncio.to_thread(stack.enter_context, process)
        session = await stack.enter_async_context(aiohttp.ClientSession())
        direct, detour = Hanse(running), Hanse(running, DETOUR)
        for one in (direct, detour):
            stack.push_async_callback(one.close)
        made = Scene(Management(session, edc), Management(session, slow), direct, detour, site, {})
        await _offered(made)
        yield made._replace(datasets=await _published(made))


async def _offered(made: Scene) -> None:
    """What the EDCs offer."""
    sources = {made.edc: {"type": "HttpData", "baseUrl": made.site.source}, made.slow: {"type": SOURCE}}
    for management, source in sources.items():
        await management.policy("free", {"permission": [{"action": "use"}]})
        await management.asset(TREES, source)
        await management.offer("all", "free")
    for number in range(PAGES):
        await made.edc.asset(f"page-{number:03}", {"type": "HttpData", "baseUrl": made.site.source})
    await made.slow.plane(f"{made.site.root}/plane", SOURCE, theirs.PULL)


async def _published(made: Scene) -> dict[str, str]:
    """What we offer, by the name of the rule."""
    found = {name: await made.hanse.publish(CONTENT, rule, slots) for name, (rule, slots) in _RULES.items()}
    rule, slots = _RULES["open-attribution"]
    return {**found, "detour": await made.detour.publish(CONTENT, rule, slots)}


def _closed(call: Call, outcomes: list[Outcome], folder: Path) -> int:
    exchanged = messages(folder)
    failures = [one for one in outcomes if one.reason]
    for one in failures:
        call.tell("conformance.failure", case=call.say(f"conformance.case.{one.name}"), reason=one.reason)
        for message in during(exchanged, one.began, one.ended):
            call.tell("conformance.message", **shown(message))
    passed, failed = len(outcomes) - len(failures), len(failures)
    rows = [{"scenario": one.name, "ok": not one.reason, "reason": one.reason} for one in outcomes]
    call.result({"ok": not failed, "passed": passed, "failed": failed, "scenarios": rows})
    call.tell("conformance.result", passed=passed, failed=failed)
    return REFUSED if failed else OK
