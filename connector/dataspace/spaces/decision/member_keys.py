"""The keys that a member says are its own, and what of them an authority lists: pure (spec/spaces.md 3.3; threat T106).

Only what stands in the member's own DID document is listed, and of its mandates only what its own seal says.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from cryptography import x509
from msgspec.structs import replace

from connector.dataspace.spaces.decision import sealing
from connector.dataspace.spaces.model import MOST_MANDATES, SKEW_MS, GivenMandate, Keys, Member, to_json
from connector.dataspace.witness import possession
from connector.foundation.errors import PeerError
from connector.foundation.http.address import target
from connector.identity.trust.did.documents import DidDocument
from connector.identity.trust.keys.jwk import thumbprint
from connector.identity.trust.members.trust_list import RETIRED, millis
from connector.verify.checks import mandate
from connector.verify.formats.faults import Fault

MOST_BYTES: Final = 65_536
"""Bytes of one member's keys in the list; the list as a whole has its own bound (`keeping/listing.py`)."""
FEW_BYTES: Final = 8_192
"""Bytes that most members need; a member with no more may always exchange its keys."""


class SealAnchors(NamedTuple):
    """By what an authority judges the seal under a mandate: roots of seal certificates, and the member's keys that it
    knows already. `space` and `proof` are what the keys of its witness signed (`dataspace/witness/possession.py`)."""

    roots: Sequence[x509.Certificate]
    before: Keys | None = None
    space: str = ""
    proof: Mapping[str, str] = {}
    certificates: Sequence[str] = ()
    """Seal certificates (DER, base64url) that were brought, for people to look at."""


def checked_keys(
    said: Keys | None, agent: object, document: DidDocument, host: str, believed: SealAnchors, now: int
) -> Keys:
    """The keys that somebody says are its own, and of its mandates what its own seal says of them: who runs its process
    says them, so no more of that is believed (threat T108).

    Raises PeerError for keys that are not its own, or another's that no sealed mandate goes with.
    """
    keys = said or Keys()
    require_well_formed(keys)
    require_own_keys(keys, document, host)
    proven = _proven(keys, document.did, believed)
    certificates = (keys if believed.before is None else believed.before).seal_certificates
    listed = [one if isinstance(one, str) else one.sha256 for one in certificates]  # of a member those people approved
    at = (now + SKEW_MS) // 1000  # given just now, by a clock that is a little ahead of ours
    try:
        found = mandate.check(
            agent,
            did=document.did,
            document=document.raw,
            at=at,
            action="",
            roots=believed.roots,
            listed=listed,
        )
    except Fault as fault:
        raise PeerError("spaces.mandate", did=document.did, why=fault.code) from fault
    mandates = () if found is None else (entrusted(found),)
    asked = sealing.brought(believed.certificates)
    return replace(keys, mandates=mandates, struck=(), asked=asked, strikes=(), proven=proven)


def _proven(keys: Keys, did: str, believed: SealAnchors) -> tuple[str, ...]:
    """Thumbprints of the keys of its witness. Raises PeerError for a key that does not say itself that it is listed for
    this member: else whoever names another's first takes it away from its owner (threat T149)."""
    if keys.witness is None:
        return ()
    url, proven = keys.witness.url, list[str]()
    for key in keys.witness.keys:
        name = key_print(key)
        try:
            if not possession.proves(believed.space, did, url, key, believed.proof.get(name, "")):
                raise PeerError("spaces.witness-proof")
        except Fault as fault:
            raise PeerError("spaces.keys") from fault
        proven.append(name)
    return tuple(proven)


def held_here(keys: Keys) -> Keys:
    """The keys of this very process, which it need not prove to itself."""
    return replace(keys, proven=() if keys.witness is None else tuple(map(key_print, keys.witness.keys)))


def entrusted(found: mandate.Mandate) -> GivenMandate:
    """What an authority has to know of a mandate to end it."""
    return GivenMandate(agent=found.agent, withdrawal=found.withdrawal, own=tuple(sorted(found.own)))


