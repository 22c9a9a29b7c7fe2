"""Files are read in a process of their own; where tests read them in theirs, it stays as it was."""

import csv
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def field_size_limit() -> Iterator[None]:
    before = csv.field_size_limit()
    yield
    csv.field_size_limit(before)
