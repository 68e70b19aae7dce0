"""A remote engine, simulated on this machine: an engine with its own data, reached over SSH or TLS."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from harness.measure.docker.port_access import find_free_port
from tests.e2e.outcomes import assert_completes
from tests.e2e.own_engine import OwnEngine, run_own_engine
from tests.e2e.project import AT_6_USERS, ONE_SIZE, UP_TO_6_USERS, Project

pytestmark = pytest.mark.e2e


@dataclass(frozen=True)
class Secured:
    """An engine that listens for TLS too, and the folder of the keys with which it trusts its clients."""

    engine: OwnEngine
    address: str
    keys: Path


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    keys, port = tmp_path_factory.mktemp("keys"), find_free_port()
    create_certificates(keys)
    options = [f"--host=tcp://127.0.0.1:{port}", "--tlsverify", f"--tlscacert={keys}/ca.pem"]
    options += [f"--tlscert={keys}/server.pem", f"--tlskey={keys}/server-key.pem"]
    with run_own_engine(tmp_path_factory.mktemp("remote"), number=2, options=options) as engine:
        yield Secured(engine, f"tcp://127.0.0.1:{port}", keys)


@pytest.fixture(scope="module")
def engine(secured: Secured) -> OwnEngine:
    return secured.engine


@contextlib.contextmanager
def run_sshd(engine: OwnEngine, folder: Path) -> Iterator[tuple[str, dict[str, str]]]:
    """Run an sshd before the engine; yield its address, and the environment in which `ssh` trusts it."""
    if not shutil.which("sshd"):
        subprocess.run(["apt-get", "install", "--yes", "openssh-server"], check=True, capture_output=True)
    port, daemon = find_free_port(), shutil.which("sshd") or "/usr/sbin/sshd"
    Path("/run/sshd").mkdir(exist_ok=True)
    for name in ("host", "client"):
        command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)]
        subprocess.run(command, check=True)
    config = [f"Port {port}", "ListenAddress 127.0.0.1", f"HostKey {folder}/host", "StrictModes no"]
    config += [f"AuthorizedKeysFile {folder}/client.pub", "UsePAM no", "PermitRootLogin yes"]
    config += ["MaxStartups 100", f"SetEnv DOCKER_HOST={engine.address}", f"PidFile {folder}/sshd.pid"]
    (folder / "sshd_config").write_text("\n".join(config) + "\n")
    client = f"IdentityFile {folder}/client\nStrictHostKeyChecking no\nUserKnownHostsFile {folder}/known\n"
    (folder / "ssh_config").write_text(client + "LogLevel ERROR\n")
    (folder / "bin").mkdir()
    wrapper = folder / "bin/ssh"
    wrapper.write_text(f'#!/bin/sh\nexec {shutil.which("ssh")} -F {folder}/ssh_config "$@"\n')
    wrapper.chmod(0o755)
    with subprocess.Popen(
        [daemon, "-D", "-f", str(folder / "sshd_config")], stderr=subprocess.DEVNULL
    ) as sshd:
        try:
            wait_for_sshd(port)
            yield f"ssh://root@127.0.0.1:{port}", {"PATH": f"{wrapper.parent}:{os.environ['PATH']}"}
        finally:
            sshd.terminate()


def wait_for_sshd(port: int) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 0.2):
            return
        time.sleep(0.1)
    pytest.fail("sshd does not answer")


def test_a_campaign_over_ssh_completes_although_its_tunnel_is_cut_once(
    project: Project, engine: OwnEngine, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Cut the tunnel to the target's port under load, after the base image was copied to the engine."""
    with run_sshd(engine, tmp_path_factory.mktemp("ssh")) as (address, environment):
        project.write("matrix.yaml", f"engine: {address}\n" + ONE_SIZE + AT_6_USERS)
        with project.start_harness("run", **environment) as running:
            project.wait_for_load(running, within_s=240, engine=engine.address)
            (tunnel,) = find_tunnels()
            os.kill(tunnel, signal.SIGKILL)
            assert_completes(project, running)
    faults = project.read_events("fault")
    assert ["tunnel" in fault["what"] for fault in faults] == [True]
    fingerprint = (project.folder / "results/latest/environment.json").read_text()
    assert '"local": false' in fingerprint
    assert find_tunnels() == []
    assert engine.run_docker("ps", "--all", "--quiet").stdout == b""


