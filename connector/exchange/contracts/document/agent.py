"""Who acts for a party of a contract, as the mandate says that the party's approval carries (spec/mandates.md 2).

What stands there is only shown; whether the mandate holds is judged where it is signed.
"""

from connector.exchange.contracts import approval as approvals
from connector.exchange.contracts.document.text import Agent, Party
from connector.foundation.errors import PeerError
from connector.verify.checks import mandate
from connector.verify.formats.faults import Fault


def acted(party: Party, carried: object) -> Party:
    """The party with who acts for it, by the sealed mandate `carried`; itself where there is none (None).

    Raises Fault for what is no mandate.
    """
    if carried is None:
        return party
    found = mandate.read(carried.get("mandate") if isinstance(carried, dict) else None)
    return Party(party.name, party.did, Agent(found.name, found.agent, found.contract, found.end * 1000, found.sha256))


def carried(approval: bytes, side: str) -> object:
    """The sealed mandate in an approval of that side; None where there is none, or none that can be read."""
    try:
        found = approvals.agent_of(approval, side)
        acted(Party("", ""), found)
    except (PeerError, Fault):
        return None
    return found
