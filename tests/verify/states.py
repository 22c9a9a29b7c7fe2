"""Bundles with two states of one log: the early one that gives the time, and the newer one."""

import msgspec

from connector.exchange.contracts.evidence.export import LogEvidence
from connector.identity.audit import entry, merkle
from connector.verify.checks import logbook
from connector.verify.formats import checkpoint, cosignature
from tests.verify import forge
from tests.verify.forge import AGREEMENT, Witness

EARLY = 12
"""Leaves of the early state: the agreement record is the eleventh of the log."""


def tree_of(log: forge.Log) -> merkle.Tree:
    return merkle.Tree([merkle.leaf_hash(entry.leaf_data(salt, data)) for data, salt in log.rows])


def cut(log: forge.Log, size: int) -> forge.Log:
    """The log as it was at that size."""
    short = log.copy()
    short.rows = short.rows[:size]
    return short


def both(early: forge.Log, later: forge.Log, *, growth: list[bytes] | None = None) -> LogEvidence:
    """Records under the state of `later`, the agreement record under that of `early`, with the proof between both."""
    tree = tree_of(later.close(AGREEMENT))
    path = tree.consistency(len(early.rows)) if growth is None else growth
    newest = logbook.write_newest(len(early.rows), path, unseen(later, tree))
    return msgspec.structs.replace(
        later.evidence(AGREEMENT), proof=early.evidence(AGREEMENT, close=False).proof, newest=newest
    )


def unseen(log: forge.Log, tree: merkle.Tree) -> str:
    """The note over the newer state, which no witness has seen yet."""
    alone = log.copy()
    alone.witnesses = []
    return alone.note(tree)


def policy_of(*trusted_ones: Witness, quorum: str = "any") -> str:
    """A tlog-policy that asks for some of the Ed25519 keys of these."""
    lines = []
    for number, one in enumerate(trusted_ones):
        key = checkpoint.key_of(cosignature.name_of(one.url), one.keys[0].public_jwk, checkpoint.TIMED_ED25519)
        assert key is not None
        lines.append(f"witness w{number} {cosignature.vkey_of(key)}")
    names = " ".join(f"w{number}" for number in range(len(trusted_ones)))
    return "\n".join([*lines, f"group all {quorum} {names}", "quorum all"])
