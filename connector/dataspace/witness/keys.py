"""The keys of this process as a witness: its operator's, no participant's (spec/records.md 3.4).

They lie encrypted in the database, so all replicas are one witness. Whichever starts first makes them. New keys
take the place of old ones with an overlap, in which both sign: until the authority lists the new ones, only the old
ones count. Old keys stay listed with their last day, so that what they signed can be verified for good.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import msgspec

from connector.dataspace.witness import possession
from connector.foundation.clock import rfc3339
from connector.foundation.errors import Mistake
from connector.foundation.storage.database import PROCESS, Conflict, Database, Row, Tx
from connector.identity.audit import sealer
from connector.identity.trust.keys.jwk import encode, thumbprint
from connector.identity.trust.keys.signing import KeyRecord, Purpose, SoftwareKey, post_quantum
from connector.identity.trust.keys.vault import Vault
from connector.verify.formats import base64url, checkpoint
from connector.verify.formats.checkpoint import ML_DSA_44, TIMED_ED25519, Checkpoint, NoteKey
from connector.verify.formats.cosignature import name_of

HOLDER = "witness"
"""Whose the keys are at rest; a slug of this name has keys of other ids."""
OVERLAP_MS = 30 * 86_400_000
"""How long an old key goes on signing beside its successor (spec/records.md 3.4)."""


class Own(NamedTuple):
    """A key of ours; `until` is when it retires (ms), None for one without a successor."""

    key: SoftwareKey
    until: int | None

    def signs(self, now: int) -> bool:
        return self.until is None or now < self.until


class WitnessKeys:
    """`url` is the submission prefix under which others reach this witness."""

    def __init__(self, db: Database, vault: Vault, url: str) -> None:
        self._db, self._vault, self.url, self.name = db, vault, url, name_of(url)
        self._loaded: dict[str, SoftwareKey] = {}

    async def public(self) -> tuple[dict[str, str], ...]:
        """The keys as the trust list names them, the newest first; `validUntil` for those that have a successor."""
        members = ("kty", "crv", "x", "alg", "pub")
        return tuple(
            {name: one.key.public_jwk[name] for name in members if name in one.key.public_jwk}
            | ({} if one.until is None else {"validUntil": rfc3339(one.until)})
            for one in await self._all()
        )

    async def vkeys(self) -> tuple[tuple[NoteKey, int | None], ...]:
        """The keys as notes and policy files know them, and when they retire (ms)."""
        return tuple((_note_key(self.name, one.key), one.until) for one in await self._all())

    async def cosign(self, note: Checkpoint, now: int) -> str:
        """A line per key in use: at `now` (ms) this was the newest state that the witness knew."""
        seconds = now // 1000
        return "".join(_line(self.name, one.key, note, seconds) for one in await self._all() if one.signs(now))

    async def proofs(self, space: str, did: str) -> dict[str, str]:
        """By thumbprint, the signature of each key that is listed for this member of a space (`possession`)."""
        return {
            name: encode(one.key.sign(possession.message(space, did, self.url, name)))
            for one in await self._all()
            for name in (thumbprint(one.key.public_jwk),)
        }

    async def rotate(self) -> int:
        """New keys, at once for all replicas; when the old ones retire (ms).

        Raises Mistake `witness.rotated` while those before them still sign: there are never more than two of a kind.
        """
        await self._all()
        fresh = self._fresh()
        return await self._db.write(PROCESS, _succeed, fresh)

    async def _all(self) -> Sequence[Own]:
        """Read each time: another replica may have made new ones."""
        rows = await self._db.read(PROCESS, _rows)
        if not rows:
            await self._db.write(PROCESS, _insert, self._fresh(), 0)
            rows = await self._db.read(PROCESS, _rows)
        return [Own(self._key(row), row.until) for row in rows]

    def _key(self, row: "_Row") -> SoftwareKey:
        kid = row.record.kid
        if kid not in self._loaded:
            self._loaded[kid] = SoftwareKey.load(self._vault, HOLDER, row.record, row.secret)
        return self._loaded[kid]

    def _fresh(self) -> list[tuple[KeyRecord, bytes]]:
        purposes: list[Purpose] = ["log", "log-pq"] if post_quantum() else ["log"]
        made = [SoftwareKey.generate(purpose, HOLDER) for purpose in purposes]
        return [(key.record(), key.export(self._vault, HOLDER)) for key in made]


def _note_key(name: str, signer: sealer.LogSigner) -> NoteKey:
    jwk = signer.public_jwk
    if signer.alg == "Ed25519":
        return NoteKey(name, TIMED_ED25519, base64url.decode(jwk["x"]))
    return NoteKey(name, ML_DSA_44, base64url.decode(jwk["pub"]))


def _line(name: str, signer: SoftwareKey, note: Checkpoint, seconds: int) -> str:
    key = _note_key(name, signer)
    if key.kind == TIMED_ED25519:
        message = checkpoint.timed_message(seconds, note.text)
    else:
        message = checkpoint.cosigned_message(name, seconds, note.origin, note.size, note.root)
    return checkpoint.line_of(name, key.id, seconds.to_bytes(8) + signer.sign(message))


class _Row(NamedTuple):
    """A key as kept: the `generation` stands behind the purpose, `log`, `log.1`, `log.2`, ..."""

    record: KeyRecord
    secret: bytes
    generation: int
    created: int
    until: int | None = None


def _rows(tx: Tx) -> Sequence[_Row]:
    """The newest generation first; each older one retires when its successor has been there for the overlap.

    A generation may lack a kind that the process which made it did not know: then the next one succeeds.
    """
    found = [_row(row) for row in tx.all("SELECT purpose, kid, public_jwk, secret, created_at FROM witness_key")]
    born = {(one.record.purpose, one.generation): one.created for one in found}
    following = [(one, _next(one, born)) for one in found]
    rows = [one if after is None else one._replace(until=born[after] + OVERLAP_MS) for one, after in following]
    return sorted(rows, key=lambda one: (-one.generation, one.record.purpose))


def _next(one: _Row, born: Iterable[tuple[Purpose, int]]) -> tuple[Purpose, int] | None:
    later = [other for other in born if other[0] == one.record.purpose and other[1] > one.generation]
    return min(later, default=None)


def _row(row: Row) -> _Row:
    purpose, _, generation = str(row["purpose"]).partition(".")
    record = KeyRecord(
        kid=row["kid"],
        purpose=msgspec.convert(purpose, Purpose),
        state="active",
        public_jwk=msgspec.json.decode(row["public_jwk"]),
    )
    return _Row(record, bytes(row["secret"]), int(generation or 0), int(row["created_at"]))


def _succeed(tx: Tx, keys: Sequence[tuple[KeyRecord, bytes]]) -> int:
    """Raises Conflict when another replica does the same: then it finds that the keys were exchanged just now."""
    rows = _rows(tx)
    signing = [one.until for one in rows if one.until is not None and tx.now < one.until]
    if signing:
        raise Mistake("witness.rotated", until=rfc3339(max(signing)))
    _insert(tx, keys, max(one.generation for one in rows) + 1)
    return tx.now + OVERLAP_MS


def _insert(tx: Tx, keys: Sequence[tuple[KeyRecord, bytes]], generation: int) -> None:
    """The first generation may be made by two replicas at once; of a later one each is made once or not at all."""
    for record, secret in keys:
        added = tx.run(
            "INSERT INTO witness_key (purpose, kid, public_jwk, secret, created_at)"
            " VALUES (:purpose, :kid, :public_jwk, :secret, :now) ON CONFLICT DO NOTHING",
            purpose=f"{record.purpose}.{generation}" if generation else record.purpose,
            kid=record.kid,
            public_jwk=msgspec.json.encode(record.public_jwk).decode(),
            secret=secret,
            now=tx.now,
        )
        if generation and not added:
            raise Conflict("witness_key")
