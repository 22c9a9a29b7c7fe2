"""The life of a flow, on both databases: idempotent steps, final ends, tokens that are only hashes at rest."""

import pytest
from msgspec.structs import replace

from connector.data.dataplane import flows, tokens
from connector.data.sources import store as source_store
from connector.data.sources.model import Source
from connector.foundation.errors import Defect, Mistake, Unknown

TOWN, FLOW = "musterstadt", "urn:uuid:f"
STEPS = {"SUSPENDED": flows.suspend, "COMPLETED": flows.complete, "TERMINATED": flows.terminate}
SOURCE = Source(id="trees", kind="file", location="t.csv", name="t.csv", media_type="text/csv", bytes=1, sha256=None)


def start(tx, **changed):
    given = {"counterparty": "did:web:n", "agreement": "urn:uuid:a", "source": "trees", "expires_at": None}
    return flows.start(tx, participant=TOWN, flow=FLOW, **{**given, **changed})


@pytest.fixture
async def database(any_db):
    await any_db.write(TOWN, source_store.insert, TOWN, SOURCE)
    return any_db


async def test_a_started_flow_is_held_by_its_token_only(database):
    """>> start << token; only its hash is stored, and it opens this flow of this participant alone."""
    token = await database.write(TOWN, start)
    assert tokens.bearer(f"Bearer {token}") == token
    held = await database.read(TOWN, flows.held, TOWN, FLOW, tokens.hashed(token))
    assert (held.flow.state, replace(held.source, created_at=0)) == ("STARTED", SOURCE)
    assert held.source == (await database.read(TOWN, source_store.source, TOWN, "trees"))
    assert await database.read(TOWN, flows.held, TOWN, "urn:uuid:g", tokens.hashed(token)) is None
    assert await database.read("nachbardorf", flows.held, "nachbardorf", FLOW, tokens.hashed(token)) is None
    rows = await database.read(TOWN, lambda tx: tx.all("SELECT * FROM access_token WHERE participant = :p", p=TOWN))
    assert [row["hash"] for row in rows] == [tokens.hashed(token)]
    assert token not in str([dict(row) for row in rows])


async def test_a_repeated_start_keeps_the_flow_and_at_most_two_tokens(database):
    """The answer that carried the first token may be under way; older ones end."""
    issued = [await database.write(TOWN, start) for _ in range(3)]
    held = [await database.read(TOWN, flows.held, TOWN, FLOW, tokens.hashed(token)) for token in issued]
    assert len(set(issued)) == 3
    assert [found is not None for found in held].count(True) == 2
    assert held[2] is not None


@pytest.mark.parametrize("other", ["counterparty", "agreement", "source"])
async def test_a_flow_is_never_rebound(database, other):
    """Another binding under the same id is our defect, and changes nothing."""
    await database.write(TOWN, start)
    with pytest.raises(Defect):
        await database.write(TOWN, start, **{other: "other"})


@pytest.mark.parametrize("before", ["STARTED", *STEPS])
@pytest.mark.parametrize("after", STEPS)
async def test_every_step_from_every_state(database, before, after):
    """An end is final: its repetition changes nothing, another end or a start is a mistake."""
    await database.write(TOWN, start)
    if before != "STARTED":
        assert await database.write(TOWN, STEPS[before], TOWN, FLOW) is True
    ended = before in ("COMPLETED", "TERMINATED")
    if ended and before != after:
        with pytest.raises(Mistake):
            await database.write(TOWN, STEPS[after], TOWN, FLOW)
    else:
        assert await database.write(TOWN, STEPS[after], TOWN, FLOW) is (before != after)
    if ended:
        with pytest.raises(Mistake):
            await database.write(TOWN, start)


async def test_a_suspended_flow_starts_again_and_keeps_its_token(database):
    """The address stays usable across suspend and resume."""
    token = await database.write(TOWN, start)
    await database.write(TOWN, flows.suspend, TOWN, FLOW)
    await database.write(TOWN, start)
    held = await database.read(TOWN, flows.held, TOWN, FLOW, tokens.hashed(token))
    assert held.flow.state == "STARTED"


async def test_a_flow_that_is_not_there(database):
    """Unknown, for every step."""
    for step in STEPS.values():
        with pytest.raises(Unknown):
            await database.write(TOWN, step, TOWN, "urn:uuid:nothing")


async def test_the_first_access_is_marked_once(database):
    """True for one caller; taken back in the same transaction it is open again."""
    await database.write(TOWN, start)
    assert [await database.write(TOWN, flows.mark, TOWN, FLOW) for _ in range(2)] == [True, False]
    await database.write(TOWN, flows.unmark, TOWN, FLOW)
    assert await database.write(TOWN, flows.mark, TOWN, FLOW) is True


async def test_a_consumers_flow_keeps_its_address(database):
    """A start without address, as after a suspension, keeps the address known before."""
    given = {"participant": TOWN, "flow": FLOW, "counterparty": "did:web:m", "agreement": "urn:uuid:a", "sink": "in"}
    for address in (b"sealed", None):
        await database.write(TOWN, flows.accept, **given, address=address, expected_sha256="00", expires_at=None)
    found = await database.read(TOWN, flows.find, TOWN, FLOW)
    assert (found.role, found.address, found.expected_sha256, found.state) == ("consumer", b"sealed", "00", "STARTED")


async def test_bytes_add_up_whatever_the_state(database):
    """A cut stream has sent bytes too."""
    await database.write(TOWN, start)
    await database.write(TOWN, flows.terminate, TOWN, FLOW)
    await database.write(TOWN, flows.count_bytes, TOWN, FLOW, 5_000_000_000)
    await database.write(TOWN, flows.count_bytes, TOWN, FLOW, 7, broken=True)
    found = await database.read(TOWN, flows.find, TOWN, FLOW)
    assert (found.bytes, found.broken) == (5_000_000_007, 1)


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer short", "Basic " + "a" * 43, "Bearer " + "ä" * 43])
def test_only_our_own_shape_is_looked_up(header):
    """Anything else is no token."""
    assert tokens.bearer(header) is None
