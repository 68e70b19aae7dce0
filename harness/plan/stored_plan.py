"""The shape of a plan in plan.json and in the content hashes. It stays the same when the model changes."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from harness.model import (
    DEFAULT_ENGINE,
    Balancer,
    BuildSource,
    Cell,
    CommandProbe,
    Companion,
    CompletedProbe,
    ContainerOptions,
    Engine,
    EngineWorkers,
    ExternalWorkers,
    HealthcheckProbe,
    HttpProbe,
    ImageSource,
    Limits,
    Load,
    LocalWorkers,
    LogProbe,
    Plan,
    PortProbe,
    Price,
    ReadinessProbe,
    Scenario,
    Search,
    SearchStrategy,
    Slo,
    StartedProbe,
    Target,
    TcpProbe,
    Timing,
    Ulimit,
    choose_probe,
)

_ONLY_ENGINE = ""
"""The stored name of the only engine, if the matrix doesn't name its engines."""


@dataclass(frozen=True, slots=True)
class StoredReadiness:
    """A readiness probe. The first key that is set names its kind; with none of them it is a TCP probe."""

    http_path: str | None = "/"
    status: int = 200
    within_s: float = 60.0
    port: int | None = None
    log: str | None = None
    command: tuple[str, ...] | None = None
    healthy: bool = False
    started: bool = False
    completed: bool = False


@dataclass(frozen=True, slots=True)
class StoredTarget:
    """A target; either `image` or `build` is set."""

    name: str
    port: int
    image: str | None = None
    build: BuildSource | None = None
    ready: StoredReadiness = StoredReadiness()
    environment: Mapping[str, str] = field(default_factory=dict)
    command: tuple[str, ...] | None = None
    entrypoint: tuple[str, ...] | None = None
    host_port: int | None = None
    host_network: bool = False
    user: str | None = None
    files: Mapping[str, Path] = field(default_factory=dict)
    tmpfs: tuple[str, ...] = ()
    ulimits: Mapping[str, int | Ulimit] = field(default_factory=dict)
    capabilities: tuple[str, ...] = ()
    options: ContainerOptions = field(default_factory=ContainerOptions)
    companions: tuple["StoredCompanion", ...] = ()
    balancer: Balancer | None = None


@dataclass(frozen=True, slots=True)
class StoredCompanion:
    """A companion with its own limits."""

    service: StoredTarget
    limits: Limits
    seed: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class StoredTiming:
    """The durations of a step's parts; `linger_s` is the drain."""

    settle_s: float = 10.0
    window_at_least_s: float = 20.0
    window_at_most_s: float = 90.0
    linger_s: float = 1.0
    warm_up_s: float = 60.0
    steady_at_most_s: float = 300.0
    horizon_s: float = 3600.0


@dataclass(frozen=True, slots=True)
class StoredSearch:
    """How a cell's steps are chosen.

    A plan without `soak_s` is older than the soak, and had none. In one without `elsewhere_ratio` all sizes
    had the same precision.
    """

    strategy: SearchStrategy = SearchStrategy.PREDICT
    precision_ratio: float = 0.05
    first_users: int = 10
    ladder_users: int = 25
    confirm: bool = True
    soak_s: float = 0.0
    elsewhere_ratio: float | None = None


@dataclass(frozen=True, slots=True)
class StoredLoad:
    """The Locust processes: on `engines` if there are any, else external or local ones.

    `workers` is None if the harness chooses the number.
    """

    workers: int | None = 1
    external: bool = False
    bind: str = LocalWorkers.bind
    port: int = 5557
    engines: tuple[Engine, ...] = ()
    image: str | None = None


