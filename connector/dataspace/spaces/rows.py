"""How Structs of this slice become rows, and rows Structs again."""

from typing import Any, TypeVar

import msgspec
from msgspec import Struct

from connector.foundation.storage.database import Conflict, Row, Tx

T = TypeVar("T", bound=Struct)


def text(value: object) -> str:
    """JSON for a column."""
    return msgspec.json.encode(value).decode()


def insert(tx: Tx, table: str, values: dict[str, Any]) -> None:
    """Raises Conflict if a row of that key is there."""
    names, places = ", ".join(values), ", ".join(f":{name}" for name in values)
    added = tx.run(f"INSERT INTO {table} ({names}) VALUES ({places}) ON CONFLICT DO NOTHING", **values)  # noqa: S608
    if not added:
        raise Conflict(table)


def struct(row: Row, cls: type[T], **decoded: Any) -> T:
    """The Struct of a row, with what was decoded in place of its text."""
    names = set(cls.__struct_fields__) - decoded.keys()
    return cls(**{name: row[name] for name in names if name in row}, **decoded)
