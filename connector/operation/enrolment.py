"""In a development space our participants, and this process as a witness, are on the trust list at once.

The list is written after the commit that changes keys; what a process that died in between has left, the next start
makes up for. Elsewhere the authority decides, and nothing happens here.
"""

import asyncio

import msgspec
import structlog

from connector.clock import rfc3339
from connector.errors import HanseError
from connector.participants.service import Hosted, Participants
from connector.trust.development.space import DevelopmentSpace, continued, entry
from connector.trust.members.source import TrustListSource
from connector.trust.members.trust_list import Anchor, Entry, Witness
from connector.witness.keys import WitnessKeys

log = structlog.get_logger("trust")


class Enrolment:
    """`operator` is whom this process vouches for others as; empty: the one of all its participants."""

    def __init__(
        self, space: DevelopmentSpace | None, participants: Participants, listing: TrustListSource, anchor: Anchor,
        keys: WitnessKeys, operator: str,
    ) -> None:  # fmt: skip
        self._space, self._participants, self._listing = space, participants, listing
        self._anchor, self._keys, self._operator = anchor, keys, operator

    async def enlist(self) -> None:
        if self._space is None:
            return
        hosted = await self._participants.all()
        witness = await self._witness({one.participant.operator for one in hosted})
        await asyncio.to_thread(self._space.enlist, lambda begin: [_entry(one, begin) for one in hosted], witness)
        await self._listing.reload()

    async def catch_up(self) -> None:
        """At the start: names the keys that the list does not know yet; whatever else it says of a member stays.

        Nobody is admitted again whose membership has ended, and a list that cannot be written stops no start.
        """
        if self._space is None or not self._anchor.version:
            return
        hosted = await self._participants.all()
        late = [found for one in hosted if (found := self._unlisted(one)) is not None]
        if not late:
            return
        try:
            witness = await self._witness({one.participant.operator for one in hosted})
            await asyncio.to_thread(self._space.enlist, lambda begin: late, witness)
            await self._listing.reload()
        except (HanseError, OSError) as error:
            log.warning("trust.enlist", why=str(error))

    def _unlisted(self, one: Hosted) -> Entry | None:
        assert self._space is not None
        now = self._space.now()
        begin, known = rfc3339(now - 60_000), self._anchor.entry(one.participant.did)
        if known is None:
            return _entry(one, begin)
        if not known.admitted(now):
            return None
        fresh = continued(known, _entry(one, begin), begin, now)
        named = msgspec.structs.replace(
            known, log_keys=fresh.log_keys, seal_certificates=fresh.seal_certificates, keys=fresh.keys,
            seal_key_pq=fresh.seal_key_pq, former_seal_keys_pq=fresh.former_seal_keys_pq,
        )  # fmt: skip
        return None if named == known else named

    async def _witness(self, operators: set[str]) -> Witness:
        """Whoever works for several operators is a witness for none of them."""
        operator = self._operator or (operators.pop() if len(operators) == 1 else "")
        return Witness(operator, self._keys.url, await self._keys.public())


def _entry(one: Hosted, begin: str) -> Entry:
    participant = one.participant
    return entry(
        did=participant.did, name=participant.name, operator=participant.operator, kind=participant.kind,
        valid_from=begin, keys=one.keys, at=begin,
    )  # fmt: skip
