"""Where a policy on the command line comes from: a file of any form, or the running server by the id of a contract.

A file is read as the policy of a stranger: nothing in it is trusted, and what was read as what is told.
"""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import cast

from connector.cli.frame.call import Call, opened, unusable
from connector.cli.frame.client import Api
from connector.foundation.clock import SystemClock
from connector.foundation.errors import HanseError, Mistake
from connector.foundation.http import strict
from connector.foundation.language import say
from connector.foundation.language.reasons import plain
from connector.kernel.dialects.jsonld.explain import of
from connector.kernel.dialects.jsonld.nodes import BYTES, FORMATS
from connector.kernel.dialects.policies.foreign import read_json, read_rdf
from connector.kernel.dialects.policies.translate import Foreign, told
from connector.kernel.policy.engine import PolicyEngine
from connector.kernel.policy.odrl.model import PolicyError
from connector.kernel.policy.wording.figures import since_text
from connector.kernel.protocol.shape import Malformed

STANDARD_INPUT = "-"
_NODES = 60_000


def policy_engine(call: Call) -> PolicyEngine:
    """The engine as the server of this data folder has it, with the operands of the plug-ins that it allows."""
    from connector.app import plugins
    from connector.app import policy_engine as composed

    return composed.policy_engine(plugins.extension(plugins.load(call.settings().plugins.allow)))


def read(call: Call, name: str) -> tuple[Foreign, ...]:
    """The policies in the file `name`; raises Mistake with the place that cannot be read."""
    place = Path(name)
    data = _bytes(place)
    try:
        if (format := FORMATS.get(place.suffix.lower())) is not None:
            return read_rdf(data, format)
        return read_json(strict.loads(data, limit=BYTES, nodes=_NODES))
    except Malformed as fault:
        raise Mistake("cli.policy-file", path=place, why=unreadable(fault, call.lang)) from fault
    except RecursionError as fault:
        raise Mistake("cli.policy-file", path=place, why=unreadable(Malformed("", "depth"), call.lang)) from fault
    except HanseError as fault:
        why = say(f"error.{fault.code}", call.lang, **fault.facts)
        raise Mistake("cli.policy-file", path=place, why=why) from fault


def _bytes(place: Path) -> bytes:
    """At most one byte more than may be read; `-` is standard input."""
    try:
        if str(place) == STANDARD_INPUT:
            return sys.stdin.buffer.read(BYTES + 1) if sys.stdin else b""
        with opened(place) as file:
            return file.read(BYTES + 1)
    except OSError as problem:
        raise unusable(place, problem) from problem


def held(call: Call, name: str, participant: str) -> tuple[Foreign, ...]:
    """The terms of an own offer, a negotiation or its contract, from the running server; Mistake if it has none."""
    api = Api(call.settings().api.socket)
    for dataset in api.get("participants", participant, "datasets")["datasets"]:
        if name in dataset["policies"]:
            return (Foreign(document=dataset["policies"][name], dialect="wire", place=name),)
    found = api.get("participants", participant, "negotiations")["negotiations"]
    if name.startswith("urn:uuid:"):
        agreements = api.get("participants", participant, "agreements")
        rows = agreements["agreements"] if isinstance(agreements, Mapping) else agreements
        name = next((row["negotiation"] for row in rows if row["agreement"] == name), name)
    for one in found:
        if name in (one["id"], one.get("agreement"), one.get("offer")) and isinstance(one.get("policy"), dict):
            return (Foreign(document=one["policy"], dialect="wire", place=one["id"]),)
    raise Mistake("cli.policy-unknown", id=plain(name, 120))


def unreadable(fault: Malformed, lang: str) -> str:
    """One sentence about a document that could not be read, with the place."""
    found = of(fault)
    facts = {"pointer": found.pointer or "/", "name": found.name, "allowed": found.allowed}
    return say(f"error.dialects.{found.code}", lang, **{name: plain(text, 200) for name, text in facts.items()})


def unparsed(fault: PolicyError, lang: str) -> str:
    """One sentence about a policy that is none, with the place."""
    return say("cli.policy.place", lang, pointer=plain(fault.pointer or "/", 200), why=say(f"error.{fault.code}", lang))


def ended(engine: PolicyEngine, found: Foreign, lang: str) -> str:
    """Since when the policy permits nothing any more, in words; empty while its days are not over."""
    end = engine.ended(found.document, SystemClock().now())
    return "" if end is None else since_text(end, engine.words(lang).say)


def notes(found: Foreign, lang: str) -> list[str]:
    """What was read as what, one sentence each."""
    return [told(note, lang) for note in found.notes]


def not_understood(rows: Sequence[Mapping[str, object]]) -> list[dict[str, str]]:
    """The places in a coverage report that nobody understands; `subject` is empty for what has no name."""
    found = (row for row in rows if "not-understood" in cast(Sequence[object], row.get("notes", ())))
    return [{"pointer": str(row["pointer"]), "subject": str(row["subject"])} for row in found]


def tell_unknown(call: Call, places: Sequence[Mapping[str, str]]) -> None:
    """A line for each of them."""
    for one in places:
        key = "check.unknown" if one["subject"] else "check.unknown-part"
        call.tell(key, pointer=one["pointer"] or "/", subject=one["subject"])
