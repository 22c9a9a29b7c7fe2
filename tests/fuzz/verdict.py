"""What every answer to an odd message must be: no 5xx, an error object of the room, and nothing written."""

import gc
import json
from collections import Counter
from pathlib import Path
from typing import Any

from jsonschema import Draft201909Validator
from referencing import Registry, Resource

from connector.kernel.protocol.messages import CONTEXT
from tests.fuzz.trial import Trial
from tests.testkit.nasty import Reply
from tests.testkit.places import DSP

ROOMS = (
    ("/2025-1/negotiations", "ContractNegotiationError"),
    ("/2025-1/transfers", "TransferError"),
    ("/2025-1/catalog", "CatalogError"),
)
STATUSES = {400, 401, 403, 404, 405, 413, 415, 429}
LONGEST = 16_384
"""Bytes of an error: however much is wrong, a person has to read it."""
PAGE = 4096


class Verdict:
    """`seen` counts the statuses, `codes` what was said; raises AssertionError for whatever must not be."""

    def __init__(self, trial: Trial) -> None:
        self._trial, self._official = trial, _official()
        self.seen: Counter[int] = Counter()

    def on(self, path: str, reply: Reply) -> None:
        self.seen[reply.status] += 1
        if reply.status in (200, 201):
            return
        assert reply.status in STATUSES, reply
        assert not self._trial.touched, (reply, self._trial.touched)
        room = next(type_ for prefix, type_ in ROOMS if path.startswith(prefix))
        self._in_form(reply, room)

    def _in_form(self, reply: Reply, room: str) -> None:
        assert len(reply.body) <= LONGEST, len(reply.body)
        value = reply.json
        assert (value["@context"], value["@type"], value["code"]) == ([CONTEXT], room, str(reply.status))
        assert len(value["reason"]) == 2
        assert all(value["reason"])
        assert b"Traceback" not in reply.body
        if self._official is not None and self.seen[reply.status] % 7 == 1:
            self._official[room].validate(value)


def _official() -> dict[str, Draft201909Validator] | None:
    """Validators of the error types where the official schemas lie beside the checkout."""
    if not DSP.is_dir():
        return None
    documents = [json.loads(_repaired(path)) for path in DSP.glob("*/*-schema.json")]
    registry: Registry[Any] = Registry().with_resources(
        [(one["$id"], Resource.from_contents(one)) for one in documents]
    )
    names = {
        "ContractNegotiationError": "negotiation/contract-negotiation-error",
        "CatalogError": "catalog/catalog-error",
        "TransferError": "transfer/transfer-error",
    }
    return {
        type_: Draft201909Validator(json.loads(_repaired(DSP / f"{name}-schema.json")), registry=registry)
        for type_, name in names.items()
    }


def _repaired(path: Path) -> str:
    return path.read_text("utf-8").replace("#definitions/", "#/definitions/")


def resident() -> int:
    """Bytes of memory that this process holds now."""
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE
