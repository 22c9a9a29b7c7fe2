"""A trust list as the authority writes it: the one that follows another, and the form that all readers expect.

What is written here is what `trust_list` reads, member for member (spec/trust.md 4.1).
"""

from typing import Any

import msgspec

from connector.foundation.clock import rfc3339
from connector.identity.trust.members.trust_list import Entry, TrustList, Witness

Form = dict[str, Any]


def to_form(trust_list: TrustList) -> Form:
    """The list as plain JSON, every member of an entry present as readers expect it."""
    form: Form = msgspec.to_builtins(trust_list)
    form["participants"] = [entry_form(entry) for entry in trust_list.participants]
    for name in ("space", "name", "recognised", "groups"):
        if not form[name]:
            del form[name]
    return form


def entry_form(entry: Entry) -> Form:
    """One member of it."""
    form: Form = msgspec.to_builtins(entry)
    form.setdefault("validUntil", None)
    form.setdefault("sealCertificates", [])
    form.setdefault("logKeys", [])
    return form


def next_list(
    before: TrustList | None,
    *,
    authority: str,
    now: int,
    life_ms: int,
    participants: tuple[Entry, ...],
    witness: Witness | None = None,
) -> TrustList:
    """The list that follows `before` (none: the first), valid for `life_ms` milliseconds from `now`.

    `witness` takes the place of the one that its operator had; without an operator it is no longer listed.
    """
    witnesses = () if before is None else before.witnesses
    if witness is not None:
        kept = (one for one in witnesses if one.operator != witness.operator and one.url != witness.url)
        witnesses = (*kept, witness) if witness.operator else tuple(kept)
    return TrustList(
        version=1 if before is None else before.version + 1,
        issued=rfc3339(now),
        next_update=rfc3339(now + life_ms),
        authority=authority,
        issuers=() if before is None else before.issuers,
        participants=participants,
        witnesses=witnesses,
    )
