"""Since when each party's seals stand in the log: the time of the first record that names it (spec/contracts.md 4.2).

A countersignature may come long after the provider's seal. What was withdrawn or ran out in between counts for the
seal that came later, not for the one that was there. A state gives its time only to seals whose record it holds, and
of several times the earliest counts; so repeating a record or leaving a state out can make a seal look younger, never
older.
"""

from collections.abc import Mapping, Sequence
from hashlib import sha256

from connector.verify.checks.contract import ROLES, Members, Role
from connector.verify.checks.records import AGREEMENT, Line, Logged
from connector.verify.checks.trusted_time import Moment

State = tuple[int, Moment | None]
"""Size of a signed state of the log, and the time that others vouch for it."""


def seals(
    members: Members, lines: Sequence[Line], states: Sequence[State], *, second: bool = False
) -> Mapping[Role, Moment]:
    """The time of each seal that has one; `second`: of each second seal.

    That the lines stand in the log and the states continue each other are the checks `records` and `log`.
    """
    found: dict[Role, Moment] = {}
    for role in ROLES:
        file, member = (f"{role}.pq.jws", f"{role}Pq") if second else (f"{role}.jws", f"{role}Jws")
        index = _committed(file, member, members, lines)
        times = [moment for size, moment in states if moment is not None and index is not None and index < size]
        if times:
            found[role] = min(times, key=lambda moment: moment.ms)
    return found


def _committed(file: str, member: str, members: Members, lines: Sequence[Line]) -> int | None:
    """Where the first agreement record stands that names the seal; None if none does."""
    seal = members.get(file)
    if seal is None:
        return None
    digest = sha256(seal).hexdigest()
    named = (
        line.index
        for line in lines
        if isinstance(line, Logged) and line.type == AGREEMENT and line.body.get(member) == digest
    )
    return min(named, default=None)
