"""Whatever a person or a key writes asks once more whether she may; what asks nobody is here, with its reason."""

import re

import pytest

from tests.testkit.places import ROOT

UNASKED = re.compile(r"(?<!def )\b(?:by_itself|of_nobody)\(\)")
REASONS = {
    "connector/identity/accounts/sessions.py": "that a session is used is noted by us",
    "connector/data/catalogue/snapshots/making.py": "a snapshot is made for all who wait, whoever asked first",
    "connector/data/harvest/service.py": "that a run has failed is noted, whoever began it",
    "connector/oversight/operation/trust_changes.py": "what a list says anew is noted, whoever had it read",
    "connector/foundation/storage/sqlite/database.py": "listeners hear of a commit, whoever made it",
    "connector/surfaces/web/account/sign_in.py": "signing in ends the session that was there before",
    "connector/surfaces/web/sent_forms.py": "what became of a form is noted, also where it ended her session",
}


@pytest.mark.threat("T140")
def test_what_is_written_without_asking_is_known() -> None:
    files = {path.relative_to(ROOT).as_posix(): path for path in (ROOT / "connector").rglob("*.py")}
    found = {name for name, path in files.items() if UNASKED.search(path.read_text(encoding="utf-8"))}
    assert sorted(found) == sorted(REASONS)


def test_doors_of_people_and_keys_ask() -> None:
    """`acting` without `still` is for whom nothing can be taken from: nobody is signed in."""
    told = re.compile(r"\bacting\((?!\{\}\)|pseudonyms: |\n? *caller\.pseudonyms, |\n? *call\.signed\.pseudonyms, )")
    files = {path.relative_to(ROOT).as_posix(): path for path in (ROOT / "connector").rglob("*.py")}
    imports = re.compile(r"from connector\.foundation\.storage\.database import [^\n]*\bacting\b")
    texts = {name: path.read_text(encoding="utf-8") for name, path in files.items()}
    users = {name for name, text in texts.items() if imports.search(text)}
    assert users == {"connector/surfaces/api/routes.py", "connector/surfaces/web/routes.py"}
    for name in users:
        assert not told.search(texts[name]), name
