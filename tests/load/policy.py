"""What a decision costs, against one ES256 verification in the same run.

A policy of eight clauses and one of 262 branches, asked by several requesters in turn, permitted and refused. CPU time,
because a wall clock would measure the neighbours too. Decisions are timed one by one (99th percentile; `nothing` is
what clock and machine add), everything else by its median. `--quick` takes three rounds, not nine.
"""

import asyncio
import gc
import importlib
import json
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from _cities import QUICK, figure, middle, progress
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from msgspec.structs import replace

from connector.data.catalogue.concepts import vocabulary
from connector.exchange.transfer.decision import use_counts
from connector.foundation.language import say
from connector.foundation.storage import open_database
from connector.foundation.storage.database import Tx
from connector.foundation.storage.migrate import upgrade
from connector.kernel.policy.engine import LANGUAGES, PolicyEngine
from connector.kernel.policy.evaluation.decision import Counter, Decision
from connector.kernel.policy.evaluation.program import Program, compile
from connector.kernel.policy.evaluation.record import world_digest
from connector.kernel.policy.odrl.names import HANSE, ODRL
from connector.kernel.policy.odrl.parse import parse
from connector.kernel.policy.odrl.state_of_world import Fact, World
from connector.kernel.policy.wording.outline import outline

ROUNDS = 3 if QUICK else 9
VERIFIED, DECIDED, LARGE, SLOW = 400, 4000, 400, 300
NOW = 1_795_000_000_000
DAY = 86_400_000


def atom(left: str, operator: str, right: object) -> dict[str, object]:
    return {"leftOperand": left, "operator": operator, "rightOperand": right}


EIGHT: dict[str, Any] = {
    "permission": [
        {
            "action": "use",
            "constraint": [
                {
                    "and": [
                        atom(HANSE + "participantKind", "isAnyOf", [HANSE + "municipality", HANSE + "county"]),
                        atom(HANSE + "memberOf", "isAnyOf", ["urn:ikz", "urn:ring"]),
                        atom("odrl:purpose", "isPartOf", HANSE + "environmentalMonitoring"),
                        atom("odrl:dateTime", "gteq", "2026-01-01T00:00:00+01:00"),
                        atom("odrl:dateTime", "lt", "2028-01-01T00:00:00+01:00"),
                        atom("odrl:count", "lteq", "1000"),
                        atom("odrl:elapsedTime", "lteq", "P365D"),
                        {"or": [atom("odrl:spatial", "eq", "urn:area:eu"), atom("odrl:spatial", "eq", "urn:area:de")]},
                    ]
                }
            ],
            "duty": [{"action": "odrl:attribute", "constraint": [atom(HANSE + "attributionText", "eq", "Stadt")]}],
        }
    ],
    "prohibition": [{"action": "odrl:distribute"}, {"action": HANSE + "aiTraining"}],
    "obligation": [
        {
            "action": "odrl:delete",
            "constraint": [atom(HANSE + "dueBy", "lt", "2028-02-01T00:00:00+01:00")],
            "odrl:consequence": [{"action": HANSE + "suspendAccess"}],
        }
    ],
    "odrl:conflict": "odrl:prohibit",
}
"""Eight comparisons and the duty, prohibitions and obligation that our own rules have."""


def branches(count: int) -> dict[str, Any]:
    """As in the largest public case: one of many days, each with a beginning and an end."""
    days = [
        {"and": [atom("odrl:dateTime", "gteq", _at(NOW - 2 * DAY * n)), atom("odrl:dateTime", "lt", _at(_end(n)))]}
        for n in range(1, count + 1)
    ]
    return {"permission": [{"action": "use", "constraint": [{"or": days}]}], "odrl:conflict": "odrl:prohibit"}


def _end(number: int) -> int:
    return NOW - 2 * DAY * number + DAY


def mixed(count: int) -> dict[str, Any]:
    """The same with a group in each branch, so that no two branches can be looked up at once."""
    document = branches(count)
    for number, day in enumerate(document["permission"][0]["constraint"][0]["or"]):
        day["and"].append(atom(HANSE + "memberOf", "isAnyOf", [f"urn:group:{number}"]))
    return document


