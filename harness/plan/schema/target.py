"""Define target.yaml: every key, its type, its range and its default."""

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from harness.model import GIB, MOST_PIDS, MOST_RETRIES
from harness.plan.schema import container_validators as containers
from harness.plan.schema import units, validators
from harness.plan.schema.types import (
    Duration,
    Image,
    Name,
    OneOrMany,
    OrMapping,
    PathText,
    Port,
    Section,
    SizeSection,
    declare_json_schema,
)


class BuildSecretSection(Section):
    """A secret of a build: a file's content, a variable of the caller's environment, or a text."""

    file: PathText | None = None
    environment: Annotated[str, AfterValidator(validators.check_variable_name)] | None = None
    text: str | None = None

    @model_validator(mode="after")
    def check_single_source(self) -> Self:
        if sum(each is not None for each in (self.file, self.environment, self.text)) != 1:
            raise ValueError("write one of file:, environment: and text:")
        return self


class FurtherContextSection(Section):
    """A further context of a build: a folder or an address, or an image that is built first."""

    place: Annotated[str, Field(min_length=1)] | None = None
    build: "BuildSection | None" = None

    @model_validator(mode="after")
    def check_single_source(self) -> Self:
        if (self.place is None) == (self.build is None):
            raise ValueError("write a folder, an address, or build: {context: …}")
        return self


class BuildSection(Section):
    context: PathText = "."
    dockerfile: PathText = "Dockerfile"
    dockerfile_inline: str | None = None
    additional_contexts: dict[str, Annotated[FurtherContextSection, OrMapping("place")]] = {}
    args: dict[str, str] = {}
    target: str | None = None
    secrets: dict[str, BuildSecretSection] = {}
    ssh: Annotated[tuple[str, ...], OneOrMany()] = ()
    network: str | None = None
    extra_hosts: Annotated[tuple[str, ...], OneOrMany()] = ()
    platform: str | None = None


FurtherContextSection.model_rebuild()
BuildSection.model_rebuild()

Command = Annotated[tuple[str, ...], BeforeValidator(validators.parse_command), Field(min_length=1)]
CommandOrNone = Annotated[tuple[str, ...], BeforeValidator(validators.parse_command)]
"""A command; an empty list clears the image's."""

ContainerPath = Annotated[str, AfterValidator(containers.check_container_path)]
Tmpfs = Annotated[str, AfterValidator(containers.check_tmpfs)]
Capability = Annotated[str, AfterValidator(containers.check_capability)]
DroppedCapability = Annotated[str, AfterValidator(containers.check_dropped_capability)]
CompanionName = Annotated[str, AfterValidator(containers.check_companion_name)]
HostName = Annotated[str, AfterValidator(containers.check_host_name)]
OwnHostName = Annotated[str, AfterValidator(containers.check_own_host_name)]
Address = Annotated[str, AfterValidator(containers.check_address)]
SharedMemory = Annotated[
    int,
    BeforeValidator(units.parse_bytes),
    declare_json_schema(type=["string", "integer"], examples=["64m"]),
]
SysctlValue = Annotated[
    str, BeforeValidator(containers.parse_sysctl_value), declare_json_schema(type=["string", "integer"])
]
FileMode = Annotated[
    int, BeforeValidator(containers.parse_mode), declare_json_schema(type="string", pattern="^0?[0-7]{3}$")
]
UserId = Annotated[int, Field(ge=0, le=2**32 - 2)]
Ulimit = Annotated[int, Field(ge=-1)]


class UlimitSection(Section):
    """The limits of one kind; -1 is none."""

    soft: Ulimit
    hard: Ulimit

    @model_validator(mode="after")
    def check_order(self) -> Self:
        if self.hard != -1 and (self.soft == -1 or self.soft > self.hard):
            raise ValueError(f"has a soft limit above the hard limit {self.hard}; write soft: {self.hard}")
        return self


class ContentSection(Section):
    """A text that becomes a file in the container."""

    text: str
    mode: FileMode = 0o444
    uid: UserId = 0
    gid: UserId = 0


class CopySection(Section):
    """A file or folder of which every container gets a copy of its own."""

    path: PathText
    mode: FileMode | None = None
    uid: UserId | None = None
    gid: UserId | None = None


class VolumeSection(Section):
    """A volume by its name, empty for one of the container's own. `nocopy`: it begins empty."""

    name: Annotated[str, AfterValidator(containers.check_volume_name)] = ""
    nocopy: bool = False
    read_only: bool = False


class HealthcheckSection(Section):
    """How the engine checks a container's health, as in a compose file; `run: false` is no check at all."""

    run: bool = True
    test: Annotated[tuple[str, ...], BeforeValidator(containers.parse_health_test)] | None = None
    interval: Duration | None = None
    timeout: Duration | None = None
    start_period: Duration | None = None
    retries: Annotated[int, Field(ge=1, le=MOST_RETRIES)] | None = None


