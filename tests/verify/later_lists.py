"""Honest bundles of several kinds, and what an authority can write into a list that comes after theirs."""

import json
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from connector.exchange.contracts.document import sealing
from connector.verify.checks.trusted_time import written
from connector.verify.formats import base64url
from tests.verify.endings import digest, statement
from tests.verify.forge import AGREEMENT, CONSUMER, DAY, NOW, PROVIDER, STRANGER, Authority, Case, LogKey, root_of
from tests.verify.judge import changed
from tests.verify.keys import SealKey, Witness
from tests.verify.moved import EXPORTED, MOVED, Story
from tests.verify.partner import Partner, ended
from tests.verify.responder import SEEN, Responder
from tests.verify.second_seals import KEY, OTHER, token
from tests.verify.story import Story as Late

Claims = dict[str, Any]
PARTIES = (PROVIDER, CONSUMER)
TIMES = (NOW - 400 * DAY, NOW - DAY, NOW - 10, NOW, SEEN, SEEN + 1, NOW + 150, MOVED, EXPORTED, EXPORTED + DAY)


@dataclass(frozen=True)
class Honest:
    """A bundle that its own list lets pass."""

    data: bytes
    roots: bytes
    authority: Authority
    claims: Claims
    anew: Callable[[str], bytes]
    """The bundle with another list."""
    beside: bytes | None = None
    """That of the partner."""

    def with_list(self, change: Callable[[Claims], object]) -> "Honest":
        """The bundle under a list of its day that says so."""
        claims = json.loads(json.dumps(self.claims))
        change(claims)
        claims.pop("later", None)
        return replace(self, data=self.anew(self.authority.signed(claims)), claims=claims)

    @property
    def signed(self) -> str:
        """Its list."""
        return self.authority.signed(self.claims)

    def later(self, change: Callable[[Claims], object], version: int = 8) -> bytes:
        """The list of the bundle, changed, as its authority issues it afterwards."""
        claims = json.loads(json.dumps(self.claims))
        change(claims)
        issued = {"version": version, "issued": written(EXPORTED + 30 * DAY)}
        until = {"nextUpdate": claims.get("later", written(EXPORTED + 60 * DAY))}
        claims.pop("later", None)
        return self.authority.signed(claims | issued | until).encode()


def payload(jws: str) -> Claims:
    found: Claims = json.loads(base64url.decode(jws.split(".")[1]))
    return found


def open_bundles(day: int) -> dict[str, Honest]:
    """Honest ones that prove less: no witness, no countersignature. Their lists are those of `bundles`."""
    unseen = Case()
    unseen.log.witnesses = []
    return {
        "unseen": under(unseen, day, {}, log=unseen.log.evidence(AGREEMENT)),
        "one-sided": under(Case(one_sided=True), day, {}),
    }


def bundles(day: int) -> dict[str, Honest]:
    """Of every kind that reads something else from a list; the list in each was issued at `day`."""
    return {
        "plain": _plain(day),
        "qualified": _qualified(day),
        "second": _second(day),
        "ended": _ended(day),
        "moved": _moved(day),
        "late": _late(day),
        "beside": _beside(day),
    }


def under(case: Case, day: int, changes: Mapping[str, Mapping[str, object]], **parts: object) -> Honest:
    """The bundle of the case under a list of that day, with these changes of entries."""
    head = {"version": 7, "issued": written(day), "nextUpdate": written(day + 30 * DAY)}
    logs: Mapping[str, Any] = {PROVIDER: [], CONSUMER: [], STRANGER: []} | {case.log.did: case.log.keys}
    jws = case.authority.list(logs, witnesses=[case.witness], changes=changes, head=head)

    def anew(listed: str) -> bytes:
        return changed(case, trust_list=listed, **parts)

    return Honest(anew(jws), case.roots, case.authority, payload(jws), anew)


def _plain(day: int) -> Honest:
    return under(Case(), day, {})


def _qualified(day: int) -> Honest:
    case = Case()
    case.provider = SealKey(PROVIDER, case.ca, uris=[])
    case.exporter, case.log = case.provider, case.new_log(PROVIDER)
    case.parts = case.make()
    more = {"provider.ocsp": Responder(case.ca).answer(case.provider.certificate)}
    return under(case, day, {PROVIDER: {"sealCertificates": [case.provider.fingerprint]}}, more=more)


