"""The keys of this process as a witness: its operator's, no participant's (contracts.md 16.3).

They lie encrypted in the database, so all replicas are one witness. Whichever starts first makes them.
"""

import asyncio
from collections.abc import Sequence

import msgspec

from connector.audit import seal
from connector.storage.database import PROCESS, Database, Tx
from connector.trust.keys import KeyRecord, Purpose, SoftwareKey, post_quantum
from connector.trust.vault import Vault
from connector.verify import base64url, checkpoint
from connector.verify.checkpoint import ML_DSA_44, TIMED_ED25519, Checkpoint, NoteKey
from connector.verify.witness import name_of

HOLDER = "witness"
"""Whose the keys are at rest; a slug of this name has keys of other ids."""


class WitnessKeys:
    """`url` is the submission prefix under which others reach this witness."""

    def __init__(self, db: Database, vault: Vault, url: str) -> None:
        self._db, self._vault, self.url, self.name = db, vault, url, name_of(url)
        self._signers: tuple[SoftwareKey, ...] = ()
        self._opening = asyncio.Lock()

    async def public(self) -> tuple[dict[str, str], ...]:
        """The keys as the trust list names them."""
        members = ("kty", "crv", "x", "alg", "pub")
        return tuple(
            {name: one.public_jwk[name] for name in members if name in one.public_jwk} for one in await self._opened()
        )

    async def vkeys(self) -> tuple[NoteKey, ...]:
        """The keys as notes and policy files know them."""
        return tuple(_note_key(self.name, one) for one in await self._opened())

    async def cosign(self, note: Checkpoint, now: int) -> str:
        """A line per key: at `now` (ms) this was the newest state that the witness knew."""
        seconds = now // 1000
        return "".join(_line(self.name, one, note, seconds) for one in await self._opened())

    async def _opened(self) -> tuple[SoftwareKey, ...]:
        async with self._opening:
            if not self._signers:
                rows = await self._db.read(PROCESS, _rows)
                if not rows:
                    await self._db.write(PROCESS, _insert, self._fresh())
                    rows = await self._db.read(PROCESS, _rows)
                self._signers = tuple(SoftwareKey.load(self._vault, HOLDER, *row) for row in rows)
            return self._signers

    def _fresh(self) -> list[tuple[KeyRecord, bytes]]:
        purposes: list[Purpose] = ["log", "log-pq"] if post_quantum() else ["log"]
        made = [SoftwareKey.generate(purpose, HOLDER) for purpose in purposes]
        return [(key.record(), key.export(self._vault, HOLDER)) for key in made]


def _note_key(name: str, signer: seal.LogSigner) -> NoteKey:
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


def _rows(tx: Tx) -> Sequence[tuple[KeyRecord, bytes]]:
    rows = tx.all("SELECT purpose, kid, public_jwk, secret FROM witness_key ORDER BY purpose")
    return [
        (
            KeyRecord(
                kid=row["kid"],
                purpose=msgspec.convert(row["purpose"], Purpose),
                state="active",
                public_jwk=msgspec.json.decode(row["public_jwk"]),
            ),
            bytes(row["secret"]),
        )
        for row in rows
    ]


def _insert(tx: Tx, keys: Sequence[tuple[KeyRecord, bytes]]) -> None:
    for record, secret in keys:
        tx.run(
            "INSERT INTO witness_key (purpose, kid, public_jwk, secret, created_at)"
            " VALUES (:purpose, :kid, :public_jwk, :secret, :now) ON CONFLICT DO NOTHING",
            purpose=record.purpose,
            kid=record.kid,
            public_jwk=msgspec.json.encode(record.public_jwk).decode(),
            secret=secret,
            now=tx.now,
        )
