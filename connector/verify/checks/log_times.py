"""Whether the times that the log claims lie within what others bear out (spec/contracts.md 4.4).

Everybody writes the times of their own records and seals; what names a seal is no older than that seal. Witnesses and
timestamp authorities who are no party say when they saw a state: what it holds is no younger than that, and what it
does not hold yet is no older. Where a record says otherwise its clock was wrong or its time was made up; nothing in the
bundle shows which, so it is not proven.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from hashlib import sha256

from connector.verify.checks import contract
from connector.verify.checks.contract import ROLES, Given
from connector.verify.checks.examination import need
from connector.verify.checks.records import AGREEMENT, Line, Logged
from connector.verify.checks.seal_times import State
from connector.verify.checks.trusted_time import SKEW_S, exact, written
from connector.verify.formats import jcs
from connector.verify.formats.faults import Doubt, Fault

STRAY_S, WAITS_S = 2 * 86_400, 31 * 86_400
"""By how much the time in an agreement, which may lack its zone, may be later than its provider's seal; or earlier,
where the key for the seal was away."""


_DATE_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?(Z|[+-][0-9]{2}:[0-9]{2})?")


def check(given: Given, lines: Sequence[Line] | None, states: Sequence[State]) -> None:
    """Every record lies in order and between the states that were seen before and behind it.

    Fault `record-time` for a time that is none; Doubt `record-order-of-times`, `record-younger`, `record-older` or
    `record-before-seal`, and `agreement-time` where the agreement bears another date than the seal under it.
    """
    known = sorted((line for line in need(lines, "records") if isinstance(line, Logged)), key=lambda line: line.index)
    times = [(line, _time(line)) for line in known]
    latest = 0  # of all before, so that many small steps lead no further back than one
    for line, at in times:
        if at < latest - SKEW_S:
            raise Doubt("record-order-of-times", seq=line.seq, at=written(at), before=written(latest))
        latest = max(latest, at)
    for size, seen in [(size, moment.seconds) for size, moment in states if moment is not None]:
        for line, at in times:
            _check_between(line, at, size, seen)
    _check_behind_seals(times, given)
    _check_agreement(given)


def _check_behind_seals(times: Sequence[tuple[Logged, int]], given: Given) -> None:
    """No record names a seal that says of itself that it was made later."""
    sealed = {
        (f"{role}Jws", sha256(token).hexdigest()): contract.read_seal(token).iat
        for role in ROLES
        if (token := given.members.get(f"{role}.jws")) is not None
    }
    for line, at in times:
        if line.type != AGREEMENT:
            continue
        for (member, digest), iat in sealed.items():
            if line.body.get(member) == digest and at < iat - SKEW_S:
                raise Doubt("record-before-seal", seq=line.seq, at=written(at), sealed=written(iat))


def _time(line: Logged) -> int:
    at = exact(line.record["at"])
    if at is None:
        raise Fault("record-time", seq=line.seq, index=line.index)
    return at


def _check_between(line: Logged, at: int, size: int, seen: int) -> None:
    if line.index < size and at > seen + SKEW_S:
        raise Doubt("record-younger", seq=line.seq, type=line.type, at=written(at), seen=written(seen))
    if line.index >= size and at < seen - SKEW_S:
        raise Doubt("record-older", seq=line.seq, type=line.type, at=written(at), seen=written(seen))


def _check_agreement(given: Given) -> None:
    """The contract counts its periods from the time in it; an agreement that names none is judged by its seal."""
    agreement = jcs.decode(given.members["agreement.json"])
    text = agreement.get("timestamp") if isinstance(agreement, Mapping) else None
    if text is None:
        return
    sealed, said = contract.read_seal(given.members["provider.jws"]).iat, _seconds(text)
    if said is None or not -WAITS_S <= said - sealed <= STRAY_S:
        raise Doubt("agreement-time", at=str(text)[:40], sealed=written(sealed))


def _seconds(text: object) -> int | None:
    """A date and time as text (XML Schema 1.1, 3.3.7), without its zone in UTC; None for what others read otherwise."""
    if not isinstance(text, str) or not _DATE_TIME.fullmatch(text):
        return None
    try:
        found = datetime.fromisoformat(text)
        return int((found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp())
    except (ValueError, OverflowError):
        return None
