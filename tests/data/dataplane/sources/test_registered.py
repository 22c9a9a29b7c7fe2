"""Registration: what is pinned of a file, and which sources a row can become."""

from hashlib import sha256

import pytest

from connector.data.dataplane.sources import Description
from connector.data.dataplane.sources.files import FileSource, examine
from connector.data.dataplane.sources.proxied import ProxiedSource
from connector.data.dataplane.sources.registered import Registered, Sources, of_row
from connector.foundation.errors import Defect, Mistake, Unknown

WHAT = Description(name="t.csv", media_type="text/csv")
ROW = {"id": "t", "kind": "file", "location": "t.csv", "name": "t", "media_type": "text/csv", "bytes": 1, "sha256": "0"}


def test_a_file_is_examined_once(tmp_path):
    """Size and SHA-256 of the bytes that are there."""
    (tmp_path / "t.csv").write_bytes(b"x" * 3_000_000)
    found = examine(tmp_path, "t.csv", name="Bäume.csv", media_type="text/csv")
    expected = sha256(b"x" * 3_000_000).hexdigest()
    assert found == Description(name="Bäume.csv", media_type="text/csv", bytes=3_000_000, sha256=expected)
    with pytest.raises(Unknown):
        examine(tmp_path, "other.csv", name="x", media_type="text/csv")


def test_rows_become_sources(tmp_path):
    """Files and addresses; a location that leads out is refused as soon as the source is made."""
    sources = Sources(lambda participant: tmp_path / participant, None)
    file = sources.source("m", Registered(id="t", kind="file", location="t.csv", description=WHAT))
    live = sources.source("m", Registered(id="t", kind="http", location="https://x/", description=WHAT))
    assert (type(file), type(live)) == (FileSource, ProxiedSource)
    assert file.describe() == live.describe() == WHAT
    with pytest.raises(Mistake):
        sources.source("m", Registered(id="t", kind="file", location="../t.csv", description=WHAT))


def test_a_kind_we_do_not_know_is_our_defect():
    """The table holds only what we wrote."""
    assert of_row(ROW).kind == "file"
    with pytest.raises(Defect):
        of_row(ROW | {"kind": "tape"})
