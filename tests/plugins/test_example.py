"""The example plug-in as its author ships it: built as a wheel, installed, allowed, and used in a rule."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from connector.app import plugins
from connector.app.policy_engine import policy_engine
from connector.cli.main import main
from connector.kernel.policy.engine import PolicyEngine, Requester
from connector.kernel.policy.evaluation.record import plain, record, replay
from connector.kernel.policy.odrl.model import PHASES, Closure
from connector.kernel.policy.odrl.state_of_world import World
from tests.plugins.packages import importable, install, wheel

HOST = "https://hanse-did-host.example/ns#didHost"
NOW = 1_795_500_000_000
POLICY: dict[str, Any] = {
    "profile": "https://w3id.org/hanse/v1",
    "odrl:conflict": {"@id": "odrl:prohibit"},
    "permission": [
        {
            "action": "use",
            "constraint": [
                {
                    "leftOperand": HOST,
                    "operator": "isAnyOf",
                    "rightOperand": ["data.nachbarstadt.example", "data.kreis.example"],
                }
            ],
        }
    ],
}
FORBIDDING: dict[str, Any] = {
    "odrl:conflict": {"@id": "odrl:prohibit"},
    "permission": [{"action": "use"}],
    "prohibition": [
        {"action": "use", "constraint": [{"leftOperand": HOST, "operator": "eq", "rightOperand": "bad.example"}]}
    ],
}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The wheel, built from `example/` and unpacked by pip into a folder on the import path."""
    folder = tmp_path_factory.mktemp("site")
    install(wheel(tmp_path_factory.mktemp("wheel")), folder)
    with importable(folder):
        yield folder


@pytest.fixture(scope="module")
def engine(site: Path) -> PolicyEngine:
    """The engine as a start with `[plugins] allow = ["did-host"]` makes it."""
    return policy_engine(plugins.extension(plugins.load(["did-host"])))


def who(did: str) -> Requester:
    return Requester(did=did, kind="https://w3id.org/hanse/v1#municipality")


def test_it_imports_by_the_path_that_stays() -> None:
    """>> its source << of ours `connector.plugin` alone, which docs/plugins.md promises."""
    named = {
        line.split()[1]
        for path in (Path(__file__).parent / "example").rglob("*.py")
        for line in path.read_text(encoding="utf-8").splitlines()
        if line.startswith(("from connector", "import connector"))
    }
    assert named == {"connector.plugin"}


def test_the_wheel_says_what_it_registers(site: Path) -> None:
    (plugin,) = plugins.load(["did-host"])
    facts = plugin.facts()
    assert (facts["name"], facts["distribution"], facts["version"]) == ("did-host", "hanse-did-host", "1.0.0")
    assert facts["operands"] == [HOST]


@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize(
    ("did", "allowed"),
    [
        ("did:web:data.nachbarstadt.example", True),
        ("did:web:Data.Kreis.example:towns:nord", True),
        ("did:web:data.kreis.example%3A8443:towns", True),
        ("did:web:kreis.example", False),
        ("did:web:data.kreis.example.evil.example", False),
        ("did:web:", False),
        ("did:key:z6Mk", False),
        ("", False),
    ],
)
def test_a_rule_about_the_host_is_decided(engine: PolicyEngine, did: str, allowed: bool, phase: Any) -> None:
    """>> a rule that names two hosts  << only who has one of them, in every phase; no host is not enough."""
    assert engine.decide(POLICY, who(did), phase, NOW).permit is allowed


def test_what_it_does_not_know_stays_forbidden(engine: PolicyEngine) -> None:
    """>> a prohibition for one host, asked by a DID without host  << unknown, so the prohibition holds."""
    asked = [engine.decide(FORBIDDING, who(did), "access", NOW).permit for did in ("did:web:good.example", "did:key:z")]
    assert asked == [True, False]


