"""What the exporter's log says of the contract: its signed states, the records, and that they name what is here.

`agreement.tlog-proof` leads to a state as early as possible, because its witnesses give the contract its time. Later
records may stand under a newer state in `records.checkpoint`; then the log proves that it only grew between both.
Where a countersignature came late, `first.checkpoint` is a state from before it, with the proof that it grew into the
newest: so a record that the newest state holds at an index below that size stood there already.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256

from connector.verify.checks import archive, contract, records
from connector.verify.checks.contract import Given, Members
from connector.verify.checks.examination import need
from connector.verify.checks.records import AGREEMENT, KEY, TOMBSTONE, Erased, Line, Logged, Proof
from connector.verify.checks.trusted_time import SKEW_S
from connector.verify.formats import base64url, checkpoint, jcs, key_binding, merkle
from connector.verify.formats.checkpoint import Checkpoint
from connector.verify.formats.faults import Doubt, Fault
from connector.verify.formats.trustlist import TrustList, seconds

UNTIL = "until"
"""Member of a log key in the trust list: the RFC 3339 time from which on it signs no new state."""
_EPOCH = re.compile(r"0|[1-9][0-9]{0,8}")
_GROWN = re.compile(r"(old|new) (0|[1-9][0-9]{0,15})")

_COMMITTED = {
    "agreement": "agreement.json",
    "providerJws": "provider.jws",
    "consumerJws": "consumer.jws",
    "providerDidDocument": "did-provider.json",
    "consumerDidDocument": "did-consumer.json",
}


@dataclass(frozen=True, slots=True)
class Log:
    """The proof of the agreement record with its state, and the state that all records lead to (often the same).

    `first` is a state from before a late countersignature, `since` the proof that the newest continues it.
    """

    proof: Proof
    newest: Checkpoint
    growth: tuple[bytes, ...] | None = None
    """The consistency proof between both states; None if there is only one."""
    first: Checkpoint | None = None
    since: tuple[bytes, ...] = ()


def read(members: Members) -> Log:
    """All states, nothing proven yet; Fault `log-proof-form` or `checkpoint-form`."""
    proof = records.parse_proof(members["agreement.tlog-proof"])
    newest, growth = proof.checkpoint, None
    first, since = None, tuple[bytes, ...]()
    if archive.NEWEST in members:
        growth, newest = _grown(members[archive.NEWEST], "old", proof.checkpoint.size)
    if archive.FIRST in members:
        since, first = _grown(members[archive.FIRST], "new", newest.size)
    elif archive.FIRST_TIMESTAMP in members:
        raise Fault("log-proof-form")
    return Log(proof, newest, growth, first, since)


def write_newest(old: int, growth: Sequence[bytes], note: str) -> bytes:
    """The spelling that `read` takes: the body with which a log asks a witness (C2SP tlog-witness)."""
    return "\n".join([f"old {old}", *(base64url.encode_padded(one) for one in growth), "", note]).encode()


def write_first(new: int, growth: Sequence[bytes], note: str) -> bytes:
    """The spelling of `first.checkpoint`: the size that it grew to, the proof of that, the earlier note."""
    return "\n".join([f"new {new}", *(base64url.encode_padded(one) for one in growth), "", note]).encode()


def _grown(data: bytes, what: str, size: int) -> tuple[tuple[bytes, ...], Checkpoint]:
    """A consistency proof from or to the state of that size, and the other state."""
    try:
        head, gap, note = data.decode().partition("\n\n")
        first, *path = head.split("\n")
        hashes = tuple(base64url.decode_padded(line) for line in path)
    except ValueError as fault:
        raise Fault("log-proof-form") from fault
    named = _GROWN.fullmatch(first)
    if not gap or named is None or named[1] != what or int(named[2]) != size:
        raise Fault("log-proof-form")
    return hashes, checkpoint.parse(note)


def check_signed(log: Log, exporter: str, trust_list: TrustList) -> None:
    """Each state is the exporter's log's, signed with a key that the trust list names for it, and it only grew.

    Under each DID that the exporter has had the log had another origin; it never goes back to a former one.
    """
    newest, first = log.newest, log.first
    states = sorted((log.proof.checkpoint, newest, *(() if first is None else (first,))), key=lambda one: one.size)
    signers = [owner(state, trust_list.succession.lineage(exporter)) for state in states]
    if trust_list.succession.in_order(signers) < len(signers):
        raise Fault("log-origin", origin=states[-1].origin)
    for state, did in zip(states, signers, strict=True):
        checkpoint.check(state, trust_list.member(did).log_keys)
    if log.growth is not None:
        _check_growth(log.proof.checkpoint, newest, log.growth)
    if first is not None:
        _check_growth(first, newest, log.since)


def owner(state: Checkpoint, names: Collection[str]) -> str:
    """Under which of these DIDs the log signed it; Fault `log-origin` if under none."""
    name, _, epoch = state.origin.rpartition("/")
    ending = "".join(f":{segment}" for segment in name.split("/")[1:-1])
    for did in names:  # a list may name ten thousand
        if did.endswith(ending) and f"https://{name}" == f"{key_binding.root_of(did)}/log" and _EPOCH.fullmatch(epoch):
            return did
    raise Fault("log-origin", origin=state.origin)


def number(state: Checkpoint) -> int:
    """How often the log has been continued under another origin, after a restore or a move, by its own word."""
    epoch = state.origin.rpartition("/")[2]
    return int(epoch) if _EPOCH.fullmatch(epoch) else 0


def _check_growth(older: Checkpoint, newest: Checkpoint, growth: Sequence[bytes]) -> None:
    if newest.size < older.size:
        raise Fault("log-rolled-back", old=older.size, new=newest.size)
    if newest.size == older.size and newest.root != older.root:
        raise Fault("log-forked", size=newest.size)
    if not merkle.verify_consistency(older.size, newest.size, growth, older.root, newest.root):
        raise Fault("log-rewritten", old=older.size, new=newest.size)


def check(log: Log | None, members: Members, exporter: str | None, given: Given) -> None:
    """`check_signed`; Doubt without an authority that vouches for the keys, or `log-key-ended`.

    A key that the list calls ended signs no new state: whoever stole it could go on with the log in another way and
    have that stamped. A state is judged at its trusted time, the newest at the time of the list.
    """
    states = read(members) if log is None else log
    did, trust_list = need(exporter, "exporter-seal"), need(given.trust_list, "trust-list")
    check_signed(states, did, trust_list)
    if not given.anchors.authority:
        raise Doubt("no-authority")
    issued, timed = _moment(trust_list.at_export), given.at is not None
    _check_in_force(states.proof.checkpoint, did, trust_list, (given.at or 0) - SKEW_S if timed else issued)
    if not timed or states.growth is not None:
        _check_in_force(states.newest, did, trust_list, issued)


def _check_in_force(state: Checkpoint, exporter: str, trust_list: TrustList, at: int) -> None:
    keys = trust_list.member(owner(state, trust_list.succession.lineage(exporter))).log_keys
    try:
        checkpoint.check(state, [key for key in keys if UNTIL not in key or at < _moment(key[UNTIL])])
    except Fault as fault:
        raise Doubt("log-key-ended", size=state.size) from fault


def _moment(text: object) -> int:
    """In seconds; 0 for what is no time, as if it were long past."""
    try:
        return seconds(text) or 0
    except Fault:
        return 0


def check_records(given: Given, exporter: str | None, log: Log | None) -> Sequence[Line]:
    """Every record is the exporter's, belongs here, stands in the tree, and none is missing between two."""
    lines = given.lines or records.parse(given.members["records.ndjson"])
    iri, did = need(given.agreement, "agreement").iri, need(exporter, "exporter-seal")
    names = frozenset({did}) if given.trust_list is None else given.trust_list.succession.lineage(did)
    erased = {line.index for line in lines if isinstance(line, Erased)}
    for line in lines:
        if isinstance(line, Logged) and not _belongs(line, iri, names, erased):
            raise Fault("record-foreign", index=line.index)
    _check_handed_on(lines, given.trust_list)
    records.check_chain(chain(lines))
    records.check_chain([line for line in lines if _chain(line) == KEY])
    records.check_erased(lines)
    records.check_proofs(lines, need(log, "log").newest)
    return lines


