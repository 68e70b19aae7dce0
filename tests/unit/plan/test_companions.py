"""A target's container options and companions are read, checked, stored and hashed."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from harness.errors import InputError
from harness.model import GIB, MIB, ImageSource, Limits, LogProbe, PortProbe
from harness.plan import fit_to_host, hash_contents, plan_from_json, plan_to_json
from tests.unit.plan.project import Project

MATRIX = "target: targets/web\nlimits: {cpus: 0.5, memory: 64MiB}\n"
PLAIN = "build: {context: .}\nport: 80\n"
WITH_DATABASE = (
    PLAIN
    + """\
user: www-data
tmpfs: [/run, /tmp]
ulimits: {nofile: 4096}
capabilities: SYS_NICE
files: {/etc/web.conf: web.conf}
companions:
  database:
    image: postgres:16
    ready: {port: 5432}
    limits: {cpus: 0.4, memory: 512MiB}
    seed: [psql, -f, /seed.sql]
  cache:
    build: {context: .}
    ready: {log: "Ready to accept"}
"""
)


WriteTarget = Callable[..., None]
"""A function that writes a target, and optionally another matrix than the usual one."""


@pytest.fixture
def write_target(project: Project) -> WriteTarget:
    def write(target: str, matrix: str = MATRIX) -> None:
        project.write({"matrix.yaml": matrix, "targets/web/target.yaml": target, "targets/web/web.conf": "a"})

    return write


def test_a_target_is_read_with_its_companions(project: Project, write_target: WriteTarget) -> None:
    write_target(WITH_DATABASE)
    target = project.load().target
    assert (target.user, target.tmpfs, target.ulimits) == ("www-data", ("/run", "/tmp"), {"nofile": 4096})
    assert target.capabilities == ("SYS_NICE",)
    assert target.files["/etc/web.conf"].name == "web.conf"
    database, cache = target.companions
    assert (database.name, database.service.source, database.limits) == (
        "database",
        ImageSource("postgres:16"),
        Limits(0.4, 512 * MIB),
    )
    assert database.service.readiness == PortProbe(5432)
    assert cache.service.readiness == LogProbe("Ready to accept")
    assert database.seed == ("psql", "-f", "/seed.sql")
    assert cache.limits == Limits(1.0, GIB)


def test_a_stored_plan_keeps_companions(project: Project, write_target: WriteTarget) -> None:
    write_target(WITH_DATABASE)
    plan = project.load()
    again = plan_from_json(plan_to_json(plan), plan.source.parent)
    assert again.target == plan.target


@pytest.mark.parametrize(
    ("target", "message"),
    [
        (PLAIN + "ready: {http: /x, port: 80}\n", "asks for http and port at once"),
        (PLAIN + "ready: {log: '('}\n", "is not a regular expression"),
        (PLAIN + "files: {/a: no-such}\n", "no file"),
        (PLAIN + "files: {a: web.conf}\n", "is not a path inside the container"),
        (PLAIN + "ulimits: {files: 1}\n", "is not a limit of the kernel"),
        (PLAIN + "capabilities: SYS_ADMIN\n", "is not a capability"),
        (PLAIN + "network: host\nhost_port: 81\n", "has no effect with network: host"),
        (PLAIN + "companions: {db: {image: x}}\n", "does not say when it is ready"),
        (PLAIN + "companions: {db: {image: x, ready: {http: /}}}\n", "a companion isn't published"),
        (PLAIN + "companions: {db: {ready: {port: 1}}}\n", "names nothing to run"),
        (PLAIN + "companions: {-db: {image: x, ready: {port: 1}}}\n", "can't be a host's name"),
        (
            PLAIN + "network: host\ncompanions: {db: {image: x, ready: {port: 1}}}\n",
            "can't be reached with network: host",
        ),
        (
            PLAIN + "companions: {db: {image: x, ready: {port: 1}, environment: {P: '${NOT_SET}'}}}\n",
            "NOT_SET} is not set",
        ),
    ],
)
def test_options_that_cannot_be_honoured_are_refused(
    project: Project, write_target: WriteTarget, target: str, message: str
) -> None:
    write_target(target)
    with pytest.raises(InputError) as refused:
        project.load()
    assert message in str(refused.value)


def test_companions_count_for_the_fit_to_a_host(project: Project, write_target: WriteTarget) -> None:
    write_target(WITH_DATABASE)
    plan = project.load()
    (reason,) = fit_to_host(plan, 2, 16 * GIB).skipped.values()
    assert reason.startswith("with its companions it needs 1.90 cores")
    assert fit_to_host(plan, 4, 16 * GIB).skipped == {}


def test_a_changed_companion_is_another_target(project: Project, write_target: WriteTarget) -> None:
    write_target(WITH_DATABASE)
    plan = project.load()
    first, second = plan.target.companions
    reseeded = replace(plan.target, companions=(replace(first, seed=("true",)), second))
    without_cache = replace(plan.target, companions=(first,))
    digests = {
        hash_contents(replace(plan, target=each))["target"] for each in (plan.target, reseeded, without_cache)
    }
    assert len(digests) == 3


def test_a_changed_mounted_file_is_another_target(project: Project, write_target: WriteTarget) -> None:
    write_target(WITH_DATABASE)
    before = hash_contents(project.load())["target"]
    project.write({"targets/web/web.conf": "b"})
    assert hash_contents(project.load())["target"] != before
