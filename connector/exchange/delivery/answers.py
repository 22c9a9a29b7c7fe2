"""What a 2xx says of a process: plain as a rule, else made plain beside the event loop, one at a time (decision 0013).

Only text that fits counts; whatever an answer does not say so that it can be read, it does not say at all.
"""

import asyncio
from collections.abc import Callable
from typing import Any

import msgspec

from connector.foundation.errors import PeerError
from connector.foundation.http import strict
from connector.foundation.http.outbound import Answer
from connector.kernel.protocol.shape import Malformed


def value_of(answer: Answer, *, steering: bool = False) -> Any:
    """The peer's JSON; an empty object for an empty, foreign or broken body (spec/protocol.md 5.2)."""
    try:
        return strict.loads(answer.body, steering=steering) if answer.body else {}
    except PeerError:
        return {}


class Answers:
    """Reads the answers to the messages of one process of the operating system."""

    def __init__(self) -> None:
        self._one_at_a_time = asyncio.Semaphore(1)

    async def said(
        self, answer: Answer, cls: type[msgspec.Struct], name: str, fits: Callable[[str], bool]
    ) -> str | None:
        """The text of a member of the `cls` that the answer should be; None if it says nothing that fits."""
        value = value_of(answer)
        plain = _text(value, name, fits)
        if plain is not None or not value:
            return plain
        async with self._one_at_a_time:
            return await asyncio.to_thread(_foreign, value, cls, name, fits)


def _text(value: Any, name: str, fits: Callable[[str], bool]) -> str | None:
    text = value.get(name) if isinstance(value, dict) else None
    return text if isinstance(text, str) and fits(text) else None


def _foreign(value: Any, cls: type[msgspec.Struct], name: str, fits: Callable[[str], bool]) -> str | None:
    from connector.kernel.dialects.jsonld.reading import (
        plain_form,  # only where it is needed: most peers answer in plain form
    )

    try:
        return _text(plain_form(cls, value).value, name, fits)
    except (Malformed, RecursionError):
        return None
