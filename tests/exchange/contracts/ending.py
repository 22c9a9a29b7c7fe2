"""An agreement that one side ends: the statement, its delivery, and how both sides then stand."""

import json
from typing import Any

from connector.exchange.contracts.agreement.agreements import sealer
from connector.exchange.contracts.agreement.termination_store import Termination
from connector.exchange.contracts.document import sealing
from connector.exchange.contracts.model import Agreement
from connector.exchange.contracts.termination import statement
from connector.foundation.clock import rfc3339
from tests.testkit.towns import Towns

CONSUMER, PROVIDER = "nachbardorf", "musterstadt"
WHY = {"de": ["Wir lösen das Bauamt auf."], "en": ["We close the building office."]}


async def end(towns: Towns, slug: str, agreement: Agreement, notice: int | None = None) -> Termination:
    return (await towns.termination_delivery.end(slug, agreement.id, WHY, notice))[1]


async def stated(towns: Towns, slug: str, agreement: Agreement) -> list[Termination]:
    return (await towns.db.read(slug, towns.terminations.of, slug, agreement.id))[1]


async def log(towns: Towns, slug: str, agreement: Agreement) -> list[dict[str, Any]]:
    """The termination records of the agreement, in order."""
    sql = (
        "SELECT record FROM audit_entry WHERE participant = :participant AND agreement = :agreement"
        " AND type = 'termination' ORDER BY seq"
    )
    rows = await towns.rows(slug, sql, agreement=agreement.id)
    return [json.loads(bytes(row["record"]))["body"] for row in rows]


async def states(towns: Towns, agreement: Agreement) -> list[str]:
    return [(await towns.agreement(slug, agreement.id)).state for slug in (PROVIDER, CONSUMER)]


Bent = dict[str, Any]


async def hand_over(towns: Towns, agreement: Agreement, bent: Bent | None = None, **other: Any) -> bool:
    """What nachbardorf might seal and post to musterstadt; whether musterstadt took it as something new."""
    body: Bent = {
        "v": 1,
        "kind": "termination",
        "agreement": agreement.digest,
        "by": "consumer",
        "notice": None,
        "reason": {"de": ["a"], "en": ["b"]},
        "at": signing_time(towns),
        **(bent or {}),
    }
    hosted = await towns.participants.get(other.get("signer", CONSUMER))
    me, data = sealer(hosted), sealing.canonical(body)
    about: Agreement = other.get("about", agreement)
    references = statement.references(about.document, about.id, me.root, data)
    iat = towns.clock.now() // 1000 + other.get("late", 0)
    jws = sealing.sign(other.get("references", references), me.key, me.chain, iat)
    told, caller = statement.read({"statement": body, "jws": jws}), towns.did(other.get("caller", CONSUMER))
    judge = await towns.termination_delivery.judge(PROVIDER, caller, told)
    args = (PROVIDER, caller, other.get("name", agreement.id), told, judge)
    return (await towns.db.write(PROVIDER, towns.terminations.receive, *args))[1]


def signing_time(towns: Towns, ahead: int = 0) -> str:
    return rfc3339(towns.clock.now() + ahead)
