"""The shape of matrix.yaml and target.yaml: every key, its type, its range and its default."""

import re
import shlex
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from harness.plan import units

NAME = re.compile(r"[a-z0-9][a-z0-9_.-]{0,62}", re.ASCII)
ENVIRONMENT_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
MOST_USERS = 1_000_000


def name(text: str) -> str:
    """A name that is safe as a folder, a label and part of an image's name."""
    if not NAME.fullmatch(text):
        allowed = "lower-case letters, digits, _ . and -, a letter or a digit first, at most 63"
        raise ValueError(f"{units.quoted(text)} can't be a name; write {allowed}")
    return text


def environment_name(text: str) -> str:
    if not ENVIRONMENT_NAME.fullmatch(text):
        raise ValueError(f"{units.quoted(text)} can't name a variable; write letters, digits and _ only")
    return text


def one_or_many(value: Any) -> Any:
    """A single value counts as a list of one."""
    return tuple(value) if isinstance(value, list) else (value,)


def listed(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def words(value: Any) -> Any:
    """A command as a list; a single text is refused with the list that a shell would make of it."""
    if isinstance(value, str):
        try:
            parts = shlex.split(value)
        except ValueError:
            parts = [value]
        raise ValueError(
            f"a command is a list, no shell reads it; write [{', '.join(map(units.quoted, parts))}]"
        )
    return listed(value)


def path_text(value: str) -> str:
    if not value.strip():
        raise ValueError("is an empty path; write one, relative to this file")
    return value


def image_name(value: str) -> str:
    if not re.fullmatch(r"[^\s]{1,255}", value):
        raise ValueError(f"{units.quoted(value)} is not an image; write one such as nginx:1.27")
    return value


def http_path(value: str) -> str:
    if not re.fullmatch(r"/[^\s]*", value):
        raise ValueError(f'{units.quoted(value)} is not a path on the target; write one such as "/healthz"')
    return value


def currency(value: str) -> str:
    if not re.fullmatch(r"[^\s\d<>&]{1,8}", value):
        raise ValueError(f"{units.quoted(value)} is not a currency; write one such as EUR")
    return value


def precision(value: float) -> float:
    if not 0.005 <= value <= 0.5:
        raise ValueError(f'{units.percent(value)} is out of range; write a precision from "0.5%" to "50%"')
    return value


Name = Annotated[str, AfterValidator(name)]
Image = Annotated[str, AfterValidator(image_name)]
PathText = Annotated[str, AfterValidator(path_text)]
Cores = Annotated[float, BeforeValidator(units.cpu_cores)]
Memory = Annotated[int, BeforeValidator(units.memory_bytes)]
Duration = Annotated[float, BeforeValidator(units.duration_s)]
Precision = Annotated[float, BeforeValidator(units.ratio), AfterValidator(precision)]
Users = Annotated[int, Field(ge=1, le=MOST_USERS)]
Money = Annotated[float, Field(ge=0, le=1_000_000)]
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


class NamedSizeSection(SizeSection):
    """A size that can be bought under a name, at a price an hour of its own."""

    price: Money | None = None


class PriceSection(Section):
    """What a core and a GiB cost an hour."""

    cpu_hour: Money | None = None
    gb_hour: Money | None = None
    currency: Annotated[str, AfterValidator(currency)] = ""


class LimitsSection(Section):
    """The axes of the matrix."""

    cpus: Annotated[tuple[Cores, ...], BeforeValidator(one_or_many), Field(min_length=1, max_length=1000)]
    memory: Annotated[tuple[Memory, ...], BeforeValidator(one_or_many), Field(min_length=1, max_length=1000)]


class ExcludeSection(Section):
    """All cells with these CPUs, this memory, or both."""

    cpus: Cores | None = None
    memory: Memory | None = None

    @model_validator(mode="after")
    def names_something(self) -> Self:
        if self.cpus is None and self.memory is None:
            raise ValueError("names nothing to exclude; write cpus, memory or both")
        return self


class ScenarioSection(Section):
    locustfile: Annotated[tuple[PathText, ...], BeforeValidator(one_or_many), Field(min_length=1)] | None = (
        None
    )
    users: Annotated[tuple[str, ...], BeforeValidator(one_or_many)] = ()


class UsersSection(Section):
    limit: Users = 400
    required: Users | None = None
    spawn_rate: Annotated[float, Field(gt=0, le=10_000)] = 40.0


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
    limits: LimitsSection | None = None
    exclude: Annotated[tuple[ExcludeSection, ...], BeforeValidator(listed), Field(max_length=1000)] = ()
    include: Annotated[tuple[SizeSection, ...], BeforeValidator(listed)] = ()
    sizes: dict[Name, NamedSizeSection] = {}
    price: PriceSection | None = None
    slos: Any = None
    steps: StepsSection = StepsSection()
    search: SearchSection = SearchSection()
    repetitions: Annotated[int, Field(ge=1, le=100)] = 1


class BuildSection(Section):
    context: PathText = "."
    dockerfile: PathText = "Dockerfile"
    args: dict[str, str] = {}


class ReadySection(Section):
    http: Annotated[str, AfterValidator(http_path)] | None = None
    tcp: bool = False
    status: Annotated[int, Field(ge=100, le=599)] | None = None
    within: Duration = 60.0

    @model_validator(mode="after")
    def asks_one_thing(self) -> Self:
        if self.tcp and (self.http is not None or self.status is not None):
            raise ValueError("asks for tcp and http at once; keep tcp: true or http: with its status")
        if not self.within:
            raise ValueError("within is 0s; give the target some time, such as 60s")
        return self


class TargetFile(Section):
    """target.yaml. That `port` and one of `image` and `build` are there is checked by `target`."""

    name: Name | None = None
    build: BuildSection | None = None
    image: Image | None = None
    port: Port | None = None
    host_port: Port | None = None
    ready: ReadySection = ReadySection()
    environment: dict[Annotated[str, AfterValidator(environment_name)], str] = {}
    command: Annotated[tuple[str, ...], BeforeValidator(words), Field(min_length=1)] | None = None
