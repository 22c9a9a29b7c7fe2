"""Texts of the operator that pages show: imprint, privacy, accessibility, easy language (`[web]`)."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final, Literal

from connector.foundation.errors import Mistake
from connector.foundation.language.system_words import system_words
from connector.foundation.settings.sections import Web
from connector.foundation.small_files import content

Name = Literal["imprint", "privacy", "accessibility", "easy"]
NAMES: Final[tuple[Name, ...]] = ("imprint", "privacy", "accessibility", "easy")
_MOST: Final = 262_144


def own_texts(settings: Web) -> dict[str, str]:
    """What the operator wrote, read when the process starts; raises Mistake if it cannot be read."""
    files: Mapping[Name, Path | None] = {
        "imprint": settings.imprint_file,
        "privacy": settings.privacy_file,
        "accessibility": settings.accessibility_file,
        "easy": settings.easy_language_file,
    }
    return {name: _text(file) for name, file in files.items() if file is not None}


def _text(file: Path) -> str:
    try:
        return content(file, _MOST).decode("utf-8")
    except (OSError, ValueError) as problem:
        raise Mistake("settings.web-text", path=file, problem=system_words(problem)) from problem
