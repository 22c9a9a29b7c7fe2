"""What a partner's log says about shared agreements, believed only as far as it is proven (spec/records.md 6.2).

The checkpoint is signed with a log key that the trust list names, every record stands in its tree, is the partner's own
and about an agreement that was asked for; and the tree only ever grows. Otherwise nothing of the answer counts: Fault.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, NamedTuple

import msgspec
from msgspec import Meta

from connector.exchange.reconciliation.compare import SHARED, ComparedRecord
from connector.verify.checks import records
from connector.verify.checks.records import Erased, Line
from connector.verify.formats import base64url, checkpoint, jcs, key_binding, merkle
from connector.verify.formats.checkpoint import Checkpoint
from connector.verify.formats.faults import Fault

MOST_AGREEMENTS = 50
MOST_LINES = 1_000
LONGEST = 512
_MEMBERS = frozenset(
    {"agreement", "providerJws", "consumerJws", "by", "statement", "transfer", "event", "bytes", "reason"}
)
"""Of a record's body only these are compared; the rest is not held."""
NOTE_LIMIT = 32_768

Iri = Annotated[str, Meta(min_length=1, max_length=512)]
Index = Annotated[int, Meta(ge=-1, le=2**53 - 1)]


class RecordsAfter(msgspec.Struct, frozen=True):
    """Records of this agreement behind the index `after` (-1: all)."""

    agreement: Iri
    after: Index = -1


class Known(msgspec.Struct, frozen=True):
    """The tree of the other log that the asker knows already."""

    origin: Iri
    size: Annotated[int, Meta(ge=0, le=2**53 - 1)]


class Question(msgspec.Struct, frozen=True):
    """Body of a request: agreements with the one who is asked, and what is known of its log."""

    v: Literal[1]
    agreements: Annotated[tuple[RecordsAfter, ...], Meta(min_length=1, max_length=MOST_AGREEMENTS)]
    seen: Known | None = None


class Part(msgspec.Struct, frozen=True):
    """One agreement in an answer: lines as in a bundle's `records.ndjson`, `waiting` records are not sealed yet."""

    agreement: Iri
    records: Annotated[tuple[dict[str, Any], ...], Meta(max_length=MOST_LINES)]
    more: bool
    waiting: Annotated[int, Meta(ge=0)]


class Reply(msgspec.Struct, frozen=True):
    """Body of an answer. Agreements that are none between the two are left out, whether they exist or not.

    `consistency` proves that the tree begins with the one that the asker knows.
    """

    v: Literal[1]
    checkpoint: Annotated[str, Meta(max_length=NOTE_LIMIT)] | None
    consistency: Annotated[tuple[str, ...], Meta(max_length=64)]
    agreements: Annotated[tuple[Part, ...], Meta(max_length=MOST_AGREEMENTS)]


class Heard(NamedTuple):
    """What is proven of one agreement: `last` is the highest index so far."""

    said: tuple[ComparedRecord, ...]
    erased: frozenset[str]
    more: bool
    waiting: bool
    last: int


class Page(NamedTuple):
    """A proven answer; `tree` is None if the partner has signed nothing yet."""

    tree: Checkpoint | None
    note: str
    heard: Mapping[str, Heard]


class Before(NamedTuple):
    """The newest tree of this log that we have verified."""

    origin: str
    size: int
    root: bytes


def read(
    reply: Reply,
    asked: Mapping[str, int],
    names: Sequence[str],
    keys: Sequence[Mapping[str, object]],
    before: Before | None,
) -> Page:
    """The answer to `asked` (agreement -> index behind which); Fault if anything does not hold.

    The first of `names` is the DID of the partner, whose log signs with one of `keys`; under the others it wrote
    records before.
    """
    if not {part.agreement for part in reply.agreements} <= asked.keys() or _doubled(reply):
        raise Fault("record-foreign", index=0)
    if reply.checkpoint is None:
        if before is not None or any(part.records for part in reply.agreements):
            raise Fault("log-rolled-back")
        heard = {part.agreement: Heard((), frozenset(), False, part.waiting > 0, -1) for part in reply.agreements}
        return Page(None, "", heard)
    tree = checkpoint.parse(reply.checkpoint)
    _check_origin(tree, names[0])
    checkpoint.check(tree, keys)
    if before is not None:
        _check_growth(tree, before, _hashes(reply.consistency))
    if any(part.more for part in reply.agreements) and not any(part.records for part in reply.agreements):
        raise Fault("record-order", seq=0, type="")
    return Page(
        tree,
        reply.checkpoint,
        {part.agreement: _part(part, asked[part.agreement], names, tree) for part in reply.agreements},
    )


def _doubled(reply: Reply) -> bool:
    return len({part.agreement for part in reply.agreements}) != len(reply.agreements)


def _check_origin(tree: Checkpoint, did: str) -> None:
    log, _, epoch = tree.origin.rpartition("/")
    if f"https://{log}" != f"{key_binding.root_of(did)}/log" or not (
        epoch.isascii() and epoch.isdecimal() and len(epoch) < 10
    ):
        raise Fault("log-origin", origin=tree.origin)


def _check_growth(tree: Checkpoint, before: Before, proof: Sequence[bytes]) -> None:
    """Under one origin a tree never shrinks or changes; a later origin is a restored log and begins anew."""
    if tree.origin != before.origin:
        if _epoch(tree.origin) < _epoch(before.origin):
            raise Fault("log-rolled-back")
        return
    if tree.size < before.size:
        raise Fault("log-rolled-back")
    if not merkle.verify_consistency(before.size, tree.size, proof, before.root, tree.root):
        raise Fault("log-forked")


def _epoch(origin: str) -> int:
    return int(origin.rpartition("/")[2])


def _part(part: Part, after: int, names: Sequence[str], tree: Checkpoint) -> Heard:
    lines = records.parse(_text(part.records)) if part.records else []
    records.check_proofs(lines, tree)
    last, said, erased = after, list[ComparedRecord](), set[str]()
    for line in lines:
        if line.index <= last or line.type not in SHARED:
            raise Fault("record-order", seq=line.seq, type=line.type)
        last = line.index
        if isinstance(line, Erased):
            erased.add(line.type)
        else:
            said.append(_said(line, part.agreement, names))
    return Heard(tuple(said), frozenset(erased), part.more, part.waiting > 0, last)


def _said(line: Line, agreement: str, names: Sequence[str]) -> ComparedRecord:
    assert not isinstance(line, Erased)
    record = line.record
    if record["agreement"] != agreement or record["participant"] not in names:
        raise Fault("record-foreign", index=line.index)
    try:
        at = datetime.strptime(str(record["at"]), "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    except ValueError as fault:
        raise Fault("record-form", line=line.index) from fault
    return ComparedRecord(str(line.type), int(at.timestamp() * 1000), _brief(line.body))


def _brief(body: Mapping[str, object]) -> dict[str, object]:
    """A stranger's text is cut: where it is longer than ours can be it differs in any case."""
    found = {name: value for name, value in body.items() if name in _MEMBERS and isinstance(value, str | int)}
    return {name: value[:LONGEST] if isinstance(value, str) else value for name, value in found.items()}


def _text(rows: Sequence[Mapping[str, object]]) -> bytes:
    try:
        return b"".join(jcs.encode(dict(row)) + b"\n" for row in rows)
    except jcs.NotCanonical as fault:
        raise Fault("record-form", line=0) from fault


def _hashes(proof: Sequence[str]) -> list[bytes]:
    try:
        return [base64url.decode_padded(one) for one in proof]
    except base64url.BadBase64 as fault:
        raise Fault("log-proof-form") from fault
