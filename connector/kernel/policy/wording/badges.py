"""The coverage report: what decides each clause of a policy, when, on whose word, and what may be promised of it.

A badge is computed and never written by hand. "enforced" says that our own gate refuses without it, on a measured value
or a verified credential; "monitored" that a breach shows here and has a consequence here; all else is "contractual".
What is not understood is never enforced, although it always refuses (spec/policy.md 1.1, 10.1). One pass, linear.
"""

from collections.abc import Collection as Several
from collections.abc import Mapping, Sequence
from typing import Literal

from msgspec import Struct

from connector.kernel.policy.evaluation.duty_states import AFTER, DURING, SUSPEND
from connector.kernel.policy.odrl.identifiers import Names
from connector.kernel.policy.odrl.model import (
    PHASES,
    Action,
    Atom,
    Clause,
    Closure,
    Collection,
    Duty,
    Logic,
    Odd,
    Policy,
    Rule,
    Whom,
)
from connector.kernel.policy.odrl.names import ACTIONS, CONFLICTS, HANSE, PROFILES, REPLACED, USE, kept_by_provider
from connector.kernel.policy.odrl.operands import BUILT_IN, Registry
from connector.kernel.policy.odrl.units import measured
from connector.kernel.policy.odrl.values import Due

Badge = Literal["enforced", "monitored", "contractual"]
Kind = Literal[
    "permission",
    "prohibition",
    "obligation",
    "duty",
    "remedy",
    "consequence",
    "constraint",
    "logic",
    "odd",
    "refinement",
    "party",
    "target",
    "assigner",
    "extra",
    "profile",
    "conflict",
]
Note = Literal[
    "not-understood",
    "declared",
    "after-delivery",
    "order-not-checked",
    "read-as-utc",
    "receipt",
    "cannot-execute",
    "no-deadline",
    "no-consequence",
    "suspends",
    "suspends-if-known",
    "stops-access",
    "nobody-supplies",
    "permission-wins",
    "rule-not-understood",
    "membership-unknown",
    "replaced",
    "own-group",
]
"""Message keys below `policy.coverage.note`."""

EVENT_END = "eventEnd"
"""An anchor of deadlines that no installation has a source for."""
KINDS = frozenset({"", "Set", "Policy", "Offer", "Agreement", "Request"})
_ORDER: Mapping[Badge, int] = {"enforced": 0, "monitored": 1, "contractual": 2}


