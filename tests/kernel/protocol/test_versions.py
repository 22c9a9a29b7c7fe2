"""The version document: what we serve and what we find in a peer's."""

import json

import pytest

from connector.kernel.protocol import versions
from connector.kernel.protocol.shape import Malformed
from tests.testkit.places import SHARED

EXAMPLE = SHARED / "dsp" / "common" / "example" / "protocol-version.json"


def test_what_we_serve() -> None:
    """One service; absent members are omitted."""
    assert json.loads(versions.document()) == {
        "protocolVersions": [{"version": "2025-1", "path": "/2025-1", "binding": "HTTPS", "identifierType": "did:web"}]
    }
    auth = versions.Auth("DCP", "1.0", ["vc11-sl2021/jwt"])
    entry = json.loads(versions.document("urn:s", auth))["protocolVersions"][0]
    assert (entry["serviceId"], entry["auth"]["profile"]) == ("urn:s", ["vc11-sl2021/jwt"])
    assert versions.read(json.loads(versions.document())) == "/2025-1"


def test_ours_is_found_among_others() -> None:
    """Other versions, bindings and unreadable entries are passed over; a service may be named."""
    entry = {"version": "2025-1", "path": "/b/", "binding": "HTTPS", "serviceId": "b"}
    document = {
        "protocolVersions": [{"version": "v0.8"}, 7, entry | {"binding": "X"}, entry, entry | {"serviceId": "c"}]
    }
    assert versions.read(document) == "/b"
    document["protocolVersions"].append(entry | {"serviceId": "d", "path": "/d"})
    assert versions.read(document, "d") == "/d"


@pytest.mark.parametrize(
    "document", [None, {}, {"protocolVersions": {}}, {"protocolVersions": [{"version": "2024-1"}]}]
)
def test_a_peer_without_our_version(document: object) -> None:
    """It is malformed for our purposes."""
    with pytest.raises(Malformed):
        versions.read(document)


@pytest.mark.skipif(not EXAMPLE.is_file(), reason="official DSP artefacts absent: put them at ../shared/data/dsp")
def test_the_official_example() -> None:
    """Two services of our version under one root: the first, or the named one."""
    document = json.loads(EXAMPLE.read_text("utf-8"))
    assert versions.read(document) == "/some/path/2025-1"
    assert versions.read(document, "service-qwerty") == "/different/path/2025-1"
