"""`hanse` in this process, in English, and a small catalogue in a file."""

from collections.abc import Callable
from pathlib import Path

import pytest

from connector.cli.main import main

Run = Callable[..., tuple[int, str, str]]
CATALOGUE = """
@prefix dcat: <http://www.w3.org/ns/dcat#> . @prefix dct: <http://purl.org/dc/terms/> .
@prefix foaf: <http://xmlns.com/foaf/0.1/> .
<https://town.example/trees> a dcat:Dataset ; dct:title "Trees" ; dct:description "All trees" ;
    dct:publisher <https://town.example/> ; dct:accrualPeriodicity <https://town.example/often> ;
    dcat:distribution [ a dcat:Distribution ; dcat:accessURL "nowhere" ] .
<https://town.example/> a foaf:Agent ; foaf:name "Town" .
"""


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """`hanse …`: (exit code, standard output, standard error)."""

    def command(*words: object) -> tuple[int, str, str]:
        code = main(["--lang", "en", "--data", str(tmp_path / "data"), *map(str, words)], {})
        said = capsys.readouterr()
        return code, said.out, said.err

    return command


@pytest.fixture
def trees(tmp_path: Path) -> Path:
    place = tmp_path / "trees.ttl"
    place.write_text(CATALOGUE, encoding="utf-8")
    return place
