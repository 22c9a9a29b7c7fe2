"""A row on its way: values by the name of their column."""

from collections.abc import Mapping

Value = int | str | bytes | None
Values = Mapping[str, Value]
