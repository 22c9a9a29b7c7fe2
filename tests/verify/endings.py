"""Signed statements that end the agreement of a bundle."""

from hashlib import sha256

from connector.exchange.contracts.document import sealing
from connector.verify.checks.trusted_time import written
from connector.verify.formats import jcs
from tests.verify.forge import NOW, Case

AT, NOTICE = written(NOW + 100), "2027-03-31T21:59:59Z"


def statement(case: Case, role: str = "provider", **change: object) -> bytes:
    """What a party states, in canonical form."""
    reason = {"de": ["Der Zweck ist erreicht."], "en": ["The purpose is fulfilled."]}
    value = {
        "v": 1,
        "kind": "termination",
        "agreement": sealing.digest(case.parts.agreement),
        "by": role,
        "reason": reason,
        "notice": NOTICE,
        "at": AT,
    }
    return jcs.encode(value | change)


def digest(data: bytes) -> str:
    return sha256(data).hexdigest()