class Coverage(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One clause. `where` is its place in the typed policy and unique; `pointer` its place in the document.

    `subject` is the left operand, action, party or term; `source` who vouches for the value; `phase` the first that can
    decide it.
    """

    where: str
    kind: Kind
    badge: Badge
    pointer: str = ""
    subject: str = ""
    source: str = ""
    phase: str = ""
    notes: tuple[Note, ...] = ()


def weakest(badges: Several[Badge]) -> Badge:
    """What may be promised of several clauses together."""
    return max(badges, key=_ORDER.__getitem__, default="enforced")


def coverage(
    policy: Policy,
    registry: Registry = BUILT_IN,
    can: Several[str] = frozenset(),
    supplied: Several[str] | None = None,
    closure: Closure | None = None,
) -> tuple[Coverage, ...]:
    """All clauses in the order of the document.

    `can` are the actions of *during* duties that our data plane executes; `supplied` the operands for which this
    installation can ever have a value, None if that is not asked. By a `closure` a concept that is in no list is not
    understood.
    """
    walk = _Walk(registry, frozenset(can), None if supplied is None else frozenset(supplied), closure)
    walk.policy(policy)
    return tuple(walk.rows)


def plain(rows: Sequence[Coverage]) -> list[dict[str, object]]:
    """The report as plain values with stable names, for what both sides sign."""
    return [
        {
            "where": row.where,
            "pointer": row.pointer,
            "kind": row.kind,
            "subject": row.subject,
            "source": row.source,
            "phase": row.phase,
            "badge": row.badge,
            "notes": list(row.notes),
        }
        for row in rows
    ]


class _Walk:
    """The pass over one policy; a row is put in its place first and completed when what lies below it is known."""

    def __init__(
        self, registry: Registry, can: frozenset[str], supplied: frozenset[str] | None, closure: Closure | None
    ) -> None:
        self._registry, self._can, self._supplied, self._closure = registry, can, supplied, closure
        self._permissive = False
        self.rows: list[Coverage] = []

    def policy(self, policy: Policy) -> None:
        self._permissive = policy.conflict == "perm"
        for name, _ in policy.extras:
            self._odd("extra", f"/extras/{name}", "/" + name, name)
        if policy.replaced_by:
            self._put("extra", "/replaced_by", "/" + REPLACED, REPLACED, "contractual", notes=("replaced",))
        for name in policy.profiles:
            if name not in PROFILES:
                self._odd("profile", f"/profiles/{name}", "/profile", name)
        if policy.kind not in KINDS:
            self._odd("extra", "/kind", "/@type", policy.kind)
        for index, rule in enumerate(policy.permissions):
            self._rule(rule, "permission", f"/permissions/{index}")
        for index, rule in enumerate(policy.prohibitions):
            self._rule(rule, "prohibition", f"/prohibitions/{index}")
        for index, duty in enumerate(policy.obligations):
            self._duty(duty, "obligation", f"/obligations/{index}", None)
        self._conflict(policy)

    def _conflict(self, policy: Policy) -> None:
        known = policy.conflict in CONFLICTS
        if not known or policy.prohibitions:
            notes: tuple[Note, ...] = () if known else ("not-understood",)
            badge: Badge = "enforced" if known else "contractual"
            self._put("conflict", "/conflict", "/conflict", policy.conflict, badge, notes=notes)

    def _put(
        self,
        kind: Kind,
        where: str,
        pointer: str,
        subject: str,
        badge: Badge,
        *,
        source: str = "",
        phase: str = "",
        notes: tuple[Note, ...] = (),
    ) -> int:
        row = Coverage(
            where=where,
            kind=kind,
            pointer=pointer,
            subject=subject,
            badge=badge,
            source=source,
            phase=phase,
            notes=tuple(sorted(set(notes))),
        )
        self.rows.append(row)
        return len(self.rows) - 1

    def _complete(self, index: int, badge: Badge, notes: Sequence[Note]) -> Badge:
        row = self.rows[index]
        self.rows[index] = Coverage(
            where=row.where,
            kind=row.kind,
            pointer=row.pointer,
            subject=row.subject,
            badge=badge,
            source=row.source,
            phase=row.phase,
            notes=tuple(sorted(set(row.notes) | set(notes))),
        )
        return badge

    def _odd(self, kind: Kind, where: str, pointer: str, subject: str) -> Badge:
        self._put(kind, where, pointer, subject, "contractual", notes=("not-understood",))
        return "contractual"

    # ---- rules

    def _rule(self, rule: Rule, kind: Kind, where: str) -> None:
        """A permission is enforced as such if our gate asks for its action; a prohibition only if all of it is."""
        bar = self._bar(rule, kind)
        row = self._put(kind, where, rule.pointer, rule.action.iri, "contractual", phase="negotiation")
        parts = self._scope(rule.action, rule.parties, rule.targets, where, bar)
        parts += [
            self._whom(one, "party", f"{where}/policy_parties/{i}", bar) for i, one in enumerate(rule.policy_parties)
        ]
        parts += [
            self._whom(one, "target", f"{where}/policy_targets/{i}", bar) for i, one in enumerate(rule.policy_targets)
        ]
        parts += [self._clause(c, f"{where}/constraints/{i}", bar) for i, c in enumerate(rule.constraints)]
        self._rest(rule, where)
        for index, duty in enumerate(rule.duties):
            self._duty(duty, "duty", f"{where}/duties/{index}", bar)
        for index, duty in enumerate(rule.remedies):
            self._duty(duty, "remedy", f"{where}/remedies/{index}", bar)
        notes: list[Note] = ["not-understood" if bar == "rule-not-understood" else bar] if bar else []
        if any(duty.action.iri == SUSPEND for duty in rule.remedies):
            notes.append("suspends-if-known")
        whole: Badge = "enforced" if kind == "permission" else weakest(parts)
        self._complete(row, "contractual" if bar else whole, notes)

    def _bar(self, rule: Rule, kind: Kind) -> Note | None:
        """Why our gate cannot answer for a rule, None if it can."""
        if rule.action.iri not in ACTIONS or rule.extras or rule.action.extras:
            return "rule-not-understood"
        if rule.action.iri != USE:
            return "after-delivery"
        return "permission-wins" if kind == "prohibition" and self._permissive else None

    def _rest(self, rule: Rule | Duty, where: str) -> None:
        """What decides nothing: who grants it, and what nobody understands."""
        for index, giver in enumerate(rule.assigners):
            self._whom(giver, "assigner", f"{where}/assigners/{index}", None)
        for name, _ in rule.extras:
            self._odd("extra", f"{where}/extras/{name}", rule.pointer, name)
        for name, _ in rule.action.extras:
            self._odd("extra", f"{where}/action/extras/{name}", rule.pointer, name)

    def _scope(
        self, action: Action, parties: Sequence[Whom], targets: Sequence[Whom], where: str, bar: Note | None
    ) -> list[Badge]:
        badges = [
            self._clause(clause, f"{where}/action/refinements/{index}", bar, "refinement")
            for index, clause in enumerate(action.refinements)
        ]
        badges += [self._whom(one, "party", f"{where}/parties/{i}", bar) for i, one in enumerate(parties)]
        return badges + [self._whom(one, "target", f"{where}/targets/{i}", bar) for i, one in enumerate(targets)]

    def _whom(self, whom: Whom, kind: Kind, where: str, bar: Note | None) -> Badge:
        source = "measured" if kind == "target" else "verified-credential"
        subject, pointer = (whom, "") if isinstance(whom, str) else (whom.source, whom.pointer)
        known = kind != "party" or subject.startswith("did:")
        notes: list[Note] = [bar] if bar else []
        if isinstance(whom, Collection) or not known:
            # Nothing here resolves who belongs to a collection, and an IRI that is no DID can only be one.
            notes.append("membership-unknown")
        row = self._put(
            kind, where, pointer, subject, "contractual", source=source, phase="catalog", notes=tuple(notes)
        )
        if isinstance(whom, Collection):
            for name, _ in whom.extras:
                self._odd("extra", f"{where}/extras/{name}", pointer, name)
            for index, clause in enumerate(whom.refinements):
                self._clause(clause, f"{where}/refinements/{index}", bar, "refinement")
        return self._complete(row, "contractual" if notes or kind == "assigner" else "enforced", ())

    # ---- duties

    def _duty(self, duty: Duty, kind: Kind, where: str, bar: Note | None, above: Badge | None = None) -> None:
        """`bar`: why access does not wait for a duty of this permission; `above`: the badge of a consequence's duty."""
        row = self._put(kind, where, duty.pointer, duty.action.iri, "contractual", phase="access")
        scope = self._scope(duty.action, duty.parties, duty.targets, where, None)
        ways: list[int] = []
        conditions: list[Badge] = list(scope)
        for index, clause in enumerate(duty.constraints):
            conditions += self._of_duty(clause, f"{where}/constraints/{index}", ways)
        self._rest(duty, where)
        due = any(self._is_deadline(self.rows[way]) for way in ways)
        badge, notes = self._promise(duty, kind, bar, due)
        if above is not None:
            badge = above if above == "monitored" and self._understood(duty) else "contractual"
        badge = weakest([badge, *conditions])
        if any("not-understood" in self.rows[way].notes for way in ways):
            badge, notes = "contractual", [*notes, "not-understood"]
        if "no-deadline" in notes and any("nobody-supplies" in self.rows[way].notes for way in ways):
            notes = ["nobody-supplies"]  # it has a deadline, and nobody here ever knows when that is
        self._complete(row, badge, notes)
        for way in ways:
            if not {"not-understood", "nobody-supplies"} & set(self.rows[way].notes):
                self._complete(way, badge, ())
        for index, consequence in enumerate(duty.consequences):
            self._duty(consequence, "consequence", f"{where}/consequences/{index}", None, badge)

    def _of_duty(self, clause: Clause, where: str, ways: list[int]) -> list[Badge]:
        """Conditions give badges; deadlines and parameters (`ways`) take that of the duty whose part they are."""
        if isinstance(clause, Logic) and clause.operator == "and" and not clause.extras:
            self._put("logic", where, clause.pointer, clause.operator, "contractual")
            ways.append(len(self.rows) - 1)
            found = [self._of_duty(c, f"{where}/clauses/{i}", ways) for i, c in enumerate(clause.clauses)]
            return [badge for badges in found for badge in badges]
        operand = self._registry.get(clause.left) if isinstance(clause, Atom) else None
        if not isinstance(clause, Atom) or operand is None or clause.role not in ("parameter", "deadline"):
            return [self._clause(clause, where, None)]
        known = self._understands(clause)
        notes: tuple[Note, ...] = _reading(clause) if known else ("not-understood",)
        if self._supplied is not None and isinstance(clause.value, Due) and clause.value.anchor == EVENT_END:
            notes = (*notes, "nobody-supplies")
        source = "measured" if clause.role == "deadline" else operand.source
        way = self._put(
            "constraint", where, clause.pointer, clause.left, "contractual", source=source, phase="access", notes=notes
        )
        ways.append(way)
        return []

    def _is_deadline(self, row: Coverage) -> bool:
        """Whether this is a deadline that can pass."""
        operand = self._registry.get(row.subject)
        known = not {"not-understood", "nobody-supplies"} & set(row.notes)
        return operand is not None and operand.in_duty == "deadline" and known

    def _understood(self, duty: Duty) -> bool:
        return duty.action.iri in ACTIONS and not duty.extras and not duty.action.extras

    def _promise(self, duty: Duty, kind: Kind, bar: Note | None, due: bool) -> tuple[Badge, list[Note]]:
        """What our side does about a duty, by its time class (spec/policy.md 2.4)."""
        if not self._understood(duty):
            return "contractual", ["not-understood"]
        if kind in ("remedy", "consequence"):
            return "contractual", []
        if kind == "obligation":
            if due and any(c.action.iri == SUSPEND for c in duty.consequences):
                return "monitored", ["suspends"]
            return "contractual", ["no-consequence" if due else "no-deadline"]
        if bar:
            return "contractual", [bar]
        action = duty.action.iri
        if action in DURING:
            return ("enforced", []) if action in self._can else ("contractual", ["cannot-execute"])
        if action not in AFTER:
            return "enforced", ["receipt"]
        return ("monitored", ["stops-access"]) if due else ("contractual", ["no-deadline"])

    # ---- conditions

    def _clause(self, clause: Clause, where: str, bar: Note | None, kind: Kind = "constraint") -> Badge:
        match clause:
            case Atom():
                return self._atom(clause, where, bar, kind)
            case Logic():
                return self._logic(clause, where, bar, kind)
            case Odd():
                return self._odd("odd", where, clause.pointer, "")

    def _logic(self, clause: Logic, where: str, bar: Note | None, kind: Kind) -> Badge:
        row = self._put("logic", where, clause.pointer, clause.operator, "contractual")
        parts = [self._clause(c, f"{where}/clauses/{index}", bar, kind) for index, c in enumerate(clause.clauses)]
        for name, _ in clause.extras:
            parts.append(self._odd("extra", f"{where}/extras/{name}", clause.pointer, name))
        if clause.operator == "andSequence":
            return self._complete(row, "contractual", ["order-not-checked"])
        return self._complete(row, weakest(parts), [])

    def _understands(self, atom: Atom) -> bool:
        if atom.value is None or atom.extras or self._registry.get(atom.left) is None:
            return False
        if self._closure is None or not isinstance(atom.value, frozenset) or atom.role == "window":
            return True
        return Names(atom.range, self._closure).apart((), atom.value)

    def _atom(self, atom: Atom, where: str, bar: Note | None, kind: Kind) -> Badge:
        operand = self._registry.get(atom.left)
        if operand is None or not self._understands(atom) or atom.role in ("parameter", "deadline"):
            self._put(kind, where, atom.pointer, atom.left, "contractual", notes=("not-understood",))
            return "contractual"
        notes: list[Note] = list(_reading(atom))
        if operand.source == "declared":
            notes.append("declared")
        if bar:
            notes.append(bar)
        if self._supplied is not None and not (atom.left in self._supplied and measured(atom)):
            notes.append("nobody-supplies")
        badge: Badge = "enforced" if set(notes) <= {"read-as-utc", "own-group"} else "contractual"
        self._put(
            kind,
            where,
            atom.pointer,
            atom.left,
            badge,
            source=operand.source,
            phase=PHASES[operand.first],
            notes=tuple(notes),
        )
        return badge


def _reading(atom: Atom) -> tuple[Note, ...]:
    """What was assumed while reading it, and that one side alone knows who is meant."""
    named = atom.value if atom.left == HANSE + "memberOf" and isinstance(atom.value, frozenset) else frozenset()
    own: tuple[Note, ...] = ("own-group",) if any(map(kept_by_provider, named)) else ()
    return (*own, "read-as-utc") if "no-offset" in atom.flags else own
