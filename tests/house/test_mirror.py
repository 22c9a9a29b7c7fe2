"""Tests mirror the package: whoever looks for the test of a rule goes by the name of the module that holds it.

`connector/SLICE/MODULE.py` is tested in `tests/SLICE/test_MODULE.py`, and a further aspect of it in
`test_MODULE_ASPECT.py` beside that. What several test files need stands in a module that is no test.
"""

import ast
import re
from collections.abc import Iterator, Set
from pathlib import Path

from tests.testkit.places import ROOT

TESTS, PACKAGE = ROOT / "tests", ROOT / "connector"
ABOUT_THE_WHOLE = frozenset(
    {"cities", "conformance", "desk", "fuzz", "house", "load", "nasty", "plugins", "suites", "testkit", "vocab"}
)
"""Folders whose tests are about the product or the repository, and those that are the tools of tests."""
SHORT = 40
"""A module with no more lines of code than this is proven by whoever uses it."""
PROVED_BY: dict[str, str] = {
    "accounts/oidc/groups.py": "accounts/oidc/test_flow.py",
    "accounts/oidc/provider.py": "accounts/oidc/test_flow.py",
    "accounts/assemble.py": "app/test_services.py",
    "accounts/attempts.py": "accounts/test_signing_in.py",
    "accounts/second_factor.py": "accounts/test_signing_in.py",
    "accounts/model.py": "accounts/test_sessions.py",
    "accounts/roles.py": "accounts/test_sessions.py",
    "accounts/session_store.py": "accounts/test_sessions.py",
    "accounts/token_store.py": "accounts/test_tokens.py",
    "accounts/store.py": "accounts/test_people.py",
    "accounts/invitation_store.py": "accounts/test_people.py",
    "api/catalogue.py": "api/test_openapi.py",
    "api/contracts.py": "cities/test_negotiating.py",
    "api/duties.py": "cities/test_enforcing.py",
    "api/list_forks.py": "cli/operate/test_space_forks.py",
    "api/mandates.py": "cities/test_mandates.py",
    "api/mergers.py": "spaces/keeping/test_mergers.py",
    "harvest/waiting.py": "approvals/test_imports.py",
    "harvest/waiting_store.py": "approvals/test_imports.py",
    "api/moving.py": "cities/test_participant_moves.py",
    "api/offboarding.py": "cities/test_leaving.py",
    "api/persons.py": "cities/test_records.py",
    "api/records.py": "cities/test_records.py",
    "app/on_demand.py": "app/test_services.py",
    "app/plugins.py": "plugins/test_plugins.py",
    "app/ports.py": "app/test_services.py",
    "app/process.py": "cities/test_restarts.py",
    "app/surfaces.py": "api/test_openapi.py",
    "app/management.py": "api/test_openapi.py",
    "accounts/mailboxes.py": "notifications/test_mail_queue.py",
    "approvals/model.py": "approvals/test_decide.py",
    "audit/integrity.py": "backup/test_restore.py",
    "audit/origins.py": "audit/test_tiles.py",
    "backup/content.py": "backup/test_keys.py",
    "backup/copies.py": "backup/test_create.py",
    "backup/examine.py": "backup/test_restore.py",
    "backup/manifest.py": "backup/test_keys.py",
    "catalogue/model.py": "catalogue/test_service.py",
    "catalogue/offers.py": "catalogue/test_life.py",
    "catalogue/pages.py": "catalogue/test_service.py",
    "catalogue/snapshots/store.py": "catalogue/snapshots/test_making.py",
    "catalogue/revision_store.py": "catalogue/test_life.py",
    "catalogue/store.py": "catalogue/test_service.py",
    "cli/agreements/countersign.py": "cities/test_seals.py",
    "cli/checkout.py": "cli/test_main_usage.py",
    "cli/exchange/negotiate.py": "cities/test_negotiating.py",
    "mandates/store.py": "mandates/test_service.py",
    "views/merger.py": "spaces/joining/test_mergers.py",
    "views/mandate.py": "cities/test_mandates.py",
    "cli/frame/parser.py": "cli/test_main_usage.py",
    "cli/operate/backup.py": "cities/test_backup_drill.py",
    "cli/operate/witness.py": "cities/test_watching.py",
    "cli/records/trace.py": "cities/test_trace.py",
    "contracts/agreement/log_records.py": "contracts/signing/test_late_delivery_second_seals.py",
    "contracts/agreement/records.py": "contracts/signing/test_late_delivery_second_seals.py",
    "contracts/agreement/titles.py": "requests/test_terms.py",
    "contracts/assemble.py": "app/test_services.py",
    "contracts/document/described_data.py": "contracts/document/test_sealed_unasked.py",
    "contracts/document/translation.py": "contracts/evidence/test_service.py",
    "contracts/evidence/attention.py": "api/test_attention.py",
    "contracts/model.py": "reconciliation/test_ask.py",
    "contracts/negotiation/outgoing.py": "contracts/negotiation/test_service.py",
    "contracts/negotiation/send.py": "contracts/negotiation/test_service.py",
    "contracts/signing/book.py": "contracts/signing/test_countersign_at_once.py",
    "contracts/signing/gather.py": "contracts/signing/test_countersign.py",
    "dataplane/gate.py": "dataplane/serve/test_stream.py",
    "dialects/jsonld/grammar.py": "dialects/jsonld/test_plain.py",
    "dialects/jsonld/nodes.py": "dialects/policies/test_foreign_notations.py",
    "dialects/jsonld/schemas.py": "dialects/jsonld/test_explain.py",
    "dialects/policies/identity.py": "dialects/policies/test_foreign_nothing_is_lost.py",
    "dialects/policies/joining.py": "dialects/policies/test_foreign_notations.py",
    "dialects/policies/parties.py": "dialects/policies/test_foreign_nothing_is_lost.py",
    "dialects/policies/skos.py": "vocab/test_vocabulary.py",
    "drafts/fetch.py": "drafts/test_service.py",
    "drafts/model.py": "drafts/test_service.py",
    "drafts/store.py": "drafts/test_service.py",
    "federation/booking.py": "federation/test_crawl.py",
    "federation/model.py": "federation/test_crawl.py",
    "federation/service.py": "cities/test_federation.py",
    "figures/model.py": "figures/test_count.py",
    "figures/store.py": "figures/test_count.py",
    "figures/story.py": "figures/test_count.py",
    "metadata/check/dcat_ap.py": "metadata/check/test_rules.py",
    "metadata/check/hvd.py": "metadata/check/test_rules.py",
    "metadata/check/model.py": "metadata/check/test_engine.py",
    "metadata/check/rows.py": "metadata/check/test_rules.py",
    "metadata/rdf/names.py": "metadata/rdf/test_graph.py",
    "metadata/rdf/parse_process.py": "metadata/rdf/test_reading.py",
    "harvest/ckan.py": "harvest/test_fetch.py",
    "harvest/ckan_process.py": "harvest/test_ckan_answer.py",
    "harvest/derive.py": "harvest/test_service.py",
    "harvest/described.py": "harvest/test_service.py",
    "harvest/model.py": "harvest/test_service.py",
    "harvest/store.py": "harvest/test_service.py",
    "metadata/repair/listed.py": "metadata/repair/test_rules.py",
    "metadata/repair/nodes.py": "metadata/repair/test_rules.py",
    "metadata/repair/spelling.py": "metadata/repair/test_rules.py",
    "metadata/repair/work.py": "metadata/repair/test_rules.py",
    "notifications/message.py": "notifications/test_mail_queue.py",
    "notifications/service.py": "notifications/test_causes.py",
    "notifications/smtp.py": "notifications/test_mail_queue.py",
    "notifications/store.py": "notifications/test_causes.py",
    "moving/contents.py": "moving/test_arrival_hostile.py",
    "moving/departure.py": "moving/test_arrival.py",
    "moving/envelope.py": "moving/test_arrival.py",
    "moving/manifest.py": "moving/test_arrival.py",
    "moving/people.py": "moving/test_arrival.py",
    "moving/rows.py": "moving/test_tables.py",
    "moving/statements.py": "moving/test_arrival.py",
    "moving/store.py": "moving/test_arrival.py",
    "offboarding/contracts.py": "offboarding/test_delete_retention.py",
    "operation/assemble.py": "app/test_services.py",
    "operation/monitoring.py": "api/test_operation.py",
    "operation/trust_changes.py": "peer/test_auth_keys.py",
    "participants/keys.py": "participants/test_service_revoking.py",
    "participants/lifecycle_store.py": "offboarding/test_close.py",
    "participants/store.py": "participants/test_service.py",
    "operation/overview.py": "web/administration/test_handlers.py",
    "approvals/rule_proposals.py": "approvals/test_loosening.py",
    "partners/store.py": "web/partners/test_handlers.py",
    "peer/dsp/transfers.py": "cities/test_exchange.py",
    "peer/public/view.py": "peer/public/test_html.py",
    "policy/advice/apply.py": "policy/advice/test_advice.py",
    "policy/evaluation/decision.py": "policy/advice/test_advice.py",
    "policy/odrl/model.py": "policy/test_engine_templates.py",
    "policy/odrl/reader.py": "policy/odrl/test_parse_hostile.py",
    "policy/odrl/registry.py": "policy/evaluation/test_checks.py",
    "policy/odrl/state_of_world.py": "policy/evaluation/test_checks.py",
    "privacy/column_rules.py": "privacy/test_person_in_tables.py",
    "privacy/column_scan.py": "privacy/test_person_in_tables.py",
    "privacy/holds.py": "privacy/test_erasure.py",
    "privacy/retention_store.py": "privacy/test_erasure.py",
    "privacy/unexpired.py": "offboarding/test_delete_retention.py",
    "protocol/messages.py": "protocol/test_codec.py",
    "reading/columns.py": "reading/test_contents.py",
    "reading/csv_table.py": "reading/test_contents.py",
    "reading/encoding.py": "reading/test_contents.py",
    "reading/json_table.py": "reading/test_contents.py",
    "reading/model.py": "reading/test_contents.py",
    "reading/workbook.py": "reading/test_contents.py",
    "reconciliation/partner_log.py": "reconciliation/test_ask.py",
    "reconciliation/proven_records.py": "reconciliation/test_ask.py",
    "reconciliation/service.py": "reconciliation/test_ask.py",
    "reconciliation/store.py": "reconciliation/test_ask.py",
    "requests/assemble.py": "app/test_services.py",
    "requests/dataset.py": "web/find/test_handlers.py",
    "requests/link_store.py": "requests/test_links.py",
    "requests/search.py": "api/test_find.py",
    "settings/sections.py": "trust/signers/test_csc.py",
    "storage/postgres/tx.py": "storage/test_database.py",
    "storage/sqlite/checkpoint.py": "storage/sqlite/test_database.py",
    "storage/sqlite/lock.py": "storage/sqlite/test_database.py",
    "storage/sqlite/snapshot.py": "storage/sqlite/test_integrity.py",
    "storage/sqlite/tx.py": "storage/test_database.py",
    "storage/sqlite/turns.py": "storage/sqlite/test_database.py",
    "storage/sqlite/batch.py": "storage/sqlite/test_database.py",
    "trace/events.py": "trace/test_service.py",
    "trace/find.py": "trace/test_service.py",
    "trace/store.py": "trace/test_service.py",
    "tasks/model.py": "tasks/test_order.py",
    "tasks/store.py": "tasks/test_service.py",
    "transfer/assemble.py": "app/test_services.py",
    "transfer/decide.py": "transfer/test_send_suspension.py",
    "transfer/decision/decision_store.py": "transfer/decision/test_decisions.py",
    "transfer/decision/state_of_world.py": "transfer/decision/test_decisions.py",
    "transfer/model.py": "transfer/test_send_suspension.py",
    "transfer/store.py": "transfer/test_service.py",
    "views/approval.py": "web/approvals/test_handlers.py",
    "web/account/browser.py": "web/account/test_sign_in.py",
    "views/people.py": "api/test_people.py",
    "trust/clock_skew.py": "peer/test_auth_clock_skew.py",
    "trust/keys/jwk.py": "trust/keys/test_signing.py",
    "trust/keys/vault.py": "trust/keys/test_signing.py",
    "trust/members/authority.py": "trust/members/test_source.py",
    "api/spaces.py": "cli/operate/test_space.py",
    "api/groups.py": "partners/test_groups.py",
    "views/group.py": "partners/test_groups.py",
    "participants/groups.py": "partners/test_groups.py",
    "cli/operate/space_group.py": "spaces/keeping/test_groups.py",
    "cli/operate/space_csv.py": "cli/operate/test_space.py",
    "peer/spaces.py": "spaces/keeping/test_applications.py",
    "views/space.py": "cli/operate/test_space.py",
    "spaces/application_store.py": "spaces/keeping/test_applications.py",
    "spaces/assemble.py": "spaces/joining/test_joining.py",
    "spaces/keeping/authority_key.py": "spaces/keeping/test_issuing.py",
    "spaces/decision/member_keys.py": "spaces/keeping/test_memberships_struck.py",
    "spaces/documents.py": "spaces/keeping/test_applications.py",
    "spaces/group_store.py": "spaces/keeping/test_groups.py",
    "spaces/keeping/hints.py": "spaces/joining/test_joining.py",
    "spaces/keeping/invitations.py": "spaces/keeping/test_applications.py",
    "spaces/joined_store.py": "spaces/joining/test_joining.py",
    "spaces/member_store.py": "spaces/keeping/test_issuing.py",
    "notifications/model.py": "notifications/test_causes.py",
    "spaces/news.py": "notifications/test_spaces.py",
    "tasks/assemble.py": "notifications/test_spaces.py",
    "spaces/keeping/taken_groups.py": "spaces/keeping/test_recovery.py",
    "spaces/recovery_store.py": "spaces/keeping/test_recovery.py",
    "spaces/store.py": "spaces/keeping/test_issuing.py",
    "trust/assemble.py": "spaces/joining/test_joining.py",
    "trust/members/entries.py": "trust/members/test_trust_list_seal_periods.py",
    "trust/members/pins.py": "trust/members/test_anchors.py",
    "trust/members/roots.py": "trust/members/test_trust_list.py",
    "trust/signers/registry.py": "cities/test_seals.py",
    "verify/__main__.py": "verify/test_bundle_alone.py",
    "verify/checks/anchors.py": "verify/test_bundle.py",
    "verify/checks/examination.py": "verify/test_bundle.py",
    "verify/formats/cms.py": "verify/formats/test_timestamp.py",
    "verify/formats/key_binding.py": "verify/test_bundle.py",
    "verify/formats/merkle.py": "audit/test_merkle.py",
    "verify/formats/trustlist.py": "verify/checks/test_second_seal_logged.py",
    "verify/remarks.py": "verify/test_bundle.py",
    "verify/report.py": "cli/records/test_verify.py",
    "app/desk.py": "web/test_routes.py",
    "web/contracts/view.py": "web/contracts/test_handlers.py",
    "web/approvals/view.py": "web/approvals/test_handlers.py",
    "web/assets.py": "web/frame/test_handlers.py",
    "web/call.py": "web/test_routes.py",
    "web/menu.py": "web/frame/test_handlers.py",
    "web/problems.py": "web/test_routes.py",
    "web/sent_forms.py": "web/test_routes.py",
    "views/harvest.py": "cities/test_importing.py",
    "views/agreement.py": "api/test_openapi.py",
    "views/duty.py": "api/test_openapi.py",
    "views/federation.py": "cities/test_federation.py",
    "views/negotiation.py": "api/test_openapi.py",
    "views/moving.py": "cities/test_participant_moves.py",
    "views/offboarding.py": "cities/test_leaving.py",
    "views/operation.py": "api/test_openapi.py",
    "views/participant.py": "api/test_openapi.py",
    "views/person.py": "cities/test_records.py",
    "views/record.py": "cities/test_records.py",
    "views/transfer.py": "api/test_transfers.py",
    "views/termination.py": "cities/test_agreement_life.py",
    "views/trace.py": "api/test_openapi.py",
    "views/witness.py": "cities/test_watching.py",
    "web/figures/view.py": "web/figures/test_handlers.py",
    "web/today/view.py": "web/today/test_handlers.py",
    "web/datasets/view.py": "web/datasets/test_handlers.py",
    "web/publish/terms.py": "web/publish/test_handlers.py",
    "web/spaces/view.py": "web/spaces/test_keeping.py",
    "web/publish/view.py": "web/publish/test_handlers.py",
    "witness/cosignatures.py": "witness/test_ask.py",
    "witness/heads.py": "witness/test_restore.py",
    "witness/quorum.py": "operation/test_witness_status.py",
    "views/dataset_life.py": "api/test_datasets.py",
}
"""Modules without a test of their own name: the test that fails if they are wrong."""