@dataclass(frozen=True, slots=True)
class StoredPlan:
    """A plan. Of its engines only the names are stored: results don't tell how to reach an engine."""

    source: Path
    target: StoredTarget
    scenario: Scenario
    cells: tuple[Cell, ...]
    slos: tuple[Slo, ...]
    users_limit: int = 400
    users_required: int | None = None
    headroom_ratio: float = 0.0
    spawn_rate: float = 40.0
    timing: StoredTiming = StoredTiming()
    search: StoredSearch = StoredSearch()
    skipped: Mapping[str, str] = field(default_factory=dict)
    hashes: Mapping[str, str] = field(default_factory=dict)
    price: Price | None = None
    notes: tuple[str, ...] = ()
    load: StoredLoad = StoredLoad()
    engines: Mapping[str, Engine] = field(default_factory=lambda: {_ONLY_ENGINE: DEFAULT_ENGINE})
    parallel: int | None = 1


def to_stored(plan: Plan) -> StoredPlan:
    return StoredPlan(
        source=plan.source,
        target=to_stored_target(plan.target),
        scenario=plan.scenario,
        cells=plan.cells,
        slos=plan.slos,
        users_limit=plan.users_limit,
        users_required=plan.users_required,
        headroom_ratio=plan.headroom_ratio,
        spawn_rate=plan.spawn_rate,
        timing=_to_stored_timing(plan.timing),
        search=_to_stored_search(plan.search),
        skipped=plan.skipped,
        hashes=plan.hashes,
        price=plan.price,
        notes=plan.notes,
        load=_to_stored_load(plan.load),
        engines={name or _ONLY_ENGINE: DEFAULT_ENGINE for name in plan.engines},
        parallel=plan.parallel,
    )


def from_stored(stored: StoredPlan) -> Plan:
    """Return the plan that was stored.

    Raises:
        ValueError: a target has neither image nor build, or external workers have no number.
    """
    return Plan(
        source=stored.source,
        target=_from_stored_target(stored.target),
        scenario=stored.scenario,
        cells=stored.cells,
        slos=stored.slos,
        users_limit=stored.users_limit,
        users_required=stored.users_required,
        headroom_ratio=stored.headroom_ratio,
        spawn_rate=stored.spawn_rate,
        timing=_from_stored_timing(stored.timing),
        search=_from_stored_search(stored.search),
        skipped=stored.skipped,
        hashes=stored.hashes,
        price=stored.price,
        notes=stored.notes,
        load=_from_stored_load(stored.load),
        engines={name or None: engine for name, engine in stored.engines.items()},
        parallel=stored.parallel,
    )


def to_stored_target(target: Target) -> StoredTarget:
    source = target.source
    return StoredTarget(
        name=target.name,
        port=target.port,
        image=source.reference if isinstance(source, ImageSource) else None,
        build=source if isinstance(source, BuildSource) else None,
        ready=_to_stored_readiness(target.readiness),
        environment=target.environment,
        command=target.command,
        entrypoint=target.entrypoint,
        host_port=target.host_port,
        host_network=target.host_network,
        user=target.user,
        files=target.files,
        tmpfs=target.tmpfs,
        ulimits=target.ulimits,
        capabilities=target.capabilities,
        options=target.options,
        companions=tuple(
            StoredCompanion(to_stored_target(each.service), each.limits, each.seed)
            for each in target.companions
        ),
        balancer=target.balancer,
    )


def _from_stored_target(stored: StoredTarget) -> Target:
    return Target(
        name=stored.name,
        port=stored.port,
        source=_from_stored_source(stored),
        readiness=_from_stored_readiness(stored.ready),
        environment=stored.environment,
        command=stored.command,
        entrypoint=stored.entrypoint,
        host_port=stored.host_port,
        host_network=stored.host_network,
        user=stored.user,
        files=stored.files,
        tmpfs=stored.tmpfs,
        ulimits=stored.ulimits,
        capabilities=stored.capabilities,
        options=stored.options,
        companions=tuple(
            Companion(_from_stored_target(each.service), each.limits, each.seed) for each in stored.companions
        ),
        balancer=stored.balancer,
    )


def _from_stored_source(stored: StoredTarget) -> ImageSource | BuildSource:
    if stored.build is not None:
        return stored.build
    if stored.image is not None:
        return ImageSource(stored.image)
    raise ValueError(f"the target {stored.name} has neither image nor build")


