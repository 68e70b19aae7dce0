"""Define matrix.yaml: every key, its type, its range and its default."""

from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from harness.model import MIB
from harness.plan.schema import units, validators
from harness.plan.schema.presets import drop_preset
from harness.plan.schema.types import (
    AsTuple,
    Cores,
    Duration,
    Headroom,
    Horizon,
    Image,
    Memory,
    Money,
    Name,
    OneOrMany,
    PathText,
    Precision,
    Replicas,
    Section,
    SizeSection,
    Users,
    Word,
    declare_json_schema,
)
from harness.plan.schema.variants import VariantName, VariantSection


class ReplicatedSizeSection(SizeSection):
    replicas: Replicas = 1


class NamedSizeSection(ReplicatedSizeSection):
    """A size with a name, such as an instance type, and its own price an hour."""

    price: Money | None = None


OLD_PRICE_KEY_NOTE = "gb_hour is an old name (the price is per GiB): write gib_hour"


class PriceSection(Section):
    """What a core and a GiB cost an hour."""

    cpu_hour: Money | None = None
    gib_hour: Money | None = None
    gb_hour: Annotated[Money | None, Field(json_schema_extra={"deprecated": True})] = None
    currency: Annotated[str, AfterValidator(validators.check_currency)] = ""

    @model_validator(mode="after")
    def check_memory_rate(self) -> Self:
        if self.gb_hour is not None and self.gib_hour is not None:
            raise ValueError("names gib_hour and its old name gb_hour; keep gib_hour")
        return self


class LimitsSection(Section):
    """The axes of the matrix: every combination of their values is a size."""

    cpus: Annotated[tuple[Cores, ...], OneOrMany(), Field(min_length=1, max_length=1000)]
    memory: Annotated[tuple[Memory, ...], OneOrMany(), Field(min_length=1, max_length=1000)]
    replicas: Annotated[tuple[Replicas, ...], OneOrMany(), Field(min_length=1)] = (1,)


class ExcludeSection(Section):
    """A rule that excludes those sizes of `limits` that have all of its values."""

    cpus: Cores | None = None
    memory: Memory | None = None
    replicas: Replicas | None = None

    @model_validator(mode="after")
    def check_any_key(self) -> Self:
        if self.cpus is None and self.memory is None and self.replicas is None:
            raise ValueError("names nothing to exclude; write cpus, memory or replicas")
        return self


class BalancerSection(Section):
    """The load balancer (HAProxy) before a target of several replicas."""

    image: Image | None = None
    limits: SizeSection = SizeSection(cpus=1.0, memory=256 * MIB)
    algorithm: Literal["roundrobin", "leastconn", "random", "source"] = "roundrobin"


class ScenarioSection(Section):
    locustfile: Annotated[tuple[PathText, ...], OneOrMany(), Field(min_length=1)] | None = None
    users: Annotated[tuple[str, ...], OneOrMany()] = ()
    tags: Annotated[tuple[Word, ...], OneOrMany()] = ()
    exclude_tags: Annotated[tuple[Word, ...], OneOrMany()] = ()
    arguments: Annotated[
        tuple[str, ...],
        AfterValidator(validators.check_locust_arguments),
        BeforeValidator(validators.parse_command),
    ] = ()
    requirements: PathText | None = None
    folder: PathText | None = None
    base: Annotated[str, AfterValidator(validators.check_http_path)] | None = None


class UsersSection(Section):
    """How many users to search up to, what share of them to spare, and how fast they are added."""

    limit: Users = 400
    headroom: Headroom = 0.3
    required: Users | None = None
    spawn_rate: Annotated[float, Field(gt=0, le=10_000)] = 40.0


class LoadEngineSection(Section):
    """A Docker engine that runs Locust workers, by its address or by one of docker's contexts."""

    host: Annotated[str, AfterValidator(validators.check_engine_host)] | None = None
    context: str | None = None
    certificates: PathText | None = None

    @model_validator(mode="before")
    @classmethod
    def parse_text(cls, value: Any) -> Any:
        if isinstance(value, str):
            return {"host" if "://" in value else "context": value}
        return value

    @model_validator(mode="after")
    def check_single_engine(self) -> Self:
        if self.host is not None and self.context is not None:
            raise ValueError("names host and context at once; keep one of them")
        return self


class EngineSection(LoadEngineSection):
    """A Docker engine that runs targets, and the address at which their ports are published and reached."""

    address: Annotated[str, AfterValidator(validators.check_ip_address)] | None = None


