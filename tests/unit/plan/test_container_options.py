"""What target.yaml says of a container beyond image, command and limits is read, checked and hashed."""

from collections.abc import Callable
from pathlib import Path

import pytest

from harness.errors import InputError
from harness.model import (
    GIB,
    MIB,
    CompletedProbe,
    ContainerOptions,
    FileContent,
    FileCopy,
    Healthcheck,
    Plan,
    StartedProbe,
    Target,
    Ulimit,
)
from harness.plan import fit_to_host, hash_contents, plan_from_json, plan_to_json
from tests.unit.plan.project import Project

MATRIX = "target: targets/web\nlimits: {cpus: 0.5, memory: 64MiB}\n"
PLAIN = "build: {context: .}\nport: 80\n"
ALL_OPTIONS = (
    PLAIN
    + """\
command: []
entrypoint: [/start, "-v"]
working_dir: /srv
group_add: ["1000", video]
copies:
  /code: code
  /etc/key.pem: {path: web.conf, mode: "0400", uid: 999, gid: 998}
  /empty: not-there
contents:
  /run/secrets/token: "${SET} and $${PLAIN}"
  /etc/app.conf: {text: "a = 1", mode: "440", uid: 7}
volumes: {/code/packages: "", /var/lib/x: data}
tmpfs: "/run:size=64m,mode=1777"
shm_size: 1m
read_only: true
ulimits: {nofile: 65536, memlock: -1, nproc: {soft: 10, hard: 20}}
sysctls: {net.core.somaxconn: 1024, kernel.sem: "250 32000 32 128"}
pids_limit: 100
drop_capabilities: [all, CAP_CHOWN]
capabilities: [net_admin]
hostname: web1
domainname: example.org
aliases: [Shop_Web, web.internal]
extra_hosts: ["db:10.0.0.5", "host.docker.internal=host-gateway", "six:[::1]"]
dns: 10.0.0.2
dns_search: [example.org]
dns_opt: ["ndots:1"]
init: true
tty: true
stdin_open: true
healthcheck: false
environment: {discovery.type: single-node, a-b: "1"}
companions:
  My_Db.1: {image: db, ready: {started: true}}
  migrate: {image: db, job: true}
  index: {image: db, job: true, ready: {within: 20s}, network_of: My_Db.1}
"""
)

WriteTarget = Callable[[str], None]


@pytest.fixture
def write_target(project: Project) -> WriteTarget:
    def write(target: str) -> None:
        files = {"web.conf": "a", "code/server.py": "x", "code/inner/deep.py": "y"}
        project.write(
            {"matrix.yaml": MATRIX, "targets/web/target.yaml": target}
            | {f"targets/web/{name}": text for name, text in files.items()}
        )

    return write


def load_options(project: Project) -> ContainerOptions:
    return project.load().target.options


def test_all_options_are_read(project: Project, write_target: WriteTarget) -> None:
    write_target(ALL_OPTIONS)
    target = project.load().target
    assert (target.command, target.entrypoint) == ((), ("/start", "-v"))
    assert target.ulimits == {"nofile": 65536, "memlock": -1, "nproc": Ulimit(10, 20)}
    assert target.tmpfs == ("/run:size=64m,mode=1777",)
    assert target.capabilities == ("NET_ADMIN",)
    assert target.environment["discovery.type"] == "single-node"
    folder = project.folder / "targets/web"
    assert target.options == ContainerOptions(
        working_dir="/srv",
        hostname="web1",
        domainname="example.org",
        aliases=("Shop_Web", "web.internal"),
        extra_hosts=("db:10.0.0.5", "host.docker.internal:host-gateway", "six:::1"),
        dns=("10.0.0.2",),
        dns_search=("example.org",),
        dns_opt=("ndots:1",),
        shm_bytes=MIB,
        pids_limit=100,
        sysctls={"net.core.somaxconn": "1024", "kernel.sem": "250 32000 32 128"},
        group_add=("1000", "video"),
        dropped_capabilities=("ALL", "CHOWN"),
        copies={
            "/code": FileCopy(folder / "code"),
            "/etc/key.pem": FileCopy(folder / "web.conf", 0o400, 999, 998),
            "/empty": FileCopy(folder / "not-there"),
        },
        contents={
            "/run/secrets/token": FileContent("${SET} and $${PLAIN}"),
            "/etc/app.conf": FileContent("a = 1", 0o440, 7),
        },
        volumes={"/code/packages": "", "/var/lib/x": "data"},
        is_read_only=True,
        has_init=True,
        has_tty=True,
        has_stdin=True,
        has_healthcheck=False,
    )


def test_a_volume_may_begin_empty_and_be_read_only(project: Project, write_target: WriteTarget) -> None:
    write_target(PLAIN + "volumes: {/a: {name: data, nocopy: true}, /b: {read_only: true}, /c: data}\n")
    options = project.load().target.options
    assert options.volumes == {"/a": "data", "/b": "", "/c": "data"}
    assert (options.empty_volumes, options.read_only_volumes) == (("/a",), ("/b",))