def find_tunnels() -> list[int]:
    pgrep = subprocess.run(
        ["pgrep", "-f", "^/usr/bin/ssh .*ExitOnForwardFailure"], capture_output=True, text=True
    )
    return [int(pid) for pid in pgrep.stdout.split()]


def test_files_for_a_remote_engine_are_refused_before_anything_starts(
    project: Project, engine: OwnEngine, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with run_sshd(engine, tmp_path_factory.mktemp("ssh")) as (address, environment):
        project.write("matrix.yaml", f"engine: {{host: '{address}'}}\n" + ONE_SIZE + UP_TO_6_USERS)
        text = (project.folder / "targets/behaves/target.yaml").read_text()
        project.write("targets/behaves/target.yaml", text + "files: {/etc/extra: locustfile.py}\n")
        done = project.run_harness("run", timeout_s=300, **environment)
    assert done.returncode == 1
    assert "`files` can't be mounted on an engine of another machine" in done.stderr


def test_a_docker_context_names_an_engine(project: Project, engine: OwnEngine) -> None:
    config = {"DOCKER_CONFIG": str(project.folder / "docker")}
    project.write("docker/config.json", "{}\n")  # docker-py looks for contexts next to it
    command = ["docker", "context", "create", "farm", "--docker", f"host={engine.address}"]
    subprocess.run(command, check=True, capture_output=True, env={**os.environ, **config})
    project.write("matrix.yaml", "engine: farm\n" + ONE_SIZE + AT_6_USERS)
    with project.start_harness("run", **config) as running:
        project.wait_for("life-started", running, within_s=240)
        assert len(engine.run_docker("ps", "--quiet").stdout.split()) == 1
        assert_completes(project, running)


def test_a_campaign_over_tls_with_the_certificates_of_the_matrix(project: Project, secured: Secured) -> None:
    """Require a refusal before anything starts if the matrix names no certificates."""
    engine, address = secured.engine, secured.address
    project.write("matrix.yaml", f"engine: '{address}'\n" + ONE_SIZE + AT_6_USERS)
    refused = project.run_harness("run")
    assert refused.returncode == 2
    assert f"no Docker engine answers at {address}" in refused.stderr.replace("\n", " ")
    with_keys = f"engine: {{host: '{address}', certificates: '{secured.keys}'}}\n"
    project.write("matrix.yaml", with_keys + ONE_SIZE + AT_6_USERS)
    with project.start_harness("run") as running:
        project.wait_for("life-started", running, within_s=240)
        assert len(engine.run_docker("ps", "--quiet").stdout.split()) == 1
        assert_completes(project, running)
    assert engine.run_docker("ps", "--all", "--quiet").stdout == b""


def create_certificates(folder: Path) -> None:
    """Create an authority and its certificates for engine and client, with the file names of docker."""

    def openssl(*words: str) -> None:
        subprocess.run(["openssl", *words], check=True, capture_output=True, cwd=folder)

    fresh = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    openssl("req", "-x509", *fresh, "-keyout", "ca-key.pem", "-out", "ca.pem", "-subj", "/CN=authority")
    for name, prefix in (("server", "server-"), ("client", "")):
        (folder / "names").write_text("subjectAltName = IP:127.0.0.1\n")
        openssl("req", *fresh, "-keyout", f"{prefix}key.pem", "-out", "request.pem", "-subj", f"/CN={name}")
        certificate = "server.pem" if prefix else "cert.pem"
        signing = ["-CA", "ca.pem", "-CAkey", "ca-key.pem", "-CAcreateserial", "-extfile", "names"]
        openssl("x509", "-req", "-in", "request.pem", *signing, "-out", certificate)
