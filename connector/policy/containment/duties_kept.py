"""Whether other terms keep a duty: what is to be done, when it applies, by when, and what follows if it is not done.

A duty is kept by one with the same action that applies whenever it applies, allows no way of doing it that it does not
allow, is due no later, and has at least its consequences; of several fees each by one of its own. More duties are
always stricter, unless they name somebody who is to fulfil them: that may be the provider.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Literal, NamedTuple

from connector.policy.containment.encode import Encoder, Meaning, atoms, bare
from connector.policy.containment.logic import Budget, Never, together
from connector.policy.evaluation.duty_states import DURING, PAY
from connector.policy.evaluation.payments import allotted, same
from connector.policy.odrl.model import Clause, Duty, Logic
from connector.policy.odrl.names import covers

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


def terms_of(duty: Duty) -> tuple[Clause, ...]:
    """What says how and by when the duty is done."""
    return duty.action.refinements + tuple(clause for clause in _flat(duty.constraints) if _how(clause))


def conditions_of(duty: Duty) -> tuple[Clause, ...]:
    """What says when the duty applies."""
    return tuple(clause for clause in _flat(duty.constraints) if not _how(clause))


def _mixed(clause: Clause) -> bool:
    """A deadline among alternatives, or a condition among parameters, says nothing (as in the evaluation)."""
    roles = {atom.role for atom in atoms((clause,))}
    return isinstance(clause, Logic) and roles != {"parameter"}


def puzzling(duty: Duty, encoder: Encoder) -> bool:
    """Whether something in the duty is not understood: only the same words keep it."""
    known = encoder.understood(terms_of(duty), "done") and encoder.understood(conditions_of(duty), "forbid")
    mixed = any(_how(clause) and _mixed(clause) for clause in _flat(duty.constraints))
    return mixed or not known or bool(duty.extras or duty.action.extras)


def applies(duty: Duty, encoder: Encoder) -> Never:
    """When a duty applies: an unknown condition counts as satisfied (spec/policy.md 2.4)."""
    return Never(encoder.all(conditions_of(duty), "forbid").no)


def _done(duty: Duty, encoder: Encoder) -> Meaning:
    return encoder.all(terms_of(duty), "done")


def _by(duty: Duty, other: Duty, encoder: Encoder, budget: Budget) -> Keeping:
    """Whether `other` keeps the duty."""
    if bare(duty) == bare(other):
        return KEPT
    if duty.action.iri != other.action.iri:
        return Keeping("no", duty)
    same = bare((duty.parties, duty.targets, duty.assigners)) == bare((other.parties, other.targets, other.assigners))
    if puzzling(duty, encoder) or puzzling(other, encoder) or not same:
        return Keeping("unknown", duty)
    if together([applies(duty, encoder), Never(applies(other, encoder))], budget) is not None:
        return Keeping("no", duty)
    done = _done(other, encoder).yes
    for clause in terms_of(duty):
        if together([done, Never(encoder.meaning(clause, "done").yes)], budget) is not None:
            return Keeping("no", duty, clause)
    return keeping(duty.consequences, other.consequences, encoder, budget)


def _one(duty: Duty, others: Sequence[Duty], encoder: Encoder, budget: Budget) -> Keeping:
    found = [_by(duty, other, encoder, budget) for other in others]
    best = min(found, key=lambda each: _RANK[each.kept], default=Keeping("no", duty))
    if best.kept != "no":
        return best
    named = [each for each in found if each.clause is not None or each.duty is not duty]
    return named[0] if named else Keeping("no", duty)


def keeping(duties: Iterable[Duty], others: Sequence[Duty], encoder: Encoder, budget: Budget) -> Keeping:
    """Whether the others keep all of these duties; raises Exhausted."""
    worst, all_of_them = KEPT, list(duties)
    for duty in all_of_them:
        found = _one(duty, others, encoder, budget)
        if _RANK[found.kept] > _RANK[worst.kept]:
            worst = found
    if worst.kept == "yes" and (short := _unpaid(all_of_them, others, encoder, budget)) is not None:
        return Keeping("no", short)
    return worst


def _unpaid(duties: Sequence[Duty], others: Sequence[Duty], encoder: Encoder, budget: Budget) -> Duty | None:
    """A fee that is kept only by one that keeps another too: a payment settles one of them alone (decision 0042)."""
    fees = list({same(duty): duty for duty in duties if covers(PAY, duty.action.iri)}.values())
    if len(fees) < 2:
        return None
    asked = list({same(other): other for other in others}.values())
    kept = [
        [index for index, other in enumerate(asked) if _by(fee, other, encoder, budget).kept == "yes"] for fee in fees
    ]
    served = set(allotted(kept).values())
    return next((fee for index, fee in enumerate(fees) if index not in served), None)


def burden(duties: Iterable[Duty], before: Sequence[Duty]) -> Duty | None:
    """A duty that is new and may be ours: it names who is to fulfil it, or our data plane is to do it in the stream."""
    known = {bare(duty) for duty in before}
    executed = {duty.action.iri for duty in before} & DURING
    for duty in duties:
        named = bool(duty.parties or duty.targets or duty.assigners)
        streamed = duty.action.iri in DURING - executed
        if bare(duty) not in known and (named or streamed):
            return duty
        inner = burden(duty.consequences, [c for old in before for c in old.consequences])
        if inner is not None:
            return inner
    return None


def impossible(duty: Duty, encoder: Encoder, budget: Budget) -> bool:
    """Whether no way of doing the duty meets its own parameters and deadlines; raises Exhausted."""
    return together([_done(duty, encoder).yes], budget) is None
