"""The target of a matrix: a folder with target.yaml, or the same mapping inline."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from os.path import abspath, isdir, isfile
from pathlib import Path
from typing import Any, NamedTuple

from harness.errors import InputError, Problem
from harness.model import (
    BuildSource,
    CommandProbe,
    Companion,
    HealthcheckProbe,
    HttpProbe,
    ImageSource,
    Limits,
    LogProbe,
    PortProbe,
    ReadinessProbe,
    Target,
    TcpProbe,
)
from harness.plan.compose.convert import Composed, composed
from harness.plan.env_refs import find_reference_faults
from harness.plan.schema.target import CompanionSection, ReadySection, ServiceSection, TargetFile
from harness.plan.schema.units import quoted
from harness.plan.schema.validators import NAME
from harness.plan.yaml.document import Document, KeyPath, read_document, read_foreign, shown
from harness.plan.yaml.problems import MISSING, beside, nearest, section, validated

FILE = "target.yaml"


class FoundTarget(NamedTuple):
    """A target, the place that describes it, and the folder that holds its files (None: given inline)."""

    target: Target
    source: "Source"
    folder: Path | None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Source:
    """Where a target's mapping stands, and which folder its paths start from."""

    document: Document
    at: KeyPath
    folder: Path

    def problem(self, path: KeyPath, message: str) -> Problem:
        return self.document.problem((*self.at, *path), message)


def read_target(
    document: Document, folder: Path, environ: Mapping[str, str], problems: list[Problem]
) -> FoundTarget | None:
    """The matrix's target; None if too little of it can be read to go on. `folder` is the matrix file's."""
    given = document.values.get("target")
    if isinstance(given, dict):
        source, notes = with_compose(Source(document, ("target",), folder), environ, problems)
        return FoundTarget(described(source, None, environ, problems), source, None, notes)
    if not isinstance(given, str) or not given.strip():
        problems.append(document.problem(("target",), target_words(given, "target" in document.values)))
        return None
    home = Path(abspath(folder / given))
    if not isfile(home / FILE):
        problems.append(document.problem(("target",), absence(given, home)))
        return None
    try:
        source, notes = with_compose(Source(read_document(home / FILE), (), home), environ, problems)
    except InputError as error:
        problems += error.problems
        return None
    return FoundTarget(described(source, home.name, environ, problems), source, home, notes)


def with_compose(
    source: Source, environ: Mapping[str, str], problems: list[Problem]
) -> tuple[Source, tuple[str, ...]]:
    """Where a target names a compose file: its mapping made from that, what it says itself laid over it."""
    given = section(source.document.values, source.at)
    compose = given.get("compose") if isinstance(given, dict) else None
    if not isinstance(compose, dict) or not isinstance(compose.get("service"), str):
        return source, ()
    path = Path(abspath(source.folder / str(compose.get("file", "compose.yaml"))))
    if not isfile(path):
        problems.append(source.problem(("compose", "file"), f"no file {shown(path)}"))
        return source, ()
    try:
        found = composed(read_foreign(path), compose["service"], path.parent, environ)
    except (ValueError, TypeError, AttributeError) as error:
        found = Composed(faults=[f"can't be read as a compose file: {error}"])
    problems += [source.problem(("compose",), f"{shown(path)}: {fault}") for fault in found.faults]
    laid = overlaid(found.values, {key: value for key, value in given.items() if key != "compose"})
    values: Any = laid
    for key in reversed(source.at):
        values = {**source.document.values, key: values}
    document = replace(source.document, values=values)
    return replace(source, document=document), tuple(f"{path.name}: {note}" for note in found.notes)