def require_own_keys(keys: Keys, document: DidDocument, host: str) -> None:
    """Raises PeerError unless every key that is to be listed stands in the applicant's own DID document, and its
    witness lies on the host of its DID."""
    there = None if keys.witness is None else target(keys.witness.url)
    if keys.witness is not None and (there is None or there.host != host):
        raise PeerError("spaces.foreign-key", did=document.did)
    shown = document.thumbprints()
    own = frozenset().union(*shown.values())
    said = document.raw.get("hanse:logKey")
    logs = {key_print(key) for key in said if isinstance(key, dict)} if isinstance(said, list) else set()
    if not frozenset(keys.keys) <= own or any(key_print(key) not in logs for key in keys.log_keys):
        raise PeerError("spaces.foreign-key", did=document.did)


def key_print(key: Mapping[str, object]) -> str:
    """The thumbprint of a public key, empty for what is none."""
    try:
        return thumbprint(key)
    except PeerError:
        return ""


def with_keys(member: Member, keys: Keys, now: int) -> Member:
    """The member with other keys; mandates that it told before stay known, whoever sends this, and a certificate above
    level L1 that nobody has looked at waits for people.

    Raises PeerError for keys that were struck, or more mandates or certificates than are remembered.
    """
    known = member.keys.mandates
    codes = {one.withdrawal for one in known}
    mandates = (*known, *(one for one in keys.mandates if one.withdrawal not in codes))
    if set(keys.keys) & set(member.keys.struck):
        raise PeerError("spaces.struck-key", did=member.did)
    if len(mandates) > MOST_MANDATES:
        raise PeerError("spaces.mandates", most=MOST_MANDATES)
    listed, asked = sealing.told(member.keys, keys, now)
    after = replace(
        keys,
        mandates=mandates,
        struck=member.keys.struck,
        strikes=member.keys.strikes,
        seal_certificates=listed,
        asked=asked,
    )
    return replace(member, keys=after, changed_at=now)


def more_keys(before: Keys, after: Keys) -> bool:
    """Whether the list says more of a member's keys than it did, and than it has to say of most members."""
    bare = [replace(one, mandates=(), struck=(), asked=(), strikes=(), proven=()) for one in (before, after)]
    old, new = (len(to_json(one)) for one in bare)
    return new > max(old, FEW_BYTES)


def require_well_formed(keys: Keys) -> None:
    """Raises PeerError for more than one member may fill the list with, for a key that is none of its type, a
    certificate twice, and a time that is none."""
    typed = all(kind in ("", key.get("kty")) and key_print(key) != "" for key, kind in _typed(keys))
    seals = [one if isinstance(one, str) else one.sha256 for one in keys.seal_certificates]
    if len(to_json(keys)) > MOST_BYTES or not typed or len(set(seals)) != len(seals):
        raise PeerError("spaces.keys")
    try:
        for time in _times(keys):
            millis(time)
    except ValueError as cause:
        raise PeerError("spaces.keys") from cause


def _times(keys: Keys) -> Iterable[str | None]:
    for seal in keys.seal_certificates:
        yield from () if isinstance(seal, str) else (seal.valid_from, seal.valid_until)
    for former in keys.former_seal_keys_pq:
        yield from (former.valid_from, former.valid_until)
    yield from (key.get(RETIRED) for key in (() if keys.witness is None else keys.witness.keys))


def _typed(keys: Keys) -> Iterable[tuple[Mapping[str, str], str]]:
    """Each public key with the type that it has to be of; empty: any."""
    yield from ((key, "") for key in keys.log_keys)
    yield from ((key, "") for key in (() if keys.witness is None else keys.witness.keys))
    yield from ((key, "AKP") for key in (() if keys.seal_key_pq is None else (keys.seal_key_pq,)))
    yield from ((one.key, "AKP") for one in keys.former_seal_keys_pq)