def test_a_refusal_is_explained_in_both_languages(engine: PolicyEngine) -> None:
    """>> a stranger asks  << the plug-in's own sentence, with what was found."""
    words = engine.reasons(engine.decide(POLICY, who("did:web:evil.example"), "access", NOW))
    (german,), (english,) = words["de"], words["en"]
    assert german.startswith("Bedingung „Domain des Teilnehmers ist „data.nachbarstadt.example“ oder")
    assert "nicht erfüllt: Die Anfrage kommt von" in german
    assert english.startswith("Condition “domain of the participant is “data.nachbarstadt.example” or")
    assert "not met: the request comes from" in english
    assert "evil.example" in german
    assert "evil.example" in english
    tree = {
        lang: engine.explain_text(engine.decide(POLICY, who("did:web:evil.example"), "access", NOW), lang)
        for lang in words
    }
    assert "Domain des Teilnehmers" in tree["de"]
    assert "domain of the participant" in tree["en"]


@pytest.mark.parametrize("lang", ["de", "en"])
def test_the_rule_is_said_with_its_badge(engine: PolicyEngine, lang: str) -> None:
    """>> the policy in sentences  << complete, and "enforced", because the DID was verified."""
    said = engine.clauses(POLICY, lang)
    assert said
    label = {"de": "Domain des Teilnehmers", "en": "domain of the participant"}[lang]
    (badge,) = [badge for sentence, badge in said if label in sentence]
    assert badge == "enforced"


def test_a_contract_says_who_vouches_for_the_value(engine: PolicyEngine) -> None:
    assert engine.operands(POLICY) == {HOST: {"source": "verified-credential", "type": "text"}}


def test_without_the_plugin_the_rule_is_not_understood() -> None:
    """>> the same policy where nobody allowed the plug-in  << never permitted, never summarised, still forbidding."""
    without = policy_engine()
    requester = who("did:web:data.nachbarstadt.example")
    assert not any(without.decide(POLICY, requester, phase, NOW).permit for phase in PHASES)
    assert without.clauses(POLICY, "de") == ()
    assert not without.decide(FORBIDDING, who("did:web:good.example"), "access", NOW).permit
    assert without.digest(POLICY) != ""


def test_a_recorded_decision_says_which_code_answered_and_replays_with_it(engine: PolicyEngine, site: Path) -> None:
    """>> a decision with the plug-in, recorded and made again  << the same; without it another, and it shows."""
    loaded = plugins.extension(plugins.load(["did-host"]))
    world = World(now=NOW, participant="did:web:data.kreis.example", purpose_source="contractual")
    decision = engine.rule(POLICY, world, "access")
    digests = {"vocabulary": engine.vocabulary, "plugins": engine.plugins}
    kept = record(decision, world, POLICY, registry=engine.registry, **digests)
    assert (kept["permit"], kept["plugins"]) == (True, loaded.digest)
    assert replay(kept, plain(world), POLICY, Closure(), engine.registry) == kept
    other = replay(kept, plain(world), POLICY, Closure())
    assert other["permit"] is False
    assert other["operands"] != kept["operands"]
    assert policy_engine().plugins == ""


@pytest.mark.parametrize("lang", ["de", "en"])
def test_the_command_line_has_the_plugins_of_its_folder(
    lang: str, site: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """>> `hanse policy show FILE` with and without the plug-in allowed  << in sentences, or as it stands."""
    file = tmp_path / "rule.json"
    file.write_text(json.dumps({"@type": "Offer", "@id": "urn:uuid:1", **POLICY}), encoding="utf-8")
    asked = ["policy", "show", str(file), "--lang", lang, "--data", str(tmp_path / "data")]
    label = {"de": "Domain des Teilnehmers", "en": "domain of the participant"}[lang]
    assert main(asked, {"HANSE_PLUGINS__ALLOW": "did-host"}) == 0
    assert label in capsys.readouterr().out
    main(asked, {})
    assert label not in capsys.readouterr().out
    assert main(asked, {"HANSE_PLUGINS__ALLOW": "did-hots"}) == 1
    assert "did-host" in capsys.readouterr().err
