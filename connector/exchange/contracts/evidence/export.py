"""Makes the evidence bundle: values in, the same bytes out every time; no database, no clock (spec/contracts.md 7).

The exporter seals the manifest, so a change of any member shows, README included.
"""

from collections.abc import Callable, Mapping, Sequence
from io import BytesIO

import msgspec

from connector.dataspace.witness import cosignatures, timestamps
from connector.foundation.errors import Defect, Unavailable, Unknown
from connector.foundation.storage.database import Tx
from connector.identity.audit import entry, store, tiles
from connector.identity.audit.entry import TOMBSTONE
from connector.identity.audit.sealer import Batch, signed
from connector.identity.audit.store import Entry
from connector.verify import readme
from connector.verify.checks import archive, logbook, records
from connector.verify.checks import disclosure as told
from connector.verify.checks.contract import manifest_rows
from connector.verify.formats import checkpoint, container, cosignature, jcs, trustlist
from connector.verify.formats.cosignature import Policy
from connector.verify.formats.faults import Fault

_EPOCH = (1980, 1, 1, 0, 0, 0)
_MODE = 0o644 << 16
EARLY = "audit.told-early"
"""Code of the Unavailable that a newer `told` record mends."""
_DECIDING = frozenset({entry.AGREEMENT, records.TERMINATION, TOMBSTONE})
"""Types of records without which the rest of a bundle, which is read at the same moment, does not fit."""
MOST_STATES = 64
"""States cosigned by enough witnesses that are tried, the earliest first: asking hourly, those of over two days."""


class LogEvidence(msgspec.Struct, frozen=True):
    """The log's side of a bundle: `records.ndjson`, `agreement.tlog-proof`, and what only some bundles have.

    `newest` is the state that the records lead to where the proof leads to an earlier one that others vouched for,
    `timestamp` a token over the state in the proof. `first` is the earlier state that gives the provider's seal its
    time where the countersignature came late, `first_timestamp` a token over that. `told` says how far all this goes.
    """

    records: bytes
    proof: bytes
    newest: bytes | None = None
    timestamp: bytes | None = None
    first: bytes | None = None
    first_timestamp: bytes | None = None
    told: Mapping[str, object] | None = None


class EvidenceParts(msgspec.Struct, frozen=True, kw_only=True):
    """Everything in a bundle, as signed, received or kept; `consumer_*` None for a one-sided agreement."""

    agreement: bytes
    text: bytes
    profile: bytes
    dataset: bytes
    approval_provider: bytes
    approval_consumer: bytes | None
    provider_jws: str
    consumer_jws: str | None
    provider_document: bytes
    consumer_document: bytes
    trust_list: str
    log: LogEvidence
    exporter_document: bytes | None = None
    """The exporter's DID document as it is now, only if its keys have changed since."""
    more: Mapping[str, bytes] = msgspec.field(default_factory=dict)
    """Further members by name: those of `verify.archive.OPTIONAL` and `TOGETHER`, such as `text-en.html`."""


def bundle(parts: EvidenceParts, seal: Callable[[bytes], str]) -> bytes:
    """The ZIP. `seal` signs the manifest bytes with the exporter's seal key (one reference, spec/contracts.md 7.3)."""
    members = _members(parts)
    how_far = {} if parts.log.told is None else {"told": parts.log.told}
    manifest = jcs.encode({"v": 1, "members": manifest_rows(members), **how_far})
    members |= {"manifest.json": manifest, "manifest.jws": seal(manifest).encode("ascii")}
    return pack(members)


def pack(members: Mapping[str, bytes]) -> bytes:
    """A ZIP that depends on nothing but names and contents: sorted, without a time, and stored.

    A content in which the signature of a ZIP's end occurs by chance is deflated: a reader could take it for the end.
    """
    import zipfile

    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as packed:
        for name in sorted(members):
            info = zipfile.ZipInfo(name, _EPOCH)
            info.create_system, info.external_attr = 3, _MODE
            info.compress_type = zipfile.ZIP_DEFLATED if container.END in members[name] else zipfile.ZIP_STORED
            packed.writestr(info, members[name])
    return buffer.getvalue()


