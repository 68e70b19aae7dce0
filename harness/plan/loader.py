"""Load a matrix file, with its target and scenario, as a Plan. All mistakes are reported at once."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from os.path import abspath, isfile
from pathlib import Path

from harness.errors import InputError
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
    Target,
    Timing,
)
from harness.plan.cells import CELL_SECTIONS, expand_cells
from harness.plan.content_hashes import hash_contents
from harness.plan.scenario import LoadedScenario, read_scenario
from harness.plan.schema.matrix import (
    OLD_PRICE_KEY_NOTE,
    EngineSection,
    LoadEngineSection,
    MatrixFile,
    SearchSection,
)
from harness.plan.size_presets import (
    SizePreset,
    build_preset_price,
    describe_preset_price,
    read_size_preset,
)
from harness.plan.slos import find_shortfall_notes, read_slos
from harness.plan.target import LoadedTarget, read_target
from harness.plan.variants import add_variants, find_value_notes
from harness.plan.yaml.document import (
    MOST_PROBLEMS,
    Document,
    build_file_error,
    parse_document,
    read_document,
    shorten_path,
)
from harness.plan.yaml.problems import list_names, suggest_nearest
from harness.plan.yaml.reading import Reading

_DEFAULT_FIRST_USERS = 10
_DEFAULT_SOAK_S = 300.0


def load_plan(path: Path, environ: Mapping[str, str] = os.environ) -> Plan:
    """Return the plan of a matrix file, with absolute paths. `${NAME}` in target.yaml refers to `environ`.

    Raises:
        InputError: with every problem in the matrix, the target and the locustfiles.
    """
    source = Path(abspath(path))
    if not isfile(source):
        others = list_names(source.parent, lambda entry: entry.suffix in (".yaml", ".yml"))
        message = f"no such file{suggest_nearest(source.name, others)}"
        raise build_file_error(shorten_path(source), message)
    return _load_document(read_document(source), source, environ)


def load_plan_text(text: str, source: Path, environ: Mapping[str, str] = os.environ) -> Plan:
    """Return the plan of a matrix that is no file; `source` names it, and its folder is that of its paths.

    Raises:
        InputError: with every problem in the matrix, the target and the locustfiles.
    """
    source = Path(abspath(source))
    return _load_document(parse_document(text, shorten_path(source)), source, environ)


def _load_document(document: Document, source: Path, environ: Mapping[str, str]) -> Plan:
    reading = Reading(document, source.parent, environ)
    matrix, faulty = reading.validate(MatrixFile)
    return _MatrixReader(source, reading, matrix, faulty, read_target(reading)).build_plan()


@dataclass(frozen=True, slots=True)
class _MatrixReader:
    """A validated matrix with its target, which is None if too little of it can be read.

    `faulty` are the keys of the matrix that are left at their defaults.
    """

    source: Path
    reading: Reading
    matrix: MatrixFile
    faulty: frozenset[str]
    target: LoadedTarget | None

    def build_plan(self) -> Plan:
        """Build the plan; raise InputError with all problems of the reading."""
        matrix, preset = self.matrix, read_size_preset(self.reading)
        loaded, cells, slos = self._read_scenario(), self._build_cells(preset), read_slos(self.reading)
        search = self._build_search()
        if self.reading.problems or self.target is None:
            raise InputError(sorted(self.reading.problems)[:MOST_PROBLEMS])
        plan = Plan(
            source=self.source,
            target=replace(self.target.target, balancer=_build_balancer(matrix, cells)),
            scenario=loaded.scenario,
            cells=cells,
            slos=slos,
            users_limit=matrix.users.required or matrix.users.limit,
            users_required=matrix.users.required,
            headroom_ratio=matrix.users.headroom,
            spawn_rate=matrix.users.spawn_rate,
            timing=_build_timing(matrix, slos),
            search=search,
            price=_build_price(matrix, preset),
            load=_build_load(matrix, self.reading.folder),
            engines=_build_engines(matrix, self.reading.folder),
            parallel=None if matrix.parallel == "auto" else matrix.parallel,
            notes=(
                *self.target.notes,
                *loaded.notes,
                *_find_notes(matrix, preset),
                *find_shortfall_notes(slos),
                *find_value_notes(cells),
            ),
        )
        return replace(plan, hashes=_hash_or_refuse(plan, self.target))

    def _read_scenario(self) -> LoadedScenario:
        """Return the scenario; an empty one if its section is faulty, or if it is that of a faulty target."""
        section = self.matrix.scenario
        if "scenario" in self.faulty or (self.target is None and section.locustfile is None):
            return LoadedScenario(Scenario(()))
        return read_scenario(self.reading, section, self.target.folder if self.target else None)

    def _build_cells(self, preset: SizePreset | None) -> tuple[Cell, ...]:
        if self.faulty & CELL_SECTIONS or (preset is not None and not preset.sizes):
            return ()
        name = self.target.target.name if self.target else ""
        cells, faults = expand_cells(self.matrix, name, preset.sizes if preset else ())
        for at, message in faults:
            self.reading.report(at, message)
        if self.target is not None and any(cell.limits.replicas > 1 for cell in cells):
            self._check_replicas(self.target.target)
        return add_variants(
            self.reading, self.matrix.variants, cells, self.target.target if self.target else None
        )

    def _check_replicas(self, target: Target) -> None:
        """Report a target of several replicas that would all need the same port of one network."""
        if target.host_network or target.options.network_of is not None:
            key = "network: host" if target.host_network else "network_of"
            self.reading.report(("limits",), f"several replicas can't share one network; drop {key}")

    def _build_search(self) -> Search:
        """Return the search; by default it starts with ten users, or with the limit if that is lower."""
        section, limit = self.matrix.search, self.matrix.users.limit
        first = section.first_users if section.first_users is not None else min(_DEFAULT_FIRST_USERS, limit)
        if first > limit and "users" not in self.faulty:
            message = f"{first} is more than users.limit ({limit}); write {limit} or less"
            self.reading.report(("search", "first_users"), message)
        strategy = SearchStrategy(section.strategy)
        return Search(
            strategy,
            section.precision,
            first,
            section.ladder_users,
            section.confirm,
            _choose_soak_s(section),
            section.precision_elsewhere,
        )


def _choose_soak_s(section: SearchSection) -> float:
    """Return the length of the soak in seconds; without checks at the end, only one that is written."""
    if section.soak is not None:
        return section.soak
    return _DEFAULT_SOAK_S if section.confirm else 0.0


def _build_timing(matrix: MatrixFile, slos: tuple[Slo, ...]) -> Timing:
    """Return the steps' timing; the drain lasts as long as the slowest SLO's response time, at least 1 s."""
    steps, window = matrix.steps, matrix.steps.window
    drain_s = max([1.0, *(slo.at_most for slo in slos if slo.is_response_time)])
    return Timing(
        settle_s=steps.settle,
        window_at_least_s=window.at_least,
        window_at_most_s=window.at_most,
        drain_s=drain_s,
        warm_up_s=steps.warm_up,
        steady_at_most_s=steps.steady.at_most,
        horizon_s=steps.horizon,
    )


def _build_load(matrix: MatrixFile, folder: Path) -> Load:
    """Return the Locust processes; by default one local worker, or one on each of the load's engines."""
    section = matrix.load
    workers = section.workers if isinstance(section.workers, int) else None
    bind, port = section.bind or (LOOPBACK, MASTER_PORT)
    if section.engines:
        engines = tuple(_build_engine(each, folder) for each in section.engines)
        has_workers = "workers" in section.model_fields_set
        return EngineWorkers(engines, workers if has_workers else len(engines), bind, port, section.image)
    if section.expect is None:
        return LocalWorkers(workers)
    return ExternalWorkers(section.expect, bind, port)


