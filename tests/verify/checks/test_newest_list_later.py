"""Whatever an authority writes into a later list: no honest bundle of before is FAILED by it (T154)."""

import random
from collections.abc import Callable

import pytest

from connector.verify.bundle import verify_bundle
from connector.verify.checks.trusted_time import written
from connector.verify.report import Report
from tests.fuzz.effort import one_in, whole
from tests.verify.costly import steps
from tests.verify.forge import AGREEMENT, CONSUMER, DAY, NOW, PROVIDER, Case, SealCa
from tests.verify.judge import FAILED, INDETERMINATE, PASSED, changed, named
from tests.verify.later_lists import CHANGES, TIMES, Claims, Honest, bundles, entry, open_bundles, some, under
from tests.verify.moved import EXPORTED

pytestmark = pytest.mark.threat("T154")
BEFORE, AFTER = NOW - DAY, NOW + 200
"""The list of a bundle from before the contract, as most are, and from after it."""
KINDS = ("plain", "qualified", "second", "ended", "moved", "late", "beside")
WHO_VOUCHES = frozenset({"moved to the witness", "witness of nonsense", "five witnesses more"})
"""Changes of who gives the time by which everything else is judged."""
Bundles = dict[tuple[str, int], Honest]


@pytest.fixture(scope="module")
def honest() -> Bundles:
    return {(kind, day): one for day in (BEFORE, AFTER) for kind, one in bundles(day).items()}


def judged(one: Honest, given: bytes | None) -> Report:
    return verify_bundle(one.data, one.roots, "en", trust_list=given, beside=one.beside)


def codes(report: Report) -> dict[str, str]:
    return {check.name: check.code for check in report.checks if check.code}


def about(name: str, did: str, at: int) -> Callable[[Claims], object]:
    return lambda claims: CHANGES[name](claims, did, written(at), written(NOW))


@pytest.mark.parametrize("kind", KINDS)
def test_by_its_own_list_and_by_one_that_says_the_same_it_passes(honest: Bundles, kind: str) -> None:
    """What the changes begin from."""
    for day in (BEFORE, AFTER):
        one = honest[kind, day]
        for given in (None, one.later(lambda _: None)):
            report = judged(one, given)
            assert report.verdict is PASSED, report.reason


@pytest.mark.parametrize("name", one_in(6, CHANGES))
def test_bug_no_change_of_a_later_list_fails_an_honest_bundle(honest: Bundles, name: str) -> None:
    """Bug: >> a term, a suspension, a succession dated back or dropped in a later list << FAILED.

    Not proven at most, with a sentence that says what; and what was so on the day of the bundle's own list has passed.
    """
    for (kind, day), one in honest.items():
        if day == AFTER and kind in ("moved", "late", "beside"):
            continue
        did = CONSUMER if kind == "ended" else PROVIDER
        report = judged(one, one.later(about(name, did, TIMES[0])))
        assert named(report) is None, (kind, day, report.reason)
        assert (report.verdict is PASSED) == (codes(report) == {})
        if day == AFTER and name not in WHO_VOUCHES:
            assert report.verdict is PASSED, (kind, codes(report), report.reason)


@pytest.fixture(scope="module")
def unproven() -> Bundles:
    return {(kind, day): one for day in (BEFORE, AFTER) for kind, one in open_bundles(day).items()}


def property_holds(honest: Bundles, seed: int) -> None:
    rng = random.Random(seed)
    one = honest[rng.choice(sorted(honest))]
    change, names = some(rng)
    report = judged(one, one.later(change))
    assert report.verdict in (PASSED, INDETERMINATE), (seed, names, report.reason)


def test_bug_no_sequence_of_changes_fails_an_honest_bundle(honest: Bundles, unproven: Bundles) -> None:
    """Five changes at most, of anybody, to any time; each number stands for one sequence."""
    for seed in range(40):
        property_holds({**honest, **unproven}, seed)


