"""Texts of the operator are read at the start, or it is said which cannot be."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from connector.foundation.errors import Mistake
from connector.foundation.language import say
from connector.foundation.settings.own_texts import own_texts
from connector.foundation.settings.sections import Web


def test_what_is_there_is_read(tmp_path: Path) -> None:
    file = tmp_path / "imprint.txt"
    file.write_text("Stadt Musterhausen", encoding="utf-8")
    assert own_texts(Web()) == {}
    assert own_texts(replace(Web(), imprint_file=file)) == {"imprint": "Stadt Musterhausen"}


def test_what_cannot_be_read_stops_the_start(tmp_path: Path) -> None:
    """>> no file, a folder, no UTF-8 << said in words."""
    broken = tmp_path / "broken.txt"
    broken.write_bytes(b"\xff\xfe\xff")
    for place in (tmp_path / "none.txt", tmp_path, broken):
        with pytest.raises(Mistake, match=r"settings\.web-text") as caught:
            own_texts(replace(Web(), privacy_file=place))
        told = say("error.settings.web-text", "de", **caught.value.facts)
        assert str(place) in told
        assert "Errno" not in told
