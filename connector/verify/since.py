"""Since when each party's seal stands in the log: the time of the first record that commits to it (contracts.md 12).

A countersignature may come long after the provider's seal. What was withdrawn or ran out in between counts for the
seal that came later, not for the one that was there. A state gives its time only to seals whose record it holds, and
of several times the earliest counts; so repeating a record or leaving a state out can make a seal look younger, never
older.
"""

from collections.abc import Mapping, Sequence
from hashlib import sha256

from connector.verify.contract import ROLES, Members, Role
from connector.verify.records import AGREEMENT, Line, Logged
from connector.verify.trusted import Moment

State = tuple[int, Moment | None]
"""Size of a signed state of the log, and the time that others vouch for it."""


def seals(members: Members, lines: Sequence[Line], states: Sequence[State]) -> Mapping[Role, Moment]:
    """The time of each seal that has one.

    That the lines stand in the log and the states continue each other are the checks `records` and `log`.
    """
    found: dict[Role, Moment] = {}
    for role in ROLES:
        index = _committed(role, members, lines)
        times = [moment for size, moment in states if moment is not None and index is not None and index < size]
        if times:
            found[role] = min(times, key=lambda moment: moment.ms)
    return found


def _committed(role: Role, members: Members, lines: Sequence[Line]) -> int | None:
    """Where the first agreement record stands that names the seal; None if none does."""
    seal = members.get(f"{role}.jws")
    if seal is None:
        return None
    digest = sha256(seal).hexdigest()
    named = (line.index for line in lines if isinstance(line, Logged) and line.type == AGREEMENT
             and line.body.get(f"{role}Jws") == digest)  # fmt: skip
    return min(named, default=None)
