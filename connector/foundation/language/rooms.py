"""The messages of one language as they lie on disk: a TOML file per room, read with the first sentence said of it.

A server says few sentences, so it neither waits for all rooms when it starts nor holds them (decision 0110).
"""

import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path


class Catalogue(Mapping[str, str]):
    """All messages of one language, dotted key -> text with placeholders. A room is read with the first of its keys."""

    def __init__(self, folder: Path) -> None:
        self._texts: dict[str, str] = {}
        self._unread = {path.stem: path for path in sorted(folder.glob("*.toml"))}

    def __getitem__(self, key: str) -> str:
        text = self._texts.get(key)
        return self._read_for(key) if text is None else text

    def __iter__(self) -> Iterator[str]:
        return iter(self._whole())

    def __len__(self) -> int:
        return len(self._whole())

    def _read_for(self, key: str) -> str:
        """A room that is named like a part of the key is the likeliest; only then the others are looked through."""
        parts = key.split(".")
        for room in sorted(self._unread, key=lambda room: room not in parts):
            self._read(room)
            if key in self._texts:
                break
        return self._texts[key]

    def _whole(self) -> dict[str, str]:
        for room in tuple(self._unread):
            self._read(room)
        return self._texts

    def _read(self, room: str) -> None:
        """Threads may read one room twice, but none finds it read before its texts are there."""
        if (path := self._unread.get(room)) is not None:
            self._texts |= flat_keys(tomllib.loads(path.read_text(encoding="utf-8")))
            self._unread.pop(room, None)


def flat_keys(table: Mapping[str, object], prefix: str = "") -> dict[str, str]:
    """Nested tables as dotted keys."""
    flat: dict[str, str] = {}
    for key, value in table.items():
        if isinstance(value, dict):
            flat |= flat_keys(value, f"{prefix}{key}.")
        else:
            flat[prefix + key] = str(value)
    return flat
