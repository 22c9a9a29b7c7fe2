"""`hanse-verify.pyz`: the verifier in one file gives the same verdict on a machine that has nothing else of ours."""

import json
import subprocess
import sys
import zipfile
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path

import pytest

from connector.verify import pack
from connector.verify.bundle import verify_bundle
from tests.testkit.patience import PATIENCE_S
from tests.verify.forge import Case

ALONE = (
    "import runpy, sys\n"
    "folder, program = sys.argv[1:3]\n"
    "sys.path.append(folder)\n"
    "sys.argv = sys.argv[2:]\n"
    "runpy.run_path(program, run_name='__main__')\n"
)


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("auditor") / "hanse-verify.pyz"
    place.write_bytes(pack.packed())
    return place


@pytest.fixture(scope="module")
def only_cryptography(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `cryptography` and what it needs in C, and no other package."""
    folder = tmp_path_factory.mktemp("packages")
    for name in ("cryptography", "cffi", "_cffi_backend"):
        found = find_spec(name)
        if found is not None and found.origin is not None:
            origin = Path(found.origin)
            real = origin.parent if origin.name == "__init__.py" else origin
            (folder / real.name).symlink_to(real)
    return folder


def judge(program: Path, packages: Path, *words: str) -> tuple[int, str]:
    """Exit code and output of the program on a Python without site packages."""
    command = [sys.executable, "-I", "-S", "-c", ALONE, str(packages), str(program), *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=PATIENCE_S)
    assert "Traceback" not in done.stderr, done.stderr
    return done.returncode, done.stdout


def test_the_same_verdict_with_nothing_but_cryptography(
    program: Path, only_cryptography: Path, tmp_path: Path, case: Case
) -> None:
    """>> a passing, an open and a damaged bundle << 0, 2, 1, and check by check what the library says."""
    bundle, roots = tmp_path / "bundle.zip", tmp_path / "roots.pem"
    roots.write_bytes(case.roots)
    honest = case.bundle()
    for data, trust in ((honest, case.roots), (honest, None), (honest[:-40], case.roots)):
        bundle.write_bytes(data)
        anchors = [] if trust is None else ["--trust", str(roots)]
        code, out = judge(program, only_cryptography, str(bundle), "--json", "--lang", "en", *anchors)
        expected = verify_bundle(data, trust, "en")
        said = json.loads(out)
        assert code == expected.exit
        assert [check["sentence"] for check in said["checks"]] == [check.sentence for check in expected.checks]


def test_without_cryptography_it_says_what_to_install_and_gives_no_verdict(program: Path, tmp_path: Path) -> None:
    """A traceback ended with 1, which is the code of a bundle that failed."""
    command = [sys.executable, "-I", "-S", str(program), str(tmp_path / "bundle.zip")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=PATIENCE_S)
    assert done.returncode == 2
    assert done.stderr.count("pip install cryptography") == 2
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_it_holds_the_verifier_and_nothing_else() -> None:
    """Every module and both catalogues, nothing of the connector around it, and the same bytes each time."""
    program = pack.packed()
    assert program == pack.packed()
    assert program.startswith(b"#!")
    with zipfile.ZipFile(BytesIO(program)) as archive:
        names = set(archive.namelist())
    assert {name for name in names if not name.startswith("connector/verify/")} == {
        "__main__.py",
        "connector/__init__.py",
    }
    folder = Path(pack.__file__).parent
    expected = {
        f"connector/verify/{path.relative_to(folder)}" for path in folder.rglob("*") if path.suffix in (".py", ".toml")
    }
    assert names - {"__main__.py", "connector/__init__.py"} == expected


def test_a_terminal_that_knows_few_letters_gets_the_verdict(program: Path, tmp_path: Path) -> None:
    """Past bug: an umlaut on a terminal without umlauts broke the program, and its exit code said "failed"."""
    case = Case()
    (tmp_path / "bundle.zip").write_bytes(case.bundle())
    (tmp_path / "roots.pem").write_bytes(case.roots)
    command = [sys.executable, str(program), "bundle.zip", "--trust", "roots.pem"]
    done = subprocess.run(
        command,
        cwd=tmp_path,
        env={"PYTHONIOENCODING": "ascii"},
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_S,
    )
    assert (done.returncode, "Traceback" in done.stderr) == (0, False)
    assert "Ergebnis: BESTANDEN" in done.stdout