def _second(day: int) -> Honest:
    """The second seals stand in no record."""
    case = Case()
    former = [{"key": OTHER.jwk, "validUntil": written(NOW - DAY)}]
    keys = {did: {"sealKeyPq": dict(KEY.jwk), "formerSealKeysPq": former} for did in PARTIES}
    more = {f"{role}.pq.jws": token(case, role) for role in ("provider", "consumer")}
    return under(case, day, keys, more=more)


def _ended(day: int) -> Honest:
    case = Case()
    said = statement(case)
    found = sealing.Reference(sealing.address(root_of(PROVIDER), said), said, "application/json")
    whole = sealing.Reference(AGREEMENT, case.parts.agreement, "application/json")
    seal = case.seal(case.provider, [whole, found], NOW + 100).encode()
    case.log.at = NOW + 100
    case.log.add("termination", AGREEMENT, {"statement": digest(said), "jws": digest(seal), "by": "provider"})
    case.witness.at = NOW + 160
    more = {"termination-provider.json": said, "termination-provider.jws": seal}
    return under(case, day, {}, more=more, log=case.log.evidence(AGREEMENT))


def _late(day: int) -> Honest:
    """The countersignature came after days."""
    case = Case()
    late = Late.of(case)
    case.log = late.log
    return under(case, day, {}, log=late.evidence(late.first()))


def _beside(day: int) -> Honest:
    """The partner's bundle beside it; both know of an end."""
    case = Case()
    partner = Partner(case)
    log, files = ended(case)
    theirs, _ = ended(case, partner.log)
    case.witness.at = NOW + 160
    claims = payload(partner.trust_list)
    claims |= {"version": 7, "issued": written(day), "nextUpdate": written(day + 30 * DAY)}
    partner.trust_list = case.authority.signed(claims)

    def anew(listed: str) -> bytes:
        partner.trust_list = listed
        return partner.bundle(log, files)

    beside = partner.bundle(theirs, files)
    return Honest(anew(partner.trust_list), case.roots, case.authority, claims, anew, beside)


def _moved(day: int) -> Honest:
    """Its list is never from before the move: that of the successor."""
    story = Story().arrived()
    claims = payload(story.listed())
    at = max(day, MOVED + DAY)
    claims |= {"version": 7, "issued": written(at), "nextUpdate": written(at + 30 * DAY)}
    jws = story.case.authority.signed(claims)
    return Honest(story.bundle(jws), story.case.roots, story.case.authority, claims, story.bundle)


def entry(claims: Claims, did: str) -> Claims:
    """That of the member, or an empty one that stands nowhere."""
    found: Claims = next((one for one in claims["participants"] if one["did"] == did), {})
    return found


def _certificates(one: Claims, **period: object) -> None:
    bare = [name if isinstance(name, str) else name["sha256"] for name in one.get("sealCertificates", ())]
    one["sealCertificates"] = [{"sha256": name, **period} for name in bare]


def _keys(claims: Claims, **more: object) -> None:
    for one in claims["witnesses"]:
        one["keys"] = [{**key, **more} for key in one["keys"]]


def _succeeds(claims: Claims, heir: str, before: str, since: str) -> None:
    for one in claims["participants"]:
        one["succeeds"] = [step for step in one.get("succeeds", ()) if step["did"] != before]
    entry(claims, heir)["succeeds"] = [{"did": before, "from": since}]


def _dropped(claims: Claims, did: str) -> None:
    claims["participants"] = [one for one in claims["participants"] if one["did"] != did]


def _all(claims: Claims, name: str, value: object) -> None:
    for one in claims["participants"]:
        one[name] = value


def _former(one: Claims, since: object, until: object) -> None:
    """The present key for second seals becomes a former one."""
    if one.get("sealKeyPq"):
        one["formerSealKeysPq"] = [{"key": one["sealKeyPq"], "validFrom": since, "validUntil": until}]
        one["sealKeyPq"] = None


