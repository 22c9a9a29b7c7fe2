"""Seal certificates above level L1: they count once people of the authority have looked (spec/spaces.md 3.4; T152).

A digest in the list is the authority's word that it looked, so a member alone puts none there. What people struck off
counts no more from the time that they state, which may lie before they heard of it.
"""

from collections.abc import Collection, Iterable

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from msgspec.structs import replace

from connector.data.approvals import decide as ballots
from connector.data.approvals.decide import Late
from connector.data.approvals.model import NEVER_MS, Ballot, State, Voter
from connector.dataspace.spaces.model import OVER, Keys, Member, Rules
from connector.dataspace.spaces.seal_model import MOST_ASKED, MOST_STRIKES, AskedSeal, ShownSeal, Strike
from connector.foundation.clock import rfc3339
from connector.foundation.errors import Mistake, PeerError
from connector.foundation.http.address import target
from connector.foundation.language.reasons import plain
from connector.identity.trust.did.did import host_of, parse
from connector.identity.trust.keys.jwk import decode, encode, thumbprint
from connector.identity.trust.keys.signing import KeyRecord
from connector.identity.trust.members.trust_list import Sealing, TrustList
from connector.verify.formats import certificates as formats
from connector.verify.formats import key_binding

LONGEST = 500
"""Characters of a name in a certificate."""
Listed = tuple[str | Sealing, ...]


def told(before: Keys, said: Keys, now: int) -> tuple[Listed, tuple[AskedSeal, ...]]:
    """Which certificates of those that a member names are listed, and which wait for people.

    One that it names no more is asked for anew when it comes back. Raises PeerError for too many.
    """
    known, waiting = {_name(one) for one in before.seal_certificates}, {one.sha256: one for one in before.asked}
    shown = {one.sha256: one.shown for one in said.asked}
    listed = tuple(one for one in said.seal_certificates if _name(one) in known)
    new = [one for one in said.seal_certificates if _name(one) not in known and not _over(one)]
    if len(new) > MOST_ASKED:
        raise PeerError("spaces.certificates", most=MOST_ASKED)
    asked = (waiting.get(_name(one)) or AskedSeal(sha256=_name(one), at=now) for one in new)
    return listed, tuple(replace(one, shown=one.shown or shown.get(one.sha256)) for one in asked)


def brought(certificates: Iterable[str]) -> tuple[AskedSeal, ...]:
    """What the certificates (DER, base64url) say that somebody brings; what cannot be read says nothing.

    Nobody can show another one than it names: people see what has the very digest that the list would name.
    """
    found = []
    for text in certificates:
        try:
            one = formats.der(decode(text))
            found.append(AskedSeal(sha256=key_binding.fingerprint(one), at=0, shown=_says(one)))
        except ValueError:
            continue
    return tuple(found)


def own(records: Iterable[KeyRecord], keys: Keys) -> tuple[str, ...]:
    """The certificates (DER, base64url) that are in use of those that `keys` names, to be brought along."""
    named = {_name(one) for one in usable(keys)}
    found = (
        x509.load_pem_x509_certificates(one.certificate.encode("ascii"))[0]
        for one in records
        if one.state == "active" and one.certificate is not None
    )
    leaves = (one for one in found if key_binding.fingerprint(one) in named)
    return tuple(encode(one.public_bytes(Encoding.DER)) for one in leaves)[:MOST_ASKED]


def _says(one: x509.Certificate) -> ShownSeal:
    """Raises ValueError for what cannot be read."""
    try:
        return ShownSeal(
            subject=plain(one.subject.rfc4514_string(), LONGEST),
            issuer=plain(one.issuer.rfc4514_string(), LONGEST),
            begins=int(one.not_valid_before_utc.timestamp() * 1000),
            ends=int(one.not_valid_after_utc.timestamp() * 1000),
            qualified=key_binding.qualified(one),
        )
    except formats.ODD as fault:
        raise ValueError("certificate") from fault


def usable(said: Keys) -> Listed:
    """The certificates that people approve with an application."""
    return tuple(one for one in said.seal_certificates if not _over(one))


def certificates(said: Keys) -> str:
    """Their SHA-256, for people to compare, and what each says of itself."""
    shown = {one.sha256: one.shown for one in said.asked}
    return ", ".join(f"{name}{_briefly(shown.get(name))}" for name in map(_name, usable(said)))


def _briefly(one: ShownSeal | None) -> str:
    return "" if one is None else f" ({one.subject[:100]}, {rfc3339(one.begins)[:10]} – {rfc3339(one.ends)[:10]})"


def names(said: Keys) -> tuple[str, ...]:
    """The SHA-256 of the certificates that the list names."""
    return tuple(_name(one) for one in said.seal_certificates)


def _name(one: str | Sealing) -> str:
    return one if isinstance(one, str) else one.sha256


def _over(one: str | Sealing) -> bool:
    """A certificate of before that this authority never listed: nobody has to look at it any more."""
    return isinstance(one, Sealing) and one.valid_until is not None


def waiting(member: Member) -> tuple[AskedSeal, ...]:
    """What people have to decide of a member."""
    return () if member.state in OVER else tuple(one for one in member.keys.asked if not one.refused)


def ballot(one: AskedSeal, rules: Rules) -> Ballot:
    """As many as the rules ask for on that day, without a deadline: until then the certificate counts for nobody."""
    state: State = "refused" if one.refused else "open"
    return Ballot(stewards=rules.approvals, protection=0, drafter="", due_at=NEVER_MS, state=state, votes=one.votes)


def approved(member: Member, sha256: str, voter: Voter, rules: Rules, now: int) -> Member:
    """With the yes of a person, and with the last one listed from the next version on.

    The same person again changes nothing. Raises Mistake, Late or NotYours.
    """
    if sha256 in {_name(one) for one in member.keys.seal_certificates}:
        raise Late("approvals.approved")
    asked = _asked(member, sha256)
    after = ballots.yes(ballot(asked, rules), voter, "steward", now)
    if after.votes == asked.votes:
        return member
    if after.state != "approved":
        return _with(member, asked, replace(asked, votes=after.votes), now)
    keys = _with(member, asked, None, now).keys
    return replace(member, keys=replace(keys, seal_certificates=(*keys.seal_certificates, sha256)), changed_at=now)


def refused(member: Member, sha256: str, voter: Voter, rules: Rules, now: int, reason: str = "") -> Member:
    """One no ends it, and the member is told the reason; raises Mistake, Late or NotYours."""
    asked = _asked(member, sha256)
    ballots.no(ballot(asked, rules), voter, now)
    return _with(member, asked, replace(asked, refused=True, reason=plain(reason, LONGEST)), now)


def departed(member: Member, who: str, role: str) -> Member:
    """Without the yes of a person who has lost the role in which she said it, to each certificate that waits."""
    asked = tuple(
        one if one.refused else replace(one, votes=ballots.departed(ballot(one, Rules()), who, role).votes)
        for one in member.keys.asked
    )
    return member if asked == member.keys.asked else replace(member, keys=replace(member.keys, asked=asked))


def struck(member: Member, name: str, since: int, listed: Collection[str], now: int) -> Member:
    """Without a certificate or a key of its witness from that time (ms) on; said again: the earlier time counts.

    `listed` are the names that may be struck off. Raises Mistake for another, and for a time to come.
    """
    if since > now:
        raise Mistake("spaces.strike-time")
    before = next((one for one in member.keys.strikes if one.name == name), None)
    if before is None and name not in listed:
        raise Mistake("spaces.strike", name=name[:80])
    if len(member.keys.strikes) >= MOST_STRIKES and before is None:
        raise Mistake("spaces.strikes", most=MOST_STRIKES)
    at = rfc3339(since) if before is None else min(rfc3339(since), before.since)
    if before is not None and at == before.since:
        return member
    others = tuple(one for one in member.keys.strikes if one.name != name)
    return replace(member, keys=replace(member.keys, strikes=(*others, Strike(name=name, since=at))), changed_at=now)


def strikable(member: Member, listed: TrustList | None) -> frozenset[str]:
    """What a list says of a member that can be struck off: SHA-256 of certificates, thumbprints of keys of its witness,
    which lies on the host of its DID, former ones too."""
    if listed is None:
        return frozenset()
    own = (one for one in listed.participants if one.did == member.did)
    seals = (seal.sha256 for one in own for seal in one.listed_seals)
    host = host_of(parse(member.did))
    there = (one for one in listed.witnesses if (at := target(one.url)) is not None and at.host == host)
    return frozenset((*seals, *(thumbprint(key) for one in there for key in one.keys)))


def _asked(member: Member, sha256: str) -> AskedSeal:
    found = next((one for one in member.keys.asked if one.sha256 == sha256), None)
    if found is None or member.state in OVER:
        raise Mistake("spaces.no-certificate", did=member.did)
    return found


def _with(member: Member, before: AskedSeal, after: AskedSeal | None, now: int) -> Member:
    asked = tuple(after if one is before else one for one in member.keys.asked)
    return replace(
        member, keys=replace(member.keys, asked=tuple(one for one in asked if one is not None)), changed_at=now
    )