def _to_stored_readiness(probe: ReadinessProbe) -> StoredReadiness:
    within_s = probe.within_s
    match probe:
        case HttpProbe():
            return StoredReadiness(probe.path, probe.status, within_s)
        case TcpProbe():
            return StoredReadiness(None, within_s=within_s)
        case PortProbe():
            return StoredReadiness(None, within_s=within_s, port=probe.port)
        case LogProbe():
            return StoredReadiness(None, within_s=within_s, log=probe.pattern)
        case CommandProbe():
            return StoredReadiness(None, within_s=within_s, command=probe.command)
        case HealthcheckProbe():
            return StoredReadiness(None, within_s=within_s, healthy=True)
        case StartedProbe():
            return StoredReadiness(None, within_s=within_s, started=True)
        case CompletedProbe():
            return StoredReadiness(None, within_s=within_s, completed=True)


def _from_stored_readiness(stored: StoredReadiness) -> ReadinessProbe:
    within_s = stored.within_s
    return choose_probe(
        completed=CompletedProbe(within_s) if stored.completed else None,
        started=StartedProbe(within_s) if stored.started else None,
        port=PortProbe(stored.port, within_s) if stored.port is not None else None,
        log=LogProbe(stored.log, within_s) if stored.log is not None else None,
        command=CommandProbe(stored.command, within_s) if stored.command is not None else None,
        healthcheck=HealthcheckProbe(within_s) if stored.healthy else None,
        tcp=TcpProbe(within_s) if stored.http_path is None else None,
        http=HttpProbe("/" if stored.http_path is None else stored.http_path, stored.status, within_s),
    )


def _to_stored_timing(timing: Timing) -> StoredTiming:
    return StoredTiming(
        settle_s=timing.settle_s,
        window_at_least_s=timing.window_at_least_s,
        window_at_most_s=timing.window_at_most_s,
        linger_s=timing.drain_s,
        warm_up_s=timing.warm_up_s,
        steady_at_most_s=timing.steady_at_most_s,
        horizon_s=timing.horizon_s,
    )


def _from_stored_timing(stored: StoredTiming) -> Timing:
    return Timing(
        settle_s=stored.settle_s,
        window_at_least_s=stored.window_at_least_s,
        window_at_most_s=stored.window_at_most_s,
        drain_s=stored.linger_s,
        warm_up_s=stored.warm_up_s,
        steady_at_most_s=stored.steady_at_most_s,
        horizon_s=stored.horizon_s,
    )


def _to_stored_search(search: Search) -> StoredSearch:
    return StoredSearch(
        strategy=search.strategy,
        precision_ratio=search.precision_ratio,
        first_users=search.first_users,
        ladder_users=search.ladder_users,
        confirm=search.confirm,
        soak_s=search.soak_s,
        elsewhere_ratio=search.elsewhere_ratio,
    )


def _from_stored_search(stored: StoredSearch) -> Search:
    return Search(
        strategy=stored.strategy,
        precision_ratio=stored.precision_ratio,
        first_users=stored.first_users,
        ladder_users=stored.ladder_users,
        confirm=stored.confirm,
        soak_s=stored.soak_s,
        elsewhere_ratio=stored.precision_ratio if stored.elsewhere_ratio is None else stored.elsewhere_ratio,
    )


def _to_stored_load(load: Load) -> StoredLoad:
    match load:
        case LocalWorkers():
            return StoredLoad(load.workers)
        case ExternalWorkers():
            return StoredLoad(load.workers, external=True, bind=load.bind, port=load.port)
        case EngineWorkers():
            engines = (DEFAULT_ENGINE,) * len(load.engines)
            return StoredLoad(load.workers, False, load.bind, load.port, engines, load.image)


def _from_stored_load(stored: StoredLoad) -> Load:
    if stored.engines:
        return EngineWorkers(stored.engines, stored.workers, stored.bind, stored.port, stored.image)
    if not stored.external:
        return LocalWorkers(stored.workers)
    if stored.workers is None:
        raise ValueError("external workers have no number")
    return ExternalWorkers(stored.workers, stored.bind, stored.port)
