"""A service of a compose file becomes a target's mapping that says the same."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from harness.plan.compose.convert import convert_service
from harness.plan.compose.file_choice import find_files
from harness.plan.compose.reader import read_compose
from harness.plan.compose.report import ComposeTarget
from tests.compose_files import ENVIRON, FILES

BOMB = "x-0: &a0 [x, x]\n" + "".join(
    f"x-{number}: &a{number} [*a{number - 1}, *a{number - 1}]\n" for number in range(1, 40)
)
"""Forty lines that aliases make into a million million values."""

Convert = Callable[..., ComposeTarget]
"""A function that converts the service `web` of files, or of the text of one compose file."""


@pytest.fixture
def convert(tmp_path: Path) -> Convert:
    def convert_web(
        files: str | Mapping[str, str], own: Mapping[str, Any] | None = None, **environ: str
    ) -> ComposeTarget:
        for name, text in ({"compose.yaml": files} if isinstance(files, str) else files).items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        known = ENVIRON | environ
        model = read_compose(find_files(tmp_path / "compose.yaml", known), known)
        return convert_service(model, "web", known, own or {})

    return convert_web


def test_references_of_environments_stay_references_and_others_are_replaced(convert: Convert) -> None:
    values = convert(FILES["references"]).values
    assert values["image"] == "shop:1.2-slim"
    assert values["command"] == ["serve", "fallback", "", "set", "", "$HOME", "1.2", "5$"]
    assert values["port"] == 9000
    assert values["environment"] == {
        "NESTED": "deep",
        "BRACES": '{"a": 1}',
        "PASSWORD": "${SECRET}",
        "URL": "postgres://u:${SECRET}@db/app",
        "DOLLAR": "hello $${NAME}",
        "TAGGED": "yes",
        "SECRET": "${SECRET}",
    }


def test_a_reference_in_a_variables_name_is_replaced(convert: Convert) -> None:
    entries = "['${KEY}=1', 'B=${VALUE}', '${NONE:-A=2}', '${KEY}2']"
    text = f"services: {{web: {{image: x, environment: {entries}}}}}\n"
    environment = convert(text, KEY="NAME", VALUE="v", NAME2="found").values["environment"]
    assert environment == {"NAME": "1", "B": "${VALUE}", "A": "2", "NAME2": "${NAME2}"}


def test_the_values_of_env_files_are_those_of_compose(convert: Convert) -> None:
    assert convert(FILES["env files"]).values["environment"] == {
        "A": "6",
        "OVER": "environment",
        "Q": 'a"b',
        "DOTTED.NAME": "1",
        "REF": "5-${SECRET}",
        "SECRET": "${SECRET}",
        "TAB": "a\\tb",
        "M": "a\nb",
        "TWO": "${TAG}",
        "EARLIER": "5-${SECRET}",
        "OWN": "1",
    }


def test_anchors_merge_and_scalars_are_texts_as_compose_writes_them(convert: Convert) -> None:
    assert convert(FILES["anchors"]).values["environment"] == {
        "LEVEL": "debug",
        "WORKERS": "2",
        "MORE": "yes",
        "RATIO": "0.5",
        "BIG": "1000",
        "OCTAL": "420",
        "ON": "on",
        "YES": "true",
    }


def test_scalars_are_written_as_go_writes_them(convert: Convert) -> None:
    values = convert(FILES["scalars that Go writes otherwise"]).values
    assert values["environment"] == {
        "A": "1e+06",
        "B": "100000",
        "C": "-1e-05",
        "D": "1.5",
        "E": "1.2345675e+06",
        "F": "1e400",
        "G": "x",
        "H": "hi",
        "I": "2024-01-02 00:00:00 +0000 UTC",
        "J": "2024-01-02 03:04:05.6 +0200 +0200",
        "K": "2024-01-02 03:04:05 +0000 UTC",
    }
    assert (values["command"], values["aliases"]) == (["sh", "-c", "anb"], ["web", "my_shop-web"])


def test_a_build_keeps_its_context_where_another_file_changes_the_rest(
    convert: Convert, tmp_path: Path
) -> None:
    values = convert(FILES["a build without its context"]).values
    args = {"A": "2", "B": "1"}
    assert values["build"] == {"context": str(tmp_path / "sub/app"), "args": args}
    assert values["companions"]["job"]["build"] == {"context": str(tmp_path / "job"), "target": "two"}
    assert values["environment"] == {"EQUALS": "="}


def test_a_tab_that_indents_is_refused_with_its_place(convert: Convert) -> None:
    with pytest.raises(ValueError, match=r"compose\.yaml:2:1: .*indent with spaces, not tabs"):
        convert("services:\n\tweb: {image: x}\n")


def test_a_projects_name_that_docker_compose_refuses_is_refused(convert: Convert) -> None:
    with pytest.raises(ValueError, match="COMPOSE_PROJECT_NAME is My_Shop; write lower-case letters"):
        convert("services: {web: {image: x, ports: [80]}}\n", COMPOSE_PROJECT_NAME="My_Shop")


def test_a_variable_of_an_included_file_has_the_value_of_its_own_env_file(convert: Convert) -> None:
    inner = convert(FILES["variables of an included file"]).values["companions"]["inner"]
    assert inner["environment"] == {"OWN": "inner", "SECRET": "${SECRET}"}


def test_extends_and_include_bring_their_own_folders(convert: Convert, tmp_path: Path) -> None:
    values = convert(FILES["extends another file"]).values
    assert values["build"] == {"context": str(tmp_path / "sub/here"), "dockerfile": "Dockerfile.job"}
    assert values["environment"] == {"JOB": "1"}
    assert values["files"] == {"/d": str(tmp_path / "sub/d")}
    assert values["contents"] == {"/c": "inline ${SECRET}"}


def test_included_files_have_an_env_file_of_their_own(convert: Convert, tmp_path: Path) -> None:
    companions = convert(FILES["include"]).values["companions"]
    assert list(companions) == ["cache", "db"]
    assert companions["cache"]["image"] == "redis:7"
    assert companions["db"]["build"] == {"context": str(tmp_path / "data/image")}
    assert companions["db"]["files"] == {"/seed": str(tmp_path / "data/seed")}


def test_the_last_env_file_of_an_included_file_goes_first_but_not_before_the_caller(convert: Convert) -> None:
    command = convert(FILES["env files of an included file"]).values["companions"]["inner"]["command"]
    assert command == ["1.2", "first", "second", "first-"]


def test_the_files_that_compose_file_names_are_read_in_their_order(convert: Convert) -> None:
    result = convert(FILES["files of COMPOSE_FILE"])
    assert (result.values["port"], result.values["command"]) == (90, ["2"])
    assert result.notes[0].endswith("more.yaml is read with it")


def test_scalars_are_those_of_yaml_1_2_and_the_later_anchor_of_two_counts(convert: Convert) -> None:
    values = convert(FILES["yaml 1.1 and reused anchors"]).values
    assert values["environment"] == {"ON": "yes", "TIME": "22:22", "FIRST": "1", "SECOND": "2"}
    assert values["port"] == 30


@pytest.mark.parametrize(
    ("files", "fault"),
    [
        ("services: {web: {image: x, env_file: [{required: false}]}}\n", "env_file: an entry has no path"),
        ("services: {web: {image: x, extends: {file: other.yaml}}}\n", "extends: names no service"),
        ("include: [{project_directory: .}]\nservices: {web: {image: x}}\n", "include has no path"),
        ("include: [{path: []}]\nservices: {web: {image: x}}\n", "include has no path"),
        (
            {
                "compose.yaml": "include: [{path: a.yaml, env_file: gone.env}]\n",
                "a.yaml": "services: {web: {image: x}}\n",
            },
            r"gone\.env can't be read: No such file",
        ),
    ],
)
def test_an_entry_without_what_it_is_about_is_refused(
    convert: Convert, files: str | dict[str, str], fault: str
) -> None:
    with pytest.raises(ValueError, match=fault):
        convert(files)


def test_an_override_file_is_read_with_its_file(convert: Convert, tmp_path: Path) -> None:
    result = convert(FILES["override"])
    values = result.values
    assert values["command"] == ["c"]
    assert values["environment"] == {"A": "1", "B": "2", "C": "3"}
    assert values["build"]["args"] == {"X": "1", "Y": "2", "TAG": "1.2"}
    assert values["files"] == {"/data": str(tmp_path / "b")}
    assert values["capabilities"] == ["NET_ADMIN", "SYS_NICE"]
    assert values["ulimits"] == {"nofile": {"soft": 20, "hard": 30}, "nproc": {"soft": 1, "hard": 2}}
    assert values["aliases"] == ["web", "shop"]
    assert values["ready"] == {"command": ["false"], "within": 60.0}
    assert any(note.endswith("compose.override.yaml is read with it") for note in result.notes)


def test_reset_and_override_tags_take_values_away(convert: Convert) -> None:
    result = convert(FILES["reset and override"])
    assert result.values["port"] == 90
    assert result.values["environment"] == {"B": "1"}
    assert "volumes" not in result.values
    assert result.faults == []


def test_tags_take_away_what_a_service_extends(convert: Convert) -> None:
    values = convert(FILES["tags beside extends and include"]).values
    job = values["companions"]["job"]
    assert (values["port"], values["environment"]) == (90, {"B": "2", "C": "1"})
    assert "volumes" not in values
    assert ("command" in job, job["environment"], job["user"]) == (False, {"D": "1", "E": "1"}, "5")


def test_the_working_folder_of_the_shell_is_that_of_the_file(convert: Convert, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    text = "services: {web: {image: x, ports: [80], volumes: ['$PWD/data:/data:ro', '${PWD}/data:/other']}}\n"
    result = convert(text, PWD="/elsewhere")
    assert result.values["files"] == {"/data": str(tmp_path / "data")}
    assert result.values["copies"] == {"/other": str(tmp_path / "data")}
    assert any(note.startswith("$PWD is taken as its folder ") for note in result.notes)
    assert not any("PWD" in note for note in convert(text, PWD=str(tmp_path)).notes)


def test_an_empty_service_of_another_file_can_be_extended(convert: Convert) -> None:
    assert convert(FILES["an empty service that another extends"]).values["port"] == 80


def test_tags_take_away_what_a_file_includes(convert: Convert) -> None:
    files = {
        "compose.yaml": "include: [other.yaml]\n"
        "services: {web: {ports: !override ['90'], command: !reset null}}\n",
        "other.yaml": "services: {web: {image: x, ports: ['80'], command: [run], user: '5'}}\n",
    }
    values = convert(files).values
    assert (values["port"], values["user"], "command" in values) == (90, "5", False)


def test_the_port_is_the_first_of_tcp_that_is_not_for_ssh(convert: Convert) -> None:
    result = convert(FILES["ports"])
    assert result.values["port"] == 8001
    assert result.notes == [
        "web: port 8001 is measured, and not 8002, 9000, 9001, 3000, 3001, 6000, 6001, 8080; "
        "write port: for another"
    ]  # fmt: skip


def test_commands_are_split_as_compose_splits_them(convert: Convert) -> None:
    values = convert(FILES["commands"]).values
    assert values["command"] == ["serve", "--name", "two words", "--empty", "", "single $x", "a b"]
    assert values["entrypoint"] == []
    a, b, c, d = (values["companions"][name] for name in "abcd")
    assert (a["command"], a["entrypoint"]) == ([], [])
    assert ("command" in b, b["entrypoint"]) == (False, ["sh", "-c"])
    assert (c["command"], d["command"]) == (["one"], ["folded", "text"])


def test_limits_in_both_places_and_all_spellings_stay(convert: Convert) -> None:
    mib = 1024 * 1024
    companions = convert(FILES["numbers"]).values["companions"]
    assert {name: each["limits"] for name, each in companions.items()} == {
        "a": {"cpus": 0.5, "memory": 128 * mib},
        "b": {"memory": 307 * mib},
        "c": {"cpus": 0.7, "memory": 96 * mib},
        "d": {"cpus": 0.5, "memory": 1024 * mib},
        "e": {"cpus": 0.25, "memory": 1024 * mib},
    }


def test_numbers_are_numbers(convert: Convert) -> None:
    values = convert(FILES["numbers"]).values
    assert values["shm_size"] == 64 * 1024 * 1024
    assert values["pids_limit"] == 100
    assert values["ulimits"] == {"nofile": 1024, "memlock": {"soft": -1, "hard": -1}}
    assert values["sysctls"] == {"net.core.somaxconn": "1024"}


def test_mounts_of_every_kind_are_honoured(convert: Convert, tmp_path: Path) -> None:
    result = convert(FILES["mounts"])
    conf = str(tmp_path / "conf")
    assert result.values["files"] == {"/conf": conf, "/long": conf, "/propagated": conf}
    assert result.values["copies"] == {
        "/data": str(tmp_path / "data"),
        "/folder": conf,
        "/missing": str(tmp_path / "missing"),
    }
    assert result.values["volumes"] == {
        "/anonymous": "",
        "/shared": {"name": "shared", "nocopy": True},
        "/named": {"name": "named", "read_only": True},
    }
    assert result.values["tmpfs"] == [
        "/run:size=64m,mode=1777",
        "/fast:size=67108864,mode=01777",
        "/memory:size=1m",
    ]
    assert len([note for note in result.notes if "/shared" in note and "without what is in" in note]) == 1


def test_a_folder_in_which_something_else_is_mounted_becomes_a_copy(convert: Convert, tmp_path: Path) -> None:
    (tmp_path / "code").mkdir()
    text = 'services: {web: {image: x, volumes: ["./code:/code:ro", "/code/packages"]}}\n'
    values = convert(text).values
    assert (values.get("files"), values["copies"]) == (None, {"/code": str(tmp_path / "code")})
    assert values["volumes"] == {"/code/packages": ""}


def test_a_volume_of_another_service_may_begin_empty_or_be_read_only(convert: Convert) -> None:
    result = convert(FILES["volumes that begin empty"])
    assert result.values["volumes"] == {
        "/data": {"name": "data", "nocopy": True, "read_only": True},
        "/site": {"name": "site", "read_only": True},
        "/own": {"name": "", "nocopy": True},
    }
    assert result.values["companions"]["fill"]["volumes"] == {"/data": "data", "/site": "site"}
    assert "web: its volume at /data begins empty in every container run" in result.notes
    assert "web: its volume at /site begins as in its image in every container run" in result.notes


def test_secrets_and_configs_become_files_and_contents(convert: Convert, tmp_path: Path) -> None:
    values = convert(FILES["secrets and configs"]).values
    token = str(tmp_path / "token.txt")
    assert values["files"] == {"/run/secrets/token": token, "/etc/key": token, "/site": token}
    assert values["contents"] == {
        "/run/secrets/env": "${SECRET}",
        "/etc/text": {"text": "a 1.2 $${b}\n".replace("1.2", "${TAG}"), "mode": "0440"},
    }


def test_a_build_is_honoured_with_its_stage_and_its_access(convert: Convert, tmp_path: Path) -> None:
    values = convert(FILES["build"]).values
    assert values["build"] == {
        "context": str(tmp_path / "app"),
        "dockerfile": "docker/Dockerfile",
        "target": "prod",
        "network": "host",
        "args": {"TAG": "1.2", "FIXED": "1"},
        "extra_hosts": ["a:1.1.1.1"],
        "secrets": {"token": {"environment": "SECRET"}},
        "ssh": ["default"],
        "platform": "linux/amd64",
    }
    inline = values["companions"]["inline"]["build"]["dockerfile_inline"]
    assert inline == "FROM x\nRUN echo $HOME\n"


def test_further_contexts_of_a_build_are_folders_images_and_addresses(
    convert: Convert, tmp_path: Path
) -> None:
    result = convert(FILES["further contexts of a build"])
    assert result.faults == []
    assert result.values["build"] == {
        "context": str(tmp_path / "app"),
        "additional_contexts": {
            "shared": str(tmp_path / "shared"),
            "alpine": "docker-image://alpine:3.20",
            "sources": "https://example.test/x.git#main",
        },
    }
    other = result.values["companions"]["other"]["build"]
    built = {"build": {"context": str(tmp_path / "shared"), "target": "two"}}
    assert other["additional_contexts"] == {"shared": str(tmp_path / "shared"), "built": built}
    assert [note for note in result.notes if "build." in note] == [
        "web: build.no_cache is not honoured: steps that have not changed come from the engine's cache",
        "web: build.pull is not honoured: it is built upon the images that the engine has, also if there "
        "are newer ones",
        "has no effect on what is measured: build.shm_size, build.tags of web",
    ]


def test_a_context_that_is_another_service_is_the_image_that_it_runs(convert: Convert) -> None:
    build = "{context: ., additional_contexts: {base: 'service:base'}}"
    text = f"services:\n  web: {{ports: [80], build: {build}}}\n  base: {{image: 'base:2'}}\n"
    build_section = convert(text).values["build"]
    assert build_section["additional_contexts"] == {"base": "docker-image://base:2"}


def test_a_context_that_another_service_is_built_to_is_built_first(convert: Convert, tmp_path: Path) -> None:
    text = """\