def log_evidence(tx: Tx, participant: str, agreement: str, vouching: Policy | None = None) -> LogEvidence:
    """The agreement's records and the key events up to where they were last told (`telling.tell`), with proofs.

    `vouching` says whose cosignatures give a time (`policy_of`); None: nobody's.

    Tell and seal first: raises Unavailable `audit.unsealed` while that waits for the sealer, `audit.told-early` where
    others vouch for a later state, or a key, a seal, an end or an erasure came after it. Unknown `audit.erased` if the
    newest agreement record has served its time, Defect `audit.gap` if leaves of the signed tree are gone. Later records
    are left for the next export.
    """
    own = store.records(tx, participant, agreement)
    if (known := _newest(own)) is None:
        raise Defect("audit.no-agreement-record", agreement=agreement)
    if known.erased:
        raise Unknown("audit.erased", agreement=agreement)
    batch, last = _told(tx, participant, agreement, own)
    sealed = [one for one in own if one.seq <= last.seq]
    newest = _newest(sealed) or known
    index = _index(newest)
    early = _vouched(tx, participant, index, vouching) or batch
    keys = store.key_events(tx, participant)
    news = any(one.type in _DECIDING for one in own[len(sealed) :])
    if early.size > batch.size or news or not all(_within(one, batch.size) for one in keys):
        raise Unavailable(EARLY, agreement=agreement)
    assert batch.checkpoint is not None
    assert early.checkpoint is not None
    proofs = tiles.Proofs(tx, participant)
    lines = [line(one, proofs.inclusion(_index(one), batch.size)) for one in (*keys, *sealed)]
    seen = vouching is not None and _complete(tx, batch, vouching)
    closing = batch.checkpoint + (cosignatures.cosigned(tx, participant, batch.size) if seen else "")
    growth = logbook.write_newest(early.size, proofs.consistency(early.size, batch.size), closing)
    before = _before(tx, participant, sealed, early.size, vouching)
    return LogEvidence(
        records.write(lines),
        records.write_proof(
            index,
            proofs.inclusion(index, early.size),
            early.checkpoint + cosignatures.cosigned(tx, participant, early.size),
        ),
        newest=None if early.size == batch.size else growth,
        timestamp=timestamps.of(tx, participant, early.size),
        first=None if before is None else _first(tx, before, proofs.consistency(before.size, batch.size), batch.size),
        first_timestamp=None if before is None else timestamps.of(tx, participant, before.size),
        told=told.value(agreement, _logged(last), checkpoint.parse(batch.checkpoint)),
    )


def _newest(own: Sequence[Entry]) -> Entry | None:
    return next((one for one in reversed(own) if one.type == entry.AGREEMENT), None)


def _told(tx: Tx, participant: str, agreement: str, own: Sequence[Entry]) -> tuple[Batch, Entry]:
    """The signed state that the newest `told` record closes, and that record."""
    last = next((one for one in reversed(own) if one.type == told.TOLD and not one.erased), None)
    batch = None if last is None or last.index is None else signed(tx, participant, last.index + 1)
    if last is None or batch is None:
        raise Unavailable("audit.unsealed", agreement=agreement)
    return batch, last


def _logged(one: Entry) -> records.Logged:
    record = jcs.loads(one.record)
    assert isinstance(record, dict)
    return records.Logged(_index(one), record, one.record, one.salt, ())


def _before(tx: Tx, participant: str, own: list[Entry], size: int, vouching: Policy | None) -> Batch | None:
    """The state smaller than `size` that gives the first agreement record its time; None if there is none.

    A countersignature that comes late has a record of its own; the provider's seal is as old as the record before.
    """
    first = next(one for one in own if one.type == entry.AGREEMENT and not one.erased)
    if not _within(first, size):
        return None
    state = _vouched(tx, participant, _index(first), vouching)
    return state if state is not None and state.size < size else None


def _first(tx: Tx, state: Batch, growth: list[bytes], size: int) -> bytes:
    assert state.checkpoint is not None
    note = state.checkpoint + cosignatures.cosigned(tx, state.participant, state.size)
    return logbook.write_first(size, growth, note)


