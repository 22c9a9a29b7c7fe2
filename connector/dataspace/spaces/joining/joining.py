"""Joining a space: look whose it is, compare the key by voice, apply, wait, and be told what becomes of it.

Every step is a row first, so a process that dies goes on where it was. A space is believed from the moment it admits us
and not before, and only with the key that a person compared (spec/spaces.md 3; threats T30, T104).
"""

import asyncio
import re
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Sequence
from itertools import count
from typing import Final, NamedTuple, Protocol

import msgspec
import structlog
from msgspec.structs import replace

from connector.dataspace.spaces import documents, joined_store
from connector.dataspace.spaces.decision import sealing
from connector.dataspace.spaces.documents import ApplicationClaims, Description, Document, Receipt, RequestClaims
from connector.dataspace.spaces.joining import carried, own_seals, said_mergers, standing
from connector.dataspace.spaces.joining.answers import receipt_of, refusal
from connector.dataspace.spaces.keeping.authority import OwnKeys, record
from connector.dataspace.spaces.model import Joined, Keys, same_fingerprint
from connector.foundation.clock import Clock
from connector.foundation.errors import HanseError, Mistake, PeerError, Unavailable, Unknown
from connector.foundation.http.outbound import Answer
from connector.foundation.storage.database import Database, Tx, still
from connector.identity.participants.service import CHANGED, Hosted, Participants
from connector.identity.trust.keys.jose import sign_jwt
from connector.identity.trust.keys.signing import AGENT, Vault
from connector.identity.trust.members import pins
from connector.identity.trust.members.anchor_of_spaces import AnchorOfSpaces
from connector.identity.trust.members.source import TrustListSource
from connector.identity.trust.signers.port import SealKey

log = structlog.get_logger("spaces")
LOOK_S: Final = 1.0
"""How soon an authority hears of other keys: until it has, and its list names them, members refuse what they sign."""
ASK_MS: Final = 10_000
"""How often somebody who waits asks."""
ALL_MS: Final = 60_000
"""How often every participant is looked at, also those of whom this replica knows nothing."""
LINE_MS: Final = 20_000
"""How long a round asks one authority."""
TOO_MANY: Final = 429
_LINK: Final = re.compile(r"(?P<root>https://[^#?]{1,500})/space/?#(?P<code>[A-Za-z0-9_-]{43})")
_WAITING: Final = frozenset({"applying", "pending"})
_LISTED: Final = frozenset({"member", "ended"})


Prove = Callable[[str, str], Awaitable[dict[str, str]]]
"""What the keys of this process as a witness sign for a member (a DID) of a space."""


class Fetch(Protocol):
    """What is needed of the outbound client."""

    async def get(self, url: str, *, headers: dict[str, str], limit: int) -> Answer: ...

    async def post(self, url: str, body: bytes, *, headers: dict[str, str], limit: int) -> Answer: ...


def parse_link(link: str) -> tuple[str, str]:
    """Root of the authority and code; raises Mistake. The code stands behind `#`, which no request sends."""
    match = _LINK.fullmatch(link.strip())
    if match is None:
        raise Mistake("spaces.link")
    return match["root"], match["code"]


class _Errand(NamedTuple):
    """What a participant has to ask the authority of a space, or to tell it: `keys` are such as it does not know."""

    hosted: Hosted
    joined: Joined
    keys: Keys | None


