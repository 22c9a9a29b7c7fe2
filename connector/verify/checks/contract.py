"""The contract in a bundle: who agreed, what each party sealed, and whose seals they are (spec/contracts.md 1.3, 2)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Literal

from cryptography import x509

from connector.verify.checks.anchors import Anchors
from connector.verify.checks.archive import ROTATED
from connector.verify.checks.examination import need
from connector.verify.checks.records import Line
from connector.verify.checks.trusted_time import SKEW_S, Moment, written
from connector.verify.formats import certificates, chain, jades, jcs, key_binding, limits, people
from connector.verify.formats.faults import Doubt, Fault
from connector.verify.formats.jades import MOST_CERTIFICATES, Seal
from connector.verify.formats.people import Person
from connector.verify.formats.trustlist import Period, TrustList

Role = Literal["provider", "consumer"]
ROLES: tuple[Role, ...] = ("provider", "consumer")
SIGNED_JSON = frozenset({"profile.json", "dataset.jsonld", "approval-provider.json", "approval-consumer.json"})
"""Besides the agreement, whose form is stricter."""
_APPROVAL = frozenset({"at", "mandate", "onBehalfOf", "pseudonym", "role", "rule", "side"})
_MORE = frozenset({"agent", people.MEMBER})
"""Members of an approval, and what it has besides where somebody acts or several agreed (spec/contracts.md 1.7)."""
Members = Mapping[str, bytes]
Documents = Mapping[str, Mapping[str, object]]


@dataclass(frozen=True, slots=True)
class Agreement:
    """What is read from the agreement: its IRI and the DIDs of both parties."""

    iri: str
    provider: str
    consumer: str

    def did(self, role: Role) -> str:
        return self.provider if role == "provider" else self.consumer


@dataclass(frozen=True, slots=True)
class Signed:
    """One object as a seal must reference it: member of the bundle, address, media type."""

    name: str
    par: str
    cty: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What every check may use: the members, what is trusted from outside, and what could be read (None: could not).

    `lines` are the records, which are read once. `moment` is the trusted time of the contract as a whole, `seals` that
    of each seal, which may be earlier, and `second_seals` that of each second seal, which may be later than the first;
    without one only the signers' own times are known. `now` is the time of the check (seconds; None: not told).
    """

    members: Members
    anchors: Anchors
    trust_list: TrustList | None
    agreement: Agreement | None
    documents: Documents | None
    moment: Moment | None = None
    lines: Sequence[Line] | None = None
    seals: Mapping[Role, Moment] = field(default_factory=dict)
    second_seals: Mapping[Role, Moment] = field(default_factory=dict)
    now: int | None = None

    @property
    def at(self) -> int | None:
        """The trusted time in seconds."""
        return None if self.moment is None else self.moment.seconds

    def sealed_at(self, role: Role) -> int | None:
        """That of this party's seal in seconds."""
        return self.seals[role].seconds if role in self.seals else self.at

    def second_at(self, role: Role) -> int | None:
        """That of this party's second seal in seconds; None where no record names it."""
        return self.second_seals[role].seconds if role in self.second_seals else None


@dataclass(frozen=True, slots=True)
class Sealed:
    """A seal that holds, and its level."""

    seal: Seal
    level: str

    @property
    def facts(self) -> Mapping[str, object]:
        return {"level": self.level}


def parse_agreement(data: bytes) -> Agreement:
    """The agreement in canonical form; Fault `agreement-form`."""
    try:
        value = jcs.decode(data)
    except jcs.NotCanonical as fault:
        raise Fault("agreement-form") from fault
    match value:
        case {"@id": str(iri), "assigner": str(provider), "assignee": str(consumer)} if provider != consumer:
            return Agreement(iri, provider, consumer)
        case _:
            raise Fault("agreement-form")


