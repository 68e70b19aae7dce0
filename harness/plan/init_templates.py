"""Write a first target and matrix, which people then edit; `locustfile_text` writes the locustfile."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from harness.plan.compose.syntax import to_target_name
from harness.plan.host_fit import compute_available_cores
from harness.plan.openapi.operations import Api

_CPU_SHARES = (0.25, 0.5, 1.0)
_MEMORY_MIB = (128, 256, 512)
_COMPANION_MIB = 512
_MOST_CORES = 4.0
"""The largest first size, however large the host is: a service with so little memory rarely uses more."""


@dataclass(frozen=True, slots=True)
class ServiceFacts:
    """What is known of a service without a target.yaml.

    `run` holds the one key of target.yaml that says what to run: `image`, `build` or `compose`. Companions
    come with the limits that the compose file does not give them: `cpus`, `memory`.
    """

    name: str
    run: Mapping[str, Any]
    port: int | None = None
    ready_path: str | None = None
    has_healthcheck: bool = False
    companions: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    api: Api = field(default_factory=Api)


def format_target(facts: ServiceFacts, cores: int) -> str:
    """Write target.yaml for a host of `cores`; companions share half of the cores that containers may use."""
    run = [f"{key}: {json.dumps(value)}" for key, value in facts.run.items()]
    lines = [f"name: {to_target_name(facts.name)}", *run]
    if facts.port is not None:
        lines.append(f"port: {facts.port}                # inside the container")
    if facts.ready_path is not None or "compose" not in facts.run or not facts.has_healthcheck:
        lines.append(f"ready: {_format_readiness(facts)}")
    lines += _format_companions(facts.companions, cores)
    return "\n".join(lines) + "\n"


def _format_companions(companions: Mapping[str, tuple[str, ...]], cores: int) -> list[str]:
    """Return the lines of target.yaml that give companions the limits that they lack."""
    share = round(compute_available_cores(cores) / 2 / max(len(companions), 1), 2)
    usual = {"cpus": f"{max(share, 0.05):g}", "memory": f"{_COMPANION_MIB}MiB"}
    lines = []
    for name, missing in companions.items():
        if missing:
            limits = ", ".join(f"{key}: {usual[key]}" for key in missing)
            key = name if re.fullmatch(r"[A-Za-z][\w.-]*", name) else json.dumps(name)
            lines.append(f"  {key}: {{limits: {{{limits}}}}}")
    heading = (
        "companions:                # limits that the compose file does not give; the same at every size"
    )
    return [heading, *lines] if lines else []


def _format_readiness(facts: ServiceFacts) -> str:
    """Write how it is ready; for a service of a compose file that file says how long to wait."""
    within = "" if "compose" in facts.run and facts.has_healthcheck else ", within: 60s"
    if facts.ready_path is not None:
        return f"{{http: {json.dumps(facts.ready_path)}{within}}}"
    if facts.has_healthcheck:
        return f"{{healthy: true{within}}}"
    return f"{{tcp: true{within}}}      # better: {{http: /health}}"


def format_matrix(facts: ServiceFacts, cores: int) -> str:
    """Write matrix.yaml with nine sizes that a host of `cores` can measure."""
    most_cores = min(_MOST_CORES, compute_available_cores(cores) / (2 if facts.companions else 1))
    cpus = ", ".join(f"{max(round(most_cores * part, 2), 0.01):g}" for part in _CPU_SHARES)
    memory = ", ".join(f"{mib}MiB" for mib in _MEMORY_MIB)
    return f"""\
target: targets/{to_target_name(facts.name)}

users:
  limit: 400               # the most users of interest

limits:                    # every combination is a size to measure
  cpus: [{cpus}]
  memory: [{memory}]

slos:                      # a size sustains N users while all of these hold
  p95: 1s
  errors: 1%
"""
