"""A matrix file with its target and scenario as a Plan: all that is wrong is said at once."""

import os
from collections.abc import Mapping
from dataclasses import replace
from os.path import abspath, isfile
from pathlib import Path

from harness.errors import InputError, Problem
from harness.model import (
    LOOPBACK,
    MASTER_PORT,
    Balancer,
    Cell,
    Engine,
    EngineWorkers,
    ExternalWorkers,
    Limits,
    Load,
    LocalWorkers,
    Plan,
    Price,
    Scenario,
    Search,
    SearchStrategy,
    Slo,
    Timing,
)
from harness.plan.cells import SECTIONS, expand
from harness.plan.content_hashes import hash_contents
from harness.plan.scenario import read_scenario
from harness.plan.schema.matrix import EngineSection, LoadEngineSection, MatrixFile
from harness.plan.slos import read_slos
from harness.plan.target import FoundTarget, read_target
from harness.plan.yaml.document import MOST_PROBLEMS, Document, read_document, shown, whole
from harness.plan.yaml.problems import nearest, validated

FIRST_USERS = 10


def load_plan(path: Path, environ: Mapping[str, str] = os.environ) -> Plan:
    """The plan of a matrix file, with absolute paths. `environ` is what `${NAME}` in target.yaml refers to.

    Raises:
        InputError: with every problem in the matrix, the target and the locustfiles.
    """
    source = Path(abspath(path))
    if not isfile(source):
        raise whole(shown(source), f"no such file{nearest(source.name, yaml_names(source.parent))}")
    document = read_document(source)
    problems: list[Problem] = []
    matrix, faulty = validated(MatrixFile, document, (), problems)
    found = read_target(document, source.parent, environ, problems)
    scenario = sound_scenario(matrix, faulty, document, source.parent, found, problems)
    cells = sound_cells(matrix, faulty, document, found, problems)
    slos = read_slos(document, problems)
    search = asked_search(matrix, faulty, document, problems)
    if problems or found is None:
        raise InputError(sorted(problems)[:MOST_PROBLEMS])
    plan = assembled(source, matrix, found, scenario, cells, slos, search)
    return replace(plan, hashes=hashed(plan, found))


def yaml_names(folder: Path) -> list[str]:
    try:
        return [entry.name for entry in folder.iterdir() if entry.suffix in (".yaml", ".yml")]
    except OSError:
        return []


def sound_scenario(
    matrix: MatrixFile,
    faulty: frozenset[str],
    document: Document,
    folder: Path,
    found: FoundTarget | None,
    problems: list[Problem],
) -> Scenario:
    """The scenario; nothing is said of it where its section, or the target that holds it, is faulty."""
    if "scenario" in faulty or (found is None and matrix.scenario.locustfile is None):
        return Scenario(())
    return read_scenario(matrix.scenario, document, folder, found.folder if found else None, problems)


def sound_cells(
    matrix: MatrixFile,
    faulty: frozenset[str],
    document: Document,
    found: FoundTarget | None,
    problems: list[Problem],
) -> tuple[Cell, ...]:
    if faulty & SECTIONS:
        return ()
    cells, faults = expand(matrix, found.target.name if found else "")
    problems += [document.problem(at, message) for at, message in faults]
    return cells


def asked_search(
    matrix: MatrixFile, faulty: frozenset[str], document: Document, problems: list[Problem]
) -> Search:
    """The search section; unless it says, a search begins with ten users, or all if the limit is lower."""
    section, limit = matrix.search, matrix.users.limit
    first = section.first_users if section.first_users is not None else min(FIRST_USERS, limit)
    if first > limit and "users" not in faulty:
        message = f"{first} is more than users.limit ({limit}); write {limit} or less"
        problems.append(document.problem(("search", "first_users"), message))
    strategy = SearchStrategy(section.strategy)
    return Search(strategy, section.precision, first, section.ladder_users, section.confirm)


def asked_timing(matrix: MatrixFile, slos: tuple[Slo, ...]) -> Timing:
    """The steps section; after a window the load stays on as long as the slowest SLO lets an answer take."""
    window = matrix.steps.window
    linger_s = max([1.0, *(slo.at_most for slo in slos if slo.is_response_time)])
    steps = matrix.steps
    return Timing(steps.settle, window.at_least, window.at_most, linger_s, steps.warm_up)


def assembled(
    source: Path,
    matrix: MatrixFile,
    found: FoundTarget,
    scenario: Scenario,
    cells: tuple[Cell, ...],
    slos: tuple[Slo, ...],
    search: Search,
) -> Plan:
    return Plan(
        source=source,
        target=replace(found.target, balancer=asked_balancer(matrix, cells)),
        scenario=scenario,
        cells=cells,
        slos=slos,
        users_limit=matrix.users.required or matrix.users.limit,
        users_required=matrix.users.required,
        spawn_rate=matrix.users.spawn_rate,
        timing=asked_timing(matrix, slos),
        search=search,
        price=asked_price(matrix),
        load=asked_load(matrix, source.parent),
        engines={
            name: asked_engine(section, source.parent)
            for name, section in (matrix.engines or {None: matrix.engine}).items()
        },
        notes=found.notes,
    )


def asked_load(matrix: MatrixFile, folder: Path) -> Load:
    section = matrix.load
    workers = section.workers if isinstance(section.workers, int) else None
    bind, port = section.bind or (LOOPBACK, MASTER_PORT)
    if section.engines:
        engines = tuple(asked_engine(each, folder) for each in section.engines)
        named = "workers" in section.model_fields_set
        return EngineWorkers(engines, workers if named else len(engines), bind, port, section.image)
    if section.expect is None:
        return LocalWorkers(workers)
    return ExternalWorkers(section.expect, bind, port)


def asked_balancer(matrix: MatrixFile, cells: tuple[Cell, ...]) -> Balancer | None:
    """None where no size has anything to balance."""
    section = matrix.balancer
    if all(cell.limits.replicas == 1 for cell in cells):
        return None
    return Balancer(section.image, Limits(section.limits.cpus, section.limits.memory), section.algorithm)


def asked_engine(section: LoadEngineSection, folder: Path) -> Engine:
    certificates = folder / os.path.expanduser(section.certificates) if section.certificates else None
    address = section.address if isinstance(section, EngineSection) else None
    return Engine(section.host, section.context, certificates, address)


def asked_price(matrix: MatrixFile) -> Price | None:
    """None where the matrix names no price at all."""
    by_name = {name: size.price for name, size in matrix.sizes.items() if size.price is not None}
    if matrix.price is None:
        return Price(by_name=by_name) if by_name else None
    return Price(matrix.price.currency, matrix.price.cpu_hour, matrix.price.gb_hour, by_name)


def hashed(plan: Plan, found: FoundTarget) -> Mapping[str, str]:
    """The content hashes; a build context that can't be read, or is too large, is a problem at its place."""
    try:
        return hash_contents(plan)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        named = f"{shown(Path(error.filename))}: " if isinstance(error, OSError) and error.filename else ""
        raise InputError([found.source.problem(("build", "context"), f"{named}{reason}")]) from None
