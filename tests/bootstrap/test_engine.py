"""tools/engine makes sure that a Docker engine answers, or says what to do."""

from pathlib import Path

import pytest

from tests.bootstrap.machine import Machine

NO_ENGINE = (
    'case "$*" in version*) echo "Cannot connect to the Docker daemon" >&2; exit 1;; esac; echo default'
)
ANSWERS_ONCE_STARTED = '[ -e "$DOCKERD_PID" ] || exit 1; echo 20.10'

without_systemd = pytest.mark.skipif(
    Path("/run/systemd/system").exists(), reason="where systemd runs, it starts the engine, not the tool"
)


def find_changes(commands: tuple[str, ...]) -> list[str]:
    return [c for c in commands if not c.startswith("docker ")]


def test_nothing_is_changed_or_printed_if_an_engine_answers(machine: Machine) -> None:
    machine.add_stub("docker", "echo 28.2.2")
    outcome = machine.run_tool("engine")
    assert (outcome.exit_code, outcome.output, find_changes(outcome.commands)) == (0, "", [])


def test_engine_manual_says_what_to_do_and_changes_nothing(machine: Machine) -> None:
    machine.add_stub("docker", NO_ENGINE)
    outcome = machine.run_tool("engine", ENGINE="manual")
    assert outcome.exit_code == 1
    assert "Cannot connect to the Docker daemon" in outcome.output
    assert "systemctl start docker" in outcome.output
    assert find_changes(outcome.commands) == []


def test_no_engine_is_started_here_if_docker_host_names_another(machine: Machine) -> None:
    machine.add_stub("docker", NO_ENGINE)
    outcome = machine.run_tool("engine", DOCKER_HOST="tcp://127.0.0.1:1")
    assert outcome.exit_code == 1
    assert "DOCKER_HOST=tcp://127.0.0.1:1" in outcome.output
    assert find_changes(outcome.commands) == []


def test_no_engine_is_started_here_if_the_docker_context_names_another(machine: Machine) -> None:
    machine.add_stub("docker", NO_ENGINE.replace("default", "lab"))
    outcome = machine.run_tool("engine")
    assert outcome.exit_code == 1
    assert 'the Docker context "lab"' in outcome.output
    assert find_changes(outcome.commands) == []


def test_on_a_system_other_than_debian_the_user_must_install_an_engine(machine: Machine) -> None:
    machine.set_os_release("ID=fedora\n")
    machine.add_stub("docker", NO_ENGINE)
    outcome = machine.run_tool("engine")
    assert outcome.exit_code == 1
    assert "Install Docker Engine" in outcome.output
    assert find_changes(outcome.commands) == []


def test_without_root_the_command_for_root_is_shown(machine: Machine) -> None:
    machine.add_stub("id", "echo 1000")
    machine.add_stub("docker", NO_ENGINE)
    outcome = machine.run_tool("engine")
    assert outcome.exit_code == 1
    assert "sudo make engine" in outcome.output
    assert find_changes(outcome.commands) == []


@without_systemd
def test_docker_host_may_name_the_socket_of_this_host(machine: Machine) -> None:
    machine.add_stub("docker", ANSWERS_ONCE_STARTED)
    machine.add_stub("dockerd", 'touch "$DOCKERD_PID"; sleep 1')
    outcome = machine.run_tool("engine", DOCKER_HOST="unix:///var/run/docker.sock")
    assert outcome.exit_code == 0
    assert "dockerd " in outcome.commands


@without_systemd
def test_an_installed_engine_is_only_started(machine: Machine) -> None:
    machine.add_stub("docker", ANSWERS_ONCE_STARTED)
    machine.add_stub("dockerd", 'touch "$DOCKERD_PID"; sleep 1')
    outcome = machine.run_tool("engine")
    assert outcome.exit_code == 0
    assert "Docker engine 20.10 answers" in outcome.output
    assert find_changes(outcome.commands) == ["dockerd "]


@without_systemd
def test_a_pid_file_left_by_a_crash_does_not_stop_the_start(machine: Machine) -> None:
    Path(machine.environment["DOCKERD_PID"]).write_text("1")
    machine.add_stub("docker", 'grep -q up "$DOCKERD_LOG" 2>/dev/null || exit 1; echo 20.10')
    machine.add_stub("dockerd", '[ -e "$DOCKERD_PID" ] && exit 1; echo up; sleep 1')
    assert machine.run_tool("engine").exit_code == 0


@without_systemd
@pytest.mark.parametrize(
    ("last_line", "fix"),
    [
        ("failed to create NAT chain DOCKER: iptables failed", "iptables-legacy"),
        ("Devices cgroup isn't mounted", "mount -t cgroup2"),
        ("error initializing graphdriver: overlay2 not supported", "storage-driver"),
        ("iptables: Permission denied (you must be root)", "set DOCKER_HOST"),
        ("something new", "The whole log"),
    ],
)
def test_an_engine_that_does_not_start_shows_its_log_and_the_probable_fix(
    machine: Machine, last_line: str, fix: str
) -> None:
    machine.add_stub("docker", NO_ENGINE)
    machine.add_stub("dockerd", f'echo "level=info msg=chatter"; echo "{last_line}"; exit 1')
    outcome = machine.run_tool("engine")
    assert outcome.exit_code == 1
    assert last_line in outcome.output
    assert "chatter" not in outcome.output
    assert fix in outcome.output


def test_package_lists_are_fetched_only_after_an_install_has_failed(machine: Machine, tmp_path: Path) -> None:
    machine.add_stub("docker", NO_ENGINE)
    machine.add_stub("apt-get", 'case "$*" in *install*) exit 100;; esac')
    outcome = machine.run_tool("engine", PATH=build_path_without_dockerd(machine, tmp_path))
    assert outcome.exit_code == 1
    assert "apt-get could not install: docker.io" in outcome.output
    verbs = [c.split("DPkg::Lock::Timeout=120 ")[1].split()[0] for c in find_changes(outcome.commands)]
    assert verbs == ["install", "update", "install"]


def build_path_without_dockerd(machine: Machine, folder: Path) -> str:
    """Return a PATH on which no engine is installed: with the stubs except dockerd, and plain tools."""
    (folder / "bin" / "dockerd").unlink()
    plain = folder / "plain"
    plain.mkdir()
    for name in ("bash", "dirname", "timeout", "tail", "mktemp", "rm", "cat"):
        (plain / name).symlink_to(f"/usr/bin/{name}")
    return f"{folder / 'bin'}:{plain}"
