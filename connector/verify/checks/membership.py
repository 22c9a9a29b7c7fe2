"""Whether both parties were members of the data space when they sealed, as far as the newest list known can tell.

Judged at the trusted time of each seal (spec/contracts.md 8.5), else at the time that the signer claims, which is never
one from before its membership. A list names one period and one state per member, as of its own day. Up to its day the
list in the bundle judges, behind it the newer one; what only that one says is not proven (decision 0194). So:

* over by then, or suspended since before: FAILED, that party was no member; but where it had moved, and is one under
  its new DID, the log of that one proves it, and that of another leaves it unproven;
* sealed when another had taken its place, listed still or not: not proven, for the list may say so only since then;
* suspended, but the list does not say since when: not proven, for it may have been before or after;
* admitted only later: not proven, for whoever comes back is listed from that day on;
* not on the list: not proven, for whoever left is no longer there;
* sealed when the list had already expired: not proven, a newer list may say something else;
* exported, or last witnessed, when the list had already expired: not proven, for there was a newer one by then, and
  whoever leaves it out may know why (T67).
"""

from collections.abc import Mapping

from connector.verify.checks import contract
from connector.verify.checks.contract import ROLES, Given, Role, Sealed
from connector.verify.checks.examination import need
from connector.verify.checks.trusted_time import SKEW_S, written
from connector.verify.formats.faults import Doubt, Fault
from connector.verify.formats.trustlist import TrustList


def check(
    given: Given, trust_list: TrustList | None, seals: Mapping[Role, Sealed | None], seen: int | None = None
) -> None:
    """Both were. Fault `not-member`; Doubt `place-taken`, `member-unlisted`, `member-later`, `member-moved`,
    `member-suspended`, `list-expired` or `list-withheld`.

    `trust_list` must be proven. A consumer that has not sealed is judged at the time of the contract. `seen` is the
    latest time (seconds) that the bundle itself knows of.
    """
    listed, agreement = need(trust_list, "trust-list"), need(given.agreement, "agreement")
    doubt: Doubt | None = None
    for role in ROLES:
        claimed = need(seals.get(role) or seals.get("provider"), "provider-seal").seal.iat
        known = given.sealed_at(role)
        try:
            at = claimed if known is None else known
            if not _moved(role, given, listed, claimed, at):
                _judge(agreement.did(role), listed, at)
            _check_claimed(agreement.did(role), listed, claimed)
        except Doubt as open_question:  # the other party may be worse
            doubt = doubt or open_question
    if doubt is not None:
        raise doubt
    if seen is not None and seen >= (until := listed.on(seen).next_update):
        raise Doubt("list-withheld", at=written(seen), until=written(until))


def _moved(role: Role, given: Given, listed: TrustList, claimed: int, at: int) -> bool:
    """Whether that party had moved by `at`, and is a member under its new DID: then its place was never empty.

    Doubt `member-moved` unless the party itself says, by its own log under the new DID, that it sealed before.
    """
    did = need(given.agreement, "agreement").did(role)
    place = contract.standing(did, given)
    if place is not None and (taken := place.taken(claimed)):
        raise Doubt("place-taken", **taken)
    told = listed.on(at)
    member, now = told.members.get(did), [one for one in told.succession.line(did) if one[1] <= at + SKEW_S]
    if member is None or not now:
        return False
    left, since = member.period.end, told.succession.line(did)[0][1] + SKEW_S
    if at < (since if left is None else min(left, since)) or (left is not None and claimed > left):
        return False
    _judge(now[-1][0], listed, at)
    by = contract.exporting(given)
    if by.role != role or by.did == did:
        raise Doubt("member-moved", did=did, heir=now[-1][0], at=written(at))
    return True


def _check_claimed(did: str, listed: TrustList, claimed: int) -> None:
    """A seal that others saw only later still says when it was made: that is no time from before the membership."""
    member = listed.on(claimed).members.get(did)
    begin = None if member is None else member.period.begin
    if begin is not None and claimed + SKEW_S < begin:
        raise Doubt("member-later", did=did, at=written(claimed), since=written(begin))


def _judge(did: str, known: TrustList, at: int) -> None:
    listed = known.on(at)
    member = listed.members.get(did)
    if member is None or member.unlisted:
        raise Doubt("member-unlisted", did=did, version=listed.version)
    end, since = member.period.end, member.suspended_since
    if end is not None and end <= at:
        raise Fault("not-member", did=did, at=written(at), since=written(end))
    if member.suspended and since is not None and since <= at:
        raise Fault("not-member", did=did, at=written(at), since=written(since))
    if member.suspended and since is None:
        raise Doubt("member-suspended", did=did, at=written(at))
    if not member.period.holds(at):
        raise Doubt("member-later", did=did, at=written(at), since=written(member.period.begin or 0))
    if at >= listed.next_update:
        raise Doubt("list-expired", at=written(at), until=written(listed.next_update))
