"""What the provider's text and profile say if it writes them as we would: then nobody has to ask it for them.

A seal names its references by hash. What we write ourselves and has that hash is the document itself; anything else is
fetched. Nothing is believed here: a guess that misses costs one request (performance.md 3), and one that cannot even be
written costs no more. A long contract is fetched at once, so that nobody makes us write it in vain.
"""

from collections.abc import Callable, Iterator, Mapping

import structlog

from connector.contracts import drafting, signing
from connector.contracts.agreements import PATIENCE_MS
from connector.contracts.model import Agreement, Case
from connector.contracts.text import Party
from connector.contracts.translation import written
from connector.participants.service import Hosted
from connector.policy.judge import Judge

Guess = Callable[[Mapping[str, str], Mapping[str, bytes]], dict[str, bytes]]
"""(SHA-256 by name of a reference, bodies by SHA-256 that are here) -> further bodies by SHA-256."""
_SETTINGS = ("preferred", "required", "none")
LONGEST = 16_384
"""Bytes of an agreement whose text and profile are written here."""

log = structlog.get_logger("contracts")


class Guesses:
    """`name_of` is what the trust list calls a DID; partners of one release give a countersignature the same time."""

    def __init__(self, judge: Judge, name_of: Callable[[str], str], patience_ms: int = PATIENCE_MS) -> None:
        self._judge, self._name_of, self._patience_ms = judge, name_of, patience_ms

    def by_consumer(self, hosted: Hosted, case: Case, agreement: Agreement) -> Guess:
        """What the provider of this agreement probably wrote."""

        def guess(hashes: Mapping[str, str], known: Mapping[str, bytes]) -> dict[str, bytes]:
            if len(agreement.document) > LONGEST:
                return {}
            try:
                return self._written(hosted, case, agreement, hashes, known)
            except Exception as failure:
                # Whatever a peer has made us stumble over: the documents that it sealed are asked for, and judged.
                log.warning("contracts.no-guess", agreement=agreement.id[:200], why=type(failure).__name__)
                return {}

        return guess

    def _written(
        self, hosted: Hosted, case: Case, agreement: Agreement, hashes: Mapping[str, str], known: Mapping[str, bytes]
    ) -> dict[str, bytes]:  # fmt: skip
        wanted = {sha256 for sha256 in hashes.values() if sha256 not in known}
        found: dict[str, bytes] = {}
        for name, candidates in (
            (drafting.PROFILE, self._profiles(agreement)),
            (drafting.TEXT, self._texts(hosted, case, agreement, known.get(hashes[drafting.DATASET]))),
        ):
            if hashes[name] in wanted:
                right = next((body for body in candidates if signing.digest(body) == hashes[name]), None)
                found |= {} if right is None else {hashes[name]: right}
        return found

    def _profiles(self, agreement: Agreement) -> Iterator[bytes]:
        until = self._judge.signed_at(agreement.policy) + self._patience_ms
        for setting in _SETTINGS:
            yield drafting.profile(self._judge, agreement.policy, setting, until, agreement.replaces).body

    def _texts(self, hosted: Hosted, case: Case, agreement: Agreement, snapshot: bytes | None) -> Iterator[bytes]:
        me, other = hosted.participant, case.counterparty
        provider, consumer = Party(self._name_of(other), other), Party(me.name, me.did)
        if snapshot is not None:
            text = written(agreement, snapshot, provider, consumer, case.purpose, self._judge, "de")
            yield from () if text is None else (text,)
