"""A Dockerfile is built by the builder that it needs, with the engine and the options that are meant."""

import stat
import sys
from pathlib import Path

import pytest
from docker.errors import DockerException

from harness.measure.docker.builders import ImageBuild, find_buildkit_command, follow_messages, read_trace
from harness.model import BuildSecret, BuildSource, Engine

CLIENT = """\
#!{python}
import os, sys
arguments = sys.argv[1:]
if arguments == ["--version"]:
    print("Docker version {version}, build 1")
elif arguments[:2] == ["buildx", "version"]:
    sys.exit({no_buildx})
else:
    secrets = [open(each.partition("src=")[2]).read() for each in arguments if each.startswith("id=")]
    with open({log!r}, "a") as log:
        host = os.environ.get("DOCKER_HOST")
        kit = os.environ.get("DOCKER_BUILDKIT")
        print(*arguments, secrets, host, kit, repr(sys.stdin.read()), file=log)
    print("step 1")
    if "old" in arguments[-1] and "--build-context" in arguments:
        sys.exit("failed to solve: unsupported frontend capability moby.buildkit.frontend.contexts")
    if "fails" in arguments[-1]:
        sys.exit("failed to solve: docker/dockerfile:1: no such host")
"""


class Folder:
    """A folder with a stand-in for the command `docker`, which writes down what it is asked."""

    def __init__(self, path: Path, version: str, *, has_buildx: bool) -> None:
        self.path = path
        self.log = path / "log"
        client = path / "docker"
        client.write_text(
            CLIENT.format(
                python=sys.executable, version=version, no_buildx=int(not has_buildx), log=str(self.log)
            )
        )
        client.chmod(client.stat().st_mode | stat.S_IXUSR)

    def build(self, source: BuildSource, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("PATH", str(self.path))
        engine = Engine(host="tcp://10.0.0.9:2375")
        ImageBuild(None, engine, source, text, "harness-target-web:1", "web").run()  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("version", "has_buildx", "command"),
    [
        ("20.10.24+dfsg1", False, ["build"]),
        ("20.10.24", True, ["buildx", "build", "--builder", "default", "--load"]),
        ("28.2.2", True, ["buildx", "build", "--builder", "default", "--load"]),
        ("28.2.2", False, None),
    ],
)
def test_the_client_builds_if_it_can_use_buildkit(
    tmp_path: Path, version: str, has_buildx: bool, command: list[str] | None
) -> None:
    folder = Folder(tmp_path, version, has_buildx=has_buildx)
    found = find_buildkit_command({"PATH": str(folder.path), "DOCKER_HOST": "tcp://10.0.0.9:2375"})
    assert (found and found[1:]) == command


def test_without_a_client_none_builds(tmp_path: Path) -> None:
    assert find_buildkit_command({"PATH": str(tmp_path)}) is None


