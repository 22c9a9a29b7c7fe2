"""Whether who acts for a party may: the mandate that its approval carries, judged by the party's DID document (T108).

A mandate is a statement of the principal under its own seal. It names one key; that key has to stand in the principal's
document under the controller that the mandate names, and nowhere else does such a key count (spec/mandates.md 2, 3).
Connectors ask here before they seal, and the offline verifier asks the same of a bundle.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256

from cryptography import x509

from connector.verify.checks import contract, revocation
from connector.verify.checks.contract import Given, Role
from connector.verify.checks.examination import need
from connector.verify.checks.trusted_time import SKEW_S, exact, written
from connector.verify.formats import base64url, jades, jcs, key_binding
from connector.verify.formats.faults import Doubt, Fault

KIND, WITHDRAWAL = "mandate", "mandate-withdrawal"
ACTIONS = ("negotiate", "publish", "serve")
"""What a provider may be entrusted with; nothing else is read."""
LONGEST_S = (5 * 365 + 2) * 86_400
"""Five years, leap days included."""
LONGEST_LINE = 200
MOST_OWN = 16
CTY = "application/json"
_MEMBERS = frozenset(
    {"v", "kind", "principal", "agent", "agentName", "actions", "from", "until", "contract", "key", "own", "withdrawal"}
)
_THUMBPRINT = re.compile(r"[A-Za-z0-9_-]{43}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_DID = re.compile(r"did:web:[A-Za-z0-9.%:_-]{1,500}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Mandate:
    """What a town entrusts somebody with. `begin` and `end` in seconds, the end not included.

    `key` is the thumbprint of the key that the agent signs tokens with, `own` are those of the principal's keys that
    the agent does not hold, `withdrawal` the SHA-256 (hex) of the code by which the principal withdraws elsewhere,
    `sha256` that of the statement's canonical bytes.
    """

    principal: str
    agent: str
    name: str
    actions: tuple[str, ...]
    begin: int
    end: int
    contract: str
    key: str
    own: frozenset[str]
    withdrawal: str
    sha256: str

    @property
    def facts(self) -> Mapping[str, object]:
        return {
            "name": self.name,
            "agent": self.agent,
            "until": written(self.end),
            "contract": self.contract,
            "sha256": self.sha256,
        }


def address(root: str, digest: str) -> str:
    """Where a mandate can be fetched, and what its seal refers to."""
    return f"{root}/mandates/{digest}"


def read(statement: object) -> Mandate:
    """The mandate in a statement; Fault `mandate-form`."""
    if not isinstance(statement, dict) or not jcs.is_whole(statement.get("v")):
        raise Fault("mandate-form")
    match statement:
        case {
            "v": 1,
            "kind": "mandate",
            "principal": str(principal),
            "agent": str(agent),
            "agentName": str(name),
            "actions": list(actions),
            "contract": str(contract),
            "key": str(key),
            "own": list(own),
            "withdrawal": str(code),
        } if statement.keys() == _MEMBERS:
            found = Mandate(
                principal=principal,
                agent=agent,
                name=name,
                actions=tuple(actions),
                begin=_moment(statement["from"]),
                end=_moment(statement["until"]),
                contract=contract,
                key=key,
                own=frozenset(map(str, own)),
                withdrawal=code,
                sha256=digest(statement),
            )
        case _:
            raise Fault("mandate-form")
    if not (_plain(found) and _complete(found, actions) and len(found.own) == len(own) <= MOST_OWN):
        raise Fault("mandate-form")
    if found.key in found.own:  # else the agent's key is among those that outlive a withdrawal (spec/mandates.md 5.2)
        raise Fault("mandate-form")
    return found


def digest(statement: object) -> str:
    """The SHA-256 (hex) by which a mandate is named; Fault `mandate-form`."""
    return sha256(_canonical(statement)).hexdigest()


def check(
    carried: object,
    *,
    did: str,
    document: Mapping[str, object],
    at: int,
    action: str,
    roots: Sequence[x509.Certificate],
    listed: Collection[str] = (),
) -> Mandate | None:
    """The mandate by which somebody acted for `did` at that instant (seconds); None: the party acted itself.

    `carried` is the member `agent` of its approval (None: there is none), `document` its DID document, `listed` the
    SHA-256 of its seal certificates by the trust list; `action` empty: whatever it covers. Raises Fault: without a
    mandate for a key of another's that the document names; and for one that is another's, over, withdrawn, for other
    actions, for a key of the party itself, or not sealed by the party.
    """
    foreign = controllers(document)
    if carried is None:
        if foreign:
            raise Fault("mandate-missing", did=did)
        return None
    match carried:
        case {"mandate": dict(statement), "seal": str(seal), **more} if not more:
            found = read(statement)
        case _:
            raise Fault("mandate-form")
    if found.principal != did or found.agent == did:
        raise Fault("mandate-foreign", did=did)
    _proven(found, statement, seal, document, roots, listed)
    if not found.begin <= at < found.end:
        raise Fault("mandate-over", did=did, end=written(found.end))
    if foreign.get(found.key) != found.agent:
        raise Fault("mandate-withdrawn", did=did)
    if len(foreign) > 1:
        raise Fault("mandate-missing", did=did)
    if found.key in _controlled(document):
        raise Fault("mandate-own", did=did)
    if action and action not in found.actions:
        raise Fault("mandate-action", did=did, action=action)
    return found


def controllers(document: Mapping[str, object]) -> dict[str, str]:
    """Keys of tokens in a DID document that another than its subject controls: thumbprint -> controller."""
    methods, named = document.get("verificationMethod"), document.get("capabilityInvocation")
    related = set(filter(_is_text, (one.get("id") if isinstance(one, dict) else one for one in _list(named))))
    found: dict[str, str] = {}
    for one in (*_list(methods), *_list(named)):
        if not isinstance(one, dict) or not _is_text(one.get("id")) or one["id"] not in related:
            continue
        controller, jwk = one.get("controller"), one.get("publicKeyJwk")
        if isinstance(controller, str) and controller != document.get("id") and isinstance(jwk, dict):
            found[_thumbprint(jwk)] = controller
    return found


def _controlled(document: Mapping[str, object]) -> set[str]:
    """Keys that its subject controls, by their thumbprints."""
    own = (one for one in _list(document.get("verificationMethod")) if isinstance(one, dict))
    keys = (one.get("publicKeyJwk") for one in own if one.get("controller") == document.get("id"))
    return {_thumbprint(jwk) for jwk in keys if isinstance(jwk, dict)}


def concerns(role: Role, given: Given) -> bool:
    """Whether somebody acted for that party of a bundle, by its approval or by its DID document."""
    if given.agreement is None or given.documents is None or f"{role}.jws" not in given.members:
        return False
    return _carried(role, given) is not None or bool(controllers(given.documents[given.agreement.did(role)]))


def acted(role: Role, given: Given) -> Mandate | None:
    """In a bundle: the mandate by which somebody acted for that party when it sealed. Raises as `check`.

    When it sealed only the signer says, and who was entrusted could go on and date its seals back: Doubt
    `mandate-unproven` where others saw the seal only once the mandate was over, `key-revoked-later` where its key was
    withdrawn by then. Where nobody saw it, the check `time`
    is undecided.
    """
    did = need(given.agreement, "agreement").did(role)
    iat, seen = contract.read_seal(given.members[f"{role}.jws"]).iat, given.sealed_at(role)
    judging = None if given.trust_list is None else given.trust_list.on(iat if seen is None else seen)
    member = None if judging is None else judging.members.get(did)
    listed = {} if member is None else member.seal_certificates
    found = check(
        _carried(role, given),
        did=did,
        document=need(given.documents, "documents")[did],
        at=iat,
        action="negotiate",
        roots=given.anchors.roots,
        listed=[name for name, period in listed.items() if period.holds(iat)],
    )
    if found is not None and seen is not None and seen >= found.end:
        raise Doubt("mandate-unproven", did=did, end=written(found.end))
    if found is not None:
        _check_kept(role, given, seen)
    return found


def _check_kept(role: Role, given: Given, seen: int | None) -> None:
    """The key that sealed the mandate was not withdrawn before others saw it: a thief could entrust himself. Doubt
    `key-revoked-later`."""
    carried = _carried(role, given)
    seal = jades.read(str(carried["seal"])) if isinstance(carried, dict) else None
    if seal is None:
        return
    lines = (given.lines or ()) if contract.exporting(given).role == role else ()
    since = revocation.lost(seal, role, given.members, given.anchors, lines)
    if since is not None and (seen is None or since <= seen):
        raise Doubt("key-revoked-later", kid=seal.kid, since=written(since))


def _carried(role: Role, given: Given) -> object:
    try:
        value = jcs.decode(given.members[f"approval-{role}.json"])
    except (KeyError, jcs.NotCanonical):
        return None
    return value.get("agent") if isinstance(value, dict) else None


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def _proven(
    found: Mandate,
    statement: Mapping[str, object],
    jws: str,
    document: Mapping[str, object],
    roots: Sequence[x509.Certificate],
    listed: Collection[str],
) -> None:
    """The principal sealed this very statement, when it says that it began; Fault `mandate-seal`."""
    par = address(key_binding.root_of(found.principal), found.sha256)
    body = _canonical(statement)
    try:
        seal = jades.check(jws, {par: body}, did=found.principal, document=document, roots=roots, listed=listed)
    except Fault as fault:
        raise Fault("mandate-seal", principal=found.principal, why=fault.code) from fault
    if (seal.pars, seal.ctys) != ((par,), (CTY,)) or seal.further or abs(seal.iat - found.begin) > SKEW_S:
        raise Fault("mandate-seal", principal=found.principal, why="seal-references")


def _plain(found: Mandate) -> bool:
    """Words of a mandate stand in contracts that nobody reads first: one short visible line each."""
    return all(0 < len(line) <= LONGEST_LINE and line.isprintable() for line in (found.name, found.contract))


def _complete(found: Mandate, actions: Sequence[object]) -> bool:
    named = _DID.fullmatch(found.principal) and _DID.fullmatch(found.agent)
    keyed = _THUMBPRINT.fullmatch(found.key) and all(map(_THUMBPRINT.fullmatch, found.own))
    allowed = actions and list(actions) == sorted(set(map(str, actions)) & set(ACTIONS))
    timed = found.begin < found.end <= found.begin + LONGEST_S
    return bool(named and keyed and allowed and timed and _SHA256.fullmatch(found.withdrawal))


def _moment(text: object) -> int:
    at = exact(text)
    if at is None:
        raise Fault("mandate-form")
    return at


def _canonical(statement: object) -> bytes:
    try:
        return jcs.encode(statement)
    except jcs.NotCanonical as fault:
        raise Fault("mandate-form") from fault


def _thumbprint(jwk: Mapping[str, object]) -> str:
    """RFC 7638 of a P-256 key, the one kind that signs our tokens; empty for any other."""
    members = {name: jwk.get(name) for name in ("crv", "kty", "x", "y")}
    return base64url.encode(sha256(_canonical(members)).digest()) if jwk.get("kty") == "EC" else ""
