"""Sample data: tried like any file, never published, and gone without a trace."""

from collections.abc import AsyncIterator
from hashlib import sha256
from pathlib import Path

import pytest

from connector.data.approvals.model import Voter
from connector.data.catalogue import life
from connector.data.catalogue.model import SAMPLE
from connector.data.catalogue.service import Publication
from connector.data.catalogue.uploads import Uploads
from connector.data.drafts.sample import FILE, Samples
from connector.data.drafts.service import Drafts
from connector.data.sources.kinds import Sources
from connector.foundation.errors import Mistake
from connector.foundation.http.outbound import SafeClient
from connector.foundation.storage.database import Tx
from connector.kernel.reading.contents import read_contents
from connector.kernel.reading.model import Limits, Reading
from tests.testkit.towns import Towns

TOWN = "musterstadt"
ANNA = Voter("p-aaaaaa", frozenset({"steward"}))
TABLES = (
    "publication_draft",
    "source",
    "audit_entry",
    "dataset",
    "offer",
    "revision",
    "outbox",
    "approval",
    "question",
    "transcript",
    "timer",
    "decision",
    "object",
    "notification",
)
"""Where something about data may stand."""


async def read_here(path: Path, limits: Limits, participant: str = "") -> Reading:
    with path.open("rb") as file:
        return read_contents(file, str(path), limits)


@pytest.fixture
async def samples(towns: Towns, tmp_path: Path) -> AsyncIterator[tuple[Samples, Drafts]]:
    towns.people.roles = {ANNA.who: set(ANNA.roles)}
    uploads = Uploads(tmp_path / "files")
    drafts = Drafts(
        towns.db,
        towns.participants,
        towns.catalogue,
        uploads,
        Sources(uploads.place, SafeClient(), towns.vault),
        towns.publications,
        towns.approvals,
        read_here,
    )
    yield Samples(towns.db, drafts, towns.catalogue, uploads), drafts
    await drafts.stop()


def everything(tx: Tx) -> dict[str, list[str]]:
    """Every row that the participant has in them."""
    return {one: sorted(str(dict(row)) for row in tx.all(f"SELECT * FROM {one}")) for one in TABLES}


@pytest.mark.on_both
async def test_it_goes_without_a_trace(towns: Towns, samples: tuple[Samples, Drafts], tmp_path: Path) -> None:
    """>> begun, read, answered, tried again, removed << not one row and not one file more than before."""
    practice, drafts = samples
    before = await towns.db.read(TOWN, everything)
    made = await practice.begin(TOWN, ANNA.who)
    one = await drafts.read_within(TOWN, made.id, 10)
    assert one.reading is not None
    assert (one.sample, one.reading.rows, one.said.title != "") == (True, 60, True)
    rule = {"rule": "municipal-purpose", "slots": {"until": "31.12.2099"}}
    await towns.db.write(TOWN, drafts.answer, TOWN, one.id, one.version, {**rule, "notes": "zum Üben"}, ANNA)
    assert (await practice.begin(TOWN, ANNA.who)).id == one.id
    assert await towns.db.read(TOWN, everything) != before
    await practice.remove(TOWN)
    assert await towns.db.read(TOWN, everything) == before
    assert [path for path in (tmp_path / "files").rglob("*") if path.is_file()] == []
    await practice.remove(TOWN)


@pytest.mark.on_both
async def test_nobody_can_publish_it(towns: Towns, samples: tuple[Samples, Drafts]) -> None:
    """>> all is answered, published << refused in words, whatever the file is called; the log has nothing of it."""
    practice, drafts = samples
    one = await drafts.read_within(TOWN, (await practice.begin(TOWN, ANNA.who)).id, 10)
    rule = {"rule": "municipal-purpose", "slots": {"until": "31.12.2099"}}
    one = await towns.db.write(TOWN, drafts.answer, TOWN, one.id, one.version, rule, ANNA)
    with pytest.raises(Mistake, match=r"drafts\.sample"):
        await towns.db.write(TOWN, drafts.submit, TOWN, one.id, one.version, ANNA)
    assert (
        await towns.db.read(TOWN, lambda tx: tx.all("SELECT 1 AS one FROM audit_entry WHERE type = 'publication'"))
        == []
    )


async def test_what_a_dataset_needs_stays(
    towns: Towns, samples: tuple[Samples, Drafts], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """>> the same bytes were published when the command line still did << source and file stay when samples go."""
    practice, _ = samples
    made = await practice.begin(TOWN, ANNA.who)
    wish = Publication(title="Bänke", rule="municipal-purpose", slots={"until": "31.12.2099"}, source=made.source)
    with monkeypatch.context() as before:
        before.setattr(life, "SAMPLE", "")
        await towns.db.write(TOWN, towns.catalogue.publish, TOWN, wish)
    await practice.remove(TOWN)
    assert await towns.db.read(TOWN, practice.one, TOWN) is None
    assert (tmp_path / "files" / TOWN / SAMPLE).exists()


def test_the_sample_is_the_file_that_is_shipped() -> None:
    assert sha256(FILE.read_bytes()).hexdigest() == SAMPLE
    assert "Brunnengässchen" in FILE.read_bytes().decode("cp1252")
