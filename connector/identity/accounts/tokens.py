"""Keys for programs: `hanse_<8 hex>_<43 characters>`, shown once (spec/accounts.md 6, threats T25, T27, T86).

What one may is worked out at each use from its scopes and the roles that its person has now: who loses a role loses
what her keys could do with it.
"""

import re
import secrets
from collections.abc import Callable, Iterable

from connector.foundation.errors import Mistake, Refusal, Unauthenticated, Unknown
from connector.foundation.storage.database import PROCESS, SYSTEM, Database, Row, Still, Tx
from connector.identity.accounts import roles as rules
from connector.identity.accounts import secret, store, token_store
from connector.identity.accounts.model import Caller, ProgramKey, SignedIn
from connector.identity.audit import store as audit
from connector.identity.participants.model import checked_name
from connector.identity.participants.service import Participants

RECORD = "program-key"
"""Type of the records that say that a key was made or ended."""
DAY_MS = 86_400_000
LONGEST_DAYS = 365
MOST = 50
"""Keys of a participant, or of the process."""
LABEL_MOST = 80
USED_MS = 60_000
_SHAPE = re.compile(r"Bearer (hanse_([0-9a-f]{8})_[A-Za-z0-9_-]{43})", re.ASCII)


class Tokens:
    def __init__(self, db: Database, participants: Participants) -> None:
        self._db, self._participants = db, participants

    async def make(self, signed: SignedIn, slug: str, label: str, scopes: Iterable[str], days: int) -> str:
        """The text of a new key for a participant, never seen again; raises Refusal for more than one's roles."""
        hosted = await self._participants.get(slug)
        wanted = rules.checked_scopes(scopes)
        if not wanted <= rules.scopes_of(signed.roles.get(slug, ())):
            raise Refusal("accounts.scope-beyond")
        return await self._made(signed.person, hosted.participant.id, label, wanted, days)

    async def make_for_process(self, person: str, label: str, days: int) -> str:
        """The text of a new key of an operator, on the operator's command line; Refusal if the person is none."""
        if not (await self._db.read(PROCESS, store.person, person)).operator:
            raise Refusal("accounts.scope-beyond")
        return await self._made(person, None, label, frozenset({"operate"}), days)

    async def make_for(self, person: str, slug: str, label: str, scopes: Iterable[str], days: int) -> str:
        """The same for a participant by the operator's word; raises Refusal for more than the person's roles."""
        roles = await self._db.read(slug, store.roles_at, slug, person)
        wanted = rules.checked_scopes(scopes)
        if not wanted <= rules.scopes_of(roles):
            raise Refusal("accounts.scope-beyond")
        return await self._made(person, (await self._participants.get(slug)).participant.id, label, wanted, days)

    async def of(self, slug: str) -> list[ProgramKey]:
        """All of a participant."""
        return await self._db.read(slug, token_store.of_participant, slug)

    async def of_process(self) -> list[ProgramKey]:
        return await self._db.read(PROCESS, token_store.of_process)

    async def end(self, slug: str | None, key_id: str, *, by: str = "", admin: bool = False) -> None:
        """Ends one of the participant; `by` a person ends her own, an `admin` and the operator any. Raises Unknown."""

        def unit(tx: Tx) -> None:
            found = token_store.one(tx, key_id)
            if found is None or found.participant != slug or (by and not admin and found.person != by):
                raise Unknown("accounts.no-key")
            token_store.end(tx, key_id)
            if slug is not None:
                self._record(tx, slug, found.person, key_id, "ended")

        if slug is not None:
            await self._participants.get(slug)
        await self._db.write(slug or PROCESS, unit)

    async def caller(self, authorization: str | None) -> Caller:
        """Whose key that is, and what it may now; raises Unauthenticated in one sentence for all that is none.

        She has a pseudonym where it may do anything: without one the process itself would act, which is believed.
        """
        match = _SHAPE.fullmatch(authorization or "")
        digest = secret.digest(match[1]) if match else ""
        found, stale = await self._db.read(PROCESS, _read, digest) if match else (None, False)
        if stale:
            found = await self._db.write(PROCESS, _used, digest)
        if found is None:
            raise Unauthenticated("api.no-token")
        return found

    def still(self, authorization: str | None, permitted: Callable[[Caller], None]) -> Still:
        """For `acting`: raises Unauthenticated once the key has ended or its person is called otherwise, and what
        `permitted` raises of what it may."""
        match = _SHAPE.fullmatch(authorization or "")
        digest = secret.digest(match[1]) if match else ""

        def asked(tx: Tx) -> None:
            row = store.hold_rights(tx, lambda: token_store.by_digest(tx, digest))
            if row is None:
                raise Unauthenticated("api.no-token")
            caller = _caller(tx, row)
            permitted(caller)
            if not store.named_as_now(tx, caller.pseudonyms):
                raise Unauthenticated("api.no-token")

        return asked

    async def _made(self, person: str, slug: str | None, label: str, scopes: frozenset[str], days: int) -> str:
        if not 1 <= days <= LONGEST_DAYS:
            raise Mistake("accounts.key-days", most=LONGEST_DAYS)
        named = checked_name(" ".join(label.split()))
        if not named or len(named) > LABEL_MOST:
            raise Mistake("accounts.key-label", most=LABEL_MOST)
        key_id = secrets.token_hex(4)
        text = f"hanse_{key_id}_{secret.fresh()}"

        def unit(tx: Tx) -> None:
            there = token_store.of_process(tx) if slug is None else token_store.of_participant(tx, slug)
            if len(there) >= MOST:
                raise Mistake("accounts.many-keys", most=MOST)
            ends_at = tx.now + days * DAY_MS
            token_store.add(tx, secret.digest(text), key_id, slug, person, named, scopes, ends_at)
            if slug is not None:
                self._record(tx, slug, person, key_id, "made", scopes)

        await self._db.write(slug or PROCESS, unit)
        return text

    def _record(
        self, tx: Tx, slug: str, person: str, key_id: str, change: str, scopes: frozenset[str] = frozenset()
    ) -> None:
        body = {"key": key_id, "person": store.pseudonym(tx, slug, person), "change": change, "scopes": sorted(scopes)}
        audit.append(tx, slug, RECORD, None, SYSTEM, body, did=self._participants.held(slug).participant.did)


