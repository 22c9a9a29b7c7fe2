"""Reads the OVAL suite (spec/policy.md 15.3): a policy in Turtle, a table of events; the folder says if all is right.

A log is in order if every row is permitted with the counts up to it, no prohibition is left violated, and every
obligation and duty is fulfilled or healed by the last event. An offer binds here, as it does for OVAL. A row that does
what some duty of the policy demands needs no permission of its own, and a policy without permissions only forbids and
demands.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from connector.foundation.errors import Mistake
from connector.kernel.dialects.jsonld.nodes import Nodes, from_rdf
from connector.kernel.dialects.policies.foreign import read_rdf
from connector.kernel.policy.evaluation import duty
from connector.kernel.policy.evaluation.decision import Decision, Node
from connector.kernel.policy.evaluation.payments import allotted
from connector.kernel.policy.evaluation.program import Mode
from connector.kernel.policy.odrl.model import Duty, Policy, PolicyError, Rule
from connector.kernel.policy.odrl.names import HANSE, ODRL, covers, expand, member
from connector.kernel.policy.odrl.operands import BUILT_IN
from connector.kernel.policy.odrl.state_of_world import Deed, Fact, Value, World
from connector.kernel.protocol.shape import Malformed
from tests.suites import engine
from tests.suites.containing import SETS, cells, containing, within
from tests.suites.events import Row, read_rows
from tests.suites.outcome import Outcome
from tests.suites.requests import compared, operands

MODE = Mode(duty_mode="not_violated", offers_bind=True, members_known=True)
"""While rows are judged, a duty stands in the way only once violated; how duties end is judged after the last row."""


def run(folder: Path, profiles: frozenset[str] = frozenset()) -> Iterator[Outcome]:
    """Every case of `valid/` and `invalid/` below `folder`; Mistake if there is none. `profiles` the caller knows."""
    found = False
    for place in sorted(folder.rglob("*.ttl")):
        verdicts = [part for part in place.parts if part in ("valid", "invalid")]
        if verdicts and (table := place.with_suffix(".csv")).is_file():
            found = True
            yield _case(place, table, verdicts[-1] == "valid", engine.Reading(profiles))
    if not found:
        raise Mistake("cli.suite-empty", path=folder)


def _case(place: Path, table: Path, expected: bool, reading: engine.Reading) -> Outcome:
    name = f"{'valid' if expected else 'invalid'}/{place.stem}"
    try:
        data = place.read_bytes()
        nodes, rows = from_rdf(data), read_rows(table.read_bytes(), data)
        read = [engine.parsed(containing(_with_deadlines(one.document)), reading) for one in read_rdf(data)]
        faults = [fault for one in read for fault in judge(one, rows, nodes)]
    except (Malformed, PolicyError, OSError, ValueError) as cause:
        return Outcome(name=name, problem=f"{type(cause).__name__} {cause}")
    agreed = expected == (not faults)
    told = () if agreed else (f"- {'valid' if expected else 'invalid'}", *(f"+ {fault}" for fault in faults))
    unknown = tuple(dict.fromkeys(profile for one in read for profile in one.unknown))
    return Outcome(name=name, activation=agreed, premises=agreed, differences=told, profiles=unknown)


def _with_deadlines(document: dict[str, Any]) -> dict[str, Any]:
    """The suite says by when a duty is due by a condition on the clock; here a deadline (spec/policy.md 2.5)."""
    made = {key: _duties(value) if member(key) in _RULES else value for key, value in document.items()}
    return {key: _due(value) if member(key) == "obligation" else value for key, value in made.items()}


def _duties(rules: Any) -> Any:
    return [
        {key: _due(value) if member(key) in _OWED else value for key, value in rule.items()}
        if isinstance(rule, dict)
        else rule
        for rule in (rules if isinstance(rules, list) else [rules])
    ]


def _due(duties: Any) -> Any:
    """Each duty, and what follows from it, with `dateTime lt` as `hanse:dueBy lt`."""
    return [
        {
            key: _clauses(value) if member(key) == "constraint" else _due(value) if member(key) in _OWED else value
            for key, value in duty.items()
        }
        if isinstance(duty, dict)
        else duty
        for duty in (duties if isinstance(duties, list) else [duties])
    ]


def _clauses(clauses: Any) -> Any:
    return [
        {**clause, "leftOperand": HANSE + "dueBy"} if isinstance(clause, dict) and _is_limit(clause) else clause
        for clause in (clauses if isinstance(clauses, list) else [clauses])
    ]


def _is_limit(clause: dict[str, Any]) -> bool:
    operator = expand(str(clause.get("operator", ""))).removeprefix(ODRL)
    return expand(str(clause.get("leftOperand", ""))) == ODRL + "dateTime" and operator in ("lt", "lteq")


_RULES = frozenset({"permission", "prohibition"})
_OWED = frozenset({"duty", "remedy", "consequence"})


def judge(loaded: engine.Loaded, rows: Sequence[Row], nodes: Nodes) -> list[str]:
    """What is wrong with the log under the policy; empty if it is in order."""
    log = _Log(loaded, rows, nodes)
    faults = [fault for number in range(len(rows)) if (fault := log.row(number))]
    return faults + (log.end() if rows else [])


class _Log:
    def __init__(self, loaded: engine.Loaded, rows: Sequence[Row], nodes: Nodes) -> None:
        policy = loaded.policy
        self._loaded, self._policy, self._rows, self._nodes = loaded, policy, rows, nodes
        bare = replace(policy, prohibitions=(), obligations=())
        self._alone = [replace(bare, permissions=(replace(rule, duties=()),)) for rule in policy.permissions]
        self._counts: Counter[int] = Counter()
        self._users: dict[int, str] = {}
        """Who used each permission last, and so owes its duties."""
        self._last = ""
        self._demanded = {duty.action.iri for duty in _all_duties(policy)}
        self._units = dict(operands(policy))
        self._sets = {atom.left for atom in compared(policy) if atom.operator in SETS and not BUILT_IN.get(atom.left)}
        self._deeds = tuple(
            Deed(action=row.action, at=row.at, party=row.party, target=row.asset, values=self._values(row))
            for row in rows
        )

    def _values(self, row: Row) -> dict[str, Value]:
        """What the row says by operand; an amount without a currency is in the policy's."""
        said = {left: cells(texts) if left in self._sets else texts for left, texts in row.facts.items()}
        said |= {left: told for left in self._units if (told := within(left, row.facts))}
        found = {left: engine.value(left, texts, self._loaded.registry) for left, texts in said.items()}
        if unit := self._units.get(_AMOUNT, ""):
            found.setdefault(_CURRENCY, frozenset({unit}))
        return found

    def _examined(self, policy: Policy, world: World) -> Decision:
        above = engine.above(self._nodes, world.action, ODRL + "includedIn")
        return engine.examine(self._loaded._replace(policy=policy), world, MODE, above)

    def row(self, number: int) -> str:
        row = self._rows[number]
        if self._forbidden(self._examined(self._policy, self._world(row, number + 1)), row):
            return f"row {number + 1}: {row.action} forbidden"
        if not self._policy.permissions or row.action in self._demanded:
            return ""
        granted = False
        for index, alone in enumerate(self._alone):
            world = replace(self._world(row, number + 1), uses={"": self._counts[index] + 1})
            if self._examined(alone, world).permit:
                self._counts[index] += 1
                self._users[index] = self._last = row.party
                granted = True
        return "" if granted else f"row {number + 1}: {row.action} not permitted"

    def _forbidden(self, decision: Decision, row: Row) -> bool:
        """Whether the row violates a prohibition and no later remedy neutralises that."""
        if any(node.kind in ("party", "target") and node.state == "no" for node in decision.tree.children):
            return False
        for node in decision.tree.children:
            rule = node.item
            if node.kind != "prohibition" or not isinstance(rule, Rule) or node.state != "yes":
                continue
            if covers(rule.action.iri, decision.action) and not self._remedied(rule, row):
                return True
        return False

    def _remedied(self, rule: Rule, row: Row) -> bool:
        """Whether each remedy was done afterwards as it says, by whoever owes it; no deed is two remedies."""
        world = self._world(row, len(self._rows))
        done = [deed for deed in self._deeds if deed.at >= row.at]
        wishes = [
            [
                n
                for n, deed in enumerate(done)
                if duty.answers(remedy, duty.parts(remedy), deed, world, self._policy.assignee)
            ]
            for remedy in rule.remedies
        ]
        return bool(wishes) and len(allotted(wishes)) == len(wishes)

    def end(self) -> list[str]:
        """Each obligation, and each duty of a used permission, that is neither fulfilled nor healed at the end."""
        world = self._world(self._rows[-1], len(self._rows))
        owing = [(replace(self._policy, permissions=()), replace(world, participant=self._last or world.participant))]
        for user in dict.fromkeys(self._users.values()):
            used = tuple(self._policy.permissions[index] for index, one in self._users.items() if one == user)
            alone = replace(self._policy, permissions=used, prohibitions=(), obligations=())
            owing.append((alone, replace(world, participant=user)))
        return [
            f"end: {fault}"
            for policy, then in owing
            for node in self._examined(policy, then).tree.children
            for fault in _open(node)
        ]

    def _world(self, row: Row, until: int) -> World:
        """The request of this row at its time, when `until` events have happened, this one included.

        Who is the source of a collection, or what is, belongs to it; a value without a unit is in the policy's.
        """
        facts = {left: Fact(value, unit=self._units.get(left, "")) for left, value in self._values(row).items()}
        purposes = row.facts.get(ODRL + "purpose", [])
        return World(
            now=row.at,
            participant=row.party,
            action=row.action,
            target=row.asset,
            facts=facts,
            parties=engine.above(self._nodes, row.party, ODRL + "partOf") | {row.party},
            assets=engine.above(self._nodes, row.asset, ODRL + "partOf") | {row.asset},
            purpose=purposes[0] if purposes else None,
            purpose_source="declared" if purposes else None,
            agreement_at=self._rows[0].at,
            first_access=self._rows[0].at,
            uses={"": until},
            deeds=self._deeds[:until],
            closure=engine.closure(),
        )


_AMOUNT, _CURRENCY = ODRL + "payAmount", HANSE + "currency"


def _open(node: Node) -> Iterator[str]:
    """What is still owed at this step or below it: a duty that applies and is neither fulfilled nor healed."""
    if node.kind in ("obligation", "duty") and isinstance(node.item, Duty):
        applies = all(child.state != "no" for child in node.children if child.kind in ("constraint", "logic"))
        if applies and node.deontic not in ("fulfilled", "healed"):
            yield f"{node.item.action.iri} {node.deontic}"
    elif node.kind == "permission":
        for child in node.children:
            yield from _open(child)


def _all_duties(policy: Policy) -> Iterator[Duty]:
    waiting = list(policy.obligations)
    for rule in policy.permissions + policy.prohibitions:
        waiting += [*rule.duties, *rule.remedies]
    while waiting:
        duty = waiting.pop()
        yield duty
        waiting += duty.consequences
