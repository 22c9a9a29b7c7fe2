"""The log's side of a bundle: records with salts and inclusion proofs, and the proof of the agreement record.

A record is proven if its leaf stands in the signed tree; the chain (`seq`, `prev`) shows that none is missing between
two (spec/records.md 1.2). An erased record leaves its leaf in the tree and a tombstone in the log (7.3).
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256

from connector.verify.formats import base64url, checkpoint, jcs, merkle
from connector.verify.formats.checkpoint import Checkpoint
from connector.verify.formats.faults import Fault

_HEX = re.compile(r"[0-9a-f]{64}")
_INDEX = re.compile(r"0|[1-9][0-9]{0,15}")
_RECORD = frozenset({"v", "type", "at", "participant", "agreement", "seq", "prev", "actor", "body"})
_BEFORE, _BEHIND = b'"record":', len(',"salt":""}') + 64
_HEADER = "c2sp.org/tlog-proof@v1"
KEY, AGREEMENT, TOMBSTONE, TERMINATION = "key", "agreement", "tombstone", "termination"


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
    def type(self) -> object:
        return self.record["type"]

    @property
    def seq(self) -> object:
        return self.record["seq"]

    @property
    def body(self) -> Mapping[str, object]:
        body = self.record["body"]
        return body if isinstance(body, dict) else {}


@dataclass(frozen=True, slots=True)
class Erased:
    """A line whose record and salt were deleted: only the leaf's data is left, and what a tombstone says of it."""

    index: int
    type: str
    seq: int
    data: bytes
    proof: tuple[bytes, ...]

    @property
    def leaf(self) -> bytes:
        return merkle.leaf_hash(self.data)


Line = Logged | Erased


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


def parse(data: bytes) -> list[Line]:
    """The lines of `records.ndjson`; Fault `record-form` with the line's number."""
    if not data.endswith(b"\n"):
        raise Fault("record-form", line=0)
    return [_line(number, line) for number, line in enumerate(data.removesuffix(b"\n").split(b"\n"), 1)]


def write(lines: Sequence[tuple[int, bytes, bytes, Sequence[bytes]] | Erased]) -> bytes:
    """The spelling that `parse` reads, from (index, record, salt, proof) or what is left of an erased record."""
    return b"".join(jcs.encode(_row(line)) + b"\n" for line in lines)


def check_proofs(lines: Sequence[Line], tree: Checkpoint) -> None:
    """Every record stands in the signed tree; Fault `record-proof` names the first that does not."""
    for line in lines:
        if not merkle.verify_inclusion(line.leaf, line.index, tree.size, line.proof, tree.root):
            raise Fault("record-proof", type=line.type, seq=line.seq, index=line.index)


def check_chain(lines: Sequence[Line]) -> None:
    """`seq` runs without a gap from 0, `prev` names the record before, the log kept that order.

    The digest of an erased record is gone: the one behind it only says that there was one before.
    """
    before: Line | None = None
    for seq, line in enumerate(lines):
        if line.seq != seq:
            raise Fault("record-gap", seq=seq)
        if isinstance(line, Logged) and not _follows(line, before):
            raise Fault("record-chain", seq=seq, type=line.type)
        if before is not None and before.index >= line.index:
            raise Fault("record-order", seq=seq, type=line.type)
        before = line


def check_erased(lines: Sequence[Line]) -> None:
    """Every erased record has its later tombstone in the same log; Fault `erased-silently` for one without."""
    graves = tombstones(lines)
    for line in lines:
        if isinstance(line, Erased):
            grave = graves.get(line.index)
            if grave is None or not jcs.same([grave.body.get("type"), grave.body.get("seq")], [line.type, line.seq]):
                raise Fault("erased-silently", seq=line.seq, type=line.type)


def tombstones(lines: Sequence[Line]) -> Mapping[object, Logged]:
    """The tombstone of each erased index; one that stands before what it buries buries nothing."""
    found = [line for line in lines if isinstance(line, Logged) and line.type == TOMBSTONE]
    named = ((line.body.get("index"), line) for line in found)
    return {
        index: line for index, line in named if isinstance(index, int) and jcs.is_whole(index) and index < line.index
    }


def _follows(line: Logged, before: Line | None) -> bool:
    prev = line.record["prev"]
    match before:
        case None:
            return prev is None
        case Logged():
            return prev == before.digest
        case _:
            return isinstance(prev, str) and _HEX.fullmatch(prev) is not None


def _row(line: tuple[int, bytes, bytes, Sequence[bytes]] | Erased) -> dict[str, object]:
    if isinstance(line, Erased):
        erased = {"type": line.type, "seq": line.seq}
        return {"index": line.index, "leaf": line.data.hex(), "proof": _spelled(line.proof), "erased": erased}
    index, record, salt, proof = line
    return {"index": index, "record": jcs.loads(record), "salt": salt.hex(), "proof": _spelled(proof)}


def _spelled(proof: Sequence[bytes]) -> list[str]:
    return [base64url.encode_padded(one) for one in proof]


def _line(number: int, data: bytes) -> Line:
    try:
        value = jcs.decode(data)
    except jcs.NotCanonical as fault:
        raise Fault("record-form", line=number) from fault
    if not isinstance(value, dict) or len(value) != 4:
        raise Fault("record-form", line=number)
    if not jcs.is_whole(value.get("index")):
        raise Fault("record-form", line=number)
    match value:
        case {"index": int(index), "record": dict(record), "salt": str(salt), "proof": list(proof)}:
            if record.keys() == _RECORD and _is_record(record) and _HEX.fullmatch(salt):
                return Logged(index, record, _record_in(data), bytes.fromhex(salt), _hashes(proof, number))
        case {"index": int(index), "leaf": str(leaf), "proof": list(proof), "erased": dict(erased)}:
            if _HEX.fullmatch(leaf) and erased.keys() == {"type", "seq"}:
                kind, seq = erased["type"], erased["seq"]
                if isinstance(kind, str) and isinstance(seq, int) and jcs.is_whole(seq):
                    return Erased(index, kind, seq, bytes.fromhex(leaf), _hashes(proof, number))
    raise Fault("record-form", line=number)


def _is_record(record: Mapping[str, object]) -> bool:
    """Of the one version that there is. When it was written, and by whom, is judged by whoever asks."""
    numbered = jcs.is_whole(record["v"]) and record["v"] == 1 and (record["seq"] is None or jcs.is_whole(record["seq"]))
    return numbered and isinstance(record["type"], str) and isinstance(record["body"], dict)


def _record_in(data: bytes) -> bytes:
    """The record's own bytes in a canonical line `{"index":…,"proof":[…],"record":{…},"salt":"…"}`.

    Before it stand a number and texts, in which this mark cannot occur; behind it the salt in hex.
    """
    return data[data.index(_BEFORE) + len(_BEFORE) : -_BEHIND]


def _hashes(proof: list[object], number: int) -> tuple[bytes, ...]:
    try:
        return tuple(base64url.decode_padded(str(one)) for one in proof)
    except base64url.BadBase64 as fault:
        raise Fault("record-form", line=number) from fault