@pytest.mark.long
def test_bug_no_sequence_of_changes_fails_an_honest_bundle_at_length(honest: Bundles, unproven: Bundles) -> None:
    """>> hundreds of sequences << none."""
    for seed in range(40, whole(440, 1_540)):
        property_holds({**honest, **unproven}, seed)


def test_what_was_struck_off_fails_all_the_same(honest: Bundles) -> None:
    """>> the certificate is called stolen since before the seal, and the member suspended besides << FAILED."""
    for day in (BEFORE, AFTER):
        one = honest["qualified", day]
        since = written(NOW - 10)

        def struck(claims: Claims, one: Honest = one, since: str = since) -> None:
            about("suspended", PROVIDER, TIMES[0])(claims)
            (digest,) = entry(one.claims, PROVIDER)["sealCertificates"]
            period = {"sha256": digest, "validUntil": since, "struckSince": since}
            entry(claims, PROVIDER)["sealCertificates"] = [period]

        report = judged(one, one.later(struck))
        assert report.verdict is FAILED
        assert named(report) == ("provider-seal", "certificate-period")


def test_a_witness_that_was_struck_off_vouches_for_nothing_under_an_older_list(honest: Bundles) -> None:
    """>> its keys are stolen since 2020, under another name of its operator << no time by any list."""
    one = honest["plain", AFTER]

    def struck(claims: Claims) -> None:
        about("witness renamed", PROVIDER, NOW)(claims)
        for key in claims["witnesses"][0]["keys"]:
            key |= {"validUntil": written(TIMES[0]), "struckSince": written(TIMES[0])}

    assert codes(judged(one, one.later(struck))) == {"time": "no-time"}


def test_an_older_list_excuses_nothing_else(honest: Bundles) -> None:
    """>> what fails by its own list, too; seals of another root << FAILED as ever, whatever else a newer list says."""
    one = honest["plain", BEFORE]
    suspended = about("suspended", PROVIDER, NOW - 10)
    for given in (None, one.later(suspended)):
        assert named(judged(one.with_list(suspended), given)) == ("membership", "not-member")
    other = Case(ca=SealCa(), authority=one.authority)
    foreign = Honest(changed(other, trust_list=one.signed), one.roots, one.authority, one.claims, one.anew)
    assert named(judged(foreign, one.later(suspended))) == named(judged(foreign, None)) is not None


def test_an_older_list_that_leaves_open_who_exported_it_excuses_nothing_behind_that() -> None:
    """>> by the list of the bundle another had the exporter's place; its log commits to another contract << FAILED by
    the newer list, which takes that back: the older one has judged nothing of the log."""
    case = Case()
    case.log.add("agreement", AGREEMENT, {"agreement": "0" * 64})
    taken = {CONSUMER: {"succeeds": [{"did": PROVIDER, "from": written(TIMES[0])}]}}
    one = under(case, BEFORE, taken, log=case.log.evidence(AGREEMENT))
    assert judged(one, None).verdict is INDETERMINATE
    report = judged(one, one.later(about("all successions dropped", PROVIDER, NOW)))
    assert named(report) == ("commitment", "commitment")


def test_no_dishonest_bundle_passes_by_an_older_list_of_its_own(honest: Bundles) -> None:
    """>> what FAILED by the right list, with the list of before in its place, and the right one given << not PASSED."""
    for name, kind in (("suspended", "plain"), ("member until", "ended"), ("certificates until", "qualified")):
        one, change = honest[kind, BEFORE], about(name, PROVIDER, NOW - 10)
        assert judged(one.with_list(change), None).verdict is FAILED
        assert judged(one, one.later(change)).verdict is INDETERMINATE, (name, kind)


