"""`hanse agreements` and `hanse evidence` against a management surface that plays back canned answers."""

from pathlib import Path

import pytest

from connector.surfaces.views import status
from tests.cli.playback import DATASET, Playback, hanse, said, standing
from tests.verify.forge import Case


def test_agreements_and_evidence(play: Playback, capsys: pytest.CaptureFixture[str]) -> None:
    one = {"agreement": "urn:uuid:9", "dataset": DATASET, "state": "one-sided", "role": "provider", "waits": False}
    one |= {"verified": True, "countersignature": "preferred", "until": "2027-01-01", "confirmations": []}
    one |= {"second_invalid": False, "title": "Bäume", "partner": "Bdorf", "created": "2026-11-18T11:06:40Z"}
    one |= {"spaces": ["Kreis"]}
    one |= standing(status.agreement("one-sided", expired=False, ending=False))
    one |= {"notice": {"by": "consumer", "effective": "2027-03-31T22:00:00Z"}}
    play.on("GET /participants/a/agreements", [{**one, "signed": {"provider": True, "consumer": False}}])
    play.on("GET /participants/a/agreements/9/evidence", b"PK")
    assert hanse("agreements --as a") == 0
    out = said(capsys)
    assert "urn:uuid:9" in out
    assert "gilt, nur vom Datengeber unterschrieben" in out
    assert "Bdorf (Kreis)" in out
    assert "zweites Siegel" not in out
    bad = {**one, "second_invalid": True, "signed": {"provider": True, "consumer": True}}
    play.on("GET /participants/b/agreements", [bad])
    assert hanse("agreements --as b") == 0
    assert "ein zweites Siegel (ML-DSA) geschickt, das nicht gilt" in said(capsys)
    assert hanse("evidence urn:uuid:9 --as a -o b.zip") == 0
    assert Path("b.zip").read_bytes() == b"PK"
    said(capsys)
    play.on("GET /participants/a/agreements/8/evidence", Case().bundle())
    assert hanse("evidence urn:uuid:8 --as a -o b.zip") == 0
    assert "spricht bis 18.11.2026, 12:06:40 Uhr (MEZ)" in said(capsys)
