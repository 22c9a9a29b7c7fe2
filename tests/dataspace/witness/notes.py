"""Checkpoints of one log, signed as notes."""

from connector.identity.audit import merkle
from connector.verify.formats import base64url, checkpoint
from connector.verify.formats.checkpoint import ML_DSA_44, NoteKey
from tests.verify.forge import LogKey, PqLogKey

ORIGIN = "localhost:18443/musterstadt/log/0"
KEYS = (LogKey(), PqLogKey())
TIMED = [NoteKey(ORIGIN, ML_DSA_44, base64url.decode(KEYS[1].public_jwk["pub"]))]
AT = 1_795_000_000


def tree(size: int, branch: bytes = b"") -> merkle.Tree:
    """A tree whose leaves from the third on depend on the branch."""
    return merkle.Tree([merkle.leaf_hash(bytes([at]) + (branch if at > 2 else b"")) for at in range(size)])


def note(size: int, branch: bytes = b"", at: int = AT) -> str:
    """Signed by both keys of the log; the ML-DSA line states `at`."""
    root = tree(size, branch).root()
    text = checkpoint.text_of(ORIGIN, size, root)
    plain = NoteKey(ORIGIN, checkpoint.ED25519, base64url.decode(KEYS[0].public_jwk["x"]))
    message = checkpoint.cosigned_message(ORIGIN, at, ORIGIN, size, root)
    return f"{text}\n{checkpoint.line_of(ORIGIN, plain.id, KEYS[0].sign(text.encode()))}" + checkpoint.line_of(
        ORIGIN, TIMED[0].id, at.to_bytes(8) + KEYS[1].sign(message)
    )


def text(size: int, branch: bytes = b"") -> str:
    return checkpoint.text_of(ORIGIN, size, tree(size, branch).root())
