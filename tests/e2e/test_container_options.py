"""What a plan says of containers is true inside them: files, names, rights, jobs, shared networks."""

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from harness.errors import CompanionStartError
from harness.measure.docker.client import connect
from harness.measure.docker.container import DockerTarget
from harness.model import (
    MIB,
    Companion,
    CompletedProbe,
    ContainerOptions,
    FileContent,
    FileCopy,
    Healthcheck,
    HealthcheckProbe,
    ImageSource,
    Limits,
    PortProbe,
    ReadinessProbe,
    StartedProbe,
    Target,
    TcpProbe,
    Ulimit,
)
from tests.contract.backends import Backend, open_real_backend

pytestmark = [pytest.mark.e2e, pytest.mark.side_by_side]

LIMITS = Limits(0.5, 64 * MIB)
MIGRATE = """
import urllib.request
urllib.request.urlopen('http://My_Db.1:8000/')
print('migrated', file=open('/state/log', 'a'))
"""
INDEX = """
written = open('/state/log').read().strip()
print(written, 'indexed', file=open('/state/log', 'a'))
print('all done')
"""
SHOW_LIMIT = "import resource as r; print(r.getrlimit(r.RLIMIT_NOFILE), r.getrlimit(r.RLIMIT_CORE))"


@pytest.fixture
def backend() -> Iterator[Backend]:
    with open_real_backend() as opened:
        yield opened
        assert opened.host.remove_leftovers(opened.campaign) == []


def build_companion(
    backend: Backend, name: str, readiness: ReadinessProbe, *code: str, **options: object
) -> Companion:
    """Build a companion of the tests' image; it runs the code, or answers if there is none."""
    entrypoint = ("python3", "-c", *code) if code else None
    service = backend.build_target(
        readiness=readiness,
        entrypoint=entrypoint,
        options=ContainerOptions(**options),  # type: ignore[arg-type]
    )
    return Companion(replace(service, name=name, port=0, user="root"), LIMITS)


def read_inside(running: object, *command: str) -> str:
    assert isinstance(running, DockerTarget)
    code, output = running.replicas[0].run_command(command)
    assert code == 0, output
    return output


