"""A seal's chain leads to a trusted root and holds at that time; a plain one brings no certificate beside it."""

import pytest
from cryptography.x509 import Certificate

from connector.verify.formats import chain
from connector.verify.formats.faults import Doubt, Fault
from tests.verify.forge import DAY, NOW, SealCa

CA, OTHER = SealCa(), SealCa()
KEY = SealCa().key.public_key()
LEAF = CA.issue(KEY, ["did:web:a.example"], days=10)
ENDS = NOW - DAY + 10 * DAY


def test_a_certificate_of_a_trusted_root_holds_from_its_first_second_to_its_last() -> None:
    for at in (NOW - DAY, NOW, ENDS):
        chain.check([LEAF], [OTHER.certificate, CA.certificate], at=at)


def test_a_root_that_has_run_out_is_none() -> None:
    """>> a root, and a certificate that was issued to outlive it  << good to the root's last second, and not after."""
    root = SealCa()
    root.certificate = root._make(root.name, root.key.public_key(), [], ca=True, days=5)
    leaf = root.issue(KEY, [], days=10)
    ends = int(root.certificate.not_valid_after_utc.timestamp())
    for at in (NOW, ends):
        chain.check([leaf], [root.certificate], at=at)
    with pytest.raises(Fault, match="chain"):
        chain.check([leaf], [root.certificate], at=ends + 1)


@pytest.mark.parametrize("at", [NOW - DAY - 1, ENDS + 1])
def test_outside_of_its_time_it_does_not_hold(at: int) -> None:
    with pytest.raises(Fault, match="certificate-time"):
        chain.check([LEAF], [CA.certificate], at=at)


@pytest.mark.parametrize("beside", [[], [CA.certificate]])
def test_a_root_of_the_same_name_is_another_root(beside: list[Certificate]) -> None:
    """The root that the seal brings along counts for nothing."""
    with pytest.raises(Fault, match="chain"):
        chain.check([LEAF, *beside], [OTHER.certificate], at=NOW)


def test_a_seal_certificate_issues_no_other() -> None:
    """>> the issuer's name and signature are right, but it is no authority << no path."""
    forged = SealCa()
    forged.certificate = CA.issue(forged.key.public_key(), ["did:web:b.example"])
    forged.name = forged.certificate.subject
    with pytest.raises(Fault, match="chain"):
        chain.check([forged.issue(KEY, []), forged.certificate], [CA.certificate], at=NOW)


def test_without_roots_nobody_can_say() -> None:
    with pytest.raises(Doubt, match="no-roots"):
        chain.check([LEAF], [], at=NOW)


@pytest.mark.parametrize(
    ("certificates", "plain"),
    [
        ([LEAF], True),
        ([LEAF, CA.certificate], True),
        ([LEAF, OTHER.certificate], False),  # a stranger's words beside it
        ([LEAF, CA.certificate, OTHER.certificate], False),
        ([LEAF, LEAF], False),
        ([OTHER.issue(KEY, [])], False),
    ],
)
def test_a_plain_chain_is_one_path_and_no_more(certificates: list[Certificate], plain: bool) -> None:
    assert chain.is_plain(certificates, [CA.certificate]) is plain
