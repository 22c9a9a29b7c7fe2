"""Every bit counts: all flips in the signed parts of one small bundle, in every member of it a sample, each named."""

import random
from collections.abc import Iterator

import pytest

from connector.exchange.contracts.evidence import export
from connector.verify.bundle import verify_bundle
from connector.verify.checks import archive, contract
from connector.verify.checks.anchors import parse
from connector.verify.checks.contract import Agreement, Given, Role
from connector.verify.formats import jades
from connector.verify.formats.faults import Fault
from tests.verify.forge import AGREEMENT, CONSUMER, PROVIDER, Case
from tests.verify.judge import FAILED, changed, named, remade

PARTS = {
    "agreement": "agreement.json",
    "text": "text-de.html",
    "profile": "profile.json",
    "dataset": "dataset.jsonld",
    "approval_provider": "approval-provider.json",
    "approval_consumer": "approval-consumer.json",
}
SHARED = {"agreement", "text", "profile", "dataset"}
WHERE: dict[str, set[str]] = {
    "manifest.json": {"manifest", "exporter-seal"},
    "manifest.jws": {"exporter-seal"},
}


def flips(content: bytes, step: int = 1) -> Iterator[bytes]:
    """The content with each single bit (every `step`th) turned over."""
    for position, bit in (divmod(place, 8) for place in range(0, 8 * len(content), step)):
        flipped = bytearray(content)
        flipped[position] ^= 1 << bit
        yield bytes(flipped)


def given(case: Case, members: dict[str, bytes]) -> Given:
    documents = {key.did: key.document() for key in (case.provider, case.consumer)}
    return Given(
        members=members,
        anchors=parse(case.roots),
        trust_list=None,
        agreement=Agreement(AGREEMENT, PROVIDER, CONSUMER),
        documents=documents,
    )


@pytest.mark.threat("T54")
@pytest.mark.parametrize("part", list(PARTS))
def test_every_bit_of_what_was_signed(case: Case, members: dict[str, bytes], part: str) -> None:
    """Exhaustive, and with the list of files out of the way: the seals themselves name the changed part."""
    name = PARTS[part]
    roles: list[Role] = ["provider"] if part == "approval_provider" else ["consumer"]
    roles = ["provider", "consumer"] if part in SHARED else roles
    for changed_part in flips(members[name]):
        world = given(case, members | {name: changed_part})
        for role in roles:
            with pytest.raises(Fault) as caught:
                contract.check_seal(role, world)
            assert (caught.value.code, caught.value.facts) == ("member-changed", {"name": name})


@pytest.mark.threat("T54")
@pytest.mark.long
@pytest.mark.parametrize("role", ["provider", "consumer"])
def test_every_bit_of_a_seal(case: Case, members: dict[str, bytes], role: Role) -> None:
    """Exhaustive over header, certificate and signature: never accepted, and never anything but a fault."""
    name = f"{role}.jws"
    for changed_seal in flips(members[name]):
        jades.read.cache_clear()
        with pytest.raises(Fault):
            contract.check_seal(role, given(case, members | {name: changed_seal}))


@pytest.mark.threat("T54")
@pytest.mark.parametrize("step", [11, pytest.param(1, marks=pytest.mark.long)])
def test_the_consumers_seal_holds_the_providers(case: Case, members: dict[str, bytes], step: int) -> None:
    """Each bit of the provider's seal is among what the consumer signed; one in eleven is asked in short."""
    seal = contract.read_seal(members["consumer.jws"])
    expected = contract.signed_by("consumer", Agreement(AGREEMENT, PROVIDER, CONSUMER), members)
    contract.check_references(seal, expected, members)
    for changed_seal in flips(members["provider.jws"], step):
        with pytest.raises(Fault, match="member-changed"):
            contract.check_references(seal, expected, members | {"provider.jws": changed_seal})


@pytest.mark.threat("T32")
@pytest.mark.threat("T54")
@pytest.mark.parametrize("count", [6, pytest.param(60, marks=pytest.mark.long)])
@pytest.mark.parametrize("name", sorted(archive.REQUIRED | archive.COUNTERSIGNED))
def test_bits_of_a_whole_bundle_are_named(case: Case, members: dict[str, bytes], name: str, count: int) -> None:
    """Re-zipped: some flips per member, spread over it; the check that is named says which file it was."""
    dice, content = random.Random(name), members[name]
    for _ in range(count):
        flipped = bytearray(content)
        flipped[dice.randrange(len(content))] ^= 1 << dice.randrange(8)
        report = verify_bundle(export.pack(members | {name: bytes(flipped)}), case.roots, "en")
        assert report.verdict is FAILED
        found = report.first_failed
        assert found is not None
        assert found.name in WHERE.get(name, {"manifest"})
        assert name in WHERE or f'"{name}"' in found.sentence


@pytest.mark.threat("T54")
@pytest.mark.parametrize("count", [20, pytest.param(60, marks=pytest.mark.long)])
@pytest.mark.parametrize(
    ("name", "blamed"),
    [
        ("trust-list.jws", {"trust-list"}),
        ("did-provider.json", {"documents", "provider-seal", "exporter-seal", "commitment"}),
        ("did-consumer.json", {"documents", "consumer-seal", "commitment"}),
        ("records.ndjson", {"records"}),
        ("agreement.tlog-proof", {"log", "records", "commitment", "time"}),
    ],
)
def test_bits_of_what_the_exporter_could_seal_anew(
    case: Case, members: dict[str, bytes], name: str, blamed: set[str], count: int
) -> None:
    """With a fresh sealed list of files: the content itself betrays them, but for one in twelve, which means the
    same."""
    dice, content = random.Random(name), members[name]
    noticed = 0
    for _ in range(count):
        flipped = bytearray(content)
        flipped[dice.randrange(len(content))] ^= 1 << dice.randrange(8)
        report = verify_bundle(remade(case, members | {name: bytes(flipped)}), case.roots)
        found = named(report)
        if found is not None:
            noticed += 1
            assert found[0] in blamed, found
        else:
            assert name == "agreement.tlog-proof", "only the name of a key that nobody looks for is not covered"
            assert report.doubts in ((), ("time",))
    assert noticed >= 11 * count // 12


@pytest.mark.threat("T54")
def test_the_seal_of_another_contract_is_refused(case: Case) -> None:
    """Replay: the same parties, keys and roots, but the other agreement's seal."""
    other = Case(ca=case.ca, authority=case.authority, witness=case.witness)
    other.provider, other.consumer = case.provider, case.consumer
    other.exporter = case.provider
    other.log = other.new_log(PROVIDER)
    other.parts = other.make(title="Ein anderer Vertrag")
    for part in ("provider_jws", "consumer_jws"):
        report = verify_bundle(changed(case, **{part: getattr(other.parts, part)}), case.roots)
        role = part.partition("_")[0]
        assert named(report) == (f"{role}-seal", "member-changed")
