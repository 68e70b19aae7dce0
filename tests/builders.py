"""Build the values that many tests start from: a cell, a cell's answer, a plan, a fingerprint."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from harness.model import (
    MIB,
    Cell,
    CellResult,
    Factor,
    Fingerprint,
    ImageSource,
    Limits,
    Plan,
    Scenario,
    Search,
    SearchStrategy,
    Slo,
    Status,
    Target,
    Timing,
)

SLOS = (Slo("p95", 1.0), Slo("errors", 0.01), Slo("shortfall", 0.15))


def make_plan(*limits: tuple[float, int], strategy: str = "predict", users_limit: int = 400) -> Plan:
    """Make a plan for the shop, without a soak; each of `limits` is a size, in cores and MiB."""
    cells = tuple(Cell(f"web-c{cores:.2f}-m{mib}", "web", Limits(cores, mib * MIB)) for cores, mib in limits)
    return Plan(
        Path("matrix.yaml"),
        Target("web", 8000, ImageSource("web:1")),
        Scenario((Path("locustfile.py"),)),
        cells,
        SLOS,
        users_limit=users_limit,
        spawn_rate=40,
        timing=Timing(),
        search=Search(SearchStrategy(strategy), 0.05, soak_s=0.0),
    )


def make_result(
    cores: float = 1.0,
    low: int | None = None,
    high: int | None = None,
    status: Status = Status.BRACKETED,
    factor: Factor | None = Factor.CPU,
    mib: int = 256,
) -> CellResult:
    """Make the answer of a size: `low` users are sustained, `high` break it."""
    cell = Cell(f"web-c{cores:.2f}-m{mib}", "web", Limits(cores, mib * MIB))
    return CellResult(cell, status, low, high, limiting_factor=factor)


def make_variant(
    variant: str, cores: float, low: int | None, high: int | None, status: Status = Status.BRACKETED
) -> CellResult:
    """Make the answer of a size with a variant: `low` users are sustained, `high` break it."""
    result = make_result(cores, low, high, status)
    cell = replace(
        result.cell,
        id=f"{result.cell.id}_{variant}",
        limits=replace(result.cell.limits, variant=variant),
    )
    return replace(result, cell=cell)


def make_fingerprint(**changes: Any) -> Fingerprint:
    """Make a machine's fingerprint; each of `changes` names a part and one of its facts: machine_cores=2."""
    machine = {"cpu_model": "x", "cores": 4, "usable_cores": 4, "memory_bytes": 8 << 30, "kernel": "6.1"}
    engine = {"version": "24", "cores": 4, "memory_bytes": 8 << 30, "cgroup_version": "2", "runtime": "runc"}
    stored: dict[str, dict[str, Any]] = {"machine": machine, "engine": engine}
    for name, value in changes.items():
        part, _, key = name.partition("_")
        stored[part][key] = value
    return Fingerprint.from_json(stored)