def policy_of(trust_list: str, exporter: str, parties: Sequence[str]) -> Policy | None:
    """Whose cosignatures an auditor who has only this trust list will count for a contract of these DIDs."""
    try:
        listed = trustlist.parse(trust_list.encode("ascii"))
        return cosignature.derived(listed.witnesses, *listed.own_operators(exporter, *parties))
    except (Fault, ValueError):
        return None


def standing_for(trust_list: str) -> Callable[[str], Sequence[str]]:
    """All who have taken the place of a DID by this list, one after the other, after itself."""

    def names(did: str) -> Sequence[str]:
        try:
            return (did, *(heir for heir, _ in trustlist.parse(trust_list.encode("ascii")).succession.line(did)))
        except (Fault, ValueError):
            return (did,)

    return names


def _vouched(tx: Tx, participant: str, index: int, vouching: Policy | None) -> Batch | None:
    """The first signed state that holds this leaf and whose quorum is complete: it proves the earliest time.

    Witnesses come first, since whoever has the trust list can check them; a timestamp needs roots of its own.
    """
    rows = tx.all(
        "SELECT size FROM cosignature WHERE participant = :participant AND size > :index"
        " GROUP BY size HAVING COUNT(*) >= :fewest ORDER BY size LIMIT :most",
        participant=participant,
        index=index,
        fewest=1 if vouching is None else vouching.fewest,
        most=MOST_STATES if vouching is not None else 0,
    )
    for row in rows:
        state = signed(tx, participant, int(row["size"]))
        if state is not None and vouching is not None and _complete(tx, state, vouching):
            return state
    stamped = timestamps.earliest(tx, participant, index)
    return None if stamped is None else signed(tx, participant, stamped.size)


def _complete(tx: Tx, state: Batch, vouching: Policy) -> bool:
    """Whether the quorum stands under this state; a line that does not hold spoils the state for every verifier."""
    assert state.checkpoint is not None
    try:
        note = checkpoint.parse(state.checkpoint + cosignatures.cosigned(tx, state.participant, state.size))
        return cosignature.time_of(note, vouching) is not None
    except Fault:
        return False


def line(one: Entry, proof: list[bytes]) -> tuple[int, bytes, bytes, list[bytes]] | records.Erased:
    """A sealed record with its proof, or what is left of an erased one."""
    if one.erased:
        return records.Erased(_index(one), one.type, one.seq, one.leaf, tuple(proof))
    return _index(one), one.record, one.salt, proof


def _members(parts: EvidenceParts) -> dict[str, bytes]:
    members = {
        readme.NAME: readme.content(),
        "agreement.json": parts.agreement,
        "agreement.tlog-proof": parts.log.proof,
        "approval-provider.json": parts.approval_provider,
        "dataset.jsonld": parts.dataset,
        "did-consumer.json": parts.consumer_document,
        "did-provider.json": parts.provider_document,
        "profile.json": parts.profile,
        "provider.jws": parts.provider_jws.encode("ascii"),
        "records.ndjson": parts.log.records,
        "text-de.html": parts.text,
        "trust-list.jws": parts.trust_list.encode("ascii"),
    }
    if parts.consumer_jws is not None and parts.approval_consumer is not None:
        members["consumer.jws"] = parts.consumer_jws.encode("ascii")
        members["approval-consumer.json"] = parts.approval_consumer
    if parts.exporter_document is not None:
        members["did-exporter.json"] = parts.exporter_document
    if parts.log.newest is not None:
        members[archive.NEWEST] = parts.log.newest
    if parts.log.timestamp is not None:
        members[archive.TIMESTAMP] = parts.log.timestamp
    if parts.log.first is not None:
        members[archive.FIRST] = parts.log.first
        if parts.log.first_timestamp is not None:
            members[archive.FIRST_TIMESTAMP] = parts.log.first_timestamp
    return {**parts.more, **members}


def _within(one: Entry, size: int) -> bool:
    return one.index is not None and one.index < size


def _index(one: Entry) -> int:
    assert one.index is not None
    return one.index
