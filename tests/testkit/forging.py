"""A provider that seals other documents than its partner would write: for tests of what is sealed unasked (T65)."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from connector.exchange.contracts.document import draft, render
from connector.exchange.contracts.model import EvidenceObject

Change = Callable[[bytes], bytes]
_ITS_OWN = "agreement_document"


@contextmanager
def forged(changes: Mapping[str, Change]) -> Iterator[None]:
    """While it lasts, every contract that is drawn up here has these objects changed, by their name in a bundle."""
    honest = render.contract

    def contract(*args: Any) -> tuple[EvidenceObject, ...]:
        return tuple(_changed(one, changes.get(one.name)) for one in honest(*args))

    with patch.object(render, "contract", contract):
        yield


@contextmanager
def other_agreement(change: Callable[[dict[str, Any]], dict[str, Any]]) -> Iterator[None]:
    """While it lasts, every agreement that is drawn up here says something else; the consumer has to look later."""
    honest = draft.agreement_document

    def document(*args: Any) -> dict[str, Any]:
        return change(honest(*args))

    with patch.object(draft, _ITS_OWN, document):
        yield


def _changed(one: EvidenceObject, change: Change | None) -> EvidenceObject:
    return one if change is None else draft.evidence_object(one.name, one.media_type, change(one.body))
