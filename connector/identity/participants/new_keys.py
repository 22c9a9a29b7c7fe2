"""Keys that are made here, each sealed for the database at once, a seal key with its certificate if a CA gives one.

In no database yet: whoever wants them writes them in a transaction of its own (`keys.py`).
"""

from collections.abc import Callable

from connector.identity.participants.model import Participant
from connector.identity.trust.keys.signing import (
    POST_QUANTUM,
    PURPOSES,
    KeyRecord,
    Purpose,
    SoftwareKey,
    Vault,
    post_quantum,
)

SealIssuer = Callable[[str, SoftwareKey, str], str]
"""(DID, seal key, name) -> PEM chain, leaf first; a seal CA after proof of control (spec/contracts.md 2.4)."""


class NewKeys:
    """`pq`: whether a participant gets a key for a second seal too; `issue_seal` None: nobody here certifies keys."""

    def __init__(self, vault: Vault, issue_seal: SealIssuer | None, *, pq: bool) -> None:
        self._vault, self._issue_seal, self._pq = vault, issue_seal, pq

    def all(self, participant: Participant) -> list[tuple[KeyRecord, bytes]]:
        """A key for each purpose."""
        able = post_quantum()
        purposes = [
            purpose
            for purpose in PURPOSES
            if (able or purpose not in POST_QUANTUM) and (self._pq or purpose != "seal-pq")
        ]
        return [self.key(participant, purpose) for purpose in purposes]

    def key(self, participant: Participant, purpose: Purpose) -> tuple[KeyRecord, bytes]:
        """A key of this purpose."""
        key = SoftwareKey.generate(purpose, participant.did)
        certificate = None
        if purpose == "seal" and self._issue_seal is not None:
            certificate = self._issue_seal(participant.did, key, participant.name)
        return key.record("active", certificate), key.export(self._vault, participant.id)
