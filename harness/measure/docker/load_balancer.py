"""HAProxy before the replicas of a target: what it is told, and the image that it runs from."""

import shlex
from dataclasses import replace
from importlib.resources import files
from pathlib import Path

from harness.measure.docker.client import BASE_IMAGE
from harness.model import Balancer, Build, Limits, Ready, Target

NAME = "balancer"

CONFIGURATION = """\
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
"""Without health checks and retries: a failure of a replica is the target's, and must be seen.

As many connections as the engine's limit of open files allows, but not as many as an unlimited one would.
"""


def balancer(target: Target, wanted: Balancer) -> Target:
    """The service that stands before `target`: it answers where the target would, as soon as that does."""
    build = (
        None
        if wanted.image
        else Build(Path(str(files("harness.measure.docker"))) / "haproxy", args={"BASE": BASE_IMAGE})
    )
    kind = target.ready.kind
    ready = target.ready if kind in ("http", "tcp") else Ready(None, within_s=target.ready.within_s)
    return Target(NAME, target.port, image=wanted.image, build=build, ready=ready, host_port=target.host_port)


def replica_names(target: Target, limits: Limits) -> list[str]:
    """How the balancer reaches them."""
    return [f"{target.name}-{number}" for number in range(1, limits.replicas + 1)]


def told(service: Target, wanted: Balancer, names: list[str]) -> Target:
    """The balancer with its configuration. It is given as a command: files of ours need not be where the
    engine is.
    """
    servers = "\n".join(f"    server {name} {name}:{service.port}" for name in names)
    text = CONFIGURATION.format(port=service.port, algorithm=wanted.algorithm, servers=servers)
    script = f"printf %s {shlex.quote(text)} > /tmp/haproxy.cfg && exec haproxy -W -db -f /tmp/haproxy.cfg"
    return replace(service, entrypoint=("sh", "-c", script), command=(), user="root", tmpfs=("/tmp",))
