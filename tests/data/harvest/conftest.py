"""Deliveries are parsed here: a process for each costs more than all else that is done with it."""

import io
import json
from typing import IO

import pytest

from connector.data.harvest import ckan_answer, ckan_process
from connector.foundation.child_process import ChildProcess
from connector.kernel.metadata.rdf import parse_process, reading


class Catalogue(ChildProcess):
    """What the process does with a document (`tests/kernel/metadata/rdf`), without its limits on memory and time."""

    def run(self, asked: str, document: bytes | IO[bytes], wall_s: float) -> tuple[int, bytes, bytes]:
        assert isinstance(document, bytes)
        said, out = json.loads(asked), io.BytesIO()
        report = parse_process.run(document, said["form"], said["base"], said["limits"], out)
        return 0, out.getvalue(), json.dumps(report).encode()


class Packages(ChildProcess):
    """As well, with an answer of CKAN."""

    def run(self, asked: str, document: bytes | IO[bytes], wall_s: float) -> tuple[int, bytes, bytes]:
        assert isinstance(document, bytes)
        said, out = json.loads(asked), io.BytesIO()
        report = ckan_process.run(document, said["portal"], said["limits"], out)
        return 0, out.getvalue(), json.dumps(report).encode()


@pytest.fixture(autouse=True)
def parsed_here(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Unless a test is about the whole way."""
    if "own_process" not in request.fixturenames:
        monkeypatch.setattr(reading, "ChildProcess", Catalogue)
        monkeypatch.setattr(ckan_answer, "ChildProcess", Packages)


@pytest.fixture
def own_process() -> None:
    """For a test whose deliveries are parsed as the product does it."""