def test_options_are_true_inside_and_jobs_end_before_the_target_starts(
    backend: Backend, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHOP_TOKEN", "s3cret")
    (tmp_path / "code").mkdir()
    (tmp_path / "code/server.txt").write_text("of the project")
    (tmp_path / "settings").write_text("of this machine")
    state = {"volumes": {"/state": "state"}}
    companions = (
        build_companion(backend, "My_Db.1", PortProbe(8000, 20), aliases=("shop-database",)),
        build_companion(backend, "migrate", CompletedProbe(20), MIGRATE, **state),
        build_companion(backend, "index", CompletedProbe(20), INDEX, **state),
        build_companion(backend, "worker", StartedProbe(20), "import time; time.sleep(600)"),
        build_companion(backend, "helper", StartedProbe(20), "import time; time.sleep(2.5)"),
    )
    options = ContainerOptions(
        working_dir="/code",
        hostname="web1",
        aliases=("Shop_Web",),
        extra_hosts=("elsewhere:10.9.8.7", "engine:host-gateway"),
        shm_bytes=MIB,
        sysctls={"net.core.somaxconn": "1234"},
        group_add=("4242",),
        dropped_capabilities=("ALL",),
        copies={"/code": FileCopy(tmp_path / "code", None, 0, 0)},
        contents={
            "/run/secrets/token": FileContent("${SHOP_TOKEN}", 0o440, 65534, 4242),
            "/etc/app.conf": FileContent("costs $5"),
        },
        volumes={"/state": "state", "/code/image": "", "/srv": ""},
        is_read_only=True,
        has_init=True,
    )
    target = backend.build_target(
        user="root",
        options=options,
        companions=companions,
        files={"/etc/settings": tmp_path / "settings"},
        tmpfs=("/run:size=1m", "/scratch:mode=0711"),
        ulimits={"nofile": Ulimit(100, 200), "core": -1},
    )
    with backend.run(target) as running:
        assert read_inside(running, "cat", "server.txt") == "of the project"
        assert read_inside(running, "cat", "/etc/settings") == "of this machine"
        assert read_inside(running, "cat", "/state/log") == "migrated\nmigrated indexed"
        assert read_inside(running, "cat", "/run/secrets/token") == "s3cret"
        assert read_inside(running, "stat", "-c", "%a %u", "/run/secrets/token") == "440 65534"
        assert read_inside(running, "cat", "/etc/app.conf") == "costs $5"
        assert read_inside(running, "ls", "/srv") == "behave.py"
        assert read_inside(running, "python3", "-c", SHOW_LIMIT) == "(100, 200) (-1, -1)"
        assert read_inside(running, "stat", "-c", "%a", "/scratch") == "711"
        mounts = read_inside(running, "cat", "/proc/mounts").splitlines()
        assert any(line.startswith("tmpfs /run ") and "size=1024k" in line for line in mounts)
        assert any(line.startswith("shm /dev/shm ") and "size=1024k" in line for line in mounts)
        assert any(" / " in line and " ro," in line for line in mounts)
        assert read_inside(running, "cat", "/proc/sys/net/core/somaxconn") == "1234"
        assert "4242" in read_inside(running, "id", "-G").split()
        assert read_inside(running, "hostname") == "web1"
        status = read_inside(running, "cat", "/proc/1/status")
        assert "CapBnd:\t0000000000000000" in status
        for name in ("answer", "Shop_Web", "shop_web", "My_Db.1", "shop-database", "elsewhere", "engine"):
            assert read_inside(running, "getent", "hosts", name), name
        read_inside(running, "sh", "-c", "echo changed > /code/server.txt")
        assert (tmp_path / "code/server.txt").read_text() == "of the project"
        with backend.probe.watch(running) as watch:
            backend.clock.sleep(3.5)
            usage = watch.take()
        assert running.poll_end() is None
        assert {"My_Db.1", "worker"} <= usage.companions.keys()
        assert not {"migrate", "index"} & usage.companions.keys()
        assert "--- the job index\nall done\n--- the target\n" in running.read_logs()


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (
            "import sys; sys.exit('no such table')",
            r"(?s)the job migrate: ended with exit code 1.*no such table",
        ),
        ("import time; time.sleep(600)", "the job migrate: did not end within 2 s"),
        ("x = []\nwhile True: x.append(bytearray(2**20))", "the job migrate: out of memory"),
    ],
)
def test_a_job_that_does_not_succeed_stops_the_campaign(backend: Backend, code: str, message: str) -> None:
    within_s = 2.0 if "sleep" in code else 20.0
    job = build_companion(backend, "migrate", CompletedProbe(within_s), code)
    target = backend.build_target(companions=(job,))
    with pytest.raises(CompanionStartError, match=message), backend.run(target):
        pass


@pytest.mark.parametrize(
    ("readiness", "command", "seed", "message"),
    [
        (PortProbe(8000, 20), "exit", None, "the companion store: ended with exit code 3"),
        (PortProbe(8000, 20), "answer", ("false",), "the companion store: its seed false ended with 1"),
        (HealthcheckProbe(2), "answer", None, "its image has no HEALTHCHECK"),
    ],
)
def test_a_companion_that_does_not_start_is_named(
    backend: Backend, readiness: ReadinessProbe, command: str, seed: tuple[str, ...] | None, message: str
) -> None:
    service = replace(backend.build_target(command, readiness=readiness), name="store", port=0)
    companion = Companion(service, LIMITS, seed)
    with (
        pytest.raises(CompanionStartError, match=message),
        backend.run(backend.build_target(companions=(companion,))),
    ):
        pass


FAILS_TWICE = """
import os, sys
count = int(open('/state/count').read()) + 1 if os.path.exists('/state/count') else 1
open('/state/count', 'w').write(str(count))
sys.exit(count < 3)
"""


def test_what_the_file_restarts_is_started_again_until_it_is_ready(backend: Backend) -> None:
    state: dict[str, object] = {"volumes": {"/state": "state"}}
    job = build_companion(backend, "migrate", CompletedProbe(20), FAILS_TWICE, restarts=True, **state)
    options = ContainerOptions(volumes={"/state": "state"})
    with backend.run(backend.build_target(companions=(job,), options=options)) as running:
        assert read_inside(running, "cat", "/state/count") == "3"


