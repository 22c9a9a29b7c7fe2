"""Whether a document means a participant is asked with `Participant.is_me`: what it was called before counts too."""

import re

import pytest

from tests.testkit.places import ROOT

OWN = r"[a-z_.]*\b(?:participant|own|town)\.did\b"
COMPARED = re.compile(rf"(?:[!=]=|\bin|\bis) *{OWN}(?!\s*\()|{OWN} *(?:[!=]=|not in\b|in\b)")
PRESENT = {
    "connector/exchange/contracts/agreement/records.py": "the document that goes with a seal is that of its time",
    "connector/exchange/contracts/signing/gather.py": "a text that names a former DID is sealed by nobody",
    "connector/oversight/operation/maintenance.py": "what a list says anew of a member, it says of its DID of now",
    "connector/dataspace/spaces/keeping/issuing.py": "who keeps a list is pinned by the DID that it has now",
    "connector/dataspace/spaces/joining/said_mergers.py": "what was said under a former DID is under the present one",
    "connector/dataspace/spaces/keeping/memberships.py": "members of a space are listed by the DID that they have now",
    "connector/dataspace/spaces/keeping/mergers.py": "members of a space are listed by the DID that they have now",
    "connector/dataspace/spaces/keeping/recovery.py": "the keys that it has now are those of the DID that it has now",
    "connector/dataspace/spaces/joining/mergers.py": "members of a space are listed by the DID that they have now",
    "connector/surfaces/web/spaces/keeping.py": "members of a space are listed by the DID that they have now",
}
"""Where the present DID alone is meant, and why."""


def compared() -> set[str]:
    files = ((path.relative_to(ROOT).as_posix(), path) for path in (ROOT / "connector").rglob("*.py"))
    texts = ((name, path.read_text(encoding="utf-8")) for name, path in files)
    return {name for name, text in texts if ".did" in text and COMPARED.search(text)}


@pytest.mark.threat("T117")
def test_nobody_compares_a_did_with_the_present_one_alone() -> None:
    assert sorted(compared()) == sorted(PRESENT)
