"""What both sides of a move sign, as lines of text that may travel in files: the receipt, and the old side's word."""

from typing import Final, TypeVar

import msgspec
from msgspec import Struct

from connector.continuity.moving import target
from connector.continuity.moving.machine import Receipt, Statement
from connector.continuity.moving.target import Secrets, Target
from connector.foundation.errors import HanseError, Mistake
from connector.identity.participants import handover
from connector.identity.participants.handover import Handover
from connector.identity.trust.keys import jose
from connector.identity.trust.keys.jwk import Jwk, thumbprint
from connector.identity.trust.keys.signing import Signer, SoftwareKey

RECEIPT: Final = "hanse-move-receipt+jwt"
LONGEST: Final = 8_000
T = TypeVar("T", bound=Struct)


class _Receipt(Struct, frozen=True, kw_only=True):
    move: str
    digest: str
    to: str


def receipt(said: Receipt, to: Target, secrets: Secrets) -> str:
    """By the key of the address, which the old side compared."""
    signer = SoftwareKey("peer", thumbprint(to.receipt), dict(to.receipt), target.private(secrets.receipt))
    return _signed(_Receipt(move=said.move, digest=said.digest, to=to.did), signer, RECEIPT)


def read_receipt(text: str, to: Target) -> Receipt:
    """Raises Mistake unless the receiver of this address signed it."""
    found = _read(text, to.receipt, RECEIPT, _Receipt)
    if found.to != to.did:
        raise Mistake("moving.other-move")
    return Receipt(move=found.move, digest=found.digest)


def statement(said: Statement, did: str, to: Target, at: int, signer: Signer) -> str:
    """By the participant's key at the old place; `at` in milliseconds."""
    whole = Handover(move=said.move, digest=said.digest, word=said.word, origin=did, to=to.did, at=at)
    return handover.signed(whole, signer)


def read_statement(text: str, did: str, jwk: Jwk, to: Target) -> Statement:
    """Raises Mistake unless the key that signed the archive signed it too, about this move of this participant."""
    found = handover.read(text, jwk)
    if (found.origin, found.to) != (did, to.did):
        raise Mistake("moving.other-move")
    return Statement(move=found.move, digest=found.digest, word=found.word)


def _signed(said: Struct, signer: Signer, typ: str) -> str:
    return jose.sign_text(msgspec.json.encode(said), signer, typ)


def _read(text: str, jwk: Jwk, typ: str, form: type[T]) -> T:
    try:
        return msgspec.json.decode(jose.signed_text("".join(text.split()), jwk, typ=typ, limit=LONGEST), type=form)
    except (ValueError, msgspec.MsgspecError, HanseError) as cause:
        raise Mistake("moving.statement") from cause
