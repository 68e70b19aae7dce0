"""The shape of matrix.yaml and target.yaml: every key, its type, its range and its default."""

from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    WithJsonSchema,
    model_validator,
)
from pydantic_core import CoreSchema, core_schema

from harness.model import GIB, MIB
from harness.plan import units, values


class Many:
    """Of a list: a single value counts as a list of one, also for editors."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_before_validator_function(values.one_or_many, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        many = handler(schema)
        return {"anyOf": [many["items"], many]}


def shown_as(**schema: Any) -> WithJsonSchema:
    """How an editor is told of a value that is written otherwise than it is kept."""
    return WithJsonSchema(schema)


Name = Annotated[str, AfterValidator(values.name)]
Image = Annotated[str, AfterValidator(values.image_name)]
PathText = Annotated[str, AfterValidator(values.path_text)]
Cores = Annotated[
    float,
    BeforeValidator(units.cpu_cores),
    shown_as(type="number", minimum=units.CPU_LEAST_CORES, maximum=units.CPU_MOST_CORES),
]
Memory = Annotated[
    int, BeforeValidator(units.memory_bytes), shown_as(type=["string", "integer"], examples=["512MiB", "1g"])
]
Duration = Annotated[
    float, BeforeValidator(units.duration_s), shown_as(type=["string", "number"], examples=["250ms", "1.5s"])
]
Precision = Annotated[
    float,
    BeforeValidator(units.ratio),
    AfterValidator(values.precision),
    shown_as(type=["string", "number"], examples=["5%"]),
]
Users = Annotated[int, Field(ge=1, le=values.MOST_USERS)]
Money = Annotated[float, Field(ge=0, le=1_000_000)]
Word = Annotated[str, AfterValidator(values.one_word)]
Listed = BeforeValidator(values.listed)
OneOrMany = Many()
Replicas = Annotated[int, Field(ge=1, le=values.MOST_REPLICAS)]
Port = Annotated[int, Field(ge=1, le=65535)]


class Section(BaseModel):
    """A mapping with known keys only. A key without a value counts as absent."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    @model_validator(mode="before")
    @classmethod
    def without_empty_keys(cls, values: Any) -> Any:
        if not isinstance(values, dict):
            return values
        return {
            key: value for key, value in values.items() if value is not None or key not in cls.model_fields
        }


class SizeSection(Section):
    """Exactly one size."""

    cpus: Cores
    memory: Memory


class ReplicatedSizeSection(SizeSection):
    replicas: Replicas = 1


class NamedSizeSection(ReplicatedSizeSection):
    """A size that can be bought under a name, at a price an hour of its own."""

    price: Money | None = None


class PriceSection(Section):
    """What a core and a GiB cost an hour."""

    cpu_hour: Money | None = None
    gb_hour: Money | None = None
    currency: Annotated[str, AfterValidator(values.currency)] = ""


class LimitsSection(Section):
    """The axes of the matrix."""

    cpus: Annotated[tuple[Cores, ...], OneOrMany, Field(min_length=1, max_length=1000)]
    memory: Annotated[tuple[Memory, ...], OneOrMany, Field(min_length=1, max_length=1000)]
    replicas: Annotated[tuple[Replicas, ...], OneOrMany, Field(min_length=1)] = (1,)


class ExcludeSection(Section):
    """All cells with these CPUs, this memory, so many replicas, or several of these."""

    cpus: Cores | None = None
    memory: Memory | None = None
    replicas: Replicas | None = None

    @model_validator(mode="after")
    def names_something(self) -> Self:
        if self.cpus is None and self.memory is None and self.replicas is None:
            raise ValueError("names nothing to exclude; write cpus, memory or both")
        return self


class BalancerSection(Section):
    """HAProxy before a target of several replicas."""

    image: Image | None = None
    limits: SizeSection = SizeSection(cpus=1.0, memory=256 * MIB)
    algorithm: Literal["roundrobin", "leastconn", "random", "source"] = "roundrobin"


class ScenarioSection(Section):
    locustfile: Annotated[tuple[PathText, ...], OneOrMany, Field(min_length=1)] | None = None
    users: Annotated[tuple[str, ...], OneOrMany] = ()
    tags: Annotated[tuple[Word, ...], OneOrMany] = ()
    exclude_tags: Annotated[tuple[Word, ...], OneOrMany] = ()
    arguments: Annotated[
        tuple[str, ...], AfterValidator(values.locust_arguments), BeforeValidator(values.words)
    ] = ()
    requirements: PathText | None = None


class UsersSection(Section):
    limit: Users = 400
    required: Users | None = None
    spawn_rate: Annotated[float, Field(gt=0, le=10_000)] = 40.0