def mirrored() -> list[Path]:
    """The test files that are about one module each."""
    found = (path.relative_to(TESTS) for path in TESTS.rglob("test_*.py"))
    return sorted(path for path in found if path.parts[0] not in ABOUT_THE_WHOLE)


def module_of(test: Path) -> str | None:
    """The module, as `SLICE/MODULE.py`, with the longest name that the name of the test file begins with."""
    words = test.stem.removeprefix("test_").split("_")
    names = ("_".join(words[:count]) for count in range(len(words), 0, -1))
    found = (test.with_name(f"{name}.py") for name in names)
    return next((path.as_posix() for path in found if (PACKAGE / path).is_file()), None)


def lines_of_code(module: Path) -> int:
    """Lines on which something of the program begins: no blank lines, no comments, no closing brackets."""
    text = module.read_text(encoding="utf-8")
    tree = ast.parse(text if text.count("\n") > SHORT else "")
    return len({node.lineno for node in ast.walk(tree) if isinstance(node, ast.stmt | ast.expr)})


def modules() -> Iterator[str]:
    """Whoever holds logic needs a test; the demonstration is one, and each test is run on a tree of its own."""
    for path in PACKAGE.rglob("*.py"):
        name = path.relative_to(PACKAGE).as_posix()
        if path.name != "__init__.py" and not name.startswith("cli/demo/"):
            yield name


