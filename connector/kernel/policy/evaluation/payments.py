"""Which payment settles which fee: every payment is used once, whatever is asked for (decision 0042).

The allocation looks at what was paid and what the policy asks for, never at what is requested, so that a payment that
let one access through lets no other one through for another fee. The highest fee is allocated first, equally dear ones
in the order of their words, because peers may write a policy in any order; as many as possible are settled in time, and
one that is settled in time stays so when more is paid. A payment that names its duty is for that one alone; a fee that
is not understood may be what every other payment was for.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from connector.kernel.policy.evaluation.digest import canonical_fees
from connector.kernel.policy.evaluation.duty_states import Owed
from connector.kernel.policy.evaluation.fees import PAY, same
from connector.kernel.policy.evaluation.rules import Permission, Prohibition, joint
from connector.kernel.policy.odrl.model import Atom, Policy
from connector.kernel.policy.odrl.names import ODRL, covers
from connector.kernel.policy.odrl.state_of_world import Deed, World
from connector.kernel.policy.odrl.values import Span

_AMOUNT = ODRL + "payAmount"
_Key = tuple[object, int | None]
"""A duty, and the access (ms) that it is due for. One duty of several rules is owed once."""
_Shares = dict[_Key, tuple[Deed, ...]]
_Kept = tuple[World | None, _Shares, tuple[Deed, ...]]
"""What was allocated for a world, and what is left for nobody."""


class _Claim(NamedTuple):
    key: _Key
    owed: Owed
    since: int | None


class Payments:
    """The fees of one policy."""

    def __init__(
        self,
        policy: Policy,
        permissions: Sequence[Permission],
        prohibitions: Sequence[Prohibition],
        obligations: Sequence[Owed],
    ) -> None:
        self._permissions, self._prohibitions, self._obligations = permissions, prohibitions, obligations
        self._kept: _Kept = None, {}, ()
        owed = [*obligations, *(one for rule in permissions for one in rule.duties)]
        owed += [one for rule in prohibitions for one in rule.remedies]
        fees = [one for one in _nested(owed) if one.fee]
        self._same = {id(one): same(one.duty) for one in fees}
        self._ranks: dict[object, int] = {}
        if len(set(self._same.values())) > 1 or any(one.per_access for one in fees):
            self._ranks = {key: rank for rank, key in enumerate(canonical_fees(policy))}
            for one in owed:
                one.paid_from(self)

    def __call__(self, owed: Owed, world: World, since: int | None) -> Sequence[Deed]:
        kept = self._kept  # one look: another thread may be deciding about another world
        _, shares, left = kept if kept[0] is world else self._allocate(world)
        return shares.get(self._key(owed, since), left)

    def _key(self, owed: Owed, since: int | None) -> _Key:
        return self._same[id(owed)], since if owed.per_access else None

    def _allocate(self, world: World) -> "_Kept":
        """Level by level, because a consequence is owed only once it is known what was not paid in time."""
        left = [deed for deed in world.deeds if deed.at <= world.now and covers(PAY, deed.action)]
        shares: _Shares = {}
        kept = self._kept = world, shares, tuple(left)
        owing: list[tuple[Owed, int | None]] = [
            (owed, None) for rule in self._permissions if rule.open_to(world) for owed in rule.duties
        ]
        owing += [(owed, None) for owed in self._obligations]
        first = True
        while owing or first:  # remedies may be all that is owed
            claims = sorted(self._claims(owing, world), key=self._turn)
            shares |= {claim.key: () for claim in claims}
            if not all(claim.owed.understood for claim in claims):
                left = [deed for deed in left if deed.rule]  # nobody knows which of the others that fee would take
            for late in (False, True):
                served = allotted([[] if shares[one.key] else _wishes(one, left, world, late) for one in claims])
                shares |= {claims[claim].key: (left[payment],) for payment, claim in served.items()}
                left = [deed for number, deed in enumerate(left) if number not in served]
            kept = self._kept = world, shares, tuple(left)
            owing = [*_following(owing, world), *(self._remedies(world) if first else ())]
            first = False
        return kept

    def _turn(self, claim: _Claim) -> tuple[int, int]:
        return -_amount(claim.owed), self._ranks[claim.key[0]]

    def _claims(self, owing: Iterable[tuple[Owed, int | None]], world: World) -> Iterator[_Claim]:
        seen: set[_Key] = set()
        for owed, violation in owing:
            if not owed.fee or not owed.applies(world):
                continue
            for since in owed.uses(world) if owed.per_access else (violation,):
                if (key := self._key(owed, since)) not in seen:
                    seen.add(key)
                    yield _Claim(key, owed, since)

    def _remedies(self, world: World) -> Iterator[tuple[Owed, int | None]]:
        for rule in self._prohibitions:
            if (at := rule.violated_at(world)) is not None:
                yield from ((owed, at) for owed in rule.remedies)


def _nested(owing: Iterable[Owed]) -> Iterator[Owed]:
    for owed in owing:
        yield owed
        yield from _nested(owed.consequences)


def _following(owing: Iterable[tuple[Owed, int | None]], world: World) -> Iterator[tuple[Owed, int | None]]:
    """The consequences of what was not done in time."""
    for owed, violation in owing:
        if (at := owed.violated_at(world, violation)) is not None:
            yield from ((one, at) for one in owed.consequences)


def _amount(owed: Owed) -> int:
    """The least that it asks for, as far as it says so in one number."""
    atoms = (
        found for found in joint((*owed.duty.constraints, *owed.duty.action.refinements)) if isinstance(found, Atom)
    )
    return max((a.value.start for a in atoms if a.left == _AMOUNT and isinstance(a.value, Span)), default=0)


def _wishes(claim: _Claim, payments: Sequence[Deed], world: World, late: bool) -> list[int]:
    """The payments that would settle it, in time or late: what names it, then the smallest, then the earliest."""
    due = claim.owed.due(world, claim.since)
    timely = [n for n, deed in enumerate(payments) if late or due is None or deed.at < due]
    found = [n for n in timely if claim.owed.answered(world, payments[n], claim.since)]
    return sorted(found, key=lambda n: (not payments[n].rule, _paid(payments[n]), payments[n].at))


def _paid(deed: Deed) -> int:
    found = deed.values.get(_AMOUNT)
    return found if type(found) is int else 0


def allotted(wishes: Sequence[Sequence[int]]) -> dict[int, int]:
    """What is given to whom (index of the wish list), each thing once: whoever comes first is served if that can be.

    Somebody served may get another wish so that one more is served; what a failed search has seen can help nobody.
    """
    holder: dict[int, int] = {}
    dead: set[int] = set()
    for number in range(len(wishes)):
        seen = _serve(number, wishes, holder, dead)
        dead |= seen
    return holder


def _serve(number: int, wishes: Sequence[Sequence[int]], holder: dict[int, int], dead: set[int]) -> set[int]:
    """Serve one more along the shortest chain of exchanges; what was seen in vain if there is none."""
    held = {who: thing for thing, who in holder.items()}
    wanted_by: dict[int, int] = {}
    waiting = [number]
    for who in waiting:
        for thing in wishes[who]:
            if thing in wanted_by or thing in dead:
                continue
            wanted_by[thing] = who
            if thing not in holder:
                _exchange(thing, number, wanted_by, held, holder)
                return set()
            waiting.append(holder[thing])
    return set(wanted_by)


def _exchange(thing: int, number: int, wanted_by: dict[int, int], held: dict[int, int], holder: dict[int, int]) -> None:
    while True:
        who = wanted_by[thing]
        holder[thing] = who
        if who == number:
            return
        thing = held[who]