def overlaid(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Mappings are merged key by key, but for what names one thing or another: ready, build, limits."""
    merged = {**below, **above}
    for key in ("environment", "companions", "files"):
        if isinstance(below.get(key), dict) and isinstance(above.get(key), dict):
            merged[key] = (
                {name: overlaid(below[key].get(name, {}), each) for name, each in above[key].items()}
                if key == "companions"
                else above[key]
            )
            merged[key] = {**below[key], **merged[key]}
    if "image" in above:
        merged.pop("build", None)
    if "build" in above:
        merged.pop("image", None)
    return merged


def target_words(given: object, present: bool) -> str:
    if present:
        return f"{quoted(given)} is neither a folder nor a mapping; {MISSING['target']}"
    return f'missing key "target"; {MISSING["target"]}'


def absence(given: str, home: Path) -> str:
    """Why a folder is no target, with the nearest one that is."""
    if isfile(home):
        return f"{quoted(given)} is a file; write the folder that holds it"
    if not isdir(home):
        near = nearest(given, beside(given, target_names(home.parent))).replace("known here", "targets there")
        return f"no folder {quoted(given)}{near or '; write a folder that holds ' + FILE}"
    if isfile(home / "target.yml"):
        return f"{quoted(given)} holds target.yml; rename it to {FILE}"
    return f"{quoted(given)} holds no {FILE}; write one there"


def target_names(folder: Path) -> list[str]:
    try:
        return [entry.name for entry in folder.iterdir() if isfile(entry / FILE)]
    except OSError:
        return []


def described(
    source: Source, default_name: str | None, environ: Mapping[str, str], problems: list[Problem]
) -> Target:
    """The target as far as it is sound; everything wrong with it is in `problems`."""
    section, faulty = validated(TargetFile, source.document, source.at, problems)
    if section.port is None and "port" not in faulty:
        problems.append(source.problem((), f'missing key "port"; {MISSING["port"]}'))
    if not {"image", "build"} & faulty:
        problems += one_source(section, source)
    name = section.name or default_name or ""
    if "name" not in faulty and not NAME.fullmatch(name):
        problems.append(source.problem((), name_words(default_name)))
    problems += service_problems(section, source, environ)
    problems += network_problems(section, source)
    companions = []
    for key, companion in section.companions.items():
        place = Source(source.document, (*source.at, "companions", key), source.folder)
        problems += [*one_source(companion, place), *service_problems(companion, place, environ)]
        problems += companion_problems(companion, place)
        companions.append(beside_it(key, companion, source.folder))
    return asked(section, name, source.folder, tuple(companions))


def service_problems(section: ServiceSection, source: Source, environ: Mapping[str, str]) -> list[Problem]:
    return [
        *build_problems(section, source),
        *environment_problems(section, source, environ),
        *file_problems(section, source),
    ]


def network_problems(section: TargetFile, source: Source) -> list[Problem]:
    """In the host's network there are no other names, and no port to choose."""
    if section.network != "host":
        return []
    found = []
    if section.companions:
        found.append(
            source.problem(("companions",), "can't be reached with network: host; drop one of the two")
        )
    if section.host_port not in (None, section.port):
        found.append(source.problem(("host_port",), "means nothing with network: host; drop it"))
    return found


def companion_problems(section: CompanionSection, source: Source) -> list[Problem]:
    """Nothing of a companion is published, so it can't be asked from outside whether it is ready."""
    ready = section.ready
    if ready.http is not None or ready.status is not None or ready.tcp:
        return [
            source.problem(("ready",), "a companion isn't published; write port:, log:, command: or healthy:")
        ]
    if ready.port is None and ready.log is None and ready.command is None and not ready.healthy:
        return [
            source.problem((), "does not say when it is ready; write ready: {port: 5432} or log: or command:")
        ]
    return []


def file_problems(section: ServiceSection, source: Source) -> list[Problem]:
    return [
        source.problem(("files", inside), f"no file {shown(source.folder / path)}")
        for inside, path in section.files.items()
        if not (source.folder / path).exists()
    ]


def name_words(default_name: str | None) -> str:
    if default_name is None:
        return 'missing key "name"; a target given inline needs one, such as name: web'
    return f"the folder's name {quoted(default_name)} can't name a target; add a name such as name: web"


def one_source(section: ServiceSection, source: Source) -> list[Problem]:
    if section.image is None and section.build is None:
        return [source.problem((), "says nothing to run; write build: {context: .} or image: nginx:1.27")]
    if section.image is not None and section.build is not None:
        return [source.problem(("image",), "image and build are both given; keep one")]
    return []


def build_problems(section: ServiceSection, source: Source) -> list[Problem]:
    if section.build is None:
        return []
    context = source.folder / section.build.context
    if not isdir(context):
        return [
            source.problem(("build", "context"), f"no folder {shown(context)}; write the one to build from")
        ]
    if isfile(context / section.build.dockerfile):
        return []
    near = nearest(section.build.dockerfile, dockerfile_names(context)).replace("known here", "files there")
    return [
        source.problem(("build", "dockerfile"), f"no file {shown(context / section.build.dockerfile)}{near}")
    ]


def dockerfile_names(context: Path) -> list[str]:
    try:
        return [entry.name for entry in context.iterdir() if "dockerfile" in entry.name.lower()]
    except OSError:
        return []


def environment_problems(
    section: ServiceSection, source: Source, environ: Mapping[str, str]
) -> list[Problem]:
    return [
        source.problem(("environment", key), fault)
        for key, text in section.environment.items()
        for fault in find_reference_faults(text, environ)
    ]


def asked(section: TargetFile, name: str, folder: Path, companions: tuple[Companion, ...]) -> Target:
    is_host = section.network == "host"
    return replace(
        service(section, name, folder),
        port=section.port or 0,
        host_port=section.port if is_host else section.host_port,
        host_network=is_host,
        companions=companions,
    )


def beside_it(name: str, section: CompanionSection, folder: Path) -> Companion:
    limits = Limits(section.limits.cpus, section.limits.memory)
    return Companion(service(section, name, folder), limits, section.seed)


def service(section: ServiceSection, name: str, folder: Path) -> Target:
    return Target(
        name=name,
        port=0,
        source=source(section, folder),
        readiness=readiness(section.ready),
        environment=section.environment,
        command=section.command,
        entrypoint=section.entrypoint,
        user=section.user,
        files={inside: Path(abspath(folder / path)) for inside, path in section.files.items()},
        tmpfs=section.tmpfs,
        ulimits=section.ulimits,
        capabilities=section.capabilities,
    )


def source(section: ServiceSection, folder: Path) -> ImageSource | BuildSource:
    """Return the image or the build; a nameless image if the section has neither, which is a problem by then."""
    if section.build is None:
        return ImageSource(section.image or "")
    context = Path(abspath(folder / section.build.context))
    return BuildSource(context, section.build.dockerfile, section.build.args)


def readiness(section: ReadySection) -> ReadinessProbe:
    if section.port is not None:
        return PortProbe(section.port, section.within)
    if section.log is not None:
        return LogProbe(section.log, section.within)
    if section.command is not None:
        return CommandProbe(section.command, section.within)
    if section.healthy:
        return HealthcheckProbe(section.within)
    if section.tcp:
        return TcpProbe(section.within)
    return HttpProbe(section.http or "/", section.status or 200, section.within)
