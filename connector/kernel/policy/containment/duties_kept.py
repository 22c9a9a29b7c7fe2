"""Whether other terms keep a duty: what is to be done, when it applies, by when, and what follows if it is not done.

A duty is kept by one with the same action that applies whenever it applies, allows no way of doing it that it does not
allow, is due no later, and has at least its consequences. More duties are stricter, unless they name somebody who is
to fulfil them: that may be the provider. Where one deed decides about several duties (what makes a breach good, and
which fee a payment is for: `digest.sharing`) none can be weighed alone, and only the same words surely keep them.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Literal, NamedTuple

from connector.kernel.policy.containment.encode import Encoder
from connector.kernel.policy.containment.logic import Budget, Never, together
from connector.kernel.policy.evaluation.digest import canonical_rule
from connector.kernel.policy.evaluation.duty import parts
from connector.kernel.policy.evaluation.duty_states import DURING, SUSPEND
from connector.kernel.policy.odrl.clauses import atoms
from connector.kernel.policy.odrl.model import Clause, Duty, Logic, Rule, nameless

Kept = Literal["yes", "no", "unknown"]


class Keeping(NamedTuple):
    """How a duty fares among others; if it is not kept, `duty` is the one and `clause` the part of it that fails."""

    kept: Kept
    duty: Duty | None = None
    clause: Clause | None = None


KEPT = Keeping("yes")
_RANK: dict[Kept, int] = {"yes": 0, "unknown": 1, "no": 2}


def nested(duties: Iterable[Duty]) -> Iterator[Duty]:
    """The duties with their consequences, and the consequences of those."""
    for duty in duties:
        yield duty
        yield from nested(duty.consequences)


def _flat(clauses: Iterable[Clause]) -> Iterator[Clause]:
    for clause in clauses:
        if isinstance(clause, Logic) and clause.operator == "and" and not clause.extras:
            yield from _flat(clause.clauses)
        else:
            yield clause


def _how(clause: Clause) -> bool:
    """Whether the clause is about how or by when the duty is done."""
    return any(atom.role in ("parameter", "deadline") for atom in atoms((clause,)))


def _due(clause: Clause) -> bool:
    """Whether the clause is about by when the duty is done."""
    return any(atom.role == "deadline" for atom in atoms((clause,)))


def terms_of(duty: Duty) -> tuple[Clause, ...]:
    """What says how and by when the duty is done."""
    return duty.action.refinements + tuple(clause for clause in _flat(duty.constraints) if _how(clause))


def conditions_of(duty: Duty) -> tuple[Clause, ...]:
    """What says when the duty applies."""
    return tuple(clause for clause in _flat(duty.constraints) if not _how(clause))


def puzzling(duty: Duty, encoder: Encoder) -> bool:
    """Whether something in the duty is not understood: only the same words keep it."""
    known = encoder.understood(terms_of(duty), "done") and encoder.understood(conditions_of(duty), "forbid")
    return not known or not parts(duty).understood


def applies(duty: Duty, encoder: Encoder) -> Never:
    """When a duty applies: an unknown condition counts as satisfied (spec/policy.md 2.4)."""
    return Never(encoder.all(conditions_of(duty), "forbid").no)


def _by(duty: Duty, other: Duty, encoder: Encoder, budget: Budget) -> Keeping:
    """Whether `other` keeps the duty."""
    if nameless(duty) == nameless(other) or canonical_rule(duty) == canonical_rule(other):
        return KEPT
    if duty.action.iri != other.action.iri:
        return Keeping("no", duty)
    same = nameless((duty.parties, duty.targets, duty.assigners)) == nameless(
        (other.parties, other.targets, other.assigners)
    )
    if puzzling(duty, encoder) or puzzling(other, encoder) or not same:
        return Keeping("unknown", duty)
    if together([applies(duty, encoder), Never(applies(other, encoder))], budget) is not None:
        return Keeping("no", duty)
    for clause in terms_of(duty):
        # How and by when are apart: what cannot be done at all is due all the same.
        alike = (each for each in terms_of(other) if _due(each) is _due(clause))
        if together([encoder.all(alike, "done").yes, Never(encoder.meaning(clause, "done").yes)], budget) is not None:
            return Keeping("no", duty, clause)
    kept = keeping(duty.consequences, other.consequences, encoder, budget)
    return Keeping("unknown", duty) if kept.kept == "yes" and _mendable(duty) else kept


def _mendable(duty: Duty) -> bool:
    """Whether deeds can make good that it was done late: those after the deadline, each for one duty alone, so that an
    earlier deadline or another manner can let some count that did not.
    """
    return any(following.action.iri != SUSPEND for following in duty.consequences)


def _one(duty: Duty, others: Sequence[Duty], encoder: Encoder, budget: Budget) -> Keeping:
    found = [_by(duty, other, encoder, budget) for other in others]
    best = min(found, key=lambda each: _RANK[each.kept], default=Keeping("no", duty))
    if best.kept != "no":
        return best
    named = [each for each in found if each.clause is not None or each.duty is not duty]
    return named[0] if named else Keeping("no", duty)


def keeping(duties: Iterable[Duty], others: Sequence[Duty], encoder: Encoder, budget: Budget) -> Keeping:
    """Whether the others keep all of these duties; raises Exhausted."""
    worst = KEPT
    for duty in duties:
        found = _one(duty, others, encoder, budget)
        if _RANK[found.kept] > _RANK[worst.kept]:
            worst = found
    return worst


def remedied(rule: Rule, other: Rule, encoder: Encoder, budget: Budget) -> Keeping:
    """Whether the remedies of the other prohibition keep those of this one; raises Exhausted.

    If they suspend access, only the same words surely do so from and until the same moment: one remedy more makes a
    violation good that nothing else would, and a wider rule is violated at other times.
    """
    kept = keeping(rule.remedies, other.remedies, encoder, budget)
    lifted = kept.kept == "yes" and nameless(rule) != nameless(other)
    stops = (duty for duty in nested(rule.remedies) if duty.action.iri == SUSPEND)
    return Keeping("unknown", stop) if lifted and (stop := next(stops, None)) else kept


def burden(duties: Iterable[Duty], before: Sequence[Duty]) -> Duty | None:
    """A duty that is new and may be ours: it names who is to fulfil it, or our data plane is to do it in the stream."""
    known = {nameless(duty) for duty in before}
    executed = {duty.action.iri for duty in before} & DURING
    for duty in duties:
        named = bool(duty.parties or duty.targets or duty.assigners)
        streamed = duty.action.iri in DURING - executed
        if nameless(duty) not in known and (named or streamed):
            return duty
        inner = burden(duty.consequences, [c for old in before for c in old.consequences])
        if inner is not None:
            return inner
    return None


def impossible(duty: Duty, encoder: Encoder, budget: Budget) -> bool:
    """Whether no way of doing the duty meets its own parameters and deadlines; raises Exhausted."""
    return together([encoder.all(terms_of(duty), "done").yes], budget) is None
