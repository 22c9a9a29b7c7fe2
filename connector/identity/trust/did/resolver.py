"""Fetches DID documents: kept ten minutes, refusals half a minute, one fetch at a time per DID (T08, T16).

Nothing stale is ever served. Who calls is up: its token lifts a kept "unreachable", and has us look whether its key is
new, though anybody can write such a token, so seldom for one DID and for all of them together (`of_caller`). A document
whose keys of one relation were all exchanged without overlap puts the peer on hold until an operator or the trust list
vouches for the new keys: did:web has no history of its own.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Final, Protocol

from msgspec import Struct
from msgspec.structs import replace

from connector.foundation.clock import Clock
from connector.foundation.errors import HanseError, PeerError, Unavailable
from connector.foundation.http.outbound import Answer
from connector.foundation.http.strict import loads
from connector.identity.trust.did.did import Did, document_url, parse
from connector.identity.trust.did.documents import DidDocument, read_document

KEEP_MS: Final = 600_000
REFUSED_MS: Final = 30_000
AGAIN_MS: Final = 1_000
APART_MS: Final = 100
"""How long after a vain fetch, or a look that found a newer key, a caller makes us try again, and how far apart such
fetches are over all DIDs."""
MOST: Final = 10_000
LIMIT: Final = 65_536
TOTAL_S: Final = 5.0
_TOKENS: Final = "capabilityInvocation"
_UNREACHED: Final = frozenset({"http.unreachable", "http.too-slow", "trust.did-unreachable"})

Thumbprints = Mapping[str, frozenset[str]]
Local = Callable[[Did], dict[str, object] | None]
Changed = Callable[[Did, frozenset[str], frozenset[str]], None]


class Vouched(Protocol):
    """Thumbprints of keys of a DID for which the lists vouch that count for a participant of ours (`own`); without it,
    for which all lists do that are known here."""

    def __call__(self, did: str, own: str = "") -> frozenset[str]: ...


Remember = Callable[[Did, Thumbprints], None]


class Fetch(Protocol):
    """The one method of the outbound client that is needed here."""

    async def get(self, url: str, *, limit: int | None = None, total_s: float | None = None) -> Answer: ...


class _Kept(Struct, frozen=True):
    """`at` and `until` by the steady clock (ms); `again`: from when on a caller with an unknown key has us look."""

    at: int
    until: int
    document: DidDocument | HanseError
    again: int


class Resolver:
    """`local` answers for participants of this process without HTTP; `vouched` names thumbprints on the trust list."""

    def __init__(
        self,
        client: Fetch,
        clock: Clock,
        *,
        local: Local | None = None,
        vouched: Vouched | None = None,
        keep_ms: int = KEEP_MS,
    ) -> None:
        self._client = client
        self._clock = clock
        self._local = local
        self._vouched = vouched
        self._on_change: Changed | None = None
        self._remember: Remember | None = None
        self._keep_ms = keep_ms
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        self._own: dict[str, DidDocument] = {}
        self._running: dict[str, asyncio.Task[DidDocument]] = {}
        self._looking: dict[str, asyncio.Task[None]] = {}
        self._pins: dict[str, Thumbprints] = {}
        self._held: dict[str, DidDocument] = {}
        """By DID, what was served when it was put on hold."""
        self._lifted: int | None = None
        """When a caller last made us try again."""

    def listen(self, on_change: Changed, remember: Remember) -> None:
        """`on_change` hears of each hold that begins: the DID, the old and the new thumbprints; `remember` of each
        document's keys that are new, to keep them beyond this process."""
        self._on_change, self._remember = on_change, remember

    async def document(self, did: str, own: str = "") -> DidDocument:
        """The document of a DID. `PeerError` if it is refused, `Unavailable` if it cannot be had or is on hold: for a
        participant of ours (`own`, a DID) not where all lists that count for it vouch for the new keys."""
        try:
            return await self._document(did)
        except Unavailable as held:
            vouched = self._vouched_for(did, own) if held.code == "trust.key-change" else None
            if vouched is None:
                raise
            return vouched

    async def _document(self, did: str) -> DidDocument:
        kept = self._kept.get(did)
        if kept is not None and self._clock.steady() < kept.until:
            return _answer(kept.document)
        checked = parse(did)
        own = self._local(checked) if self._local is not None else None
        if own is not None:
            return self._read_own(checked, own)
        task = self._running.get(did)
        if task is None:
            task = self._running[did] = asyncio.create_task(self._fetch(checked))
            task.add_done_callback(lambda done: self._ended(did, done))
        # Shielded: a caller that gives up must not take the answer away from the others who wait for it.
        return await asyncio.shield(task)

    async def of_caller(self, did: str, kid: str | None = None, own: str = "") -> DidDocument:
        """The same for somebody who calls us now: that it could not be reached a while ago is not held against it, nor
        that its key (`kid`) is newer than what is kept."""
        kept, now = self._kept.get(did), self._clock.steady()
        apart = self._lifted is None or now - self._lifted >= APART_MS
        if kept is None or now >= kept.until:
            return await self.document(did, own)
        if isinstance(kept.document, DidDocument):
            if kid is not None and not kept.document.names(kid, _TOKENS):
                await self._sought(did, kid, kept, may=apart and now >= kept.again)
        elif apart and AGAIN_MS <= now - kept.at < REFUSED_MS and _unreached(kept.document):
            self._lifted = now
            del self._kept[did]
        return await self.document(did, own)

    async def _sought(self, did: str, kid: str, kept: _Kept, *, may: bool) -> None:
        """Waits for the look at a document that may name a newer key, which begins here if it may."""
        task = self._looking.get(did)
        if task is None and may:
            self._lifted = self._clock.steady()
            task = self._looking[did] = asyncio.create_task(self._look(parse(did), kid, kept))
            task.add_done_callback(lambda done: self._looked(did, done))
        if task is not None:
            await asyncio.shield(task)

    async def _look(self, did: Did, kid: str, kept: _Kept) -> None:
        """Takes what its host serves now if that names the key, and else nothing away: what is kept stays for its time.

        It puts nobody on hold either: a list that vouches for exchanged keys may be on its way, and has us fetch the
        document again. After a vain look callers of that DID wait for the next, which anybody can bring about.
        """
        try:
            document: DidDocument | None = await self._get(did)
        except HanseError:
            document = None
        now = self._clock.steady()
        if self._kept.get(did) is not kept:  # forgotten meanwhile: what was fetched may be older
            return
        if document is None or not document.names(kid, _TOKENS) or self._exchanged(document) is not None:
            self._kept[did] = replace(kept, again=now + REFUSED_MS)
            return
        self._guard(document)
        self._keep(did, document, self._keep_ms, again_ms=AGAIN_MS)

    def _looked(self, did: str, task: asyncio.Task[None]) -> None:
        if self._looking.get(did) is task:
            del self._looking[did]
        if not task.cancelled():
            task.exception()

    def known(self, did: str) -> DidDocument | None:
        """The same if it is here and may be used now; nothing is fetched, and nothing raised."""
        kept = self._kept.get(did)
        if kept is not None and self._clock.steady() < kept.until:
            return None if isinstance(kept.document, HanseError) else kept.document
        try:
            checked = parse(did)
            own = self._local(checked) if self._local is not None else None
            return None if own is None else self._read_own(checked, own)
        except PeerError:
            return None

    async def served(self, did: str) -> DidDocument:
        """The document as its host serves it now, even while it is on hold, and not kept: who asks for it has to know
        the keys from elsewhere, as the authority of a list does."""
        checked = parse(did)
        own = self._local(checked) if self._local is not None else None
        return self._read_own(checked, own) if own is not None else await self._get(checked)

    def _read_own(self, did: Did, value: dict[str, object]) -> DidDocument:
        """Read once for as long as the participant's document is the same object."""
        known = self._own.get(did)
        if known is None or known.raw is not value:
            known = self._own[did] = read_document(did, value)
        return known

    def _ended(self, did: str, task: asyncio.Task[DidDocument]) -> None:
        if self._running.get(did) is task:
            del self._running[did]
        if not task.cancelled():
            task.exception()  # looked at, in case every caller has gone

    def forget(self, did: str) -> None:
        """Fetches the document afresh at its next use; an answer that is under way is void, for it may be older."""
        self._kept.pop(did, None)
        self._running.pop(did, None)
        self._looking.pop(did, None)

    def recall(self, pins: Mapping[str, Thumbprints]) -> None:
        """What was pinned before this process started: a restart must not make anybody forget a key."""
        self._pins.update(pins)

    def on_hold(self, did: str, own: str = "") -> bool:
        """Whether the peer's keys were exchanged without overlap and nobody has vouched for the new ones; to `own`."""
        return did in self._held and self._vouched_for(did, own) is None

    def _vouched_for(self, did: str, own: str) -> DidDocument | None:
        """What is on hold, if the lists that count for a participant of ours vouch for its keys: a list that only a
        neighbour joined, and that names others or none, holds nobody up."""
        held = self._held.get(did)
        if held is None or not own or self._vouched is None:
            return None
        return held if self._exchanged(held, self._vouched(did, own)) is None else None

    def accept(self, did: str) -> None:
        """An operator takes the peer's new keys: the hold ends."""
        self._pins.pop(did, None)
        self._held.pop(did, None)
        self.forget(did)

    async def _fetch(self, did: Did) -> DidDocument:
        try:
            document = await self._get(did)
            if self._void(did):
                return await self._document(did)
            self._guard(document)
        except HanseError as refused:
            if self._void(did):
                return await self._document(did)
            self._keep(did, refused, REFUSED_MS)
            raise
        self._keep(did, document, self._keep_ms)
        return document

    def _void(self, did: Did) -> bool:
        """Whether the document was forgotten while this task fetched it: it may name a key withdrawn since then."""
        return self._running.get(did) is not asyncio.current_task()

    async def _get(self, did: Did) -> DidDocument:
        answer = await self._client.get(document_url(did), limit=LIMIT, total_s=TOTAL_S)
        if answer.status != 200:
            raise Unavailable("trust.did-unreachable", did=did, status=answer.status)
        try:
            value = loads(answer.body, limit=LIMIT)
        except PeerError as cause:
            raise PeerError("trust.did-document", did=did) from cause
        return read_document(did, value)

    def _exchanged(
        self, document: DidDocument, vouched: frozenset[str] | None = None
    ) -> tuple[frozenset[str], frozenset[str]] | None:
        """The keys of a relation before and now, if all are others and nobody vouches for them; keys, not their names:
        a new key under an old id is a new key."""
        new, old = document.thumbprints(), self._pins.get(document.did, {})
        if vouched is None:
            vouched = self._vouched(document.did) if self._vouched is not None else frozenset()
        for relation, before in old.items():
            now = new.get(relation, frozenset())
            if before and now and not now & before and not now <= vouched:
                return before, now
        return None

    def _guard(self, document: DidDocument) -> None:
        """Pins the keys; raises Unavailable for a peer whose keys were exchanged, which is on hold from then on."""
        if (exchanged := self._exchanged(document)) is not None:
            self._hold(document, *exchanged)
            raise Unavailable("trust.key-change", did=document.did)
        new, old = document.thumbprints(), self._pins.get(document.did, {})
        pins = {relation: new.get(relation) or old.get(relation, frozenset()) for relation in new.keys() | old.keys()}
        self._held.pop(document.did, None)
        self._pins[document.did] = pins
        if self._remember is not None and pins != old:
            self._remember(document.did, pins)

    def _hold(self, document: DidDocument, before: frozenset[str], now: frozenset[str]) -> None:
        """Told when it begins, also with keys seen before, and not again while it lasts: every participant's log keeps
        it, and a peer may change its keys as often as it likes."""
        new = document.did not in self._held
        self._held[document.did] = document
        if new and self._on_change is not None:
            self._on_change(document.did, before, now)

    def _keep(self, did: Did, document: DidDocument | HanseError, for_ms: int, *, again_ms: int = 0) -> None:
        now = self._clock.steady()
        self._kept[did] = _Kept(now, now + for_ms, document, now + again_ms)
        self._kept.move_to_end(did)
        if len(self._kept) > MOST:
            self._kept.popitem(last=False)


def _unreached(kept: DidDocument | HanseError) -> bool:
    """Whether it is as good as sure to be better once the host is up: a hold or an odd document stays what it is."""
    return isinstance(kept, Unavailable) and kept.code in _UNREACHED


def _answer(kept: DidDocument | HanseError) -> DidDocument:
    if isinstance(kept, HanseError):
        raise type(kept)(kept.code, **kept.facts)
    return kept