def check_readings(members: Members) -> None:
    """What was signed says one thing to every reader; Fault `member-ambiguous` with its name.

    Signed bytes can still be read in two ways: JSON with a name twice or a number that not every program can hold, text
    that guesses its encoding.
    """
    for name in members.keys() & SIGNED_JSON:
        if not limits.is_plausible(members[name], letters=limits.LETTERS_PER_NUMBER):
            raise Fault("member-large", name=name, most=limits.largest(name))
        try:
            jcs.alike(members[name])
        except (ValueError, RecursionError) as fault:
            raise Fault("member-ambiguous", name=name) from fault
    try:
        text = members["text-de.html"].decode()
    except UnicodeDecodeError as fault:
        raise Fault("member-ambiguous", name="text-de.html") from fault
    if "\0" in text or text.startswith("\ufeff"):
        raise Fault("member-ambiguous", name="text-de.html")


def parse_document(data: bytes, did: str) -> Mapping[str, object]:
    """The DID document of `did`; Fault `document-form` or `document-foreign`."""
    try:
        document = jcs.loads(data)
    except jcs.NotCanonical as fault:
        raise Fault("document-form", did=did) from fault
    if not isinstance(document, dict):
        raise Fault("document-form", did=did)
    if document.get("id") != did:
        raise Fault("document-foreign", did=did)
    return document


def signed_by(role: Role, agreement: Agreement, members: Members) -> list[Signed]:
    """The references of that party's seal, in their order."""
    provider = agreement.provider
    objects = [
        Signed("agreement.json", agreement.iri, "application/json"),
        addressed("text-de.html", provider, members, "text/html"),
        addressed("profile.json", provider, members, "application/json"),
        addressed("dataset.jsonld", provider, members, "application/ld+json"),
        addressed(f"approval-{role}.json", agreement.did(role), members, "application/json"),
    ]
    if role == "consumer":
        objects.append(addressed("provider.jws", provider, members, "application/jose"))
    return objects


@dataclass(frozen=True, slots=True)
class Approval:
    """What a party's seal says of who approved: a rule, or a person with a role and a pseudonym; `at` as text. Several
    are all in `people`; outside stands one of them."""

    kind: Literal["automatic", "person", "people"]
    role: str
    pseudonym: str
    at: str
    people: tuple[Person, ...] = ()


def approved(role: Role, members: Members) -> Approval | None:
    """Who approved at that party, by the object that its seal covers; None if it does not say so as we write it."""
    try:
        value = jcs.decode(members[f"approval-{role}.json"])
    except (KeyError, jcs.NotCanonical):
        return None
    if not isinstance(value, dict) or value.keys() - _MORE != _APPROVAL or value["side"] != role:
        return None
    match value:
        case {"people": listed, "role": str(who), "pseudonym": str(pseudonym), "at": str(at)}:
            everybody = people.read(listed)
            outside = {(one.role, one.pseudonym) for one in everybody or ()}
            if everybody is None or (who, pseudonym) not in outside or not people.is_instant(at):
                return None
            return Approval("people", who, pseudonym, at, everybody)
        case {"people": _}:
            return None
        case {"role": "automatic", "pseudonym": None, "at": str(at)}:
            return Approval("automatic", "automatic", "", at)
        case {"role": str(who), "pseudonym": str(pseudonym), "at": str(at)} if _is_person(who, pseudonym):
            return Approval("person", who, pseudonym, at)
        case _:
            return None


def _is_person(role: str, pseudonym: str) -> bool:
    return role != "automatic" and people.PSEUDONYM.fullmatch(pseudonym) is not None


def read_seal(token: bytes) -> Seal:
    """The seal in a member; Fault `seal-form`."""
    return jades.read(text(token))


def check_seal(role: Role, given: Given) -> Sealed:
    """That party's seal in full; Doubt `one-sided` if the consumer has not sealed, `no-roots` without anchors."""
    agreement = need(given.agreement, "agreement")
    documents = need(given.documents, "documents")
    if f"{role}.jws" not in given.members:
        raise Doubt("one-sided")
    seal = read_seal(given.members[f"{role}.jws"])
    check_references(seal, signed_by(role, agreement, given.members), given.members)
    did = agreement.did(role)
    at = given.sealed_at(role)
    level = check_owner(seal, did, documents[did], given, at=at, others=intermediates(role, given.members))
    if at is not None and seal.iat > at + SKEW_S:
        raise Doubt("time-order", claimed=written(seal.iat), at=written(at))
    return Sealed(seal, level)


