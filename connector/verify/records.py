"""The log's side of a bundle: records with salts and inclusion proofs, and the proof of the agreement record.

A record is proven if its leaf stands in the signed tree; the chain (`seq`, `prev`) shows that none is missing between
two (contracts.md 16.2).
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256

from connector.verify import base64url, checkpoint, jcs, merkle
from connector.verify.checkpoint import Checkpoint
from connector.verify.faults import Fault

_SALT = re.compile(r"[0-9a-f]{64}")
_INDEX = re.compile(r"0|[1-9][0-9]{0,15}")
_RECORD = frozenset({"v", "type", "at", "participant", "agreement", "seq", "prev", "actor", "body"})
_HEADER = "c2sp.org/tlog-proof@v1"


@dataclass(frozen=True, slots=True)
class Logged:
    """One line of `records.ndjson`."""

    index: int
    record: Mapping[str, object]
    data: bytes
    salt: bytes
    proof: tuple[bytes, ...]

    @property
    def digest(self) -> str:
        return sha256(self.data).hexdigest()

    @property
    def leaf(self) -> bytes:
        return merkle.leaf_hash(sha256(self.salt + self.data).digest())

    @property
    def body(self) -> Mapping[str, object]:
        body = self.record["body"]
        return body if isinstance(body, dict) else {}


@dataclass(frozen=True, slots=True)
class Proof:
    """`agreement.tlog-proof`: where the newest agreement record stands, and the checkpoint that all proofs lead to."""

    index: int
    path: tuple[bytes, ...]
    checkpoint: Checkpoint


def parse_proof(data: bytes) -> Proof:
    """A C2SP tlog-proof without extra data; Fault `log-proof-form`."""
    try:
        head, gap, note = data.decode().partition("\n\n")
        first, index, *path = head.split("\n")
        hashes = tuple(base64url.decode_padded(line) for line in path)
    except ValueError as fault:
        raise Fault("log-proof-form") from fault
    name, _, number = index.partition(" ")
    if first != _HEADER or not gap or name != "index" or not _INDEX.fullmatch(number):
        raise Fault("log-proof-form")
    return Proof(int(number), hashes, checkpoint.parse(note))


def write_proof(index: int, path: Sequence[bytes], note: str) -> bytes:
    """The spelling that `parse_proof` reads."""
    lines = [_HEADER, f"index {index}", *(base64url.encode_padded(one) for one in path), "", note]
    return "\n".join(lines).encode()


def parse(data: bytes) -> list[Logged]:
    """The lines of `records.ndjson`; Fault `record-form` with the line's number."""
    if not data.endswith(b"\n"):
        raise Fault("record-form", line=0)
    return [_line(number, line) for number, line in enumerate(data.removesuffix(b"\n").split(b"\n"), 1)]


def write(lines: Sequence[tuple[int, bytes, bytes, Sequence[bytes]]]) -> bytes:
    """The spelling that `parse` reads, from (index, record, salt, proof)."""
    rows = [
        {
            "index": index,
            "record": jcs.loads(record),
            "salt": salt.hex(),
            "proof": [base64url.encode_padded(one) for one in proof],
        }
        for index, record, salt, proof in lines
    ]
    return b"".join(jcs.encode(row) + b"\n" for row in rows)


def check_proofs(lines: Sequence[Logged], tree: Checkpoint) -> None:
    """Every record stands in the signed tree; Fault `record-proof` names the first that does not."""
    for line in lines:
        if not merkle.verify_inclusion(line.leaf, line.index, tree.size, line.proof, tree.root):
            raise Fault("record-proof", type=line.record["type"], seq=line.record["seq"], index=line.index)


def check_chain(lines: Sequence[Logged]) -> None:
    """`seq` runs without a gap from 0, `prev` names the record before, the log kept that order."""
    before: Logged | None = None
    for seq, line in enumerate(lines):
        if line.record["seq"] != seq:
            raise Fault("record-gap", seq=seq)
        if line.record["prev"] != (None if before is None else before.digest):
            raise Fault("record-chain", seq=seq, type=line.record["type"])
        if before is not None and before.index >= line.index:
            raise Fault("record-order", seq=seq, type=line.record["type"])
        before = line


def _line(number: int, data: bytes) -> Logged:
    try:
        value = jcs.decode(data)
    except jcs.NotCanonical as fault:
        raise Fault("record-form", line=number) from fault
    match value:
        case {"index": int(index), "record": dict(record), "salt": str(salt), "proof": list(proof)}:
            if not isinstance(value, dict) or len(value) != 4 or record.keys() != _RECORD or not _SALT.fullmatch(salt):
                raise Fault("record-form", line=number)
        case _:
            raise Fault("record-form", line=number)
    return Logged(index, record, jcs.encode(record), bytes.fromhex(salt), _hashes(proof, number))


def _hashes(proof: list[object], number: int) -> tuple[bytes, ...]:
    try:
        return tuple(base64url.decode_padded(str(one)) for one in proof)
    except base64url.BadBase64 as fault:
        raise Fault("record-form", line=number) from fault
