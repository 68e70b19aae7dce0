"""Build the service that balances load over the replicas of a target: HAProxy and its configuration."""

import shlex
from dataclasses import replace
from importlib.resources import files
from pathlib import Path

from harness.measure.docker.client import BASE_IMAGE
from harness.model import Balancer, BuildSource, ImageSource, Limits, NetworkProbe, Target, TcpProbe

NAME = "balancer"

_CONFIGURATION = """\
global
    nbthread 1
    fd-hard-limit 50000
defaults
    mode http
    timeout connect 5s
    timeout client 5m
    timeout server 5m
    retries 0
frontend users
    bind :{port}
    default_backend replicas
backend replicas
    balance {algorithm}
{servers}
"""
"""There are no health checks and no retries: a replica's failure belongs to the target and must be seen.

`fd-hard-limit` bounds the open files where the engine does not: HAProxy allocates memory at its start for as
many connections as it may have open files.
"""


def build_balancer(target: Target, balancer: Balancer) -> Target:
    """Build the service that users reach instead of the target, on the target's port.

    It has the target's readiness probe if that is a probe over the network; else it is ready once its port is
    open.
    """
    source = (
        ImageSource(balancer.image)
        if balancer.image
        else BuildSource(Path(str(files("harness.measure.docker"))) / "haproxy", args={"BASE": BASE_IMAGE})
    )
    probe = target.readiness
    readiness = probe if isinstance(probe, NetworkProbe) else TcpProbe(probe.within_s)
    return Target(NAME, target.port, source, readiness, host_port=target.host_port)


def name_replicas(target: Target, limits: Limits) -> list[str]:
    """Return the names by which the balancer reaches the replicas."""
    return [f"{target.name}-{number}" for number in range(1, limits.replicas + 1)]


def with_configuration(service: Target, balancer: Balancer, replicas: list[str]) -> Target:
    """Return the balancer's service with its configuration for these replicas.

    The configuration is part of the command, because a file of this machine can't be mounted on a remote
    engine.
    """
    servers = "\n".join(f"    server {name} {name}:{service.port}" for name in replicas)
    text = _CONFIGURATION.format(port=service.port, algorithm=balancer.algorithm, servers=servers)
    script = f"printf %s {shlex.quote(text)} > /tmp/haproxy.cfg && exec haproxy -W -db -f /tmp/haproxy.cfg"
    return replace(service, entrypoint=("sh", "-c", script), command=(), user="root", tmpfs=("/tmp",))