def _check_handed_on(lines: Sequence[Line], trust_list: TrustList | None) -> None:
    """Once the exporter has written under another DID it never does under a former one again; Fault."""
    if trust_list is None:
        return
    written = sorted((one for one in lines if isinstance(one, Logged)), key=lambda one: one.index)
    handed_on = trust_list.succession.in_order([str(one.record["participant"]) for one in written])
    if handed_on < len(written):
        raise Fault("record-foreign", index=written[handed_on].index)


def _belongs(line: Logged, iri: str, names: Collection[str], erased: Collection[int]) -> bool:
    about, kind, whose = line.record["agreement"], line.type, line.record["participant"]
    if not isinstance(whose, str) or whose not in names:
        return False
    if about is not None or kind == KEY:
        return about == (None if kind == KEY else iri)
    buried = line.body.get("index")
    return kind == TOMBSTONE and isinstance(buried, int) and jcs.is_whole(buried) and buried in erased


def chain(lines: Sequence[Line]) -> Sequence[Line]:
    """Those of the agreement, in order."""
    return [line for line in lines if _chain(line) == AGREEMENT]


def _chain(line: Line) -> str:
    """Which chain a line belongs to; a tombstone outside of any agreement stands in none."""
    if isinstance(line, Erased):
        return KEY if line.type == KEY else AGREEMENT
    if line.record["agreement"] is not None:
        return AGREEMENT
    return KEY if line.type == KEY else TOMBSTONE


