"""Columns of the catalogue's tables as fields of frozen values and back, and conditions over many values."""

from collections.abc import Sequence
from typing import Any

import msgspec

from connector.foundation.storage.database import Row

_JSON = {"document", "policy", "template", "record"}


def plain(row: Row, cls: type[msgspec.Struct]) -> dict[str, Any]:
    """The columns that a Struct has, with what is JSON in them read."""
    values = {name: row[name] for name in cls.__struct_fields__}
    return {name: msgspec.json.decode(value) if name in _JSON else value for name, value in values.items()}


def values(item: msgspec.Struct) -> dict[str, Any]:
    """The fields of a Struct as the columns hold them."""
    values = msgspec.structs.asdict(item)
    return {name: msgspec.json.encode(value).decode() if name in _JSON else value for name, value in values.items()}


def literal(word: str) -> str:
    """A word in which nothing stands for anything else."""
    return word.replace("!", "!!").replace("%", "!%").replace("_", "!_")


def among(column: str, name: str, texts: Sequence[str]) -> tuple[str, dict[str, object]]:
    """A condition that the column has one of these, and its values; nothing has one of none."""
    values: dict[str, object] = {f"{name}{index}": text for index, text in enumerate(texts)}
    listed = ", ".join(f":{each}" for each in values)
    return (f"{column} IN ({listed})" if values else "1 = 0"), values
