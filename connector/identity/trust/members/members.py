"""What the trust list in force says of a DID at this moment, each question with the answer for strangers.

Whoever needs one fact of a member (its name, its operator, its keys) asks here and never meets an `Entry`.
"""

from collections.abc import Mapping, Sequence

from connector.foundation.clock import Clock
from connector.identity.trust.members.trust_list import Anchor, Entry


class Members:
    """Reads `anchor` by the clock of this process."""

    def __init__(self, anchor: Anchor, clock: Clock) -> None:
        self._anchor, self._clock = anchor, clock

    def name_of(self, did: str, own: str = "") -> str:
        """What the lists call it that count for a participant of ours (`own`), or all that are known here; the DID
        itself for strangers."""
        found = self._of(did, own)
        return did if found is None else found.name

    def operator_of(self, did: str, own: str = "") -> str:
        """Who runs that member's connector, by the lists that count for a participant of ours (`own`), or by all that
        are known here; of strangers each runs its own."""
        found = self._of(did, own)
        return did if found is None else found.operator

    def vouched(self, did: str) -> Sequence[tuple[str, str]]:
        """Each list that names that DID (the authority), with who runs its connector by that list; strangers run
        their own, and share a list that is none."""
        return [(listed, entry.operator) for listed, entry in self._anchor.listings(did)] or [("", did)]

    def admitted(self, did: str, now: int) -> bool:
        """Whether it belongs at that instant (ms)."""
        found = self._anchor.entry(did)
        return found is not None and found.admitted(now)

    def seal_certificates(self, did: str, own: str = "") -> Sequence[str]:
        """SHA-256 of the certificates with which it may seal now; by the lists that count for a participant of ours
        (`own`), or by all that are known here."""
        found = self._of(did, own)
        return () if found is None else found.sealing(self._clock.now())

    def second_seal_keys(self, did: str, own: str = "") -> Sequence[Mapping[str, str]]:
        """Public keys (JWK) of its second seals now; by the same lists."""
        found = self._of(did, own)
        return () if found is None else found.second_keys(self._clock.now())

    def log_keys(self, did: str, own: str = "") -> Sequence[Mapping[str, object]]:
        """Public keys (JWK) that sign its log, former ones included; by the same lists."""
        found = self._of(did, own)
        return () if found is None else found.log_keys

    def _of(self, did: str, own: str) -> Entry | None:
        return self._anchor.entry_for(own, did) if own else self._anchor.entry(did)