def check_commitment(given: Given, lines: Sequence[Line] | None, log: Log | None, exporter: str | None) -> None:
    """The newest agreement record names exactly this agreement, these seals and these DID documents."""
    found = [line for line in need(lines, "records") if line.type == AGREEMENT]
    if not found:
        raise Fault("commitment-missing")
    newest, where = found[-1], need(log, "log").proof
    tree = where.checkpoint
    if where.index != newest.index or not merkle.verify_inclusion(
        newest.leaf, where.index, tree.size, where.path, tree.root
    ):
        raise Fault("log-proof")
    if isinstance(newest, Erased):
        raise Doubt("commitment-erased")
    for member, name in _COMMITTED.items():
        if newest.body.get(member) != _digest(given.members, name):
            raise Fault("commitment", name=name)
    _check_same_agreement(found)
    by = contract.exporting(given)
    document = _digest(given.members, f"did-{by.role}.json")
    _check_key_head(found, newest, need(lines, "records"), document, moved=exporter != by.party)
    _check_current(need(lines, "records"), _digest(given.members, archive.ROTATED))


def _check_same_agreement(found: Sequence[Line]) -> None:
    """A later record adds a countersignature; it never puts another contract or seal in the place of the first, and
    none is without a contract."""
    before: Mapping[str, object] | None = None
    for line in found:
        if not isinstance(line, Logged):
            continue
        for member in ("agreement", "providerJws", "consumerJws"):
            earlier = None if before is None else before.get(member)
            said = line.body.get(member)
            absent = said is None and member != "consumerJws"
            if absent or (earlier is not None and earlier != said):
                raise Fault("commitment-replaced", name=_COMMITTED[member])
        before = line.body


def _check_key_head(
    found: Sequence[Line], newest: Logged, lines: Sequence[Line], document: str | None, *, moved: bool
) -> None:
    """The key event that the record names is here and stands for the exporter's DID document.

    A countersignature may come after a change of keys: then the document is the one that the first agreement record
    found in force, or one since. Where the exporter has `moved` since it sealed, the first record may be younger than
    the move, and the document is one of those before it.
    """
    if newest.body.get("keyHead") is None:  # nothing then says that this document was the exporter's, nor that its
        raise Doubt("no-key-head")  # key was not withdrawn
    events = [line for line in lines if _chain(line) == KEY]
    places = {line.digest: at for at, line in enumerate(events) if isinstance(line, Logged)}
    heads = [places.get(str(line.body.get("keyHead"))) for line in found if isinstance(line, Logged)]
    last = heads[-1]
    if last is None and any(isinstance(line, Erased) for line in events):
        raise Doubt("key-events-erased")
    begin = last if heads[0] is None else heads[0]
    if last is None or begin is None or not _named(document, events[0 if moved else begin : last + 1]):
        raise Fault("key-head")


def _named(document: str | None, events: Sequence[Line]) -> bool:
    return any(isinstance(line, Logged) and line.body.get("document") == document for line in events)


def _check_current(lines: Sequence[Line], document: str | None) -> None:
    """The exporter's document at the time of the export, if it is here, is one that a key event of its log names."""
    events = [line for line in lines if _chain(line) == KEY]
    if document is not None and not _named(document, events):
        raise Fault("commitment", name=archive.ROTATED)


def _digest(members: Members, name: str) -> str | None:
    return sha256(members[name]).hexdigest() if name in members else None
