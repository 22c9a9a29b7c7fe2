"""The verifier stands alone: it imports nothing else of ours, says everything in both languages, runs as a program."""

import ast
import re
import sys
import tomllib
from pathlib import Path

import pytest

import connector.verify
from connector.verify import __main__ as program
from connector.verify import bundle, words
from tests.verify.forge import Case

FOLDER = Path(connector.verify.__file__).parent
SOURCES = sorted(FOLDER.rglob("*.py"))


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)
def test_imports_nothing_else_of_ours(path: Path) -> None:
    """Only this package, `cryptography` and the standard library."""
    allowed = {*sys.stdlib_module_names, "cryptography"}
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
        for name in names:
            assert name.startswith("connector.verify") or name.partition(".")[0] in allowed, f"{path.name}: {name}"


def test_every_fault_has_a_sentence_and_every_sentence_a_fault() -> None:
    """Codes in the sources and keys in the catalogue are the same set."""
    code = "".join(path.read_text(encoding="utf-8") for path in SOURCES)
    raised = set(re.findall(r'(?:Fault|Doubt)\("([a-z0-9-]+)"', code))
    german = tomllib.loads((FOLDER / "language" / "de" / "verify.toml").read_text(encoding="utf-8"))
    assert raised == german["fault"].keys()
    assert german["check"].keys() == german["passed"].keys()


def test_the_version_is_the_packages() -> None:
    """Shown in each report."""
    project = tomllib.loads((FOLDER.parents[1] / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["version"] == bundle.VERSION


def test_unknown_languages_get_german() -> None:
    """A report never fails for want of words."""
    assert words.say("verdict", "PASSED", "fr") == words.say("verdict", "PASSED", "de")


def test_runs_as_a_program(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit 0, 1 and 2, with the verdict as the last line."""
    case = Case()
    file, roots = tmp_path / "beweis.zip", tmp_path / "roots.pem"
    file.write_bytes(case.bundle())
    roots.write_bytes(case.roots)
    assert program.main([str(file), "--trust", str(roots)]) == 0
    assert capsys.readouterr().out.endswith("Ergebnis: BESTANDEN\n")
    assert program.main([str(file), "--lang", "en"]) == 2
    assert capsys.readouterr().out.endswith("Result: CANNOT JUDGE\n")
    file.write_bytes(case.bundle()[:-100])
    assert program.main([str(file), "--trust", str(roots), "--lang", "en"]) == 1
    assert capsys.readouterr().out.endswith("Result: FAILED\n")
    assert program.main([str(tmp_path / "gone.zip"), "--lang", "en"]) == 2
    assert "cannot be read" in capsys.readouterr().err


@pytest.mark.parametrize(("lang", "about"), [("de", "Prüft ein Nachweisbündel"), ("en", "Judges an evidence bundle")])
def test_help_says_what_each_word_means(lang: str, about: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Bug: >> --help << the names of the switches alone, in English; an auditor has nothing else to read."""
    for words_ in (["--help", "--lang", lang], [f"--lang={lang}", "--help"]):
        with pytest.raises(SystemExit) as left:
            program.main(words_)
        assert left.value.code == 0
        told = " ".join(capsys.readouterr().out.split())
        assert about in told
        assert all(words.say("help", name, lang) in told for name in ("bundle", "trust", "witness", "timestamps"))


def test_roots_of_another_data_space_are_named_as_a_reason() -> None:
    """Bug: >> an honest bundle, roots from elsewhere << "not signed by the trusted authority", and nothing to do."""
    report = bundle.verify_bundle(Case().bundle(), Case().roots, "en")
    assert report.exit == 1
    sentences = " ".join(check.sentence for check in report.checks)
    assert "check that the file belongs to this data space" in sentences
    assert "leads to no root that you trust (--trust)" in sentences