def test_a_container_has_the_usual_capabilities_and_the_healthcheck_of_the_file(backend: Backend) -> None:
    options = ContainerOptions(healthcheck=Healthcheck(("CMD-SHELL", "true"), 0.5, retries=7))
    with backend.run(backend.build_target(options=options)) as running:
        assert isinstance(running, DockerTarget)
        assert "CapBnd:\t00000000a80425fb" in read_inside(running, "cat", "/proc/1/status")
        facts = running.replicas[0].client.inspect_container(running.container_id)
    check = facts["Config"]["Healthcheck"]
    assert (check["Test"], check["Interval"], check["Retries"]) == (["CMD-SHELL", "true"], 500_000_000, 7)


def test_a_target_can_use_the_network_of_a_companion(backend: Backend) -> None:
    vpn = build_companion(backend, "vpn", StartedProbe(20), "import time; time.sleep(600)")
    options = ContainerOptions(network_of="vpn", aliases=("shop",))
    with backend.run(backend.build_target(options=options, companions=(vpn,))) as running:
        assert running.url.startswith("http://127.0.0.1:")
        assert read_inside(running, "getent", "hosts", "shop")
        assert read_inside(running, "getent", "hosts", "vpn")


def test_a_job_and_the_target_share_the_copy_of_a_folder(backend: Backend, tmp_path: Path) -> None:
    (tmp_path / "seed").write_text("1")
    copies = {"/data": FileCopy(tmp_path)}
    code = "open('/data/made', 'w').write(open('/data/seed').read() + '2')"
    job = build_companion(backend, "migrate", CompletedProbe(20), code, copies=copies)
    target = backend.build_target(companions=(job,), options=ContainerOptions(copies=copies))
    for _ in range(2):
        with backend.run(target) as running:
            assert read_inside(running, "cat", "/data/made") == "12"
    assert [path.name for path in tmp_path.iterdir()] == ["seed"]


def test_a_companion_that_answers_in_the_targets_place_is_not_measured(backend: Backend) -> None:
    vpn = build_companion(backend, "vpn", PortProbe(8000, 20))
    target = backend.build_target(options=ContainerOptions(network_of="vpn"), companions=(vpn,))
    with pytest.raises(CompanionStartError, match="port 8000 already answers"), backend.run(target):
        pass


def test_a_target_alone_knows_its_own_name(backend: Backend) -> None:
    contents = {"/run/secrets/deep/token": FileContent("for all")}
    options = ContainerOptions(aliases=("answer", "api"), volumes={"/data": "data"}, contents=contents)
    with backend.run(backend.build_target(options=options)) as running:
        assert read_inside(running, "getent", "hosts", "api")
        assert read_inside(running, "getent", "hosts", "answer")
        assert read_inside(running, "cat", "/run/secrets/deep/token") == "for all"


def test_an_empty_command_or_entrypoint_clears_the_images(backend: Backend, tmp_path: Path) -> None:
    """Build an image whose entrypoint fails, and one that fails if it is given its own command."""
    base = backend.host.prepare(backend.build_target()).reference
    failing = tmp_path / "failing"
    failing.mkdir()
    with contextlib.closing(connect()) as client:
        image = backend.host.prepare(backend.build_target())
        assert image.reference == base
        config = client.inspect_image(base)["Config"]  # type: ignore[no-untyped-call]
    assert (config["Entrypoint"], config["Cmd"]) == (["python3", "-u", "/srv/behave.py"], ["answer"])
    cleared = Target(
        "cleared",
        8000,
        ImageSource(base),
        TcpProbe(20),
        entrypoint=(),
        command=("python3", "-m", "http.server", "8000"),
    )
    with backend.run(cleared) as running:
        assert "http.server" in read_inside(running, "cat", "/proc/1/cmdline")
        assert "behave" not in read_inside(running, "cat", "/proc/1/cmdline")
    print_arguments = Target("bare", 8000, ImageSource(base), TcpProbe(5), command=())
    with pytest.raises(Exception, match="list index out of range"), backend.run(print_arguments):
        pass