def test_two_long_lists_take_steps_by_their_size(honest: Bundles) -> None:
    """>> both lists with a line of successions, ended keys and witnesses, and all failed once << no more per byte."""
    one, counts, sizes = honest["plain", BEFORE], list[int](), list[int]()
    key = {"kty": "OKP", "crv": "Ed25519", "x": "A" * 43}
    for count in (10, 60, 240):

        def many(claims: Claims, count: int = count, until: str | None = None) -> None:
            line = [f"did:web:h.example:{number}" for number in range(count)] + [PROVIDER]
            logs = {"logKeys": [key | ({"until": until} if until else {})]}
            taken = [[{"did": before, "from": written(TIMES[0])}] for before in line]
            claims["participants"] += [
                {"did": did, "state": "active", "validFrom": written(TIMES[0]), "succeeds": step, **logs}
                for did, step in zip(line[1:-1], taken, strict=False)
            ]
            named = {"url": "https://o", "keys": [key | ({"validUntil": until} if until else {})]}
            claims["witnesses"] += [{"operator": f"o{number}", **named} for number in range(count)]

        def worse(claims: Claims, many: Callable[..., None] = many) -> None:
            many(claims, until=written(TIMES[0]))
            about("suspended", PROVIDER, TIMES[0])(claims)

        bundle, given = one.with_list(many), one.later(worse)
        assert codes(judged(bundle, given))["membership"] == "list-later"
        counts.append(steps(lambda bundle=bundle, given=given: judged(bundle, given)))  # type: ignore[misc]
        sizes.append(len(bundle.signed) + len(given))
    few, many_ = ((counts[n] - counts[0]) / (sizes[n] - sizes[0]) for n in (1, 2))
    assert many_ <= 1.2 * few, (counts, sizes)


@pytest.mark.threat("T179")
def test_bug_an_older_list_that_is_valid_for_ever_spoke_for_one_that_is_over(honest: Bundles) -> None:
    """Bug: >> a list of before that was to hold until 2099, and a newer one that ended before the seal << PASSED, as if
    nothing could have been said since. Not proven."""
    one = honest["plain", BEFORE].with_list(lambda claims: claims.update(nextUpdate="2099-01-01T00:00:00Z"))
    claims = one.claims | {"version": 8, "issued": written(BEFORE + 1), "nextUpdate": written(NOW - 10)}
    report = judged(one, one.authority.signed(claims).encode())
    assert (report.verdict, codes(report)) == (INDETERMINATE, {"membership": "list-expired"})


@pytest.mark.threat("T179")
@pytest.mark.parametrize("end", [None, EXPORTED], ids=["without an end", "before its end"])
def test_bug_what_was_struck_off_counted_until_an_end_that_stands_beside_it(honest: Bundles, end: int | None) -> None:
    """Bug: >> a certificate and a witness are called stolen since before the seal, without an end or with a later one
    << PASSED. What was struck off counts from the time that is stated."""
    since = {"struckSince": written(NOW - 10)} | ({} if end is None else {"validUntil": written(end)})
    one = honest["qualified", AFTER]
    (digest,) = entry(one.claims, PROVIDER)["sealCertificates"]
    report = judged(
        one, one.later(lambda all_: entry(all_, PROVIDER).update(sealCertificates=[{"sha256": digest, **since}]))
    )
    assert named(report) == ("provider-seal", "certificate-period")
    plain = honest["plain", AFTER]
    report = judged(plain, plain.later(lambda all_: [key.update(since) for key in all_["witnesses"][0]["keys"]]))
    assert codes(report) == {"time": "no-time"}


@pytest.mark.threat("T179")
def test_bug_a_struck_key_of_a_witness_counted_where_it_is_spelled_otherwise(honest: Bundles) -> None:
    """Bug: >> the newer list strikes it off under another name of its operator, with a member that nobody reads << the
    one in the older list vouched on."""
    one = honest["plain", AFTER]

    def struck(claims: Claims) -> None:
        about("witness renamed", PROVIDER, NOW)(claims)
        for key in claims["witnesses"][0]["keys"]:
            key |= {"alg": "EdDSA", "struckSince": written(TIMES[0]), "validUntil": written(TIMES[0])}

    assert codes(judged(one, one.later(struck))) == {"time": "no-time"}
