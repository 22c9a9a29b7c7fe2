"""How far the exporter told its log, and that nothing before it is left out or passed off as something else.

Leaves are salted hashes: nobody but the log's owner sees which of them belong to an agreement. So the owner says it in
the log itself, before each export: a `told` record closes the chain of the agreement, counts what stands before it and
lists the termination records (`terminations`), and how many key events there are, and the signed state that a bundle
leads to ends with it. The manifest repeats all that under the exporter's seal. Whoever leaves out the newest records
has no such state; whoever wants one must log a second record at a place of the chain that is taken, which any earlier
bundle and the partner's log contradict. `told` records are never erased, and one stands before each erasure: so an
ending cannot be erased as something else.
"""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from connector.verify.checks import contract, logbook, records
from connector.verify.checks.contract import Given, Members
from connector.verify.checks.examination import need
from connector.verify.checks.logbook import Log
from connector.verify.checks.records import KEY, TERMINATION, Erased, Line, Logged
from connector.verify.checks.trusted_time import SKEW_S, exact, written
from connector.verify.formats import base64url, jcs
from connector.verify.formats.checkpoint import Checkpoint
from connector.verify.formats.faults import Doubt, Fault

TOLD = "told"
"""Type of the records that say how far an agreement is told."""
ON_BEHALF = "onBehalf"
"""Member of any record that was written while somebody acted for the log's owner (spec/mandates.md 4)."""
FRESH_S = 86_400
"""How long after it was told the manifest may be sealed."""


@dataclass(frozen=True, slots=True)
class Told:
    """Until when the bundle speaks (`at`, RFC 3339), with how many records of the agreement, of a log of which size."""

    at: str
    count: int
    log: str
    size: int

    @property
    def facts(self) -> Mapping[str, object]:
        return {"at": self.at, "count": self.count, "log": self.log, "size": self.size}


def body(seq: int, terminations: Sequence[int], keys: int) -> dict[str, object]:
    """The body of a `told` record at `seq`: how many records stand before it, and at which places endings do.

    `keys`: of how many key events the log knew, at least; one that was being written just then may not be counted.
    """
    return {"keys": keys, "records": seq, "terminations": list(terminations)}


def value(agreement: str, line: Logged, state: Checkpoint) -> dict[str, object]:
    """The member `told` of a manifest: `line` is the last of the agreement, `state` the one that it closes."""
    return {
        "agreement": agreement,
        "at": line.record["at"],
        "count": _seq(line) + 1,
        "head": line.digest,
        "log": state.origin,
        "root": base64url.encode_padded(state.root),
        "size": state.size,
        "terminations": line.body.get("terminations"),
    }


def check(given: Given, lines: Sequence[Line] | None, log: Log | None) -> Told:
    """The records end where the exporter says, with the state, and every `told` record among them is true.

    Doubt `told-future` for a bundle that claims to speak, or to be made, beyond the time of the check.
    Doubt `told-absent` for a bundle that does not say; Fault `told-cut` if the last record or the state is another
    than the one that closes them, `told-other` if the manifest says something else, `told-untrue` if a `told` record
    counts other records or endings than are here, `told-time` if the manifest was sealed long after or before. Doubt
    `erased-untold` for an erased record of which nothing but its tombstone says what it was.
    """
    said = _stated(given.members)
    chain = logbook.chain(need(lines, "records"))
    state = need(log, "log").newest
    last = chain[-1] if chain else None
    if not isinstance(last, Logged) or last.type != TOLD or last.index != state.size - 1:
        raise Fault("told-cut")
    if not jcs.same(said, value(need(given.agreement, "agreement").iri, last, state)):
        raise Fault("told-other")
    _check_true(chain, sum(line.type == KEY for line in need(lines, "records")))
    _check_erased(need(lines, "records"), chain)
    at = exact(last.record["at"])
    sealed = contract.read_seal(given.members["manifest.jws"]).iat
    if at is None or not at - SKEW_S <= sealed <= at + FRESH_S:
        raise Fault("told-time", at=str(last.record["at"])[:40], sealed=written(sealed))
    newest = max(at, sealed)
    if given.now is not None and newest > given.now + SKEW_S:
        raise Doubt("told-future", at=written(newest), known=written(given.now))
    return Told(written(at), _seq(last) + 1, state.origin, state.size)


def _stated(members: Members) -> object:
    try:
        manifest = jcs.decode(members["manifest.json"])
    except jcs.NotCanonical as fault:
        raise Fault("manifest-form") from fault
    if not isinstance(manifest, dict) or "told" not in manifest:
        raise Doubt("told-absent")
    return manifest["told"]


def _check_true(chain: Sequence[Line], keys: int) -> None:
    """Each counts what stands before it. An erased record counts as what its tombstone calls it."""
    terminations: list[int] = []
    for seq, line in enumerate(chain):
        if isinstance(line, Logged) and line.type == TOLD:
            known = line.body.get("keys")
            said = {name: value for name, value in line.body.items() if name != ON_BEHALF}
            true = jcs.same(said, {"keys": known, "records": seq, "terminations": terminations})
            if not true or not isinstance(known, int) or not jcs.is_whole(known) or known > keys:
                raise Fault("told-untrue", seq=seq)
        elif line.type == TERMINATION:
            terminations.append(seq)


def _check_erased(lines: Sequence[Line], chain: Sequence[Line]) -> None:
    """Of each erased record a `told` record from before its tombstone says whether it was an ending."""
    graves, told = records.tombstones(lines), [line.index for line in chain if line.type == TOLD]
    for line in chain:
        if isinstance(line, Erased):
            after = bisect_right(told, line.index)
            if after == len(told) or told[after] > graves[line.index].index:
                raise Doubt("erased-untold", seq=line.seq, type=line.type)


def _seq(line: Line) -> int:
    return line.seq if isinstance(line.seq, int) else -1