def _build_balancer(matrix: MatrixFile, cells: tuple[Cell, ...]) -> Balancer | None:
    """Return the load balancer; None if no size has several replicas."""
    section = matrix.balancer
    if all(cell.limits.replicas == 1 for cell in cells):
        return None
    return Balancer(section.image, Limits(section.limits.cpus, section.limits.memory), section.algorithm)


def _build_engines(matrix: MatrixFile, folder: Path) -> Mapping[str | None, Engine]:
    """Return the engines that run targets, by name; without `engines` in the matrix the only name is None."""
    if not matrix.engines:
        return {None: _build_engine(matrix.engine, folder)}
    return {name: _build_engine(section, folder) for name, section in matrix.engines.items()}


def _build_engine(section: LoadEngineSection, folder: Path) -> Engine:
    certificates = folder / os.path.expanduser(section.certificates) if section.certificates else None
    address = section.address if isinstance(section, EngineSection) else None
    return Engine(section.host, section.context, certificates, address)


def _build_price(matrix: MatrixFile, preset: SizePreset | None) -> Price | None:
    """Return the prices: those of the matrix, else those of its preset; None without any."""
    section = matrix.price
    if section is None and preset is not None:
        return build_preset_price(preset)
    by_name = {name: size.price for name, size in matrix.sizes.items() if size.price is not None}
    if section is None:
        return Price(by_name=by_name) if by_name else None
    gib_hour = section.gib_hour if section.gib_hour is not None else section.gb_hour
    is_of_list = preset is not None and preset.sold.price is not None
    return Price(section.currency, section.cpu_hour, gib_hour, by_name, is_of_list=is_of_list)


def _find_notes(matrix: MatrixFile, preset: SizePreset | None) -> list[str]:
    notes = []
    if matrix.price is not None and matrix.price.gb_hour is not None:
        notes.append(f"price.{OLD_PRICE_KEY_NOTE}")
    if preset is not None:
        notes.append(describe_preset_price(preset, date.today(), is_replaced=matrix.price is not None))
    return notes


def _hash_or_refuse(plan: Plan, target: LoadedTarget) -> Mapping[str, str]:
    """Return the content hashes; raise InputError if a file can't be read or the context is too large."""
    try:
        return hash_contents(plan)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        filename = getattr(error, "filename", None)
        file = f"{shorten_path(Path(filename))}: " if filename else ""
        reading = replace(target.reading, problems=[])
        reading.report(_find_place(target.target, filename), f"{file}{reason}")
        raise InputError(reading.problems) from None


def _find_place(target: Target, filename: str | None) -> tuple[str, ...]:
    """Return the keys that name the file or a folder above it; those of the build context if none do."""
    copies = {inside: copy.path for inside, copy in target.options.copies.items()}
    for key, paths in (("files", target.files), ("copies", copies)):
        for inside, path in paths.items():
            if filename is not None and Path(filename).is_relative_to(path):
                return key, inside
    return "build", "context"
