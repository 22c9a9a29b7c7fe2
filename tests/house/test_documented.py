"""What an operator can set or call is documented, and the documentation is what the product itself says."""

import re
from pathlib import Path

import pytest

from connector.settings import SECTIONS, Secret, Setting, documented, load

SETTINGS = list(documented())


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.key)
def test_a_setting_is_documented_and_has_a_working_default(setting: Setting, tmp_path: Path) -> None:
    assert re.fullmatch(r"\S.{8,}\.", setting.text)
    assert load(tmp_path, {}).origins[setting.key] == "default"


def test_every_section_says_what_it_is_for() -> None:
    assert all(section.__doc__ for section in SECTIONS.values())


def test_every_secret_can_come_from_a_file() -> None:
    """A secret in the environment shows in process listings and container descriptions."""
    keys = {setting.key for setting in SETTINGS}
    secrets = {setting.key for setting in SETTINGS if isinstance(setting.default, Secret)}
    assert secrets
    assert {f"{key}_file" for key in secrets} <= keys


def test_a_fresh_folder_needs_no_file_at_all(tmp_path: Path) -> None:
    load(tmp_path, {})
    assert list(tmp_path.iterdir()) == []