class LoadSection(Section):
    """The Locust processes that make the load. With `expect` the workers are external."""

    workers: Annotated[int, Field(ge=1, le=validators.MOST_WORKERS)] | Literal["auto", "external"] = 1
    expect: Annotated[int, Field(ge=1, le=validators.MOST_WORKERS)] | None = None
    bind: (
        Annotated[
            tuple[str, int], BeforeValidator(validators.parse_address), declare_json_schema(type="string")
        ]
        | None
    ) = None
    engines: Annotated[tuple[LoadEngineSection, ...], AsTuple, Field(max_length=100)] = ()
    image: str | None = None

    @model_validator(mode="after")
    def check_workers(self) -> Self:
        if self.engines:
            return self._check_engine_workers()
        if self.image is not None:
            raise ValueError(
                "image is only for workers on engines; name the engines, such as engines: [ssh://me@load-1], "
                "or drop image"
            )
        if self.expect is None and (self.workers == "external" or self.bind is not None):
            raise ValueError("external workers need a number; add a line such as expect: 4")
        if self.expect is not None and "workers" in self.model_fields_set and self.workers != "external":
            raise ValueError(
                f"expect is only for external workers, but workers is {self.workers}; drop one of the two"
            )
        return self

    def _check_engine_workers(self) -> Self:
        if self.expect is not None or self.workers == "external":
            raise ValueError(
                "expect and external are for workers that you start yourself; the harness starts the workers "
                "on engines: write workers: 4 for four in all"
            )
        count, engines = self.workers, len(self.engines)
        if "workers" in self.model_fields_set and isinstance(count, int) and count < engines:
            raise ValueError(f"workers is {count} for {engines} engines; write {engines} or more")
        return self


class WindowSection(Section):
    """The shortest and the longest duration of a window."""

    at_least: Duration = 20.0
    at_most: Duration = 90.0

    @model_validator(mode="after")
    def check_order(self) -> Self:
        if self.at_least < 1:
            raise ValueError("at_least is under 1s, too short for a verdict; write 1s or more")
        if self.at_most < self.at_least:
            shortest, longest = units.format_seconds(self.at_least), units.format_seconds(self.at_most)
            raise ValueError(
                f"at_most ({longest}) is less than at_least ({shortest}); write at_most: {shortest} or more"
            )
        return self


class SteadySection(Section):
    """How long a window may wait until the target's memory is known to last."""

    at_most: Duration = 300.0


class StepsSection(Section):
    settle: Duration = 10.0
    warm_up: Duration = 60.0
    window: WindowSection = WindowSection()
    steady: SteadySection = SteadySection()
    horizon: Horizon = 3600.0


_USUAL_ELSEWHERE = 0.10


class SearchSection(Section):
    strategy: Literal["predict", "bisect", "ladder"] = "predict"
    precision: Precision = 0.05
    elsewhere: Precision | None = None
    first_users: Users | None = None
    ladder_users: Users = 25
    confirm: bool = True
    soak: Duration | None = None

    @model_validator(mode="after")
    def check_soak(self) -> Self:
        if self.soak is not None and 0 < self.soak < 1:
            raise ValueError("soak is under 1s, too short for a verdict; write 1s or more, or 0s for no soak")
        return self

    @model_validator(mode="after")
    def check_elsewhere(self) -> Self:
        if self.elsewhere is not None and self.elsewhere < self.precision:
            finer, precision = units.format_percent(self.elsewhere), units.format_percent(self.precision)
            raise ValueError(
                f"elsewhere ({finer}) is finer than precision ({precision}); write elsewhere: {precision} "
                "for the same precision of all sizes, or more"
            )
        return self

    @property
    def precision_elsewhere(self) -> float:
        """The precision of sizes that the decision does not depend on; never finer than `precision`."""
        return max(self.precision, _USUAL_ELSEWHERE) if self.elsewhere is None else self.elsewhere


class MatrixFile(Section):
    """The content of matrix.yaml.

    `target` is a folder or the mapping of a TargetFile; `read_target` reads it. `read_slos` reads `slos`, and
    `add_variants` the texts of `variants`.
    `sizes` are the named ones; `read_size_preset` reads those of a preset.
    """

    target: Any = None
    scenario: ScenarioSection = ScenarioSection()
    users: UsersSection = UsersSection()
    load: LoadSection = LoadSection()
    engine: EngineSection = EngineSection()
    engines: dict[Name, EngineSection] = {}
    limits: LimitsSection | None = None
    exclude: Annotated[tuple[ExcludeSection, ...], AsTuple, Field(max_length=1000)] = ()
    include: Annotated[tuple[ReplicatedSizeSection, ...], AsTuple] = ()
    sizes: Annotated[dict[Name, NamedSizeSection], BeforeValidator(drop_preset)] = {}
    variants: Annotated[dict[VariantName, VariantSection], Field(max_length=100)] = {}
    balancer: BalancerSection = BalancerSection()
    price: PriceSection | None = None
    slos: Any = None
    steps: StepsSection = StepsSection()
    search: SearchSection = SearchSection()
    repetitions: Annotated[int, Field(ge=1, le=100)] = 1
    parallel: Annotated[int, Field(ge=1, le=64)] | Literal["auto"] = 1

    @model_validator(mode="after")
    def check_engines(self) -> Self:
        if self.engines and "engine" in self.model_fields_set:
            raise ValueError("names engine and engines at once; keep one of them")
        if len(self.engines) > 1 and self.load.expect is not None:
            raise ValueError(
                "external workers connect to one master, but several engines have one each; keep one engine"
            )
        return self