def _more_witnesses(claims: Claims, count: int) -> None:
    claims["witnesses"] += [Witness(f"did:web:zeuge-{at}.example").entry() for at in range(count)]


Change = Callable[[Claims, str, str, str], object]
CHANGES: dict[str, Change] = {
    "member until": lambda all_, did, at, _: entry(all_, did).update(validUntil=at),
    "member since": lambda all_, did, at, _: entry(all_, did).update(validFrom=at),
    "suspended": lambda all_, did, at, _: entry(all_, did).update(state="suspended", suspendedSince=at),
    "suspended, no day": lambda all_, did, *_: entry(all_, did).update(state="suspended", suspendedSince=None),
    "dropped": lambda all_, did, *_: _dropped(all_, did),
    "operator renamed": lambda all_, did, *_: entry(all_, did).update(operator="did:web:umbenannt.example"),
    "moved to the witness": lambda all_, did, *_: entry(all_, did).update(operator="did:web:zeuge.example"),
    "log keys ended": lambda all_, did, at, _: entry(all_, did).update(
        logKeys=[{**key, "until": at} for key in entry(all_, did).get("logKeys", ())]
    ),
    "log keys replaced": lambda all_, did, *_: entry(all_, did).update(logKeys=[LogKey().public_jwk]),
    "certificates until": lambda all_, did, at, _: _certificates(entry(all_, did), validUntil=at),
    "certificates since": lambda all_, did, at, _: _certificates(entry(all_, did), validFrom=at),
    "certificates of a time": lambda all_, did, at, other: _certificates(
        entry(all_, did), validFrom=min(at, other), validUntil=max(at, other)
    ),
    "certificates dropped": lambda all_, did, *_: entry(all_, did).update(sealCertificates=[]),
    "second key former": lambda all_, did, at, other: _former(entry(all_, did), min(at, other), max(at, other)),
    "second key replaced": lambda all_, did, *_: entry(all_, did).update(
        sealKeyPq=dict(OTHER.jwk), formerSealKeysPq=[]
    ),
    "second key dropped": lambda all_, did, *_: entry(all_, did).update(sealKeyPq=None, formerSealKeysPq=[]),
    "place taken": lambda all_, did, at, _: _succeeds(all_, STRANGER, did, at),
    "partner took the place": lambda all_, did, at, _: _succeeds(
        all_, CONSUMER if did == PROVIDER else PROVIDER, did, at
    ),
    "all successions dropped": lambda all_, *_: _all(all_, "succeeds", []),
    "succession of another day": lambda all_, _did, at, __: [
        step.update({"from": at}) for one in all_["participants"] for step in one.get("succeeds", ())
    ],
    "merged": lambda all_, did, at, _: entry(all_, did).update(mergedInto={"did": STRANGER, "from": at, "listed": at}),
    "keys of peers": lambda all_, did, *_: entry(all_, did).update(keys=["x" * 43]),
    "witness until": lambda all_, _did, at, __: _keys(all_, validUntil=at),
    "witness since": lambda all_, _did, at, __: _keys(all_, validFrom=at),
    "witnesses dropped": lambda all_, *_: all_.update(witnesses=[]),
    "witness renamed": lambda all_, *_: [one.update(operator="did:web:anders.example") for one in all_["witnesses"]],
    "witness of nonsense": lambda all_, *_: all_["witnesses"].append({"operator": "x", "url": 7, "keys": []}),
    "five witnesses more": lambda all_, *_: _more_witnesses(all_, 5),
    "valid until": lambda all_, _did, at, __: all_.update(later=at),
}
"""By name; each takes the list, whom it is about and two times."""


def some(rng: random.Random, most: int = 5) -> tuple[Callable[[Claims], None], Sequence[str]]:
    """A random sequence of changes, and their names for whoever reads why a test failed."""
    named = [
        (rng.choice([*CHANGES]), rng.choice((*PARTIES, STRANGER)), *(written(rng.choice(TIMES)) for _ in range(2)))
        for _ in range(rng.randint(1, most))
    ]

    def change(claims: Claims) -> None:
        for name, did, at, other in named:
            CHANGES[name](claims, did, at, other)

    return change, [" ".join(one) for one in named]
