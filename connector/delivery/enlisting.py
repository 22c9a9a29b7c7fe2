"""In a development space our participants, and this process as a witness, are on the trust list at once.

Elsewhere the authority decides, and nothing happens here.
"""

import asyncio

from connector.audit.witness_keys import WitnessKeys
from connector.participants.service import Participants
from connector.trust.anchors import Entry, Witness
from connector.trust.development import DevelopmentSpace, entry
from connector.trust.listing import Listing


class Enlisting:
    """`operator` is whom this process vouches for others as; empty: the one of all its participants."""

    def __init__(
        self, space: DevelopmentSpace | None, participants: Participants, listing: Listing, keys: WitnessKeys,
        operator: str,
    ) -> None:  # fmt: skip
        self._space, self._participants, self._listing = space, participants, listing
        self._keys, self._operator = keys, operator

    async def enlist(self) -> None:
        if self._space is None:
            return
        hosted = await self._participants.all()

        def entries(valid_from: str) -> list[Entry]:
            return [
                entry(
                    did=one.participant.did, name=one.participant.name, operator=one.participant.operator,
                    kind=one.participant.kind, valid_from=valid_from, keys=one.keys, at=valid_from,
                )
                for one in hosted
            ]  # fmt: skip

        witness = await self._witness({one.participant.operator for one in hosted})
        await asyncio.to_thread(self._space.enlist, entries, witness)
        await self._listing.reload()

    async def _witness(self, operators: set[str]) -> Witness:
        """Whoever works for several operators is a witness for none of them."""
        operator = self._operator or (operators.pop() if len(operators) == 1 else "")
        return Witness(operator, self._keys.url, await self._keys.public())
