"""The command line reads answers by the names of their members: every such name is one that the API describes.

It does not load the shapes themselves, which takes longer than everything else that a command does (decision 0094).
"""

import ast
import json
from collections.abc import Iterator
from pathlib import Path

from connector.surfaces.api.openapi import document
from tests.testkit.places import ROOT

CLI = ROOT / "connector" / "cli"
LOCAL = {
    "agreements/evidence.py": {"told"},  # of a bundle, by the verifier
    "demo/county.py": {"trusted_time", "validUntil"},  # of a bundle, and of a list
    "demo/knock.py": {"iat"},  # a claim
    "demo/steps.py": {"trusted_time"},
    "operate/backup.py": {"copied"},  # done here, without a server
    "operate/doctor.py": {"trust.master_key"},
    "operate/doctor_clock.py": {"clock"},  # `/health/ready`, whose members are the parts of a process
    "operate/doctor_spaces.py": {"trust"},  # of a path
    "operate/doctor_witness.py": {"witness"},
    "operate/participant_csv.py": {"is"},  # a column
    "operate/person.py": {"program-keys"},
    "operate/space_forks.py": {"trust"},  # of a path
    "operate/witness.py": {"witness"},
}
"""Names of what is no answer, by file."""


def described(value: object) -> Iterator[str]:
    """The names of all members of all shapes."""
    if isinstance(value, dict):
        if isinstance(members := value.get("properties"), dict):
            yield from members
        value = list(value.values())
    if isinstance(value, list):
        for inner in value:
            yield from described(inner)


def read(source: str) -> Iterator[str]:
    """`x["name"]` where it is read, and `x.get("name")`."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Load):
            name: ast.expr | None = node.slice
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "get":
            name = node.args[0] if node.args else None
        else:
            continue
        if isinstance(name, ast.Constant) and isinstance(name.value, str) and not name.value.startswith("/"):
            yield name.value


def clients() -> list[Path]:
    """`policy` reads files, `frame` the environment."""
    return [file for file in sorted(CLI.rglob("*.py")) if file.parent.name not in ("policy", "frame", "cli")]


def test_every_name_that_is_read_is_described() -> None:
    """>> a member renamed in a view << the file that still reads the old name."""
    known = set(described(json.loads(document())))
    wrong = dict[str, set[str]]()
    for file in clients():
        name = file.relative_to(CLI).as_posix()
        if unknown := set(read(file.read_text(encoding="utf-8"))) - known - LOCAL.get(name, set()):
            wrong[name] = unknown
    assert wrong == {}


def test_nothing_stands_among_the_local_names_that_is_not_read() -> None:
    for name, local in LOCAL.items():
        assert local <= set(read((CLI / name).read_text(encoding="utf-8"))), name


def test_the_reading_finds_what_it_looks_for() -> None:
    """>> a subscript, a get, an assignment, a path << the first two."""
    assert list(read('a["b"]; c.get("d", 1); e["f"] = 1; api.get("/g")')) == ["b", "d"]