def borrowed(path: Path, names: Set[str]) -> Iterator[str]:
    """What a file imports, if it names one of these at all."""
    text = path.read_text(encoding="utf-8")
    for node in ast.walk(ast.parse(text)) if names & set(re.findall(r"\btest_\w+", text)) else ():
        if isinstance(node, ast.ImportFrom) and node.module is not None:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def test_a_test_file_is_named_after_its_module() -> None:
    assert [test.as_posix() for test in mirrored() if not module_of(test)] == []


def test_a_module_with_logic_has_a_test_of_its_name() -> None:
    """>> a new module << its test, or a row that says which other test proves it."""
    tested = {module_of(test) for test in mirrored()}
    untested = sorted(set(modules()) - tested - set(PROVED_BY))
    assert [module for module in untested if lines_of_code(PACKAGE / module) > SHORT] == []


def test_what_proves_a_module_exists() -> None:
    """A row goes when its module gets a test of its own, or is gone."""
    assert [module for module in PROVED_BY if not (PACKAGE / module).is_file()] == []
    assert [proof for proof in PROVED_BY.values() if not (TESTS / proof).is_file()] == []
    assert PROVED_BY.keys() & {module_of(test) for test in mirrored()} == set()


def test_nothing_is_imported_from_a_test_module() -> None:
    """What two files need has a name of its own: whoever changes a test changes no other."""
    tests = {f"tests.{'.'.join(test.relative_to(TESTS).with_suffix('').parts)}" for test in TESTS.rglob("test_*.py")}
    names = {name.rpartition(".")[2] for name in tests}
    found = {path.relative_to(TESTS).as_posix(): borrowed(path, names) for path in sorted(TESTS.rglob("*.py"))}
    assert {
        path: wrong
        for path, imported in found.items()
        if (wrong := [name for name in imported if name in tests or name.rpartition(".")[0] in tests])
    } == {}
