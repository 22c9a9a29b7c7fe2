"""The script `hanse` with a stand-in for Python, so that no test installs anything."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.testkit.places import ROOT

SCRIPT = ROOT / "hanse"
TOOLS = ("sh", "dirname", "readlink", "cat", "cmp", "mkdir", "rm", "cp", "chmod", "sleep")
STAND_IN = """#!/bin/sh
# Plays Python: answers the script's questions and writes down what it is asked to install.
case "$*" in
    *fcntl*) exec {real} "$@" ;;
    *ensurepip*) exit ${{STUB_NO_VENV:-0}} ;;
    "-m venv "*)
        mkdir -p "$3/bin"
        cp "$0" "$3/bin/python"
        printf '#!/bin/sh\\necho "cli $*"\\n' >"$3/bin/hanse"
        chmod +x "$3/bin/hanse"
        echo venv >>"$STUB_LOG" ;;
    "-m pip "*)
        echo "noise of the installer"
        sleep 0.1
        echo "$*" >>"$STUB_LOG"
        case "$*" in *--no-index*) exit ${{STUB_NO_INDEX:-0}} ;; esac
        case "$*" in *" uv")
            printf '#!/bin/sh\necho "uv $*" >>"$STUB_LOG"\nexit ${{STUB_UV:-0}}\n' >"${{0%/*}}/uv"
            chmod +x "${{0%/*}}/uv"
            exit ${{STUB_NO_UV:-0}} ;;
        esac
        exit ${{STUB_PIP:-0}} ;;
    "-m pytest"*) echo "$*" ;;
    *"version_info"*) exit ${{STUB_OLD:-0}} ;;
esac
"""


class Checkout:
    """A copy of the script beside a `pyproject.toml`, and a PATH that holds only what it is given."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "check out"  # with a space, because somebody has one
        self.root.mkdir()
        self.log = folder / "log"
        shutil.copy(SCRIPT, self.root / "hanse")
        (self.root / "pyproject.toml").write_text("[project]\n")
        self.bin = folder / "bin"
        self.bin.mkdir()
        for tool in TOOLS:
            (self.bin / tool).symlink_to(str(shutil.which(tool)))

    def python(self, name: str = "python3.12") -> None:
        (self.bin / name).write_text(STAND_IN.format(real=sys.executable) + f"# {name}\n")
        (self.bin / name).chmod(0o755)

    def start(self, *words: str, script: Path | None = None, **environ: str) -> subprocess.Popen[str]:
        env = {"PATH": str(self.bin), "STUB_LOG": str(self.log), **environ}
        command = [str(script or self.root / "hanse"), *words]
        return subprocess.Popen(command, env=env, cwd="/", stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def run(self, *words: str, script: Path | None = None, **environ: str) -> tuple[int, str, str]:
        with self.start(*words, script=script, **environ) as child:
            out, err = child.communicate()
        return child.returncode, out, err

    def installed(self) -> list[str]:
        return self.log.read_text().splitlines() if self.log.exists() else []


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path)


def test_the_first_start_installs_and_the_second_does_not(checkout: Checkout) -> None:
    """Standard output belongs to the command alone."""
    checkout.python()
    code, out, err = checkout.run("find", "a b")
    assert (code, out) == (0, "cli find a b\n")
    assert "noise of the installer" in err
    assert checkout.run("find") == (0, "cli find\n", "")
    assert len(checkout.installed()) == 2


def test_a_changed_pyproject_reinstalls_without_a_new_environment(checkout: Checkout) -> None:
    checkout.python()
    checkout.run("x")
    (checkout.root / "pyproject.toml").write_text("[project]\nname = 'y'\n")
    checkout.run("x")
    assert [line.split()[0] for line in checkout.installed()] == ["venv", "-m", "-m"]


def test_tests_get_their_own_requirements_once(checkout: Checkout) -> None:
    checkout.python()
    code, out, _ = checkout.run("test", "-k", "x")
    assert (code, out) == (0, "-m pytest -k x\n")
    assert f"{checkout.root}[dev]" in checkout.installed()[1]
    checkout.run("test")
    checkout.run("find")
    assert len(checkout.installed()) == 2


def test_it_works_through_symbolic_links(checkout: Checkout, tmp_path: Path) -> None:
    checkout.python()
    (tmp_path / "one").symlink_to("check out/hanse")
    (tmp_path / "two").symlink_to(tmp_path / "one")
    assert checkout.run("x", script=tmp_path / "two")[1] == "cli x\n"
    assert (checkout.root / ".venv").is_dir()


def test_two_first_starts_install_once(checkout: Checkout) -> None:
    checkout.python()
    children = [checkout.start("x") for _ in range(4)]
    answers = [child.communicate() for child in children]
    assert [child.returncode for child in children] == [0] * 4
    assert [out for out, _ in answers] == ["cli x\n"] * 4
    assert len(checkout.installed()) == 2


