"""What an authority answers to an application or a request: a receipt, a no with its code, or that we ask again later.

Whatever code it says no with is read by people: the facts that its sentence may name are the authority's own, and do
not come along (spec/spaces.md 3.1; threat T104).
"""

import re

import msgspec

from connector.dataspace.spaces.documents import Receipt
from connector.foundation.errors import PeerError, Unavailable
from connector.foundation.http import strict
from connector.foundation.http.outbound import Answer
from connector.foundation.language.reasons import Reason, because


def receipt_of(answer: Answer) -> Receipt:
    """Raises Unavailable to ask again later, PeerError with the authority's own code for a refusal."""
    if answer.status not in (200, 201):
        raise refusal(answer)
    try:
        return msgspec.convert(strict.loads(answer.body, limit=65_536), Receipt)
    except (PeerError, msgspec.ValidationError) as cause:
        raise Unavailable("peer.busy", status=answer.status) from cause


class SaidNo(PeerError):
    """An authority said no by a code; where that is none of ours, or its sentence names what only the authority knows,
    people read that it refused."""

    @property
    def reasons(self) -> Reason:
        try:
            return because(self.code)
        except KeyError:
            return because("spaces.no")


def refusal(answer: Answer) -> PeerError | Unavailable:
    """What an authority that said no meant: its own code, or that we ask again later; that we did so too often."""
    busy = Unavailable("peer.busy", status=answer.status)
    try:
        value = strict.loads(answer.body, limit=65_536)
    except PeerError:
        return busy
    code = value.get("code") if isinstance(value, dict) else None
    if answer.status == 429 and code == "spaces.requests":
        return Unavailable("spaces.too-often")
    if answer.status in (408, 425, 429) or answer.status >= 500:
        return busy
    return SaidNo(code if isinstance(code, str) and re.fullmatch(r"[a-z-]{1,40}\.[a-z-]{1,40}", code) else "spaces.no")