class Joining:
    """Memberships of the participants of this process in spaces of others."""

    def __init__(
        self,
        db: Database,
        clock: Clock,
        vault: Vault,
        participants: Participants,
        http: Fetch,
        listing: TrustListSource,
        anchors: AnchorOfSpaces,
        own_keys: OwnKeys,
        prove: Prove,
    ) -> None:
        self._db, self._clock, self._vault, self._participants = db, clock, vault, participants
        self._http, self._listing, self._anchors, self._own_keys, self._prove = http, listing, anchors, own_keys, prove
        db.listen(CHANGED, self._keys_changed)
        self._open: set[str] = set()
        """Who may have something to do."""
        self._heard: dict[tuple[str, str], int] = {}
        """The last answer that a participant had from each space, of all answers."""
        self._answers = count(1)
        self._looked: int | None = None
        self._asked_at: int | None = None
        self._next_look = 0

    def _keys_changed(self, _: object) -> None:
        """The next round looks at every participant: somebody may have other keys."""
        self._looked = None

    async def look(self, link: str) -> Description:
        """Whose space a link leads to, with its rules; nothing of it is believed yet. Raises PeerError, Unavailable."""
        return await self._described(parse_link(link)[0])

    async def describe(self, space: str) -> Description:
        """The space of that IRI as its authority shows it; raises Mistake for what is none."""
        if not space.startswith("https://") or not space.endswith(documents.PATH):
            raise Mistake("spaces.link")
        return await self._described(space.removesuffix(documents.PATH))

    async def apply(self, slug: str, link: str, fingerprint: str, attached: Sequence[Document] = ()) -> Joined:
        """Asks for membership; `fingerprint` is what a person of the authority read out.

        The same again goes on where it stopped. Raises Mistake for another fingerprint, for too large documents, or
        without what the rules ask for; what the authority refuses is the state `refused` with its reason.
        """
        hosted = await self._participants.get(slug)
        root, code = parse_link(link)
        if sum(len(one.content) * 3 // 4 for one in attached) > documents.MOST_ATTACHED:
            raise Mistake("spaces.large", most=documents.MOST_ATTACHED // 1000)
        said = await self._described(root)
        if not same_fingerprint(fingerprint, said.authority):
            raise Mistake("spaces.fingerprint")
        missing = set(said.rules.documents) - {one.name for one in attached}
        known = await self._db.read(slug, joined_store.joined, slug, said.space)
        known = None if known is None else await self._standing(hosted, known)
        if missing and (known is None or known.state not in {*_WAITING, "member"}):
            raise Mistake("spaces.documents", missing=", ".join(sorted(missing)))
        begun = await self._db.write(slug, self._begin, hosted, said, code, tuple(attached))
        self._open.add(slug)
        return await self._go_on(hosted, begun) if begun.state in _WAITING else begun

    def _begin(self, tx: Tx, hosted: Hosted, said: Description, code: str, attached: tuple[Document, ...]) -> Joined:
        slug = hosted.participant.id
        before = joined_store.joined(tx, slug, said.space, lock=True)
        if before is not None and before.authority != said.authority:
            raise Mistake("spaces.other-key", space=said.space)
        if before is not None and before.state in ("pending", "member"):
            return before
        draft = msgspec.json.encode((code, attached))
        record(tx, hosted, "asks", space=said.space, authority=said.authority)
        return joined_store.put(
            tx,
            Joined(
                participant=slug,
                space=said.space,
                name=said.name,
                did=said.did,
                authority=said.authority,
                jwk=said.key,
                list_url=said.list,
                rules=said.rules,
                state="applying",
                document="",
                application="",
                reason="",
                told="",
                asked_at=tx.now,
                changed_at=tx.now,
                version=0 if before is None else before.version,
            ),
            self._vault.seal(carried.code_context(slug, said.space), draft),
        )

    async def progress(self, slug: str, space: str) -> Joined:
        """How it stands, asked of the authority now if we wait; raises Unknown."""
        hosted = await self._participants.get(slug)
        found = await self._db.read(slug, joined_store.joined, slug, space)
        if found is None:
            raise Unknown("spaces.not-joined", space=space[:200])
        return await self._go_on(hosted, found) if found.state in _WAITING else found

    async def all(self, slug: str) -> Sequence[Joined]:
        """The spaces of a participant, the newest first."""
        await self._participants.get(slug)
        return await self._db.read(slug, joined_store.all_joined, slug)

    async def leave(self, slug: str, space: str) -> Joined:
        """Ends our membership by our own word; raises Unknown, or what the authority says."""
        hosted = await self._participants.get(slug)
        found = await self._db.read(slug, joined_store.joined, slug, space)
        if found is None:
            raise Unknown("spaces.not-joined", space=space[:200])
        if found.state == "member" or found.state in _WAITING:
            await self._take_leave(hosted, found)
        after = await self._db.write(slug, self._left, hosted, found)
        if found.state == "member":
            await self._first_list(after)
        return after

    async def _take_leave(self, hosted: Hosted, found: Joined) -> None:
        """Tells the authority; one that does not know us, or no more, has nothing to do."""
        try:
            await self.request(hosted, found, RequestClaims(space=found.space, request="leave"))
        except PeerError as refused:
            if refused.code != "trust.not-listed" and found.state != "applying":
                raise

    def _left(self, tx: Tx, hosted: Hosted, seen: Joined) -> Joined:
        one = joined_store.joined(tx, seen.participant, seen.space, lock=True)
        if one is None or one.state == "left":
            return one or seen
        record(tx, hosted, "left", space=one.space)
        return joined_store.put(tx, replace(one, state="left", changed_at=tx.now), None)

    async def tell_keys(self, hosted: Hosted) -> None:
        """Each authority hears of keys that it does not know yet; what fails is tried again by the job."""
        keys, slug = await self._own_keys(hosted), hosted.participant.id
        digest = documents.digest_of(keys)
        failed: HanseError | None = None
        for one in await self._db.read(slug, joined_store.all_joined, slug):
            if one.state == "member" and one.told != digest:
                try:
                    await self._tell(hosted, one, keys)
                except HanseError as error:  # another authority has to hear of a stolen key all the same
                    failed = error
        if failed is not None:
            raise failed

    async def _tell(self, hosted: Hosted, one: Joined, keys: Keys) -> None:
        said = RequestClaims(
            space=one.space,
            request="keys",
            keys=replace(keys, mandates=()),
            agent=_agent(hosted),
            certificates=sealing.own(hosted.keys, keys),
        )
        if one.moved:
            said = replace(said, request="move", statement=one.moved, operator=hosted.participant.operator)
        await self.request(hosted, one, said)
        await self._db.write(one.participant, self._knows, hosted.participant.did, one, keys)

    def _knows(self, tx: Tx, did: str, seen: Joined, keys: Keys) -> None:
        one = joined_store.joined(tx, seen.participant, seen.space, lock=True)
        if one is not None and one.state == "member":
            waiting = own_seals.told(one, keys, self._sealing(one, did))
            joined_store.put(tx, replace(waiting, told=documents.digest_of(keys), moved=""), None)

    def _sealing(self, one: Joined, did: str) -> frozenset[str]:
        """The certificates that the list of the space names for us."""
        listed = self._anchors.list_of(one.authority)
        entry = None if listed is None else listed.entry(did)
        return frozenset() if entry is None else frozenset(seal.sha256 for seal in entry.listed_seals)

    async def request(self, hosted: Hosted, one: Joined, said: RequestClaims) -> None:
        """Asks the authority of a space that we joined for something; raises PeerError with its code, or Unavailable.

        Signed by a key that the list names; by that of tokens where it names none, which a person has to mend. It is
        the town's word: an agent's key says it only where the list does not know the seal key yet."""
        listed = self._anchors.list_of(one.authority)
        entry = None if listed is None else listed.entry(hosted.participant.did)
        tokens: list[SealKey] = [hosted.signers["peer"]] if "peer" in hosted.signers else []
        keys = [*tokens, hosted.seal] if hosted.acting is None else [hosted.seal, *tokens]
        known = [
            key for key in keys if entry is not None and key.kid.rpartition("#")[2].removeprefix(AGENT) in entry.keys
        ]
        if said.keys is not None and said.keys.witness is not None and not said.witness_proof:
            said = replace(said, witness_proof=await self._prove(one.space, hosted.participant.did))
        claims = documents.claims(hosted.participant.did, one.did, self._clock.now(), said)
        body = msgspec.json.encode(claims, order="sorted")
        statement = await documents.signed(body, (known or keys)[0], documents.REQUEST)
        if still() is not None:  # nothing takes back what an authority was told, and looks and signatures take a while
            await self._db.write(one.participant, _permitted)
        answer = await self._http.post(
            f"{one.space}/requests", statement.encode(), headers={"Content-Type": documents.MEDIA}, limit=65_536
        )
        if answer.status != 204:
            receipt_of(answer)

    def wanted(self) -> bool:
        """Whether a round may have something to do: somebody belongs to a space, has asked for one here, or has other
        keys; now and then all the same, for what was asked of another replica or before a restart."""
        if self._anchors.joined or self._open:
            return True
        now = self._clock.steady()
        if now < self._next_look:
            return False
        self._next_look = now + ALL_MS
        return True

    async def tick(self) -> None:
        """The job: a round now and then, and at once when somebody may have other keys."""
        now = self._clock.steady()
        if self._looked is None or self._asked_at is None or now - self._asked_at >= ASK_MS:
            self._asked_at = now
            await self.work()

    async def work(self) -> None:
        """A round: whoever waits asks, and whoever has other keys says so."""
        hosted = {one.participant.id: one for one in await self._participants.all()}
        if self._looked is None or self._clock.steady() - self._looked >= ALL_MS:
            self._looked = self._clock.steady()
            self._open |= hosted.keys()
            self._heard = {who: at for who, at in self._heard.items() if who[0] in hosted}
        self._open &= hosted.keys()
        await self._round([one for slug, one in hosted.items() if slug in self._open])

    async def _round(self, several: Iterable[Hosted]) -> None:
        """Each authority has a line of its own, so that one that hangs holds up only those who ask it."""
        lines = defaultdict[str, list[_Errand]](list)
        for hosted in several:
            for errand in await self._errands(hosted):
                lines[errand.joined.space].append(errand)
        async with asyncio.TaskGroup() as group:
            for line in lines.values():
                group.create_task(self._line(line))

    async def _line(self, errands: Iterable[_Errand]) -> None:
        """An authority answers one address only so often, or slowly. Whom it has not answered for longest asks it
        first: otherwise the same few of a provider would always be heard, and the others never hear what was decided.
        """
        began = self._clock.steady()
        for hosted, one, keys in sorted(errands, key=lambda each: self._heard.get(_place(each.joined), 0)):
            if self._clock.steady() - began >= LINE_MS:
                self._open.add(one.participant)  # first in the next round
                continue
            if keys is not None:
                await self._told_keys(hosted, one, keys)
            if not _asks(one) or await self._answered(hosted, one):
                self._heard[_place(one)] = next(self._answers)

    async def _errands(self, hosted: Hosted) -> list[_Errand]:
        """What a participant has to ask the authorities of its spaces, and which of them have to hear of its keys."""
        slug, waits = hosted.participant.id, True
        self._open.discard(slug)  # before it is read: whoever applies meanwhile is in it again
        try:
            joined = await self._db.read(slug, joined_store.all_joined, slug)
            found = [await self._standing(hosted, one) for one in joined]
            waits = any(one.state in _WAITING for one in found)
        except HanseError as error:  # as of who has just been laid to rest: the others ask all the same
            log.warning("spaces.join", participant=slug, why=str(error))
            return []
        finally:
            if waits:
                self._open.add(slug)
        keys = await self._keys(hosted) if any(one.state == "member" for one in found) else None
        digest = "" if keys is None else documents.digest_of(keys)
        errands = [
            _Errand(hosted, one, keys if one.state == "member" and one.told != digest else None) for one in found
        ]
        return [errand for errand in errands if errand.keys is not None or _asks(errand.joined)]

    async def _keys(self, hosted: Hosted) -> Keys | None:
        """None if nobody can say now which they are."""
        try:
            return await self._own_keys(hosted)
        except HanseError as error:
            self._untold(hosted.participant.id, error)
            return None

    async def _told_keys(self, hosted: Hosted, one: Joined, keys: Keys) -> None:
        try:
            await self._tell(hosted, one, keys)
        except HanseError as error:
            self._untold(one.participant, error)

    def _untold(self, slug: str, error: HanseError) -> None:
        """The next round tries again."""
        self._open.add(slug)
        log.warning("spaces.keys", participant=slug, why=str(error))

    async def _answered(self, hosted: Hosted, one: Joined) -> bool:
        """Whether the authority has not merely had enough of us; whatever else fails has had its turn."""
        try:
            await (self._step if one.state in _WAITING else self._decided)(hosted, one)
        except HanseError as error:
            log.warning("spaces.join", participant=one.participant, space=one.space, why=str(error))
            return error.facts.get("status") != TOO_MANY
        return True

    async def _decided(self, hosted: Hosted, one: Joined) -> None:
        """What became of the mergers and certificates that we wait for."""
        if said_mergers.waits(one):
            await self._merged(hosted, one)
        if own_seals.waits(one):
            await self._sealed(hosted, one)

    async def _sealed(self, hosted: Hosted, one: Joined) -> None:
        seen = await self._db.read(one.participant, joined_store.joined, one.participant, one.space)
        answer = await self.read(hosted, one, "certificates", own_seals.LIMIT)
        if answer.status != 200:
            raise refusal(answer)
        await self._db.write(one.participant, own_seals.book, hosted, seen or one, own_seals.read(answer))

    async def _merged(self, hosted: Hosted, one: Joined) -> None:
        """The round may have written of the space before."""
        seen = await self._db.read(one.participant, joined_store.joined, one.participant, one.space)
        answer = await self.read(hosted, one, "mergers", said_mergers.LIMIT)
        if answer.status != 200:
            raise refusal(answer)
        told, line = said_mergers.read(answer), self._anchors.line_for(hosted.participant.did)

        def present(did: str) -> str:
            return line.successor(did, self._clock.now()) or did

        await self._db.write(one.participant, said_mergers.book, hosted, seen or one, told, present)

    async def _standing(self, hosted: Hosted, one: Joined) -> Joined:
        """A membership as the list has it that was made since we were told of it: over, suspended, with another end."""
        listed = self._anchors.list_of(one.authority)
        if one.state not in _LISTED or one.moved or listed is None or not listed.version:
            return one
        after = standing.by_list(one, listed, hosted.participant.did, self._clock.now())
        if after == one:
            return one
        return await self._db.write(hosted.participant.id, self._book_standing, hosted, one, after)

    def _book_standing(self, tx: Tx, hosted: Hosted, seen: Joined, after: Joined) -> Joined:
        """Books what the list says, and what of it is news; a replica that saw the same finds another version."""
        one = joined_store.joined(tx, seen.participant, seen.space, lock=True)
        if one is None or one.version != seen.version:
            return one or seen
        for event in standing.news(one, after):
            record(tx, hosted, event, space=one.space)
        changed_at = one.changed_at if after.state == one.state else tx.now
        return joined_store.put(tx, replace(after, changed_at=changed_at), None)

    async def _go_on(self, hosted: Hosted, one: Joined) -> Joined:
        """The next step, as far as the authority can be reached."""
        try:
            return await self._step(hosted, one)
        except Unavailable as error:
            log.info("spaces.join", participant=one.participant, space=one.space, why=str(error))
            return one

    async def _step(self, hosted: Hosted, one: Joined) -> Joined:
        """The same; raises Unavailable."""
        sealed = await self._db.read(one.participant, joined_store.code, one.participant, one.space)
        if one.state == "applying" and sealed is None:  # handed in meanwhile by another round
            return await self._db.read(one.participant, joined_store.joined, one.participant, one.space) or one
        try:
            receipt = await (self._asked(hosted, one) if sealed is None else self._hand_in(hosted, one, sealed))
        except PeerError as refused:
            if one.state == "pending" or not refused.code.startswith("spaces."):
                return await self._unheard(one, refused)
            return await self._db.write(one.participant, self._book_answer, hosted, one, None, refused.code)
        after = await self._db.write(one.participant, self._book_answer, hosted, one, receipt, "")
        if after.state == "member":
            await self._first_list(after)
        return after

    async def _unheard(self, one: Joined, refused: PeerError) -> Joined:
        """An answer that decides nothing, as while keys change or a backup is put back: shown, and asked again.

        What ends a pending application is its receipt, what ends one on its way a no to the application itself.
        """
        log.warning("spaces.join", participant=one.participant, space=one.space, why=refused.code)

        def unit(tx: Tx) -> Joined:
            found = joined_store.joined(tx, one.participant, one.space, lock=True)
            if found is None or found.version != one.version or found.reason == refused.code:
                return found or one
            keep = self._keep(tx, found)
            return joined_store.put(tx, replace(found, reason=refused.code), keep)

        return await self._db.write(one.participant, unit)

    async def _first_list(self, one: Joined) -> None:
        """What fails is made up for by the next look at all lists."""
        try:
            await self._listing.look(one.authority)
        except HanseError as error:
            log.warning("trust.space-list", space=one.space, why=str(error))

    async def _hand_in(self, hosted: Hosted, one: Joined, sealed: bytes) -> Receipt:
        slug, own = hosted.participant.id, hosted.participant
        code, attached = msgspec.json.decode(
            self._vault.open(carried.code_context(slug, one.space), sealed), type=tuple[str, tuple[Document, ...]]
        )
        keys = await self._own_keys(hosted)
        said = ApplicationClaims(
            space=one.space,
            code=code,
            name=own.name,
            operator=own.operator,
            kind=own.kind,
            ars=own.publisher.ars or "",
            keys=replace(keys, mandates=()),
            agent=_agent(hosted),
            witness_proof=await self._prove(one.space, own.did),
            documents=attached,
            certificates=sealing.own(hosted.keys, keys),
        )
        hosted.require("", self._clock.now())
        claims = documents.claims(own.did, one.did, self._clock.now(), said)
        statement = sign_jwt(claims, hosted.signers["peer"], documents.APPLICATION)
        answer = await self._http.post(
            f"{one.space}/applications", statement.encode(), headers={"Content-Type": documents.MEDIA}, limit=65_536
        )
        return receipt_of(answer)

    async def read(self, hosted: Hosted, one: Joined, path: str, limit: int = 65_536) -> Answer:
        """What the authority shows to us alone, of so many bytes at most."""
        headers = {"Authorization": f"Bearer {self._token(hosted, one.did)}"}
        return await self._http.get(f"{one.space}/{path}", headers=headers, limit=limit)

    async def _asked(self, hosted: Hosted, one: Joined) -> Receipt:
        return receipt_of(await self.read(hosted, one, f"applications/{one.application}"))

    def _token(self, hosted: Hosted, audience: str) -> str:
        hosted.require("", self._clock.now())
        claims = documents.claims(hosted.participant.did, audience, self._clock.now(), documents.Nothing())
        return sign_jwt({**claims, "exp": claims["iat"] + 300}, hosted.signers["peer"])

    def _book_answer(self, tx: Tx, hosted: Hosted, seen: Joined, receipt: Receipt | None, refused: str) -> Joined:
        """Books what the authority said; a space that admits us is believed in the same transaction."""
        slug = hosted.participant.id
        one = joined_store.joined(tx, slug, seen.space, lock=True)
        if one is None or one.version != seen.version:
            return one or seen
        if receipt is None:
            after = replace(one, state="refused", reason=refused)
        elif receipt.state == "pending":
            if one.state == "pending":
                return one if not one.reason else joined_store.put(tx, replace(one, reason=""), None)
            after = replace(one, state="pending", application=receipt.id, reason="")
        elif receipt.state == "approved":
            after = replace(one, state="member", application=receipt.id, reason="")
            pins.pin(tx, hosted.participant.did, carried.pinned(one))
        else:
            after = replace(one, state="refused", reason=receipt.reason or receipt.state)
        record(tx, hosted, after.state, space=one.space)
        keep = self._keep(tx, after)
        return joined_store.put(tx, replace(after, changed_at=tx.now), keep)

    def _keep(self, tx: Tx, after: Joined) -> bytes | None:
        """The code is kept until the authority has it."""
        return joined_store.code(tx, after.participant, after.space) if after.state == "applying" else None

    async def _described(self, root: str) -> Description:
        answer = await self._http.get(f"{root}{documents.PATH}", headers={}, limit=documents.DESCRIPTION)
        if answer.status in (408, 425, 429) or answer.status >= 500:
            raise Unavailable("peer.busy", status=answer.status)
        if answer.status != 200:
            raise PeerError("spaces.no-space", root=root[:200])
        return documents.read_description(answer.body, root)


def _permitted(tx: Tx) -> None:
    """The port asks whether whoever acts still may."""


def _place(one: Joined) -> tuple[str, str]:
    """Whose turn it is at which authority."""
    return one.participant, one.space


def _asks(one: Joined) -> bool:
    """Whether its authority has to be asked what has become of an application, a merger or a certificate."""
    return one.state in _WAITING or said_mergers.waits(one) or own_seals.waits(one)


def _agent(hosted: Hosted) -> dict[str, object] | None:
    """The sealed mandate of who acts for the participant."""
    return None if hosted.acting is None else hosted.acting.carried