def intermediates(role: Role, members: Members) -> tuple[x509.Certificate, ...]:
    """The certificates of `{role}-chain.pem`, untrusted; none if there is no such member. Fault `chain-form`."""
    pem = members.get(f"{role}-chain.pem")
    if pem is None:
        return ()
    try:
        found = certificates.pem(pem)
    except ValueError as fault:
        raise Fault("chain-form") from fault
    if len(found) > MOST_CERTIFICATES:
        raise Fault("chain-form")
    return found


def check_references(seal: Seal, expected: list[Signed], members: Members) -> None:
    """The seal covers exactly these objects; Fault names the member that was changed or is not what it should be."""
    if len(seal.pars) != len(expected):
        raise Fault("seal-references")
    for one, found in zip(expected, seal.hashes, strict=True):
        if jades.object_hash(members[one.name]) != found:
            raise Fault("member-changed", name=one.name)
    if [(one.par, one.cty) for one in expected] != list(zip(seal.pars, seal.ctys, strict=True)):
        raise Fault("seal-references")


def check_owner(
    seal: Seal,
    did: str,
    document: Mapping[str, object],
    given: Given,
    *,
    at: int | None = None,
    others: tuple[x509.Certificate, ...] = (),
) -> str:
    """Signature, key, certificate and chain belong to `did`; the seal level.

    The certificate holds when the signer says that it signed, and at the trusted time `at` (seconds) if there is one.
    Doubt `certificate-unseen` where it held only at the first: the seal may be of that time, and nobody saw it.
    """
    jades.check_signature(seal)
    seen = seal.iat if at is None else at
    member = None if given.trust_list is None else given.trust_list.on(seen).members.get(did)
    listed = {} if member is None else member.seal_certificates
    level = key_binding.check(seal.chain[0], seal.kid, did=did, document=document, listed=listed)
    period = Period() if level == "L1" else listed[key_binding.fingerprint(seal.chain[0])]
    _check_counts(seal, others, period, given, seal.iat)
    if at is not None:
        try:
            _check_counts(seal, others, period, given, at)
        except Fault as fault:
            if period.struck or isinstance(fault, Doubt):
                raise
            raise Doubt("certificate-unseen", did=did, claimed=written(seal.iat), at=written(at)) from fault
    if level != "L1" and not given.anchors.authority:
        raise Doubt("no-authority")
    return level


def _check_counts(seal: Seal, others: tuple[x509.Certificate, ...], period: Period, given: Given, at: int) -> None:
    """Its certificate leads to a root and is in force, and counts by the list, at that time (seconds)."""
    chain.check((*seal.chain, *others), given.anchors.roots, at=at)
    _check_period(period, at, seal.did)


def _check_period(period: Period, at: int, did: str) -> None:
    """The certificate counted then. What only a later list says, and does not call struck off, fails nobody (0170)."""
    if period.holds(at):
        return
    later, facts = period.later and (period.begin is None or period.begin <= at), {"did": did, "at": written(at)}
    raise Doubt("certificate-period", **facts) if later else Fault("certificate-period", **facts)


@dataclass(frozen=True, slots=True)
class Standing:
    """Who stands for a party: itself, or whoever has taken its place by the trust list (spec/contracts.md 8.8).

    `names` are the DIDs that it has had, the party's own first, each with since when (seconds; 0 for the party's own).
    `after` is who has taken the place of the last of them, and since when.
    """

    role: Role
    names: tuple[tuple[str, int], ...]
    after: tuple[str, int] | None = None

    @property
    def party(self) -> str:
        """As the agreement names it."""
        return self.names[0][0]

    @property
    def did(self) -> str:
        """As it is called now."""
        return self.names[-1][0]

    def taken(self, at: int) -> Mapping[str, object] | None:
        """What a Fault says of a seal under that DID made at `at` (seconds), when another had its place; else None."""
        if self.after is None or at <= self.after[1] + SKEW_S:
            return None
        return {"did": self.did, "heir": self.after[0], "since": written(self.after[1]), "at": written(at)}


