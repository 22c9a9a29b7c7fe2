"""How duties stand: when they are due, whether they were done, violated or healed (spec/policy.md 2.4 to 2.6).

A duty has conditions (does it apply), parameters (how it is done, compared with what was done) and deadlines. Done
late, and with all its consequences done after the violation, it is healed. The consequence `hanse:suspendAccess` is
executed by our enforcement point itself and needs no deed: it lasts from the violation until the duty is healed.

A condition whose value nobody knows counts as met. What is not understood in a duty may have been a parameter or a
deadline; such a duty applies, must be done before access, and nothing counts as having done it.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence, Set
from functools import cached_property
from operator import itemgetter
from typing import Literal, NamedTuple, Protocol

from connector.kernel.policy.evaluation.checks import ACCESS, Scope, clause
from connector.kernel.policy.evaluation.connectives import Check, both, constant
from connector.kernel.policy.evaluation.decision import Node, Step, TimeClass
from connector.kernel.policy.evaluation.digest import canonical_rule
from connector.kernel.policy.evaluation.duty import Limit, answers, parts
from connector.kernel.policy.evaluation.fees import PAY
from connector.kernel.policy.odrl.model import Duty
from connector.kernel.policy.odrl.names import HANSE, ODRL, USE
from connector.kernel.policy.odrl.operators import DEFERRED, NO, STATES, UNKNOWN, YES
from connector.kernel.policy.odrl.state_of_world import Deed, DutyState, World

DURING = frozenset(HANSE + name for name in ("pseudonymise", "dropFields", "aggregate", "suppressCells", "generalise"))
DURING |= {ODRL + "anonymize", ODRL + "watermark"}
AFTER = frozenset({ODRL + name for name in ("attribute", "delete", "inform", "nextPolicy")})
AFTER |= {HANSE + "log", HANSE + "returnData"}
"""Time classes of duties; every other action, known or not, must be done before access (spec/policy.md 2.4)."""

SUSPEND = HANSE + "suspendAccess"

DutyMode = Literal["classes", "not_violated", "strict"]
Spent = Set[int]
"""The identities of deeds of the world that stand for another duty already."""
_NONE: Spent = frozenset()


class Term(NamedTuple):
    """From when on a deed counts, and the first instant (ms) that is too late; None: from ever, at any time."""

    since: int | None
    due: int | None


class DutyStanding(NamedTuple):
    """How a duty stands. `violated_at` is when the deadline passed undone; `suspends`: that blocks access.

    `undated`: its deadline counts from an agreement that nobody knows, so nothing is known to have been done in time.
    """

    active: bool
    deontic: DutyState = "not-set"
    due_at: int | None = None
    violated_at: int | None = None
    suspends: bool = False
    undated: bool = False
    consequences: tuple["DutyStanding", ...] = ()

    @property
    def settled(self) -> bool:
        """Whether nothing is owed: it does not apply, or was done."""
        return not self.active or self.deontic in ("fulfilled", "healed")


class Paid(Protocol):
    """The payments that may settle a fee; of one that is due at each access, at the access of `since` (ms)."""

    def __call__(self, owed: "Owed", world: World, since: int | None) -> Sequence[Deed]: ...


class Owed:
    """A compiled duty."""

    def __init__(self, duty: Duty, scope: Scope, mode: DutyMode = "classes", step: Step = "duty") -> None:
        self.duty, self._mode, self._step, self._phase = duty, mode, step, scope.phase
        scope = scope._replace(binding=False, part="constraint", sets="any")
        self._consumer = scope.consumer
        self._parts = found = parts(duty)
        self.understood = found.understood
        self.applying = [clause(condition, scope) for condition in found.conditions]
        self._applies: Check = both(self.applying).check if self.applying else constant(YES)
        self.consequences = tuple([Owed(inner, scope, mode, "consequence") for inner in duty.consequences])
        self.suspends: bool = any(c.duty.action.iri == SUSPEND or c.suspends for c in self.consequences)
        self.time: TimeClass = self._class()
        # The earliest fixed deadline, and those that hang on something that happened.
        self._fixed = min((limit.ms for limit in found.limits if not limit.anchor), default=None)
        # A deadline that nobody can read may have passed: else no breach of such an obligation would suspend access.
        self._unreadable = any(atom.role == "deadline" for atom in found.puzzles)
        if self._unreadable:
            self._fixed = 0
        self._hanging = [limit for limit in found.limits if limit.anchor]
        self._only_suspends = self.suspends and all(
            owed.duty.action.iri == SUSPEND and not owed.duty.constraints for owed in self.consequences
        )
        self._kept: Node | None = None
        self.fee = duty.action.iri == PAY
        self.per_access = any(limit.anchor == "access" for limit in found.limits)
        self._paid: Paid | None = None

    def paid_from(self, paid: "Paid") -> None:
        """Let a fee here or below be settled by nothing but its share of the payments."""
        self._paid = paid if self.fee else None
        for owed in self.consequences:
            owed.paid_from(paid)

    def _class(self) -> TimeClass:
        iri = self.duty.action.iri
        if iri in DURING:
            return "during"
        return "after" if iri in AFTER and self.understood else "before"

    def applies(self, world: World) -> bool:
        """Whether its conditions hold; what is unknown counts as holding."""
        return self._applies(world) != NO

    def overdue(self, world: World) -> bool:
        """Whether it can be violated at all by now: the quick question before how it stands."""
        if self._mode != "classes" or (self._fixed is not None and world.now >= self._fixed):
            return True
        return bool(self._hanging) and any(self._hangs(limit, world) for limit in self._hanging)

    def _undated(self, world: World) -> bool:
        """Whoever accesses data has agreed; the other anchors name what may not have happened yet."""
        return world.agreement_at is None and any(limit.anchor == "agreement" for limit in self._hanging)

    def _hangs(self, limit: Limit, world: World) -> bool:
        if limit.anchor == "agreement" and world.agreement_at is None:
            return True
        if limit.anchor == "access":
            return bool(world.deeds) or world.first_access is not None
        start = _anchor(limit.anchor, world, None)
        return start is not None and world.now >= start + limit.ms

    def blocks(self, world: World) -> bool:
        """Whether access is suspended because it was violated."""
        if not self.suspends or not self.overdue(world):
            return False
        if self._only_suspends and self._mode == "classes" and not world.deeds and not self._hanging:
            return self.applies(world)
        return self.stand(world).suspends

    def _terms(self, world: World, violation: int | None, ends: list[tuple[int, int]]) -> list[Term]:
        """Since when it can be done and by when it must be: one term, or one for each access that tells (`_ends`).

        What heals the last access that was answered too late heals those before it; so a consequence, of which only
        that matters, has one term that is over. Else the terms of each level would multiply those of the next.
        """
        limits = self._parts.limits
        found = [0] if self._unreadable else []
        found += [
            start + limit.ms for limit in limits if (start := _anchor(limit.anchor, world, violation)) is not None
        ]
        due = min(found, default=None)
        over = due is not None and due <= world.now
        late = len(ends) if over else bisect_right(ends, world.now, key=itemgetter(1))
        told = {late - 1, late} if self._step == "consequence" else {0, late - 1, late}
        if self._paid is not None:
            told = set(range(late + 1))  # what settles one fee settles no other
        terms = [ends[index] for index in sorted(told) if 0 <= index < len(ends)]
        return [Term(at, end if due is None else min(due, end)) for at, end in terms] or [Term(violation, due)]

    def _ends(self, world: World) -> list[tuple[int, int]]:
        """Every access that was not answered in time, and when that time was over; in order."""
        within = [limit.ms for limit in self._parts.limits if limit.anchor == "access"]
        if not within:
            return []
        shortest = min(within)
        return [(at, at + shortest) for at in self._unanswered(world, shortest)]

    def _unanswered(self, world: World, within: int) -> list[int]:
        uses = self.uses(world)
        if self._paid is not None:
            return [at for at in uses if not any(deed.at < at + within for deed in self._done(world, at))]
        done = sorted(deed.at for deed in self._done(world, None))
        return [at for at in uses if not any(when < at + within for when in done[bisect_left(done, at) :][:1])]

    def uses(self, world: World) -> list[int]:
        """When data were accessed so far, in order."""
        uses = sorted(deed.at for deed in world.deeds if deed.action == USE and deed.at <= world.now)
        return uses or ([] if world.first_access is None else [world.first_access])

    def _done(self, world: World, since: int | None, spent: Spent = _NONE) -> Iterator[Deed]:
        deeds = world.deeds if self._paid is None else self._paid(self, world, since)
        for deed in deeds:
            if id(deed) not in spent and self.answered(world, deed, since):
                yield deed

    def answered(self, world: World, deed: Deed, since: int | None) -> bool:
        """Whether this deed, by now and not before `since` (ms), is the duty done."""
        known = deed.at <= world.now and (since is None or deed.at >= since)
        return known and answers(self.duty, self._parts, deed, world, self._consumer)

    def due(self, world: World, since: int | None) -> int | None:
        """The first instant that is too late, counted from the access or violation at `since`."""
        anchors = [
            (since if one.anchor in ("access", "violation") else _anchor(one.anchor, world, None), one.ms)
            for one in self._parts.limits
        ]
        return min((start + ms for start, ms in anchors if start is not None), default=None)

    def violated_at(self, world: World, violation: int | None) -> int | None:
        """When a deadline of it passed undone for the last time; `violation` as in `stand`."""
        if not self.consequences or not self.applies(world):
            return None
        terms = self._terms(world, violation, self._ends(world))
        over = [(since, due) for since, due in terms if due is not None and due <= world.now]
        missed = [due for since, due in over if not any(deed.at < due for deed in self._done(world, since))]
        return missed[-1] if missed else None

    def stand(self, world: World, violation: int | None = None, spent: Spent = _NONE) -> DutyStanding:
        """`violation` is when the duty or prohibition was violated that this follows from; `spent` were for others."""
        if not self.applies(world):
            return DutyStanding(active=False)
        if self._mode != "classes" and (reported := world.duty_states.get(self.duty.id)) is not None:
            stops = any(owed.duty.action.iri == SUSPEND and owed.applies(world) for owed in self.consequences)
            return DutyStanding(active=True, deontic=reported, suspends=stops and reported == "violated")
        if not world.deeds and not self._hanging and (self._fixed is None or world.now < self._fixed):
            return DutyStanding(active=True, due_at=self._fixed)
        if self._undated(world) and self._mode == "classes":
            return DutyStanding(active=True, suspends=self.suspends, undated=True)
        standing = DutyStanding(active=True)
        for term in self._terms(world, violation, self._ends(world)):
            standing = self._in_term(world, term, spent)
            if not standing.settled:
                break
        return standing

    def _in_term(self, world: World, term: Term, spent: Spent) -> DutyStanding:
        since, due = term
        done = list(self._done(world, since, spent))
        if any(due is None or deed.at < due for deed in done):
            return DutyStanding(active=True, deontic="fulfilled", due_at=due)
        if due is None or world.now < due:
            return DutyStanding(active=True, due_at=due)
        return self._violated(world, due, {*spent, *_taken(done, self.duty)}, bool(done))

    @cached_property
    def _in_turn(self) -> list["Owed"]:
        """The consequences, in the same order however written: each may take a deed that another one needs."""
        return sorted(self.consequences, key=lambda owed: canonical_rule(owed.duty))

    def _violated(self, world: World, due: int, spent: set[int], late: bool) -> DutyStanding:
        found: dict[int, DutyStanding] = {}
        for owed in self._in_turn:
            found[id(owed)] = standing = owed.stand(world, due, spent)
            if standing.settled and standing.active:
                spent |= _taken(owed._done(world, due, spent), owed.duty)
        consequences = tuple(found[id(owed)] for owed in self.consequences)
        outcome = list(zip(self.consequences, consequences, strict=True))
        healed = late and all(s.settled for owed, s in outcome if owed.duty.action.iri != SUSPEND)
        suspends = any((owed.duty.action.iri == SUSPEND and s.active) or s.suspends for owed, s in outcome)
        return DutyStanding(
            active=True,
            deontic="healed" if healed else "violated",
            due_at=due,
            violated_at=due,
            suspends=suspends and not healed,
            consequences=consequences,
        )

    # ---- as part of a permission

    @property
    def free(self) -> bool:
        """Whether it can never stand in the way: done afterwards, and without a deadline."""
        return self._mode == "classes" and self.time == "after" and not self._parts.limits

    def check(self, world: World) -> int:
        """Whether it stands in the way of the permission that it belongs to."""
        if self._phase < ACCESS:
            return YES if self.time == "after" and self._mode == "classes" else DEFERRED
        if self.time == "after" and not self.overdue(world):
            return YES
        return self._met(self.stand(world), world)

    def _met(self, standing: DutyStanding, world: World) -> int:
        if standing.undated:
            return UNKNOWN
        match self._mode, self.time:
            case ("strict", _):
                met = standing.settled
            case ("not_violated", _) | (_, "after"):
                met = standing.deontic != "violated"
            case (_, "during"):
                met = not standing.active or (self.understood and self.duty.action.iri in world.can)
            case _:
                met = standing.settled
        return YES if met else NO

    def executed(self, world: World) -> bool:
        """Whether the plane has to do it in the stream."""
        return self.time == "during" and self.applies(world)

    def show(self, world: World) -> Node:
        """The step of the tree for a duty of a permission."""
        if self._phase < ACCESS:
            state = STATES[self.check(world)]
            return Node("duty", state, self.duty, self.duty.pointer, text=self.time, time=self.time)
        if self.time != "after":
            standing = self.stand(world)
            return self.told(world, standing, self._met(standing, world))
        return self.listed(world)

    def listed(self, world: World) -> Node:
        """The step of the tree for a duty that is no hindrance before it is violated."""
        if self.applying or world.deeds or self._hanging or self.overdue(world):
            standing = self.stand(world)
            broken = UNKNOWN if standing.undated else NO if _broken(standing) else YES
            state = self._met(standing, world) if self._step == "duty" else broken
            return self.told(world, standing, state)
        if self._kept is None:
            self._kept = self.told(world, DutyStanding(active=True, due_at=self._fixed), YES)
        return self._kept

    def told(self, world: World, standing: DutyStanding, state: int) -> Node:
        """The step of the tree for a duty that stands like this."""
        follows = zip(self.consequences, standing.consequences, strict=False)
        return Node(
            self._step,
            STATES[state],
            self.duty,
            self.duty.pointer,
            text=self.time,
            children=(
                *(piece.show(world) for piece in self.applying),
                *(owed.told(world, one, YES if one.settled else NO) for owed, one in follows),
            ),
            deontic=standing.deontic,
            time=self.time,
            due_at=None if self._unreadable else standing.due_at,
        )

    def instants(self, world: World, violations: Iterable[int | None] = (None,)) -> Iterator[int]:
        """Every instant at which a deadline of this duty or of its consequences passes, after any of `violations`."""
        ends = self._ends(world)
        dues = {term.due for violation in violations for term in self._terms(world, violation, ends)}
        yield from (due for due in dues if due is not None)
        for owed in self.consequences:
            yield from owed.instants(world, dues)

    @property
    def moving(self) -> bool:
        """Whether a deadline of it or of its consequences hangs on something that happened."""
        return bool(self._hanging) or any(owed.moving for owed in self.consequences)

    def fixed(self) -> Iterator[int]:
        """The deadlines that stand in the policy itself."""
        if self._fixed is not None:
            yield self._fixed
        for owed in self.consequences:
            yield from owed.fixed()


def _broken(standing: DutyStanding) -> bool:
    return standing.deontic == "violated"


def _taken(deeds: Iterable[Deed], duty: Duty) -> set[int]:
    """The deed that stands for this duty: one that names it before those that fit any; none stands for two."""
    found = min(
        deeds, key=lambda deed: (deed.rule not in (duty.id, duty.pointer) or not deed.rule, deed.at), default=None
    )
    return set() if found is None else {id(found)}


def _anchor(name: str, world: World, violation: int | None) -> int | None:
    return {
        "": 0,
        "agreement": world.agreement_at,
        "agreementEnd": world.agreement_end,
        "firstAccess": world.first_access,
        "eventEnd": world.event_end,
        "violation": violation,
    }.get(name)
