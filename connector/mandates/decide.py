"""What may be entrusted, and what is sealed then: pure (spec/mandates.md 1, 5).

The town keeps a code by which it ends the mandate without the provider; the mandate has its digest alone.
"""

import re
import secrets
from collections.abc import Mapping
from hashlib import sha256
from typing import Any, Final

from connector.clock import rfc3339
from connector.errors import Mistake, PeerError
from connector.mandates.model import Wish
from connector.trust.did import did as dids
from connector.verify.checks import mandate
from connector.verify.formats.faults import Fault

_LETTERS: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford's: none of them is taken for another when it is read aloud."""
_MISREAD: Final = str.maketrans({"O": "0", "I": "1", "L": "1"})
CODE_LENGTH: Final = 28
"""Letters of a code: 140 bits."""


def new_code() -> str:
    """A code to be printed: seven groups of four letters."""
    letters = "".join(secrets.choice(_LETTERS) for _ in range(CODE_LENGTH))
    return "-".join(letters[at : at + 4] for at in range(0, CODE_LENGTH, 4))


def code_digest(code: str) -> str:
    """The SHA-256 (hex) by which a code is known, however it was typed; raises Mistake for what is none."""
    letters = re.sub(r"[\s-]", "", code).upper().translate(_MISREAD)
    if len(letters) != CODE_LENGTH or not set(letters) <= set(_LETTERS):
        raise Mistake("mandates.code-form")
    return sha256(letters.encode("ascii")).hexdigest()


def statement(
    did: str, wish: Wish, key: str, own: tuple[str, ...], code: str, now: int
) -> dict[str, Any]:  # fmt: skip
    """What is sealed: `key` is the thumbprint of the agent's key, `own` are those that the agent does not hold.

    Raises Mistake for an agent that has no DID or is the town itself, and for what no reader would take.
    """
    try:
        agent = dids.parse(wish.agent)
    except PeerError as cause:
        raise Mistake("mandates.agent") from cause
    if agent == did:
        raise Mistake("mandates.agent")
    begin, until = now // 1000 * 1000, wish.until // 1000 * 1000
    if not begin < until <= begin + mandate.LONGEST_S * 1000:
        raise Mistake("mandates.until")
    said = {
        "v": 1, "kind": mandate.KIND, "principal": did, "agent": agent, "agentName": wish.name.strip(),
        "actions": sorted(set(wish.actions)), "from": rfc3339(begin), "until": rfc3339(until),
        "contract": wish.contract.strip(), "key": key, "own": sorted(own), "withdrawal": code_digest(code),
    }  # fmt: skip
    try:
        mandate.read(said)
    except Fault as cause:
        raise Mistake("mandates.words", most=mandate.LONGEST_LINE) from cause
    return said


def withdrawal(did: str, digest: str, now: int) -> Mapping[str, Any]:
    """What is sealed when a mandate is withdrawn."""
    return {
        "v": 1, "kind": mandate.WITHDRAWAL, "principal": did, "mandate": digest, "at": rfc3339(now // 1000 * 1000),
    }  # fmt: skip
