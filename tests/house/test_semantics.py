"""Each rule of evaluation names the module that holds it and tests that exist (connector/docs/semantics.md)."""

import re

import pytest

from tests.testkit.places import ROOT

PAGE = ROOT / "connector/docs/semantics.md"
ROWS = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| ") and "`" in line]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.split(" | ")[0].strip("| ")[:60])
def test_a_rule_of_evaluation_has_its_module_and_its_tests(row: str) -> None:
    _, modules, tests = row.strip("| ").rsplit(" | ", 2)
    named = re.findall(r"`([^`]+)`", modules)
    assert named
    assert [name for name in named if not (ROOT / "connector" / name).is_file()] == []
    proofs = [proof.split(": ") for proof in re.findall(r"`([^`]+)`", tests)]
    assert proofs
    for file, test in proofs:
        text = (ROOT / "tests" / file).read_text(encoding="utf-8")
        assert re.search(rf"^(async )?def {test}\(", text, re.MULTILINE), f"{file}: {test}"