def _at(ms: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(ms // 1000))


def requesters() -> list[World]:
    """A municipality that may, and others that may not: kind, group, purpose, time, number of uses."""
    facts = {
        HANSE + "participantKind": Fact(frozenset({HANSE + "municipality"}), "verified-credential", "trust-list"),
        HANSE + "memberOf": Fact(frozenset({"urn:ikz"}), "verified-credential", "trust-list"),
        ODRL + "spatial": Fact(frozenset({"urn:area:de"}), "declared"),
    }
    may = World(
        now=NOW,
        participant="did:web:town",
        facts=facts,
        purpose=HANSE + "environmentalMonitoring",
        purpose_source="declared",
        agreement_at=NOW - DAY,
        uses={"": 7},
        closure=vocabulary().closure,
    )
    firm = {**facts, HANSE + "participantKind": Fact(frozenset({HANSE + "company"}), "verified-credential")}
    return [
        may,
        replace(may, facts=firm),
        replace(may, facts={**facts, HANSE + "memberOf": Fact(frozenset(), "verified-credential")}),
        replace(may, purpose=HANSE + "research"),
        replace(may, now=NOW + 800 * DAY),
        replace(may, uses={"": 1001}),
    ]


def each(call: Callable[[World], object], worlds: Sequence[World], count: int) -> list[float]:
    """Microseconds of CPU of each of `count` calls, the worlds in turn."""
    clock, spent = time.thread_time_ns, []
    for index in range(count):
        world = worlds[index % len(worlds)]
        begun = clock()
        call(world)
        spent.append((clock() - begun) / 1000)
    return spent


def percentile(values: Sequence[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def verification() -> Callable[[World], object]:
    """One ES256 verification of a short message, with the library that the connector uses."""
    key = ec.generate_private_key(ec.SECP256R1())
    message = b"x" * 200
    signature = key.sign(message, ec.ECDSA(SHA256()))
    public = key.public_key()
    return lambda _world: public.verify(signature, message, ec.ECDSA(SHA256()))


class Figures:
    """Costs by name, one value per round, each with the verification of its round."""

    def __init__(self) -> None:
        self._costs: dict[str, list[float]] = {}
        self._verified: list[float] = []

    def verified(self, cost: float) -> None:
        self._verified.append(cost)

    def add(self, name: str, cost: float) -> None:
        self._costs.setdefault(name, []).append(cost)

    def tell(self, name: str, goal: str | None = None) -> None:
        costs = self._costs[name]
        ratios = [cost / one for cost, one in zip(costs, self._verified, strict=True)]
        figure(
            f"policy.{name}",
            middle(costs),
            "us",
            reference=middle(self._verified),
            ratio=middle(ratios),
            spread=ratios,
            goal=goal,
        )


def compiled(document: dict[str, Any]) -> Callable[[World], object]:
    policy = parse(document)

    def call(_world: World) -> None:
        program = compile(policy)
        program.verdict(_world, "access")

    return call


def told(engine: PolicyEngine, document: dict[str, Any]) -> Callable[[World], object]:
    """The tree and the text of it in one language: what a person is shown of one decision."""
    program, words = engine.program(document), engine.words(LANGUAGES[0])
    return lambda world: outline(program.examine(world, "access"), words)


def advised(engine: PolicyEngine, document: dict[str, Any]) -> Callable[[World], object]:
    """The same with the search for what would help, and its sentence."""
    program = engine.program(document)
    return lambda world: engine.explain_text(program.examine(world, "access"), LANGUAGES[0])


def engine() -> PolicyEngine:
    known = vocabulary()
    labels = {lang: known.labels(lang) for lang in LANGUAGES}
    return PolicyEngine(
        known.closure, labels, known.digest, lambda lang: lambda key, /, **facts: say(key, lang, **facts)
    )


def rdf(program: Program, decision: Decision) -> Callable[[World], object] | None:
    """Writing the report of one decision as Turtle, None where no writer is."""
    try:
        reports = importlib.import_module("connector.kernel.dialects.policies.report")
    except ImportError:
        return None
    return lambda _world: reports.write(reports.report(program.policy, decision)[1])


async def counted(folder: Path, program: Program, world: World) -> list[float]:
    """Microseconds of whole write transactions: lock the counter, decide, count."""

    def once(tx: Tx) -> None:
        used = use_counts.with_this(use_counts.locked(tx, "p", "a", use_counts.windows(program.policy)))
        verdict = program.verdict(replace(world, uses=used), "access")
        use_counts.count(tx, "p", "a", verdict.counters or (Counter("count", ""),))

    url = f"sqlite://{folder / 'hanse.db'}"
    upgrade(url)
    db = open_database(url)
    await db.start()
    spent: list[float] = []
    try:
        for _ in range(SLOW):
            begun = time.perf_counter_ns()
            await db.write("p", once)
            spent.append((time.perf_counter_ns() - begun) / 1000)
    finally:
        await db.close()
    return spent


def measured(figures: Figures) -> None:
    worlds, small = requesters(), compile(parse(EIGHT))
    large, mix = compile(parse(branches(262))), compile(parse(mixed(262)))
    permits = [small.verdict(world, "access").permit for world in worlds]
    assert permits == [True] + [False] * (len(worlds) - 1), permits
    assert not any(program.verdict(world, "access").permit for program in (large, mix) for world in worlds)
    verify, tell, report = verification(), told(engine(), EIGHT), rdf(small, small.examine(worlds[0], "access"))
    advise = advised(engine(), EIGHT)
    for turn in range(ROUNDS):
        progress(f"round {turn + 1}")
        gc.collect()
        figures.verified(middle(each(verify, worlds, VERIFIED)))
        figures.add("decide-p99", percentile(each(lambda w: small.verdict(w, "access"), worlds, DECIDED), 0.99))
        figures.add("nothing-p99", percentile(each(lambda _: None, worlds, DECIDED), 0.99))
        figures.add("decide-median", middle(each(lambda w: small.verdict(w, "access"), worlds, DECIDED)))
        figures.add("decide-262-p99", percentile(each(lambda w: large.verdict(w, "access"), worlds, LARGE), 0.99))
        figures.add("decide-262-mixed-p99", percentile(each(lambda w: mix.verdict(w, "access"), worlds, LARGE), 0.99))
        figures.add("compile-8", middle(each(compiled(EIGHT), worlds, SLOW)))
        figures.add("tree", middle(each(lambda w: small.examine(w, "access"), worlds, SLOW)))
        figures.add("tree-and-text", middle(each(tell, worlds, SLOW)))
        figures.add("tree-text-and-advice", middle(each(advise, worlds, SLOW)))
        figures.add("world-digest", middle(each(world_digest, worlds, SLOW)))
        if report:
            figures.add("rdf-report", middle(each(report, worlds, SLOW)))
        with tempfile.TemporaryDirectory() as folder:
            figures.add("counter", middle(asyncio.run(counted(Path(folder), small, worlds[0]))))
    _told(figures, report is not None)


def _told(figures: Figures, reported: bool) -> None:
    figures.tell("decide-p99", "<= 0.1")
    figures.tell("nothing-p99")
    figures.tell("decide-median")
    figures.tell("decide-262-p99", "<= 1.2")
    figures.tell("decide-262-mixed-p99")
    figures.tell("compile-8", "<= 6")
    figures.tell("tree")
    figures.tell("tree-and-text", "<= 0.6")
    figures.tell("tree-text-and-advice")
    figures.tell("world-digest")
    figures.tell("counter")
    if reported:
        figures.tell("rdf-report")
    else:
        line = {"name": "policy.rdf-report", "value": "absent", "unit": "", "reference": None, "ratio": None}
        print(json.dumps({**line, "goal": None, "met": None}), flush=True)


if __name__ == "__main__":
    measured(Figures())