def _read(tx: Tx, digest: str) -> tuple[Caller | None, bool]:
    row = token_store.by_digest(tx, digest)
    if row is None:
        return None, False
    found = _caller(tx, row)
    stale = row["used_at"] is None or tx.now - int(row["used_at"]) >= USED_MS
    return found, stale or _nameless(found)


def _used(tx: Tx, digest: str) -> Caller | None:
    """Noted as used, with the pseudonym if it was missing."""
    row = token_store.by_digest(tx, digest)
    if row is None:
        return None
    token_store.used(tx, digest)
    if _nameless(_caller(tx, row)):
        store.pseudonym(tx, row["participant"], row["person"])
    return _caller(tx, row)


def _nameless(caller: Caller) -> bool:
    """Whether she may do something at a participant that has no pseudonym of hers, as after an erasure."""
    return caller.participant is not None and bool(caller.scopes) and caller.participant not in caller.pseudonyms


def _caller(tx: Tx, row: Row) -> Caller:
    person, slug = store.person(tx, row["person"]), row["participant"]
    if slug is None:
        may = frozenset({"operate"} if person.operator else ())
    else:
        may = rules.scopes_of(store.roles_at(tx, slug, person.id))
    return Caller(
        person=person.id,
        participant=slug,
        scopes=frozenset(row["scopes"].split()) & may,
        pseudonyms=store.pseudonyms(tx, person.id),
    )