class ReadySection(Section):
    http: Annotated[str, AfterValidator(validators.check_http_path)] | None = None
    tcp: bool = False
    status: Annotated[int, Field(ge=100, le=599)] | None = None
    port: Port | None = None
    log: Annotated[str, AfterValidator(validators.check_pattern)] | None = None
    command: Command | None = None
    healthy: bool = False
    started: bool = False
    within: Duration = 60.0

    @property
    def kinds(self) -> list[str]:
        """The kinds of probes that are given, by the names of their keys."""
        probes = {
            "http": self.http is not None or self.status is not None,
            "tcp": self.tcp,
            "port": self.port is not None,
            "log": self.log is not None,
            "command": self.command is not None,
            "healthy": self.healthy,
            "started": self.started,
        }
        return [key for key, is_set in probes.items() if is_set]

    @model_validator(mode="after")
    def check_single_probe(self) -> Self:
        if len(self.kinds) > 1:
            raise ValueError(f"asks for {' and '.join(self.kinds)} at once; keep one of them")
        if not self.within:
            raise ValueError("within is 0s; give the target some time, such as 60s")
        return self


class ServiceSection(Section):
    """The keys that a target and a companion share."""

    build: BuildSection | None = None
    image: Image | None = None
    ready: ReadySection = ReadySection()
    environment: dict[Annotated[str, AfterValidator(validators.check_variable_name)], str] = {}
    command: CommandOrNone | None = None
    entrypoint: CommandOrNone | None = None
    working_dir: Annotated[str, AfterValidator(containers.check_working_dir)] | None = None
    user: Annotated[str, AfterValidator(containers.check_user)] | None = None
    group_add: Annotated[tuple[Annotated[str, AfterValidator(containers.check_group)], ...], OneOrMany()] = ()
    files: dict[ContainerPath, PathText] = {}
    copies: dict[ContainerPath, Annotated[CopySection, OrMapping("path")]] = {}
    contents: dict[ContainerPath, Annotated[ContentSection, OrMapping("text")]] = {}
    volumes: dict[ContainerPath, Annotated[VolumeSection, OrMapping("name")]] = {}
    tmpfs: Annotated[tuple[Tmpfs, ...], OneOrMany()] = ()
    shm_size: SharedMemory | None = None
    read_only: bool = False
    ulimits: dict[
        Annotated[str, AfterValidator(containers.check_ulimit)],
        Annotated[UlimitSection, OrMapping("soft", "hard")],
    ] = {}
    sysctls: dict[Annotated[str, AfterValidator(containers.check_sysctl)], SysctlValue] = {}
    pids_limit: Annotated[int, Field(ge=1, le=MOST_PIDS)] = MOST_PIDS
    capabilities: Annotated[tuple[Capability, ...], OneOrMany()] = ()
    drop_capabilities: Annotated[tuple[DroppedCapability, ...], OneOrMany()] = ()
    hostname: OwnHostName | None = None
    domainname: HostName | None = None
    aliases: Annotated[tuple[HostName, ...], OneOrMany()] = ()
    extra_hosts: Annotated[
        tuple[Annotated[str, AfterValidator(containers.parse_extra_host)], ...], OneOrMany()
    ] = ()
    dns: Annotated[tuple[Address, ...], OneOrMany()] = ()
    dns_search: Annotated[tuple[HostName, ...], OneOrMany()] = ()
    dns_opt: Annotated[tuple[str, ...], OneOrMany()] = ()
    network_of: CompanionName | None = None
    init: bool = False
    tty: bool = False
    stdin_open: bool = False
    healthcheck: Annotated[HealthcheckSection, OrMapping("run")] = HealthcheckSection()
    restart: bool = False


class CompanionSection(ServiceSection):
    """A container beside the target, with its own limits. A job ends before what comes after it starts."""

    limits: SizeSection = SizeSection(cpus=1.0, memory=GIB)
    seed: Command | None = None
    job: bool = False


class ComposeSection(Section):
    """A service of a compose file, or of several. The services that it depends on become companions.

    `also` names services that it needs, although the compose file does not say that it depends on them.
    `env_file` has the values of its variables; without it, `.env` beside the first compose file has them.
    """

    file: Annotated[tuple[PathText, ...], OneOrMany()] = ("compose.yaml",)
    env_file: Annotated[tuple[PathText, ...], OneOrMany()] | None = None
    service: str
    also: Annotated[tuple[str, ...], OneOrMany()] = ()


class TargetFile(ServiceSection):
    """The content of target.yaml. `harness.plan.target` requires `port` and one of `image` and `build`."""

    name: Name | None = None
    compose: ComposeSection | None = None
    port: Port | None = None
    host_port: Port | None = None
    network: Literal["published", "host"] = "published"
    companions: dict[CompanionName, CompanionSection] = {}