services:
  web: {build: {context: ., additional_contexts: {'base:latest': 'service:base', same: 'service:same'}}}
  base:
    build: {context: ./base, additional_contexts: {deep: 'service:deep'}, isolation: hyperv, labels: {a: b}}
  deep: {build: {dockerfile_inline: FROM x}}
  same: {image: "shop:dev"}
  builder: {image: "shop:dev", build: {context: ./same, target: prod}}
"""
    files = {
        "compose.yaml": text,
        "Dockerfile": "FROM base\n",
        "base/Dockerfile": "FROM deep\nEXPOSE 7000\n",
    }
    result = convert(files)
    deep = {"context": str(tmp_path), "dockerfile_inline": "FROM x"}
    base = {"context": str(tmp_path / "base"), "additional_contexts": {"deep": {"build": deep}}}
    same = {"context": str(tmp_path / "same"), "target": "prod"}
    contexts = {"base:latest": {"build": base}, "same": {"build": same}}
    assert result.values["build"] == {"context": str(tmp_path), "additional_contexts": contexts}
    assert (result.values["port"], result.faults) == (7000, [])
    assert "base: build.isolation is not honoured: it is built as the engine does it" in result.notes


def test_a_base_image_that_another_service_builds_is_noted_unless_it_is_a_context(convert: Convert) -> None:
    base = "  base: {build: ./base, image: 'shop:base'}\n"
    files = {
        "compose.yaml": f"services:\n  web: {{build: ., ports: [80]}}\n{base}",
        "Dockerfile": "FROM docker.io/library/shop:base\n",
    }
    assert convert(files).notes[0] == (
        "web: it is built upon the shop:base that the engine has; "
        "additional_contexts: {shop:base: 'service:base'} in its build makes that first"
    )
    build = "{context: ., additional_contexts: {'shop:base': 'service:base'}}"
    files["compose.yaml"] = f"services:\n  web: {{build: {build}, ports: [80]}}\n{base}"
    assert convert(files).notes == []


def test_the_network_of_all_that_the_file_describes_is_noted(convert: Convert) -> None:
    text = "services: {web: {image: x, ports: [80]}}\nnetworks: {default: {external: true, name: proxy}}\n"
    assert convert(text).notes == [
        "network default: external is not honoured: the network is a fresh one, and nobody else is in it"
    ]
    options = "networks: {default: {driver_opts: {com.docker.network.driver.mtu: 1450}, enable_ipv4: false}}"
    notes = convert(f"services: {{web: {{image: x, ports: [80]}}}}\n{options}\n").notes
    assert [note.split(":")[1] for note in notes] == [
        " driver_opts is not honoured",
        " enable_ipv4 is not honoured",
    ]
    assert convert(text.replace("ports: [80]", "ports: [80], network_mode: host")).notes == []


def test_a_network_or_volume_that_the_file_does_not_describe_is_noted(convert: Convert) -> None:
    notes = convert("services: {web: {image: x, volumes: ['data:/d'], networks: [n]}}\n").notes
    assert [note for note in notes if "not in the file" in note] == [
        "web: its network n is not in the file, and counts as a usual one",
        "web: its volume data is not in the file, and counts as a usual one",
    ]


def test_the_port_of_tls_or_of_a_debugger_is_measured_only_if_there_is_no_other(convert: Convert) -> None:
    result = convert("services: {web: {image: x, ports: ['443:443', '9229:9229', '8080:80', '81:81']}}\n")
    assert result.values["port"] == 80
    assert result.notes == ["web: port 80 is measured, and not 443, 9229, 81; write port: for another"]
    assert convert("services: {web: {image: x, ports: ['443:443']}}\n").values["port"] == 443


def test_what_is_external_may_be_written_as_a_text(convert: Convert, tmp_path: Path) -> None:
    (tmp_path / "token").touch()
    text = (
        "services: {web: {image: x, ports: [80], secrets: [own, old], volumes: ['data:/data']}}\n"
        "secrets: {own: {external: '${NO:-false}', file: ./token}, old: {external: {name: older}}}\n"
        "volumes: {data: {external: '${YES:-true}'}}\n"
    )
    result = convert(text)
    assert result.values["files"] == {"/run/secrets/own": str(tmp_path / "token")}
    assert [fault.split(";")[0] for fault in result.faults] == ["web: its secret old is external"]
    assert any("without what is in the volume data" in note for note in result.notes)


def test_a_volume_elsewhere_is_noted_and_one_of_a_folder_may_be_read_only(
    convert: Convert, tmp_path: Path
) -> None:
    (tmp_path / "site").mkdir()
    text = """\