def test_the_client_gets_the_engine_and_all_options(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN", "s3cret")
    source = BuildSource(
        tmp_path / "context",
        args={"A": "1"},
        target="prod",
        secrets={"token": BuildSecret(environment="TOKEN")},
        ssh=("default",),
        network="host",
        extra_hosts=("db=10.0.0.1",),
        platform="linux/arm64",
    )
    folder = Folder(tmp_path, "20.10.24", has_buildx=False)
    folder.build(source, "FROM x\n", monkeypatch)
    asked = folder.log.read_text()
    assert asked.startswith("build --tag harness-target-web:1 --label harness.target=web --progress plain")
    for option in (
        "--build-arg A=1",
        "--ssh default",
        "--target prod",
        "--network host",
        "--add-host db:10.0.0.1",
        "--platform linux/arm64",
        f"--file - {tmp_path}/context",
        "['s3cret'] tcp://10.0.0.9:2375 1 'FROM x\\n'",
    ):
        assert option in asked
    (secret,) = [word for word in asked.split() if word.startswith("id=token,src=")]
    assert not Path(secret.partition("src=")[2]).exists()


def test_where_dockers_own_frontend_cannot_be_pulled_the_builders_own_is_tried(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = Folder(tmp_path, "20.10.24", has_buildx=False)
    text = "# syntax=docker/dockerfile:1\nFROM x\nRUN --mount=type=cache,target=/c true\n"
    with pytest.raises(DockerException, match="own says:\nstep 1\nfailed to solve"):
        folder.build(BuildSource(tmp_path / "fails"), text, monkeypatch)
    first, second = folder.log.read_text().splitlines()
    assert "# syntax" in first
    assert "# syntax" not in second
    assert "RUN --mount" in second


def test_another_frontend_is_never_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = Folder(tmp_path, "20.10.24", has_buildx=False)
    with pytest.raises(DockerException):
        folder.build(BuildSource(tmp_path / "fails"), "# syntax=example.org/mine:1\nFROM x\n", monkeypatch)
    assert len(folder.log.read_text().splitlines()) == 1


def test_secrets_without_a_client_that_can_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = Folder(tmp_path, "28.2.2", has_buildx=False)
    source = BuildSource(tmp_path, secrets={"token": BuildSecret(environment="TOKEN")})
    with pytest.raises(DockerException, match="need the command `docker` with buildx"):
        folder.build(source, "FROM x\n", monkeypatch)


def test_further_contexts_and_secrets_go_to_buildx(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = BuildSource(
        tmp_path,
        folders={"shared": tmp_path / "shared"},
        sources={"base": "docker-image://alpine"},
        secrets={"token": BuildSecret(text="of .env")},
    )
    folder = Folder(tmp_path, "28.2.2", has_buildx=True)
    folder.build(source, "FROM base\n", monkeypatch)
    asked = folder.log.read_text()
    assert f"--build-context shared={tmp_path}/shared --build-context base=docker-image://alpine" in asked
    assert "['of .env']" in asked


def test_without_buildx_images_of_further_contexts_become_stages(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = Folder(tmp_path, "20.10.24", has_buildx=False)
    source = BuildSource(tmp_path / "context", sources={"base": "docker-image://alpine:3.20"})
    folder.build(source, "ARG A=1\nFROM base\nRUN --mount=type=cache,target=/c true\n", monkeypatch)
    asked = folder.log.read_text()
    assert "--build-context" not in asked
    assert "'ARG A=1\\nFROM alpine:3.20 AS base\\nFROM base\\nRUN --mount" in asked


def test_where_the_engine_knows_no_further_contexts_they_become_stages_for_buildx_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = Folder(tmp_path, "28.2.2", has_buildx=True)
    source = BuildSource(tmp_path / "old", sources={"base": "docker-image://alpine:3.20"})
    folder.build(source, "FROM base\nRUN --mount=type=cache,target=/c true\n", monkeypatch)
    first, second = folder.log.read_text().splitlines()
    assert "--build-context base=docker-image://alpine:3.20" in first
    assert "--build-context" not in second
    assert "'FROM alpine:3.20 AS base\\nFROM base\\nRUN --mount" in second


@pytest.mark.parametrize("version", ["20.10.24", "28.2.2"])
def test_further_contexts_that_only_buildx_knows_are_refused_without_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str
) -> None:
    folder = Folder(tmp_path, version, has_buildx=False)
    source = BuildSource(tmp_path, sources={"base": "https://example.test/x.git"})
    with pytest.raises(DockerException, match="additional_contexts of this build need the command `docker`"):
        folder.build(source, "FROM base\n", monkeypatch)
    assert not folder.log.exists()


def test_output_and_errors_are_read_from_buildkits_messages() -> None:
    log = b"\x1a\x13\x0a\x02id\x12\x02\x08\x01\x18\x01\x22\x07one\ntwo"
    step = b"\x0a\x0e\x0a\x02id\x1a\x03RUN\x3a\x03bad"
    assert list(read_trace(log + step)) == ["one", "two", "bad"]
    assert list(read_trace(b"\xff\xff")) == []


def test_a_failed_build_shows_its_last_lines() -> None:
    messages = [{"stream": f"line {number}\n"} for number in range(30)] + [{"error": "exit code: 1"}]
    with pytest.raises(DockerException) as caught:
        follow_messages(messages)
    assert str(caught.value).splitlines() == [*(f"line {number}" for number in range(11, 30)), "exit code: 1"]
