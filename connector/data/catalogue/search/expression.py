"""Which tokens a dataset must have, written for each database: tokens alone, so nothing a person types is syntax.

The analyser makes tokens of letters, digits and its own marks; they are quoted all the same.
"""

from collections.abc import Set
from typing import Literal

import msgspec

from connector.foundation.storage.database import Dialect


class Combined(msgspec.Struct, frozen=True):
    """All of the parts, or any of them; at least one."""

    how: Literal["all", "any"]
    parts: "tuple[Expression, ...]"


Expression = str | Combined
"""A token, or several combined."""


def all_of(*parts: Expression) -> Expression:
    return _combined("all", parts)


def any_of(*parts: Expression) -> Expression:
    return _combined("any", parts)


def _combined(how: Literal["all", "any"], parts: tuple[Expression, ...]) -> Expression:
    once = tuple(dict.fromkeys(parts))
    return once[0] if len(once) == 1 else Combined(how, once)


def holds(expression: Expression, tokens: Set[str]) -> bool:
    """Whether these tokens are as it says."""
    if isinstance(expression, str):
        return expression in tokens
    each = (holds(part, tokens) for part in expression.parts)
    return all(each) if expression.how == "all" else any(each)


def written(expression: Expression, dialect: Dialect) -> str:
    """For MATCH of FTS5, or as a `tsquery`."""
    if isinstance(expression, str):
        return f'"{expression}"' if dialect == "sqlite" else f"'{expression}'"
    sign = {"sqlite": {"all": " AND ", "any": " OR "}, "postgres": {"all": " & ", "any": " | "}}[dialect]
    return f"({sign[expression.how].join(written(part, dialect) for part in expression.parts)})"
