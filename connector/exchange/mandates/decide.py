"""What may be entrusted, and what is sealed then: pure (spec/mandates.md 1, 5).

Nothing here is kept, and no key is touched. Whether a mandate is over is asked at each act
(`identity/participants/acting.py`), and a round of `service` takes its key out of the DID document then.
"""

from collections.abc import Mapping
from typing import Any

from connector.exchange.mandates.model import Wish
from connector.foundation.clock import rfc3339
from connector.foundation.errors import Mistake, PeerError
from connector.identity.participants.withdrawal_code import code_digest
from connector.identity.trust.did import did as dids
from connector.verify.checks import mandate
from connector.verify.formats.faults import Fault


def statement(did: str, wish: Wish, key: str, own: tuple[str, ...], code: str, now: int) -> dict[str, Any]:
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
        "v": 1,
        "kind": mandate.KIND,
        "principal": did,
        "agent": agent,
        "agentName": wish.name.strip(),
        "actions": sorted(set(wish.actions)),
        "from": rfc3339(begin),
        "until": rfc3339(until),
        "contract": wish.contract.strip(),
        "key": key,
        "own": sorted(own),
        "withdrawal": code_digest(code),
    }
    try:
        mandate.read(said)
    except Fault as cause:
        raise Mistake("mandates.words", most=mandate.LONGEST_LINE) from cause
    return said


def withdrawal(did: str, digest: str, now: int) -> Mapping[str, Any]:
    """What is sealed when a mandate is withdrawn."""
    return {
        "v": 1,
        "kind": mandate.WITHDRAWAL,
        "principal": did,
        "mandate": digest,
        "at": rfc3339(now // 1000 * 1000),
    }