services: {web: {image: x, ports: [80], volumes: ['remote:/remote', 'site:/site']}}
volumes:
  remote: {driver_opts: {type: nfs, o: "addr=10.0.0.9,rw", device: ":/export"}}
  site: {driver_opts: {type: none, o: "rbind, ro", device: ./site}}
"""
    result = convert(text)
    assert result.values["files"] == {"/site": str(tmp_path / "site")}
    assert result.notes == [
        "web: its volume at /remote begins as in its image in every container run, on the engine's own disk, "
        "without what is in :/export"
    ]


def test_profiles_that_dotenv_switches_on_count_as_started(convert: Convert) -> None:
    text = (
        "services:\n  web: {image: x, ports: [80]}\n  on: {image: y, profiles: [a]}\n"
        "  off: {image: z, profiles: [b]}\n"
    )
    assert convert({"compose.yaml": text, ".env": "COMPOSE_PROFILES=c,a\n"}).notes == [
        "not started, because web does not depend on them: on (see compose.also)"
    ]


def test_a_dependency_that_need_not_be_there_is_started_only_if_its_profile_is_on(convert: Convert) -> None:
    text = (
        "services:\n  web: {image: x, ports: [80], depends_on: {db: {condition: service_started, required: "
        "false}}}\n  db: {image: postgres, profiles: [db]}\n"
    )
    without = convert(text)
    assert "companions" not in without.values
    assert without.notes == [
        "web: db is not started, because its profile is not switched on (see compose.also)"
    ]
    switched_on = convert({"compose.yaml": text, ".env": "COMPOSE_PROFILES=db, web\n"})
    assert (list(switched_on.values["companions"]), switched_on.notes) == (["db"], [])
    needed = convert({"compose.yaml": text.replace(", required: false", ""), ".env": ""})
    assert needed.notes == ["web: db is started, although its profile is not switched on"]
    own_profile = convert({"compose.yaml": text.replace("web: {", "web: {profiles: [db], "), ".env": ""})
    assert list(own_profile.values["companions"]) == ["db"]


def test_the_projects_name_of_dotenv_goes_before_that_of_the_file(convert: Convert) -> None:
    text = (
        "name: shop\nservices: {web: {image: x, environment: {DB: 'own-db-1:5432'}, depends_on: [db]}, "
        "db: {image: postgres}}\n"
    )
    values = convert({"compose.yaml": text, ".env": "COMPOSE_PROJECT_NAME=own\n"}).values
    assert values["companions"]["db"]["aliases"] == ["own-db-1"]


def test_an_env_file_of_an_unknown_format_is_refused(convert: Convert, tmp_path: Path) -> None:
    text = "services: {web: {image: x, ports: [80], env_file: [{path: a.env, format: toml}]}}\n"
    assert convert({"compose.yaml": text, "a.env": "A=1\n"}).faults == [
        "web: its env_file a.env has an unknown format; write raw, or none".replace(
            "a.env", str(tmp_path / "a.env")
        )
    ]


def test_a_builds_secret_is_the_callers_variable_or_that_of_dotenv(convert: Convert) -> None:
    text = (
        "services: {web: {ports: [80], build: {context: ., secrets: [mine, theirs, both]}}}\n"
        "secrets: {mine: {environment: SECRET}, theirs: {environment: OF_FILE}, both: {environment: TAG}}\n"
    )
    values = convert({"compose.yaml": text, ".env": "OF_FILE=from the file\nTAG=9\n"}).values
    assert values["build"]["secrets"] == {
        "mine": {"environment": "SECRET"},
        "theirs": {"text": "from the file"},
        "both": {"environment": "TAG"},
    }


def test_volumes_of_other_services_are_its_own_too(convert: Convert, tmp_path: Path) -> None:
    result = convert(FILES["volumes from"])
    static, companions = str(tmp_path / "static"), result.values["companions"]
    assert result.faults == []
    assert result.values["volumes"] == {
        "/own": "own",
        "/named": "named",
        "/nameless": "files.nameless",
        "/deep": {"name": "deep", "read_only": True},
        "/cached": "cache.cached",
    }
    assert result.values["copies"] == {"/static": static}
    assert result.values["files"] == {"/data": static, "/place": str(tmp_path / "conf")}
    assert "tmpfs" not in result.values
    assert list(companions) == ["cache", "deep", "data", "files"]
    assert companions["files"]["volumes"]["/nameless"] == "files.nameless"
    assert companions["cache"]["volumes"] == {"/cached": "cache.cached"}
    assert companions["data"]["volumes"] == {"/deep": "deep"}
    assert (
        "web: it has the volumes of files that the file names, and none that only the image declares"
        in result.notes
    )


def test_a_restart_counts_until_a_service_is_ready(convert: Convert) -> None:
    result = convert(FILES["restarts"])
    restarted = {name: each.get("restart", False) for name, each in result.values["companions"].items()}
    assert restarted == {"a": False, "b": True, "c": True, "d": False}
    assert [note for note in result.notes if "ready" in note and "nothing says" not in note] == [
        "restarted only until ready, and an end after that is a result: web, b, c"
    ]
    assert (
        "web: pull_policy is not honoured: the image that the engine has is run, also if there is a newer one"
        in result.notes
    )
    restart = "deploy.restart_policy"
    assert result.notes[-1] == (
        f"has no effect on what is measured: {restart}.delay, {restart}.max_attempts, {restart}.window of c"
    )


def test_a_restart_that_target_yaml_decides_is_not_noted(convert: Convert) -> None:
    text = "services: {web: {image: x, ports: [80], restart: always}}\n"
    assert convert(text, {"restart": False}).notes == []


def test_a_network_of_its_own_choice_is_noted(convert: Convert) -> None:
    notes = convert("services: {web: {image: x, ports: [80], network_mode: shop_net}}\n").notes
    assert notes == ["web: network_mode: shop_net is not honoured: it is in the network of all"]
    assert convert("services: {web: {image: x, ports: [80], network_mode: bridge}}\n").notes == []


def test_health_says_how_long_to_wait_and_jobs_are_jobs(convert: Convert) -> None:
    values = convert(FILES["health"]).values
    assert values["ready"] == {"command": ["sh", "-c", 'curl -f "http://localhost/$A"'], "within": 230.0}
    companions = values["companions"]
    assert companions["a"]["ready"] == {"healthy": True, "within": 270.0}
    assert (companions["b"]["ready"], companions["b"]["healthcheck"]) == ({"started": True}, False)
    assert (companions["c"]["job"], "ready" in companions["c"]) == (True, False)
    assert list(companions) == ["a", "b", "c", "d"]


def test_every_name_of_a_service_is_kept(convert: Convert) -> None:
    values = convert(FILES["names"]).values
    assert values["aliases"] == ["web", "shop", "www"]
    assert (values["hostname"], values["domainname"]) == ("shop-host", "example.test")
    assert values["extra_hosts"] == ["api.local:127.0.0.1", "host.docker.internal:host-gateway", "six:::1"]
    assert values["companions"]["My_Db.1"]["aliases"] == ["shop-db", "database"]


def test_the_name_that_compose_gives_a_container_is_an_alias_if_it_is_used(
    convert: Convert, tmp_path: Path
) -> None:
    text = (
        "name: shop\nservices:\n"
        "  web: {image: x, environment: {DB: 'shop-db-1:5432'}, depends_on: [db, own]}\n"
        "  db: {image: postgres}\n  own: {image: y, container_name: named, command: [shop-own-1]}\n"
    )
    companions = convert(text).values["companions"]
    assert companions["db"]["aliases"] == ["shop-db-1"]
    assert companions["own"]["aliases"] == ["named"]


def test_the_network_of_another_service_has_the_port(convert: Convert) -> None:
    values = convert(FILES["network of another"]).values
    assert (values["network_of"], values["port"], list(values["companions"])) == ("vpn", 8000, ["vpn"])


def test_a_service_depends_on_those_whose_names_and_processes_it_shares(convert: Convert) -> None:
    result = convert(FILES["name of another"])
    assert list(result.values["companions"]) == ["host", "other"]
    assert result.faults == ["web: pid can't be honoured: it would see processes outside of it"]


def test_what_has_no_effect_is_named_in_one_note_and_what_is_lost_in_its_own(convert: Convert) -> None:
    result = convert(FILES["switches"])
    assert result.faults == []
    assert result.notes == [
        "web: depends on none, of which the file wants no container",
        "web: cpu_shares is not honoured: containers share CPU time by their limits alone",
        "web: cpuset is not honoured: it may use every core that the harness gives to targets",
        "web: mac_address is not honoured: the engine chooses its address",
        "web: oom_kill_disable is not honoured: the kernel kills a process that needs more than its memory",
        "web: security_opt is not honoured: the engine's own profiles hold, and no process gains rights",
        "web: platform is not honoured: the engine runs linux/amd64 only if it is its own",
        "web: the file wants 2 replicas; write limits.replicas in the matrix to measure them",
        "restarted only until ready, and an end after that is a result: web",
        "has no effect on what is measured: deploy.mode, logging, stop_grace_period, stop_signal of web",
    ]


def test_what_would_make_it_another_service_is_refused_in_words(convert: Convert) -> None:
    faults = convert(FILES["refused"]).faults
    keys = ("devices", "ipc", "pid", "privileged", "runtime")
    assert [fault.split(":")[1] for fault in faults[:5]] == [f" {key} can't be honoured" for key in keys]
    assert "socket of a container engine" in faults[5]


@pytest.mark.parametrize(
    ("service", "fault"),
    [
        ("image: x, depends_on: [gone]", "web: depends on gone, which is not in the file"),
        ("image: x, network_mode: none", "web: network_mode: none can't be honoured"),
        ("image: x, env_file: gone.env", "web: its env_file"),
        ("image: x, secrets: [gone]", "web: its secret gone is not in the file"),
        ("image: x, secrets: [outside]", "web: its secret outside is external"),
        ("image: x, secrets: [unset]", "web: its secret unset is the variable UNSET, which is not set"),
        ("build: https://example.test/x.git", "which is not here"),
        (
            "build: {context: ., additional_contexts: {a: 'service:gone'}}",
            "web: build.additional_contexts: a is gone, which is not in the file",
        ),
        (
            "build: {context: ., additional_contexts: {a: 'service:turn'}}",
            "turn: build.additional_contexts: b is web, which is built upon it in turn",
        ),
        (
            "build: {context: ., additional_contexts: {a: 'service:empty'}}",
            "web: build.additional_contexts: a is empty, which has no image and no build",
        ),
        ("image: x, secrets: [bare]", "web: its secret bare says nowhere what is in it"),
        ("image: x, configs: [two]", "web: its config two is given by file and content; keep one"),
        ("image: x, network_mode: host, networks: [n]", "web: network_mode and networks are both given"),
        ("image: x, depends_on: [turn]", "web: depends on itself, by turn and web"),
        (
            "build: {context: ., secrets: [outside]}",
            "web: the secret outside of its build is external; build it, and write image: NAME",
        ),
        (
            "image: x, volumes_from: ['container:other']",
            "web: volumes_from: container:other can't be honoured: that container is not in the file",
        ),
        ("image: x, volumes_from: [gone]", "web: depends on gone, which is not in the file"),
        (
            "image: x, links: ['fixed:db', other], depends_on: [db]",
            "db: db is a name of db and fixed, which are in one network here; rename one",
        ),
        ("image: x, depends_on: [fixed], command: 'to 10.0.0.5'", "fixed: others reach it at 10.0.0.5"),
        ("image: x, gpus: all", "web: gpus can't be honoured"),
    ],
)
def test_a_service_that_would_be_another_one_is_refused(convert: Convert, service: str, fault: str) -> None:
    text = (
        f"services:\n  web: {{{service}}}\n"
        "  fixed: {image: y, networks: {n: {ipv4_address: 10.0.0.5}}}\n"
        "  other: {image: o}\n  db: {image: d}\n  empty: {command: x}\n"
        "  turn: {build: {context: ., additional_contexts: {b: 'service:web'}}, depends_on: [web]}\n"
        "secrets: {outside: {external: true}, unset: {environment: UNSET}, bare: {labels: {a: b}}}\n"
        "configs: {two: {file: compose.yaml, content: text}}\nnetworks: {n: {}}\n"
    )
    assert any(fault in each for each in convert(text).faults)


def test_what_target_yaml_says_itself_is_not_asked_of_the_compose_file(convert: Convert) -> None:
    text = (
        "services:\n  web: {build: 'https://example.test/x.git', ports: [80, 81], volumes: ['/srv:/srv'],"
        " secrets: [outside]}\nsecrets: {outside: {external: true}}\n"
    )
    own = {"image": "x", "port": 81, "volumes": {"/srv": ""}, "files": {"/run/secrets/outside": "x"}}
    result = convert(text, own)
    assert (result.faults, result.notes) == ([], [])


def test_a_service_that_the_environment_names_but_nothing_starts_is_noted(convert: Convert) -> None:
    text = (
        "services:\n  web: {image: x, environment: {DB_HOST: db, URL: 'redis://cache:6379/0', NAME: mail}}\n"
        "  db: {image: y}\n  cache: {image: z}\n  mail: {image: m}\n"
    )
    assert [note.split(",")[0] for note in convert(text).notes] == [
        "web: URL names cache",
        "web: DB_HOST names db",
        "not started",
    ]


def test_services_that_nothing_names_are_listed_but_not_those_before_the_target(convert: Convert) -> None:
    text = (
        "services:\n  web: {image: x, depends_on: [db]}\n  db: {image: y}\n  hidden: {image: z}\n"
        "  proxy: {image: p, depends_on: [web]}\n  debug: {image: d, profiles: [d]}\n"
        "  off: {image: o, scale: 0}\n"
    )
    assert convert(text).notes == [
        "db: counts as ready once it runs, because nothing says when it is",
        "not started, because web does not depend on them: hidden (see compose.also)",
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("web:\n  image: x\n", 'has no services, but "web"'),
        (
            "services: {web: {image: x, prots: [80]}}",
            'services.web: unknown key "prots"; did you mean "ports"?',
        ),
        ("services: {web: {image: x, ports: 8}}", "services.web.ports: 8 is not of type 'array'"),
        ("services: {web: {image: x, ports: ['a:b']}}", 'services.web.ports: "a:b" is not a port'),
        ('services: {web: {image: x, command: "it\'s"}}', 'services.web.command: "it\'s" ends within'),
        ("services: {web: {image: '${TAG', ports: [8]}}", "services.web.image:"),
        ("services: {web: {image: x, mem_limit: lots}}", '"lots" is not an amount of bytes'),
        ("services: {web: {extends: gone}}", "extends gone, which is not there"),
        ("services: {web: {extends: web}}", "extends itself"),
        ("include: [compose.yaml]\nservices: {}", "includes itself"),
        ("include: [gone.yaml]\nservices: {}", "which is not there"),
        ("include: ['https://example.test/x.git']\nservices: {}", "only docker compose can fetch it"),
        ("- a\n", "holds no mapping of keys"),
        ("a: [", "not YAML"),
        ("services: {web: {image: x}, web: {image: y}}", ":1:29: not YAML: while constructing a mapping"),
        ("services:\n\tweb: {image: x}\n", "indent with spaces, not tabs"),
        ("x-a: 1\n", "has no services"),
        (BOMB, "has more than 100000 values"),
        ("x-a: &a [*a]\nservices: {}\n", "has more than 100000 values, or more than 100 levels"),
        (
            "services: {web: {image: x, volumes: ['${GONE}:/data']}}",
            "without a value are GONE: write them into",
        ),
    ],
)
def test_a_file_that_compose_would_refuse_is_refused_with_its_place(
    convert: Convert, text: str, message: str
) -> None:
    text = text.replace("image: x, mem_limit", "image: x, depends_on: [d]}, d: {image: x, mem_limit")
    with pytest.raises(ValueError) as refused:  # noqa: PT011
        convert(text)
    assert message in str(refused.value)


def test_a_user_of_variables_without_values_is_the_one_that_docker_takes(convert: Convert) -> None:
    result = convert("services: {web: {image: x, user: '${NO_UID}:${NO_GID}'}}")
    assert (result.values["user"], result.faults) == (":", [])
    assert result.notes == [
        "NO_UID is not set, and counts as empty",
        "NO_GID is not set, and counts as empty",
    ]


def test_an_image_that_another_service_builds_is_built(convert: Convert, tmp_path: Path) -> None:
    values = convert(FILES["an image that another service builds"]).values
    build = {"context": str(tmp_path), "target": "prod"}
    assert (values["build"], values["companions"]["migrate"]["build"]) == (build, build)
    assert "image" not in values


def test_the_port_of_a_build_that_publishes_none_is_that_of_its_dockerfile(convert: Convert) -> None:
    files = {"compose.yaml": "services: {web: {build: .}}\n", "Dockerfile": "FROM x\nEXPOSE 22 9000\n"}
    result = convert(files)
    assert result.values["port"] == 9000
    assert result.notes == ["web: port 9000 is measured, because its Dockerfile exposes it"]
    assert "port" not in convert("services: {web: {build: {context: ./gone}}}\n").values


def test_the_dockerfiles_port_is_that_of_the_stage_and_the_arguments_of_the_file(convert: Convert) -> None:
    build = "build: {context: ., target: dev, args: {PORT: 4000}}"
    dockerfile = "FROM x AS dev\nARG PORT=3000\nEXPOSE $PORT\nFROM x\nEXPOSE 80\n"
    files = {"compose.yaml": f"services: {{web: {{{build}}}}}\n", "Dockerfile": dockerfile}
    assert convert(files).values["port"] == 4000


def test_a_port_is_found_through_a_chain_of_shared_networks_and_in_capitals(convert: Convert) -> None:
    text = (
        "services:\n  web: {image: x, network_mode: 'service:proxy'}\n"
        "  proxy: {image: p, network_mode: 'service:vpn'}\n"
        "  vpn: {image: v, ports: [{target: 7000, protocol: TCP}]}\n"
    )
    result = convert(text)
    assert (result.values["port"], result.values["network_of"]) == (7000, "proxy")
    assert list(result.values["companions"]) == ["vpn", "proxy"]
    text = "services: {web: {image: x, network_mode: 'service:vpn', expose: [90]}, vpn: {image: v}}\n"
    assert convert(text).values["port"] == 90


@pytest.mark.parametrize(
    ("service", "ready"),
    [
        ("image: postgres:16", {"port": 5432}),
        ("image: 'postgres:16', command: ['-c', 'fsync=off']", {"port": 5432}),
        ("image: postgres, command: 'psql -h db -f /seed.sql'", {"started": True}),
        ("image: mongo, command: 'mongod --replSet rs0'", {"port": 27017}),
        ("image: mongo, command: [sh, -c, 'sleep 9 && mongosh --host a']", {"started": True}),
        ("image: mongo, entrypoint: [mongosh, --host, a]", {"started": True}),
        ("image: redis:7, command: sh -c 'redis-server --requirepass $$P'", {"port": 6379}),
        ("image: redis:7, command: redis-cli --cluster create a b", {"started": True}),
        ("image: minio/minio, command: server /data", {"port": 9000}),
        ("image: minio/mc, entrypoint: mc mb x", {"started": True}),
        ("image: mysql, entrypoint: [/usr/local/bin/docker-entrypoint.sh]", {"port": 3306}),
        ("build: ./db", {"port": 5432}),
        ("build: {context: ./db, target: seed}", {"started": True}),
        ("image: x, ports: ['9229:9229', '5000:5000']", {"port": 5000}),
    ],
)
def test_a_companion_is_asked_at_its_images_port_only_if_it_runs_the_server(
    convert: Convert, service: str, ready: Mapping[str, Any]
) -> None:
    seed = "FROM postgres:16 AS seed\nCMD psql -f /seed.sql\nFROM postgres:16\nRUN make\n"
    text = f"services:\n  web: {{image: x, ports: [80], depends_on: [other]}}\n  other: {{{service}}}\n"
    result = convert({"compose.yaml": text, "db/Dockerfile": seed})
    assert result.values["companions"]["other"]["ready"] == ready


@pytest.mark.parametrize(
    ("service", "is_restarted"),
    [
        ("restart: 'no'", False),
        ("restart: on-failure:5", True),
        ("restart: unless-stopped", True),
        ("deploy: {restart_policy: {condition: on-failure, max_attempts: 3}}", True),
        ("deploy: {restart_policy: {delay: 5s}}", True),
        ("deploy: {restart_policy: {condition: none}}", False),
        ("restart: 'no', deploy: {restart_policy: {condition: any}}", True),
        ("restart: always, deploy: {restart_policy: {condition: none}}", False),
        ("labels: {a: b}", False),
    ],
)
def test_a_service_is_started_again_as_its_policy_says(
    convert: Convert, service: str, is_restarted: bool
) -> None:
    values = convert(f"services: {{web: {{image: x, ports: [80], {service}}}}}\n").values
    assert values.get("restart", False) is is_restarted


def test_a_command_that_is_split_after_cmd_shell_is_noted(convert: Convert) -> None:
    text = "services: {web: {image: x, ports: [80], healthcheck: {test: [CMD-SHELL, curl, -f, x]}}}\n"
    result = convert(text)
    assert result.values["ready"] == {"command": ["sh", "-c", "curl -f x"], "within": 90.0}
    (note,) = result.notes
    assert note.startswith("web: healthcheck.test counts as one command until it is ready, but Docker")
    assert convert(text.replace("curl, -f, x", "curl -f x")).notes == []


def test_a_healthcheck_is_repeated_as_the_file_says(convert: Convert) -> None:
    check = "{test: curl -f localhost, interval: 1m30s, timeout: 500ms, start_period: 5s, retries: 4}"
    values = convert(f"services: {{web: {{image: x, ports: [80], healthcheck: {check}}}}}\n").values
    assert values["healthcheck"] == {
        "test": ["CMD-SHELL", "curl -f localhost"],
        "interval": 90.0,
        "timeout": 0.5,
        "start_period": 5.0,
        "retries": 4,
    }


@pytest.mark.parametrize(
    ("mention", "is_refused"),
    [("10.0.0.5:80", True), ("http://10.0.0.5/", True), ("10.0.0.50", False), ("110.0.0.5", False)],
)
def test_only_a_mention_of_the_very_address_is_refused(
    convert: Convert, mention: str, is_refused: bool
) -> None:
    text = (
        f"services:\n  web: {{image: x, depends_on: [fixed], environment: {{A: '{mention}'}}}}\n"
        "  fixed: {image: y, networks: {n: {ipv4_address: 10.0.0.5}}}\nnetworks: {n: {}}\n"
    )
    assert any("others reach it at" in fault for fault in convert(text).faults) is is_refused


def test_the_address_of_a_service_that_is_not_started_is_refused(convert: Convert) -> None:
    text = (
        "services:\n  web: {image: x, dns: [10.0.0.5]}\n"
        "  resolver: {image: y, networks: {n: {ipv4_address: 10.0.0.5}}}\n"
        "  other: {image: y, networks: {n: {ipv4_address: 10.0.0.6}}}\nnetworks: {n: {}}\n"
    )
    assert convert(text).faults == ["web: it reaches resolver at 10.0.0.5, which is not there; use its name"]


def test_a_name_that_two_networks_give_to_two_services_is_refused(convert: Convert) -> None:
    def build(network: str) -> str:
        return (
            "services:\n  web: {image: x, depends_on: [a, b], networks: [front, back]}\n"
            "  a: {image: y, networks: {front: {aliases: [api]}}}\n"
            f"  b: {{image: z, networks: {{{network}: {{aliases: [api]}}}}}}\n"
            "networks: {front: {}, back: {}}\n"
        )

    assert convert(build("back")).faults == [
        "a: api is a name of a and b, which are in one network here; rename one"
    ]
    assert convert(build("front")).faults == []


def test_services_that_write_to_parts_of_one_folder_are_noted(convert: Convert, tmp_path: Path) -> None:
    (tmp_path / "code/static").mkdir(parents=True)
    (tmp_path / "other").mkdir()
    text = (
        "services:\n  web: {image: x, depends_on: [build], volumes: ['./code/static:/s:ro', ./other:/o]}\n"
        "  build: {image: y, volumes: ['./code:/code']}\n"
    )
    notes = convert(text).notes
    assert "build: what it writes to /code, web does not see: here they share no folder" in notes
    assert not any("/o, " in note for note in notes)


def test_what_bounds_less_than_the_file_says_is_noted(convert: Convert) -> None:
    notes = convert("services: {web: {image: x, pids_limit: 10000}}\n").notes
    assert "web: its pids_limit is 4096 here" in notes


def test_the_projects_name_is_the_one_that_the_file_gives(convert: Convert, tmp_path: Path) -> None:
    text = "services: {web: {image: x, ports: [80], container_name: '${COMPOSE_PROJECT_NAME}-web'}}\n"
    assert convert("name: shop\n" + text).values["aliases"] == ["web", "shop-web"]
    assert convert("name: 'My_${TAG:-x}'  # ours\n" + text).values["aliases"] == ["web", "my_12-web"]
    given = convert("name: shop\n" + text, COMPOSE_PROJECT_NAME="own")
    assert given.values["aliases"] == ["web", "own-web"]


def test_a_service_whose_name_begins_with_an_underscore_is_a_companion(convert: Convert) -> None:
    values = convert("services: {web: {image: x, depends_on: [_db]}, _db: {image: redis}}\n").values
    assert list(values["companions"]) == ["_db"]


def test_a_service_before_the_target_is_not_started_for_being_named(convert: Convert) -> None:
    text = (
        "services:\n  web: {image: x, environment: {SITE_URL: 'http://proxy/', DB: 'server=db;uid=1'}}\n"
        "  proxy: {image: p, depends_on: [web]}\n  db: {image: redis}\n"
    )
    assert convert(text).left_out == ["db"]


def test_the_network_of_a_container_of_the_file_is_that_of_its_service(convert: Convert) -> None:
    text = (
        "services:\n  web: {image: x, network_mode: 'container:tunnel'}\n"
        "  vpn: {image: v, container_name: tunnel, ports: [7000]}\n"
    )
    result = convert(text)
    assert (result.values["network_of"], result.values["port"], result.faults) == ("vpn", 7000, [])
    assert list(result.values["companions"]) == ["vpn"]
    faults = convert(text.replace("container:tunnel", "container:other")).faults
    assert faults == [
        "web: network_mode: container:other can't be honoured: that container is not in the file"
    ]


def test_a_companion_without_a_network_is_in_the_network_of_all(convert: Convert) -> None:
    text = "services: {web: {image: x, depends_on: [keys]}, keys: {image: y, network_mode: none}}\n"
    result = convert(text)
    assert result.faults == []
    assert "keys: network_mode: none is not honoured: it is in the network of all" in result.notes


def test_an_empty_name_of_a_dockerfile_is_the_usual_one(convert: Convert, tmp_path: Path) -> None:
    build = "{context: ., dockerfile: '${NO_DOCKERFILE}'}"
    files = {
        "compose.yaml": f"services: {{web: {{build: {build}}}}}\n",
        "Dockerfile": "EXPOSE\nFROM x\nEXPOSE 70\n",
    }
    values = convert(files).values
    assert (values["build"], values["port"]) == ({"context": str(tmp_path)}, 70)