def test_a_broken_environment_is_made_anew(checkout: Checkout) -> None:
    """As after an upgrade of the system's Python."""
    checkout.python()
    checkout.run("x")
    (checkout.root / ".venv/bin/python").unlink()
    (checkout.root / ".venv/bin/python").symlink_to("/nowhere/python")
    assert checkout.run("x")[1] == "cli x\n"
    assert [line.split()[0] for line in checkout.installed()] == ["venv", "-m", "venv", "-m"]


@pytest.mark.parametrize(("lang", "word"), [("", "fehlt"), ("de_DE.UTF-8", "fehlt"), ("en_GB.UTF-8", "is missing")])
def test_no_python_is_said(checkout: Checkout, lang: str, word: str) -> None:
    code, out, err = checkout.run("x", LANG=lang)
    assert (code, out) == (1, "")
    assert "Python 3.11" in err
    assert word in err


def test_who_names_a_python_gets_it(checkout: Checkout) -> None:
    """>> a newer one beside it << the one that was named; without it the newest."""
    checkout.python("python3.12")
    checkout.python("own")
    assert checkout.run("x", HANSE_PYTHON=str(checkout.bin / "own"))[0] == 0
    assert (checkout.root / ".venv" / "bin" / "python").read_text().endswith("# own\n")


def test_an_old_python_is_none(checkout: Checkout) -> None:
    checkout.python("python3")
    assert "Python 3.11" in checkout.run("x", STUB_OLD="1")[2]


@pytest.mark.parametrize("lang", ["de_DE.UTF-8", "en_GB.UTF-8"])
def test_a_python_without_venv_names_the_package(checkout: Checkout, lang: str) -> None:
    checkout.python("python3")
    code, out, err = checkout.run("x", STUB_NO_VENV="1", LANG=lang)
    assert (code, out) == (1, "")
    assert "apt install python3-venv" in err
    assert checkout.installed() == []


def test_a_failing_installation_names_proxy_and_index_and_is_tried_again(checkout: Checkout) -> None:
    checkout.python()
    code, out, err = checkout.run("x", STUB_PIP="1")
    assert (code, out) == (1, "")
    assert "HTTPS_PROXY" in err
    assert "PIP_INDEX_URL" in err
    assert checkout.run("x")[1] == "cli x\n"


def test_a_wheelhouse_keeps_it_off_the_network(checkout: Checkout) -> None:
    checkout.python()
    (checkout.root / "wheelhouse").mkdir()
    checkout.run("x")
    assert f"--no-index --find-links {checkout.root}/wheelhouse" in checkout.installed()[1]
    assert len(checkout.installed()) == 2


@pytest.mark.parametrize("words", [("x",), ("test",)])
def test_bug_a_wheelhouse_that_lacks_something_stopped_every_start(checkout: Checkout, words: tuple[str, ...]) -> None:
    """>> wheels that were made for containers: no build backend, no tools for tests << taken from the index."""
    checkout.python()
    (checkout.root / "wheelhouse").mkdir()
    code, _, err = checkout.run(*words, STUB_NO_INDEX="1")
    assert code == 0
    assert "wheelhouse/" in err
    assert ["--no-index" in line for line in checkout.installed()[1:]] == [True, False]


def test_bug_uv_waited_for_the_lock_of_our_own_start(checkout: Checkout) -> None:
    """>> whoever asks for uv << it installs; `.venv/.lock` is left to it: it waited five minutes."""
    checkout.python()
    assert checkout.run("x", HANSE_UV="1")[:2] == (0, "cli x\n")
    assert checkout.installed()[2].startswith(
        f"uv pip install --python {checkout.root}/.venv/bin/python --editable {checkout.root} "
    )
    assert len(checkout.installed()) == 3
    assert not (checkout.root / ".venv" / ".lock").exists()


@pytest.mark.parametrize("fails", [("STUB_UV",), ("STUB_NO_UV",), ("STUB_NO_UV", "STUB_PIP")])
def test_where_uv_fails_pip_installs(fails: tuple[str, ...], checkout: Checkout) -> None:
    """>> uv that fails, or that is not to be had << pip, which says what helps if it fails as well."""
    checkout.python()
    code, _, err = checkout.run("x", HANSE_UV="1", **dict.fromkeys(fails, "1"))
    assert f"-m pip install --editable {checkout.root} " in checkout.installed()[-1]
    assert (code, "PIP_INDEX_URL" in err) == ((1, True) if "STUB_PIP" in fails else (0, False))


def test_the_exit_code_is_the_commands(checkout: Checkout) -> None:
    checkout.python()
    checkout.run("x")
    (checkout.root / ".venv/bin/hanse").write_text("#!/bin/sh\nexit 3\n")
    assert checkout.run("x")[0] == 3
    assert os.access(checkout.root / "hanse", os.X_OK)
