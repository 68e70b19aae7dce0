"""Define target.yaml: every key, its type, its range and its default."""

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from harness.model import GIB
from harness.plan.schema import validators
from harness.plan.schema.types import Duration, Image, Name, OneOrMany, PathText, Port, Section, SizeSection


class BuildSection(Section):
    context: PathText = "."
    dockerfile: PathText = "Dockerfile"
    args: dict[str, str] = {}


Command = Annotated[tuple[str, ...], BeforeValidator(validators.parse_command), Field(min_length=1)]
ContainerPath = Annotated[str, AfterValidator(validators.check_container_path)]
Capability = Annotated[str, AfterValidator(validators.check_capability)]


class ReadySection(Section):
    http: Annotated[str, AfterValidator(validators.check_http_path)] | None = None
    tcp: bool = False
    status: Annotated[int, Field(ge=100, le=599)] | None = None
    port: Port | None = None
    log: Annotated[str, AfterValidator(validators.check_pattern)] | None = None
    command: Command | None = None
    healthy: bool = False
    within: Duration = 60.0

    @model_validator(mode="after")
    def check_single_probe(self) -> Self:
        probes = {
            "http": self.http is not None or self.status is not None,
            "tcp": self.tcp,
            "port": self.port is not None,
            "log": self.log is not None,
            "command": self.command is not None,
            "healthy": self.healthy,
        }
        kinds = [key for key, is_set in probes.items() if is_set]
        if len(kinds) > 1:
            raise ValueError(f"asks for {' and '.join(kinds)} at once; keep one of them")
        if not self.within:
            raise ValueError("within is 0s; give the target some time, such as 60s")
        return self


class ServiceSection(Section):
    """The keys that a target and a companion share."""

    build: BuildSection | None = None
    image: Image | None = None
    ready: ReadySection = ReadySection()
    environment: dict[Annotated[str, AfterValidator(validators.check_variable_name)], str] = {}
    command: Command | None = None
    entrypoint: Command | None = None
    user: Annotated[str, AfterValidator(validators.check_user)] | None = None
    files: dict[ContainerPath, PathText] = {}
    tmpfs: Annotated[tuple[ContainerPath, ...], OneOrMany()] = ()
    ulimits: dict[Annotated[str, AfterValidator(validators.check_ulimit)], Annotated[int, Field(ge=0)]] = {}
    capabilities: Annotated[tuple[Capability, ...], OneOrMany()] = ()


class CompanionSection(ServiceSection):
    """A container beside the target, with its own limits."""

    limits: SizeSection = SizeSection(cpus=1.0, memory=GIB)
    seed: Command | None = None


class ComposeSection(Section):
    """A service of a compose file. The services that it depends on become companions."""

    file: PathText = "compose.yaml"
    service: str


class TargetFile(ServiceSection):
    """The content of target.yaml. `harness.plan.target` requires `port` and one of `image` and `build`."""

    name: Name | None = None
    compose: ComposeSection | None = None
    port: Port | None = None
    host_port: Port | None = None
    network: Literal["published", "host"] = "published"
    companions: dict[Annotated[str, AfterValidator(validators.check_host_name)], CompanionSection] = {}