def standing(did: str, given: Given) -> Standing | None:
    """For which party `did` stands; None: for none. Who has taken in its own partner stands for itself."""
    agreement = need(given.agreement, "agreement")
    for role in sorted(ROLES, key=lambda one: agreement.did(one) != did):
        party = agreement.did(role)
        names = ((party, 0), *(() if given.trust_list is None else given.trust_list.succession.line(party)))
        places = [place for place, (name, _) in enumerate(names) if name == did]
        if places:
            after = names[places[0] + 1 : places[0] + 2] and given.trust_list and given.trust_list.taken(did)
            return Standing(role, names[: places[0] + 1], after or None)
    return None


def exporter_of(given: Given) -> str:
    """Whose name the seal over the manifest bears; Fault `exporter` if it stands for none of the parties."""
    did = read_seal(given.members["manifest.jws"]).did
    if standing(did, given) is None:
        raise Fault("exporter", did=did)
    return did


def exporting(given: Given) -> Standing:
    """For which party the exporter stands; Fault `exporter`."""
    found = standing(exporter_of(given), given)
    assert found is not None
    return found


def check_manifest_seal(given: Given) -> Sealed:
    """The exporter's seal over the manifest; the exporter is one of the two parties, or has taken its place by then.

    It is made at the export, behind every state of the log, so only its own time is known. Doubt `place-taken` if
    another had its place by that time.
    """
    by = exporting(given)
    did, since, documents = by.did, by.names[-1][1], need(given.documents, "documents")
    seal, members = read_seal(given.members["manifest.jws"]), given.members
    document = parse_document(members[ROTATED], did) if ROTATED in members else documents.get(did)
    if document is None or seal.iat + SKEW_S < since:
        raise Fault("exporter", did=did)
    if taken := by.taken(seal.iat):
        raise Doubt("place-taken", **taken)
    check_references(seal, [addressed("manifest.json", did, members, "application/json")], members)
    return Sealed(seal, check_owner(seal, did, document, given))


def check_manifest(members: Members) -> None:
    """The manifest lists every other member with its size and hash; Fault names the member that differs."""
    try:
        value = jcs.decode(members["manifest.json"])
    except jcs.NotCanonical as fault:
        raise Fault("manifest-form") from fault
    if not isinstance(value, dict) or not isinstance(value.get("members"), list):
        raise Fault("manifest-form")
    if value.keys() - {"told"} != {"v", "members"} or not jcs.same(value["v"], 1):
        raise Fault("manifest-form")
    listed = value["members"]
    expected = manifest_rows(members)
    for row in expected:
        if row not in listed:
            raise Fault("member-changed", name=row["name"])
    if not jcs.same(listed, expected):
        raise Fault("manifest-form")


def manifest_rows(members: Members) -> list[dict[str, object]]:
    """Name, size and SHA-256 of every member but the manifest and its seal, by name."""
    names = sorted(members.keys() - {"manifest.json", "manifest.jws"})
    return [{"name": name, "sha256": sha256(members[name]).hexdigest(), "size": len(members[name])} for name in names]


def addressed(name: str, did: str, members: Members, cty: str) -> Signed:
    """A member at its object address below the root of `did`."""
    return Signed(name, f"{key_binding.root_of(did)}/evidence/objects/{sha256(members[name]).hexdigest()}", cty)


def text(data: bytes) -> str:
    """The characters of a token; Fault `seal-form`."""
    try:
        return data.decode("ascii")
    except UnicodeDecodeError as fault:
        raise Fault("seal-form", what="compact") from fault