class LoadSection(Section):
    """The Locust processes that make the load. Whoever writes `expect` means external workers."""

    workers: Annotated[int, Field(ge=1, le=values.MOST_WORKERS)] | Literal["auto", "external"] = 1
    expect: Annotated[int, Field(ge=1, le=values.MOST_WORKERS)] | None = None
    bind: Annotated[tuple[str, int], BeforeValidator(values.address), shown_as(type="string")] | None = None

    @model_validator(mode="after")
    def fits_together(self) -> Self:
        if self.expect is None and (self.workers == "external" or self.bind is not None):
            raise ValueError("external workers need a number; write expect: 4 beside it")
        if self.expect is not None and "workers" in self.model_fields_set and self.workers != "external":
            raise ValueError(f"expect is for external workers, not for {self.workers}; drop one of both")
        return self


class WindowSection(Section):
    at_least: Duration = 20.0
    at_most: Duration = 90.0

    @model_validator(mode="after")
    def is_ordered(self) -> Self:
        if self.at_least < 1:
            raise ValueError("at_least is under 1s; a window that short says nothing, write 1s or more")
        if self.at_most < self.at_least:
            shortest, longest = units.seconds_text(self.at_least), units.seconds_text(self.at_most)
            raise ValueError(
                f"at_most ({longest}) is less than at_least ({shortest}); write at_most: {shortest} or more"
            )
        return self


class StepsSection(Section):
    settle: Duration = 10.0
    warm_up: Duration = 60.0
    window: WindowSection = WindowSection()


class SearchSection(Section):
    strategy: Literal["predict", "bisect", "ladder"] = "predict"
    precision: Precision = 0.05
    first_users: Users | None = None
    ladder_users: Users = 25
    confirm: bool = True


class MatrixFile(Section):
    """matrix.yaml. `target` is a folder or a TargetFile's mapping, `slos` is read by `objectives`."""

    target: Any = None
    scenario: ScenarioSection = ScenarioSection()
    users: UsersSection = UsersSection()
    load: LoadSection = LoadSection()
    limits: LimitsSection | None = None
    exclude: Annotated[tuple[ExcludeSection, ...], Listed, Field(max_length=1000)] = ()
    include: Annotated[tuple[ReplicatedSizeSection, ...], Listed] = ()
    sizes: dict[Name, NamedSizeSection] = {}
    balancer: BalancerSection = BalancerSection()
    price: PriceSection | None = None
    slos: Any = None
    steps: StepsSection = StepsSection()
    search: SearchSection = SearchSection()
    repetitions: Annotated[int, Field(ge=1, le=100)] = 1


class BuildSection(Section):
    context: PathText = "."
    dockerfile: PathText = "Dockerfile"
    args: dict[str, str] = {}


Command = Annotated[tuple[str, ...], BeforeValidator(values.words), Field(min_length=1)]
Inside = Annotated[str, AfterValidator(values.inside_path)]
Capability = Annotated[str, AfterValidator(values.capability)]


class ReadySection(Section):
    http: Annotated[str, AfterValidator(values.http_path)] | None = None
    tcp: bool = False
    status: Annotated[int, Field(ge=100, le=599)] | None = None
    port: Port | None = None
    log: Annotated[str, AfterValidator(values.pattern)] | None = None
    command: Command | None = None
    healthy: bool = False
    within: Duration = 60.0

    @model_validator(mode="after")
    def asks_one_thing(self) -> Self:
        asked = {
            "http": self.http is not None or self.status is not None,
            "tcp": self.tcp,
            "port": self.port is not None,
            "log": self.log is not None,
            "command": self.command is not None,
            "healthy": self.healthy,
        }
        given = [name for name, is_given in asked.items() if is_given]
        if len(given) > 1:
            raise ValueError(f"asks for {' and '.join(given)} at once; keep one of them")
        if not self.within:
            raise ValueError("within is 0s; give the target some time, such as 60s")
        return self


class ServiceSection(Section):
    """What a container needs, a target's or a companion's."""

    build: BuildSection | None = None
    image: Image | None = None
    ready: ReadySection = ReadySection()
    environment: dict[Annotated[str, AfterValidator(values.environment_name)], str] = {}
    command: Command | None = None
    entrypoint: Command | None = None
    user: Annotated[str, AfterValidator(values.user_name)] | None = None
    files: dict[Inside, PathText] = {}
    tmpfs: Annotated[tuple[Inside, ...], OneOrMany] = ()
    ulimits: dict[Annotated[str, AfterValidator(values.ulimit_name)], Annotated[int, Field(ge=0)]] = {}
    capabilities: Annotated[tuple[Capability, ...], OneOrMany] = ()


class CompanionSection(ServiceSection):
    """A container beside the target, under limits of its own."""

    limits: SizeSection = SizeSection(cpus=1.0, memory=GIB)
    seed: Command | None = None


class ComposeSection(Section):
    """A service of a compose file; what it depends on becomes its companions."""

    file: PathText = "compose.yaml"
    service: str


class TargetFile(ServiceSection):
    """target.yaml. That `port` and one of `image` and `build` are there is checked by `target`."""

    name: Name | None = None
    compose: ComposeSection | None = None
    port: Port | None = None
    host_port: Port | None = None
    network: Literal["published", "host"] = "published"
    companions: dict[Annotated[str, AfterValidator(values.host_name)], CompanionSection] = {}
