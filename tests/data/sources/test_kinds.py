"""What a registered source becomes."""

import pytest
from msgspec.structs import replace

from connector.data.sources.files import FileSource
from connector.data.sources.http import HttpSource
from connector.data.sources.kinds import Sources
from connector.data.sources.model import ELSEWHERE, Description, Source
from connector.foundation.errors import Defect, Mistake

FILE = Source(id="t", kind="file", location="t.csv", name="t.csv", media_type="text/csv", bytes=None, sha256=None)


def test_each_kind_is_opened_its_own_way(tmp_path):
    """Files and addresses; a location that leads out is refused as soon as the source is made."""
    sources = Sources(lambda participant: tmp_path / participant, None)
    file = sources.readable("m", FILE)
    live = sources.readable("m", replace(FILE, kind="http", location="https://x/"))
    assert (type(file), type(live)) == (FileSource, HttpSource)
    assert file.describe() == live.describe() == Description(name="t.csv", media_type="text/csv")
    with pytest.raises(Mistake):
        sources.readable("m", replace(FILE, location="../t.csv"))


@pytest.mark.parametrize("kind", ["tape", ELSEWHERE])
def test_a_kind_that_nothing_is_read_of_is_our_defect(tmp_path, kind):
    """The table holds only what we wrote, and nobody opens what lies elsewhere."""
    with pytest.raises(Defect):
        Sources(lambda participant: tmp_path, None).readable("m", replace(FILE, kind=kind))