def test_jobs_and_companions_that_only_start_are_told_apart(
    project: Project, write_target: WriteTarget
) -> None:
    write_target(ALL_OPTIONS)
    database, migrate, index = project.load().target.companions
    assert (database.name, database.is_job) == ("My_Db.1", False)
    assert database.service.readiness == StartedProbe(60.0)
    assert (migrate.is_job, migrate.service.readiness) == (True, CompletedProbe(600.0))
    assert index.service.readiness == CompletedProbe(20.0)
    assert index.service.options.network_of == "My_Db.1"


def test_a_stored_plan_keeps_all_options(project: Project, write_target: WriteTarget) -> None:
    write_target(ALL_OPTIONS)
    plan = project.load()
    stored = plan_to_json(plan)
    assert stored["target"]["options"]["copies"]["/code"]["path"] == "targets/web/code"
    assert plan_from_json(stored, plan.source.parent).target == plan.target


@pytest.mark.parametrize(
    "more",
    [
        *("working_dir: /a\n", "aliases: [a]\n", "read_only: true\n", "volumes: {/a: ''}\n"),
        *("copies: {/a: web.conf}\n", "contents: {/a: b}\n", "ulimits: {nofile: {soft: 1, hard: 2}}\n"),
        *("pids_limit: 7\n", "restart: true\n", "healthcheck: {interval: 5s}\n"),
    ],
)
def test_every_option_makes_another_target(project: Project, write_target: WriteTarget, more: str) -> None:
    write_target(PLAIN)
    before = hash_contents(project.load())["target"]
    write_target(PLAIN + more)
    assert hash_contents(project.load())["target"] != before


def test_what_is_copied_counts_by_its_content(project: Project, write_target: WriteTarget) -> None:
    write_target("image: web\nport: 80\ncopies: {/code: code}\n")
    before = hash_contents(project.load())["target"]
    project.write({"targets/web/code/inner/deep.py": "changed"})
    assert hash_contents(project.load())["target"] != before


def test_a_target_without_options_has_the_hash_of_version_0_1(
    project: Project, write_target: WriteTarget
) -> None:
    """Check the digest that the commit before the options computed for this target."""
    write_target("image: web:1\nport: 80\nulimits: {nofile: 4096}\n")
    expected = "fb4af830a4d69e9164bdb7ac70a6cf4d373813237fc6b4d23e61bb2cee429729"
    assert hash_contents(project.load())["target"] == expected


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ("files: {/x: /var/run/docker.sock}\n", "is the socket of a container engine"),
        ("copies: {/x: /run}\n", "holds sockets of this machine"),
        ("files: {/x: /}\n", "holds sockets of this machine"),
        ("capabilities: [CAP_SYS_ADMIN]\n", "is not a capability that a container may have"),
        ("capabilities: [SYS_MODULE]\n", "is not a capability that a container may have"),
        ("capabilities: [NET_ADMIN]\nnetwork: host\n", "would change this machine's network"),
        ("sysctls: {vm.swappiness: 1}\n", "is a setting of the whole machine"),
        ("ulimits: {nofile: {soft: 9, hard: 3}}\n", "soft limit above the hard limit 3"),
        ("ulimits: {nofile: {soft: -1, hard: 3}}\n", "soft limit above the hard limit 3"),
        ("tmpfs: '/run:colour=red'\n", "is not an option of a tmpfs"),
        ("contents: {/a: {text: b, mode: 440}}\n", "write octal digits in quotes"),
        ("contents: {/a: '${GONE}'}\n", "${GONE} is not set"),
        ("contents: {/run/token: b}\ntmpfs: /run\n", "lies in a tmpfs, which begins empty"),
        ("files: {/code: code}\ncontents: {/code/x: b}\n", "lies in /code, which is read-only"),
        ("files: {/code: code}\nvolumes: {/code/new: ''}\n", "lies in /code, which is read-only"),
        ("volumes: {/v: {read_only: true}}\ncontents: {/v/x: b}\n", "lies in /v, a volume that is read_only"),
        ("volumes: {/v: {name: '../v'}}\n", "can't name a volume"),
        ("files: {/a: code}\nvolumes: {/a: ''}\n", "is the place of another key too"),
        ("extra_hosts: [db]\n", "is not a host with its address"),
        ("extra_hosts: ['db:somewhere']\n", "is not an IP address"),
        ("working_dir: srv\n", "is not a whole path inside the container"),
        ("command: []\nentrypoint: []\n", "so nothing would run"),
        ("ready: {healthy: true}\nhealthcheck: false\n", "has no effect with healthcheck: false"),
        ("ready: {started: true}\n", "does not say that the target answers"),
        ("network_of: db\n", "db is no companion that runs by then; there is none"),
        ("network_of: db\nhostname: a\ncompanions: {db: {image: x, ready: {port: 1}}}\n", "has no effect"),
        ("companions: {db: {image: x, job: true}}\nnetwork_of: db\n", "db is no companion that runs by then"),
        (
            "companions: {a: {image: x, job: true, network_of: b}, b: {image: x, ready: {port: 1}}}\n",
            "b is no companion that runs by then; there is none",
        ),
        ("companions: {db: {image: x, job: true, ready: {port: 1}}}\n", "a job is ready when it has ended"),
        ("companions: {db: {image: x, job: true, seed: [a]}}\n", "a job is ready when it has ended"),
        ("pids_limit: 0\n", "is out of range"),
        ("shm_size: lots\n", "is not an amount of memory"),
        ("healthcheck: {test: [true]}\n", "is not a check; write a command, or a list that begins with CMD"),
        ("healthcheck: {retries: 0}\n", "is out of range"),
    ],
)
def test_options_that_cannot_be_honoured_are_refused(
    project: Project, write_target: WriteTarget, more: str, message: str
) -> None:
    write_target(PLAIN + more)
    with pytest.raises(InputError) as refused:
        project.load()
    assert message in str(refused.value)
    assert len(refused.value.problems) == 1


