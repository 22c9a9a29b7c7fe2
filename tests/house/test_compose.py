"""`compose/` describes containers that this release can start: known settings, known secrets, nothing privileged."""

import re
import tomllib

import pytest

from connector.foundation.settings.load import documented
from tests.testkit.places import ROOT

FOLDER = ROOT / "compose"
CONTAINERFILE = (FOLDER / "Containerfile").read_text(encoding="utf-8")


class Block(dict[str, "Block"]):
    """A mapping of the file with the rest of its line; only as much YAML as the file uses."""

    value = ""
    merged: tuple[str, ...] = ()


def parse(text: str) -> Block:
    """Indented mappings, `&anchor` and `<<: *anchor`; everything else stays text."""
    top = Block()
    anchors: dict[str, Block] = {}
    open_blocks = [(-1, top)]
    for line in text.splitlines():
        match = re.fullmatch(r"( *)(?!#)([\w.<-]+): ?(.*)", line)
        if match is None:
            continue
        indent, name, value = len(match[1]), match[2], match[3]
        while open_blocks[-1][0] >= indent:
            open_blocks.pop()
        parent = open_blocks[-1][1]
        if name == "<<":
            parent.update(anchors[value.removeprefix("*")])
            continue
        parent[name] = Block()
        parent[name].value = value
        if value.startswith("&"):
            anchors[value.removeprefix("&")] = parent[name]
        open_blocks.append((indent, parent[name]))
    return top


COMPOSE = parse((FOLDER / "compose.yaml").read_text(encoding="utf-8"))
SERVICES = {name: block for name, block in COMPOSE["services"].items() if "image" in block}


def listed(block: Block) -> list[str]:
    return [item.strip().strip('"') for item in block.value.strip("[]").split(",") if item.strip()]


def test_two_replicas_and_a_company_stand_on_postgresql() -> None:
    assert set(SERVICES) == {"network", "space", "provider-db", "company-db", "provider-a", "provider-b", "company"}
    assert SERVICES["provider-a"]["environment"].keys() == SERVICES["provider-b"]["environment"].keys()


@pytest.mark.parametrize("name", ["provider-a", "provider-b", "company"])
def test_every_variable_is_a_setting(name: str) -> None:
    """A misspelt variable would stop the container with a sentence; it must not come that far."""
    known = {setting.variable for setting in documented()}
    environment = SERVICES[name]["environment"]
    assert environment
    assert set(environment) <= known


def test_every_secret_is_declared_and_made() -> None:
    made = (FOLDER / "prepare").read_text(encoding="utf-8")
    declared = COMPOSE["secrets"]
    for service in SERVICES.values():
        for secret in listed(service["secrets"]) if "secrets" in service else []:
            assert secret in declared
            assert secret.split("-")[-2] in made
        for variable, value in service.get("environment", Block()).items():
            if variable.endswith("_FILE") and (used := value.value).startswith("/run/secrets/"):
                assert used.removeprefix("/run/secrets/") in declared


def test_the_roles_are_those_of_the_migrations() -> None:
    roles = set(re.findall(r"CREATE ROLE (\w+)", (FOLDER / "roles.sql").read_text(encoding="utf-8")))
    assert roles == {"hanse_owner", "hanse", "hanse_worker"}
    assert "NOBYPASSRLS" in (FOLDER / "roles.sql").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["network", "space", "provider-a", "provider-b", "company"])
def test_no_container_of_ours_may_more_than_it_needs(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"].value == "true"
    assert service["cap_drop"].value == '["ALL"]'
    assert "no-new-privileges:true" in service["security_opt"].value


def test_the_image_runs_without_root_and_builds_without_an_index() -> None:
    users = re.findall(r"^USER (\d+):(\d+)$", CONTAINERFILE, re.MULTILINE)
    assert users
    assert all(int(number) > 0 for pair in users for number in pair)
    assert "--no-index" in CONTAINERFILE
    assert "ARG BASE=" in CONTAINERFILE
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["name"] in CONTAINERFILE


def test_ports_are_published_on_loopback_only() -> None:
    """Nobody who tries it out opens it to the street."""
    text = (FOLDER / "compose.yaml").read_text(encoding="utf-8")
    assert all(port.startswith("127.0.0.1:") for port in re.findall(r'- "([\d.:]+:\d+)"', text))


def test_bug_preparing_the_containers_broke_the_checkout() -> None:
    """The wheels of the containers lie where `./hanse` does not look: they lack what an installation here needs."""
    assert '"$root/wheelhouse"' not in (FOLDER / "prepare").read_text(encoding="utf-8")
    assert "COPY compose/wheelhouse /wheelhouse" in CONTAINERFILE
    ignored = (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()
    assert {"/compose/wheelhouse/", "/compose/secrets/"} <= set(ignored)
