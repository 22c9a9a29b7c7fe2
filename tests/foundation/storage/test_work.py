"""Work that waits as rows: whose it is, and what of it is still open."""

import msgspec

from connector.foundation.storage.database import Database
from connector.foundation.storage.work import ProcessRef, ask, questions

TOWN = "musterstadt"
PROCESS = ProcessRef(participant=TOWN, noun="negotiation", id="urn:uuid:1", to="did:web:peer.example")


def test_two_participants_never_share_a_stream() -> None:
    """The same process id on both sides of an exchange within one house."""
    other = msgspec.structs.replace(PROCESS, participant="nachbardorf")
    assert other.stream != PROCESS.stream
    assert msgspec.structs.replace(PROCESS, noun="transfer").stream != PROCESS.stream


async def test_open_questions_are_those_of_one_town_and_unanswered(any_db: Database) -> None:
    """>> two questions here, one there, one answered << the open one of this town, with its facts."""
    await any_db.write(TOWN, ask, TOWN, "urn:uuid:1", "refused", code="409")
    await any_db.write(TOWN, ask, TOWN, "urn:uuid:2", "refused")
    await any_db.write("nachbardorf", ask, "nachbardorf", "urn:uuid:3", "refused")
    await any_db.write(
        TOWN,
        lambda tx: tx.run(
            "UPDATE question SET answered_at = 1 WHERE participant = :p AND subject = 'urn:uuid:2'", p=TOWN
        ),
    )
    (found,) = await any_db.read(TOWN, questions, TOWN)
    assert (found["subject"], found["kind"], found["facts"]) == ("urn:uuid:1", "refused", {"code": "409"})