@pytest.mark.parametrize(
    "more",
    [
        "files: {/code: code}\nvolumes: {/code/inner: ''}\n",
        "files: {/etc/localtime: /etc/localtime}\n",
        "contents: {/run/secrets/token: b}\ntmpfs: /run\n",
        "copies: {/run: code}\n",
        "files: {'/srv/My App/x.conf': web.conf}\n",
        "network_of: vpn\ncompanions: {vpn: {image: x, ready: {started: true}}}\n",
        "command: []\n",
        "entrypoint: []\n",
        "user: ':'\n",
        "user: '1000:'\n",
    ],
)
def test_unusual_options_that_are_sound_are_not_refused(
    project: Project, write_target: WriteTarget, more: str
) -> None:
    write_target(PLAIN + more)
    assert isinstance(project.load().target, Target)


@pytest.mark.parametrize(
    ("text", "check"),
    [
        ("true", None),
        ("{run: true}", None),
        ("{test: 'curl -f localhost || exit 1'}", Healthcheck(("CMD-SHELL", "curl -f localhost || exit 1"))),
        ("{test: [CMD, probe, '-v']}", Healthcheck(("CMD", "probe", "-v"))),
        (
            "{interval: 1m, timeout: 500ms, start_period: 2s, retries: 5}",
            Healthcheck(None, 60.0, 0.5, 2.0, 5),
        ),
    ],
)
def test_a_healthcheck_takes_the_place_of_the_images_where_it_says_so(
    project: Project, write_target: WriteTarget, text: str, check: Healthcheck | None
) -> None:
    write_target(PLAIN + f"healthcheck: {text}\n")
    options = load_options(project)
    assert (options.has_healthcheck, options.healthcheck) == (True, check)
    plan = project.load()
    assert plan_from_json(plan_to_json(plan), plan.source.parent).target == plan.target


def test_replicas_cannot_share_a_network(project: Project, write_target: WriteTarget) -> None:
    write_target(PLAIN + "network_of: vpn\ncompanions: {vpn: {image: x, ready: {started: true}}}\n")
    project.write({"matrix.yaml": MATRIX.replace("0.5,", "0.5, replicas: 2,")})
    with pytest.raises(InputError, match="several replicas can't share one network; drop network_of"):
        project.load()


def test_a_job_needs_room_beside_the_companions_before_it_and_not_beside_the_target(
    project: Project, write_target: WriteTarget
) -> None:
    """Check that 2.9 cores of 3 are enough, and that the job alone needs 1.7 with its database."""
    companions = (
        "companions:\n"
        "  db: {image: x, ready: {port: 1}, limits: {cpus: 0.2, memory: 64MiB}}\n"
        "  migrate: {image: x, job: true, limits: {cpus: 1.5, memory: 64MiB}}\n"
    )
    write_target(PLAIN + companions)
    project.write({"matrix.yaml": MATRIX.replace("0.5", "2.7")})
    plan = project.load()
    assert fit_to_host(plan, 4, 16 * GIB).skipped == {}
    (reason,) = fit_to_host(plan, 2, 16 * GIB).skipped.values()
    assert reason.startswith("its job migrate: with its companions it needs 1.70 cores")


def test_a_copy_that_cannot_be_read_is_a_mistake_at_its_place(
    project: Project, write_target: WriteTarget, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(plan: Plan) -> None:
        raise PermissionError(13, "Permission denied", str(project.folder / "targets/web/code/inner"))

    monkeypatch.setattr("harness.plan.loader.hash_contents", refuse)
    write_target("image: web\nport: 80\ncopies: {/data: code}\n")
    assert project.find_mistakes() == [
        'targets/web/target.yaml:3:17: copies."/data": targets/web/code/inner: Permission denied'
    ]


def test_paths_outside_of_the_repository_stay_as_they_are(
    project: Project, write_target: WriteTarget
) -> None:
    write_target(PLAIN + "copies: {/a: ../../../shared}\n")
    path = load_options(project).copies["/a"].path
    assert path == Path(project.folder.parent / "shared")
