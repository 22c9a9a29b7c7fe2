"""The second seal, by ML-DSA-44: never asked for, but where there is one it must hold."""

from collections.abc import Callable
from typing import Any

import pytest

from connector.verify.bundle import verify_bundle
from connector.verify.report import Report
from tests.verify.forge import CONSUMER, Case
from tests.verify.judge import INDETERMINATE, PASSED, changed, named, verdicts
from tests.verify.second_seals import KEY, OTHER, ROLES, PqKey, token


def judged(case: Case, role: str, made: bytes, listed: PqKey | None = KEY) -> Report:
    keys = {} if listed is None else {ROLES[role]: listed.jwk}
    return verify_bundle(
        changed(case, more={f"{role}.pq.jws": made}, trust_list=case.listed(pq=keys)), case.roots, "en"
    )


@pytest.mark.parametrize("role", ["provider", "consumer"])
def test_a_second_seal_holds(case: Case, role: str) -> None:
    """Of either side, with the key of the trust list."""
    report = judged(case, role, token(case, role))
    assert report.verdict is PASSED, report.reason
    assert any("ML-DSA-44" in check.sentence for check in report.checks if check.name == f"{role}-pq")


@pytest.mark.threat("T54")
def test_its_key_comes_from_the_list_alone(case: Case) -> None:
    """None listed, another one listed, signed by another key, in the other party's name."""
    assert named(judged(case, "provider", token(case, "provider"), None)) == ("provider-pq", "pq-key")
    assert named(judged(case, "provider", token(case, "provider"), OTHER)) == ("provider-pq", "seal-signature")
    assert named(judged(case, "provider", token(case, "provider", key=OTHER))) == ("provider-pq", "seal-signature")
    foreign = token(case, "provider", lambda header: header.__setitem__("kid", f"{CONSUMER}#seal-pq"))
    assert named(judged(case, "provider", foreign)) == ("provider-pq", "seal-foreign")


def test_a_listed_key_of_another_kind_is_none(case: Case) -> None:
    """An AKP key of another size or name, or no bytes of a key."""
    for jwk in (
        {"kty": "OKP"},
        KEY.jwk | {"alg": "ML-DSA-65"},
        KEY.jwk | {"pub": "AAAA"},
        {"kty": "AKP", "alg": "ML-DSA-44"},
    ):
        odd = PqKey()
        odd.jwk = jwk
        assert named(judged(case, "provider", token(case, "provider"), odd)) == ("provider-pq", "pq-key")


@pytest.mark.threat("T54")
def test_it_covers_what_the_seal_covers(case: Case) -> None:
    """The consumer's references are not the provider's; fewer objects are not enough."""
    assert named(judged(case, "provider", token(case, "consumer"))) == ("provider-pq", "seal-references")

    def shortened(header: dict[str, Any]) -> None:
        for name in ("pars", "hashV", "ctys"):
            header["sigD"][name].pop()

    assert named(judged(case, "provider", token(case, "provider", shortened))) == ("provider-pq", "seal-references")


@pytest.mark.parametrize(
    "change",
    [
        lambda header: header.__setitem__("alg", "ML-DSA-65"),
        lambda header: header.__setitem__("alg", "ES256"),
        lambda header: header.__setitem__("alg", "none"),
        lambda header: header.pop("crit"),
        lambda header: header.__setitem__("x5c", []),
        lambda header: header.__setitem__("jwk", KEY.jwk),
    ],
)
def test_other_forms_are_refused(case: Case, change: Callable[[dict[str, Any]], object]) -> None:
    """The same profile as the seal's, without a certificate, and with exactly this algorithm."""
    assert named(judged(case, "provider", token(case, "provider", change))) == ("provider-pq", "seal-form")


def test_the_classical_seal_is_still_needed(case: Case) -> None:
    """The second never stands alone."""
    files = {"consumer.pq.jws": token(case, "consumer")}
    listed = case.listed(pq={CONSUMER: KEY.jwk})
    report = verify_bundle(changed(case, more=files, consumer_jws=None, trust_list=listed), case.roots)
    assert verdicts(report)["consumer-seal"] is INDETERMINATE
    assert next(check.code for check in report.checks if check.name == "consumer-pq") == "pq-alone"
