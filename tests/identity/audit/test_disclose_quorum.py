"""Of many states that too few witnesses vouched for, the one with the quorum is found: it gives a contract its time.

>> four witnesses, of which one answers after each agreement for hours << the first state of two of them.
"""

import pytest

from connector.dataspace.witness import cosignatures, quorum
from connector.exchange.contracts.evidence import export
from connector.foundation.storage import Database
from connector.foundation.storage.database import Tx
from connector.identity.audit import disclose, sealer
from connector.identity.audit.sealer import Batch
from connector.verify.formats import checkpoint, cosignature
from tests.identity.audit.entries import AGREEMENT, KEY, ROOT, TOWN, add, entries
from tests.verify.forge import NOW, PROVIDER, Witness

WITNESSES = [Witness(f"did:web:{name}.example", at) for name, at in zip("abcd", range(NOW, NOW + 4), strict=True)]
POLICY = cosignature.derived([one.entry() for one in WITNESSES], "own")
ORIGIN = sealer.origin(ROOT)


async def grow(db: Database, first: int, *witnesses: Witness) -> Batch:
    """One entry more, sealed and vouched for."""
    await db.write(TOWN, entries, first, 1)
    batch = await db.write(TOWN, sealer.assign, TOWN)
    assert batch is not None
    note = sealer.sign(batch, ORIGIN, [KEY])
    await db.write(TOWN, sealer.keep, TOWN, batch.size, note)
    for one in witnesses:
        await db.write(TOWN, cosign, batch, note, one)
    return batch


def cosign(tx: Tx, batch: Batch, note: str, one: Witness) -> None:
    cosignatures.keep(tx, batch, cosignature.name_of(one.url), one.cosign(note).removeprefix(note))


@pytest.mark.parametrize("after", [quorum.MOST_STATES, 0])
async def test_states_with_too_few_witnesses_do_not_hide_the_quorum(sqlite_db: Database, after: int) -> None:
    """Past bug: only the first 64 states (for operators: the newest 16) were tried, and the contract had no time."""
    assert POLICY is not None
    assert POLICY.fewest == 2
    await sqlite_db.write(TOWN, add, "key", None)
    await sqlite_db.write(TOWN, add, "agreement", AGREEMENT)
    for at in range(export.MOST_STATES):
        await grow(sqlite_db, at, WITNESSES[0])
    vouched = await grow(sqlite_db, 200, *WITNESSES[1:3])
    for at in range(after):
        await grow(sqlite_db, 300 + at, WITNESSES[3])
    seen = await sqlite_db.read(TOWN, quorum.progress, TOWN, POLICY)
    assert (seen.quorum, seen.quorum_at) == (vouched.size, WITNESSES[2].at * 1000)
    assert (seen.waiting_since is None) is (after == 0)
    await sqlite_db.write(TOWN, disclose.tell, TOWN, AGREEMENT, did=PROVIDER)
    await sealer.seal(sqlite_db, TOWN, ROOT, [KEY])
    found = await sqlite_db.read(TOWN, export.log_evidence, TOWN, AGREEMENT, POLICY)
    state = checkpoint.parse(found.proof.decode().partition("\n\n")[2])
    assert state.size == vouched.size
    assert cosignature.time_of(state, POLICY) == WITNESSES[2].at * 1000
