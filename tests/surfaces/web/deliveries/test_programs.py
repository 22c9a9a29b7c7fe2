"""What people type to open a link, per kind of file; nothing of a file's name becomes code."""

from typing import Any

from connector.foundation.language import say
from connector.surfaces.web.deliveries.programs import ways

ADDRESS = "https://desk.example/links/town/key/baeume.csv"


class Reader:
    """Whoever reads German."""

    def say(self, key: str, **facts: object) -> str:
        return say(key, "de", **facts)


def shown(name: str, address: str = ADDRESS) -> dict[str, str]:
    reader: Any = Reader()
    return {one.tool: one.code for one in ways(reader, address, name)}


def test_tables_are_read_and_other_files_saved() -> None:
    assert list(shown("baeume.csv")) == ["QGIS", "Excel", "Kommandozeile (curl)", "Python", "R"]
    assert "read_csv" in shown("baeume.csv")["Python"]
    assert "Excel" not in shown("baeume.gpkg")
    assert "urlretrieve" in shown("baeume.gpkg")["Python"]
    assert shown("baeume.csv", "") == {}


def test_a_name_of_a_stranger_is_no_code() -> None:
    assert all('";rm' not in code for code in shown('x";rm -rf.csv').values())
