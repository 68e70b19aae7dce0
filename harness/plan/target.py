"""Read the target of a matrix: a folder with target.yaml, or the same mapping inline."""

from dataclasses import replace
from os.path import abspath, isdir, isfile
from pathlib import Path
from typing import NamedTuple

from harness.errors import InputError
from harness.model import (
    BuildSecret,
    BuildSource,
    CommandProbe,
    Companion,
    CompletedProbe,
    HealthcheckProbe,
    HttpProbe,
    ImageSource,
    Limits,
    LogProbe,
    PortProbe,
    ReadinessProbe,
    StartedProbe,
    Target,
    TcpProbe,
    choose_probe,
)
from harness.plan.compose.canonical import is_remote_context
from harness.plan.compose.merge import merge_compose
from harness.plan.container_options import (
    build_options,
    build_ulimits,
    check_options,
    check_shared_networks,
)
from harness.plan.env_refs import find_reference_faults
from harness.plan.schema.quoting import quote
from harness.plan.schema.target import (
    BuildSection,
    CompanionSection,
    ReadySection,
    ServiceSection,
    TargetFile,
)
from harness.plan.schema.validators import NAME
from harness.plan.yaml.document import read_document, shorten_path
from harness.plan.yaml.problems import MISSING_KEY_HINTS, list_names, suggest_nearest, suggest_sibling
from harness.plan.yaml.reading import Reading

_TARGET_FILE = "target.yaml"


class LoadedTarget(NamedTuple):
    """A target, its section's reading, and the folder of its target.yaml (None for a target given inline).

    `notes` name the parts of its compose file that are not honoured.
    """

    target: Target
    reading: Reading
    folder: Path | None
    notes: tuple[str, ...] = ()


def read_target(matrix: Reading) -> LoadedTarget | None:
    """Return the matrix's target; None if too little of it can be read to go on."""
    value = matrix.values.get("target")
    if isinstance(value, dict):
        reading, notes = merge_compose(matrix.enter("target"))
        return LoadedTarget(_read_mapping(reading, None), reading, None, notes)
    if not isinstance(value, str) or not value.strip():
        matrix.report(("target",), _describe_no_folder(value, has_key="target" in matrix.values))
        return None
    folder = Path(abspath(matrix.folder / value))
    if not isfile(folder / _TARGET_FILE):
        matrix.report(("target",), _describe_no_file(value, folder))
        return None
    try:
        document = read_document(folder / _TARGET_FILE)
        reading, notes = merge_compose(replace(matrix, document=document, folder=folder))
    except InputError as error:
        matrix.problems.extend(error.problems)
        return None
    return LoadedTarget(_read_mapping(reading, folder.name), reading, folder, notes)


def _describe_no_folder(value: object, *, has_key: bool) -> str:
    if has_key:
        return f"{quote(value)} is neither a folder nor a mapping; {MISSING_KEY_HINTS['target']}"
    return f'missing key "target"; {MISSING_KEY_HINTS["target"]}'


def _describe_no_file(name: str, folder: Path) -> str:
    """Say why `folder`, written `name` in the matrix, is no target; name the nearest folder that is one."""
    if isfile(folder):
        return f"{quote(name)} is a file; write the folder that holds it"
    if not isdir(folder):
        others = list_names(folder.parent, lambda entry: isfile(entry / _TARGET_FILE))
        near = suggest_sibling(name, others, "targets there")
        return f"no folder {quote(name)}{near or '; write a folder that holds ' + _TARGET_FILE}"
    if isfile(folder / "target.yml"):
        return f"{quote(name)} holds target.yml; rename it to {_TARGET_FILE}"
    return f"{quote(name)} holds no {_TARGET_FILE}; write one there"


def _read_mapping(reading: Reading, default_name: str | None) -> Target:
    """Return the target, with defaults for faulty keys, which are reported to the reading."""
    section, faulty = reading.validate(TargetFile)
    if section.port is None and "port" not in faulty:
        reading.report((), f'missing key "port"; {MISSING_KEY_HINTS["port"]}')
    if not {"image", "build"} & faulty:
        _check_source(reading, section)
    name = section.name or default_name or ""
    if "name" not in faulty and not NAME.fullmatch(name):
        reading.report((), _describe_no_name(default_name))
    _check_service(reading, section)
    _check_network(reading, section)
    check_shared_networks(reading, section.companions, section)
    companions = tuple(_read_companion(reading, *item) for item in section.companions.items())
    return _build_target(section, name, reading.folder, companions)


def _read_companion(target: Reading, name: str, section: CompanionSection) -> Companion:
    reading = target.enter("companions", name)
    _check_source(reading, section)
    _check_service(reading, section)
    _check_companion(reading, section)
    limits = Limits(section.limits.cpus, section.limits.memory)
    service = _build_service(section, name, reading.folder)
    if section.job:
        service = replace(service, readiness=_build_job_probe(section))
    return Companion(service, limits, section.seed)


def _check_service(reading: Reading, section: ServiceSection) -> None:
    if section.build is not None:
        _check_build(reading, section.build)
    for key, text in section.environment.items():
        for fault in find_reference_faults(text, reading.environ):
            reading.report(("environment", key), fault)
    check_options(reading, section)


def _check_network(reading: Reading, section: TargetFile) -> None:
    """Report what is not possible in the host's network, such as companions."""
    if section.ready.started:
        reading.report(("ready", "started"), "does not say that the target answers; write http: or tcp: true")
    if section.network != "host":
        return
    if section.companions:
        reading.report(("companions",), "can't be reached with network: host; drop one of the two")
    if "NET_ADMIN" in section.capabilities:
        reading.report(("capabilities",), "NET_ADMIN with network: host would change this machine's network")
    if section.host_port not in (None, section.port):
        reading.report(("host_port",), "has no effect with network: host; drop it")


def _check_companion(reading: Reading, section: CompanionSection) -> None:
    """Report a missing probe, and one of a published port: a companion publishes none."""
    kinds = section.ready.kinds
    if section.job:
        if kinds or section.seed is not None:
            reading.report(
                ("job",), "a job is ready when it has ended; of ready keep within: only, and no seed"
            )
    elif kinds in (["http"], ["tcp"]):
        reading.report(("ready",), "a companion isn't published; write port:, log:, command: or healthy:")
    elif not kinds:
        reading.report((), "does not say when it is ready; write ready: {port: 5432} or log: or command:")


def _describe_no_name(default_name: str | None) -> str:
    if default_name is None:
        return 'missing key "name"; a target given inline needs one, such as name: web'
    return f"the folder's name {quote(default_name)} can't name a target; add a name such as name: web"


def _check_source(reading: Reading, section: ServiceSection) -> None:
    if section.image is None and section.build is None:
        reading.report((), "names nothing to run; write build: {context: .} or image: nginx:1.27")
    elif section.image is not None and section.build is not None:
        reading.report(("image",), "image and build are both given; keep one")


def _check_build(reading: Reading, build: BuildSection, at: tuple[str, ...] = ("build",)) -> None:
    """Report what a build lacks, and what the builds lack that it is built upon; `at` are the keys to it."""
    context = reading.folder / build.context
    if not isdir(context):
        reading.report((*at, "context"), f"no folder {shorten_path(context)}; write the one to build from")
    elif build.dockerfile_inline is None and not isfile(context / build.dockerfile):
        others = list_names(context, lambda entry: "dockerfile" in entry.name.lower())
        near = suggest_nearest(build.dockerfile, others, "files there")
        message = f"no file {shorten_path(context / build.dockerfile)}{near}"
        reading.report((*at, "dockerfile"), message)
    for name, secret in build.secrets.items():
        if secret.file is not None and not isfile(path := reading.folder / secret.file):
            reading.report((*at, "secrets", name, "file"), f"no file {shorten_path(path)}")
        if secret.environment is not None and secret.environment not in reading.environ:
            message = f"{secret.environment} is not set in your environment; export {secret.environment}=…"
            reading.report((*at, "secrets", name, "environment"), message)
    for name, further in build.additional_contexts.items():
        inner = (*at, "additional_contexts", name)
        if further.build is not None:
            _check_build(reading, further.build, (*inner, "build"))
        elif not is_remote_context(place := further.place or "") and not isdir(reading.folder / place):
            reading.report(
                inner,
                f"no folder {shorten_path(reading.folder / place)}; write one, or an address such as "
                "docker-image://alpine",
            )


def _build_target(section: TargetFile, name: str, folder: Path, companions: tuple[Companion, ...]) -> Target:
    uses_host_network = section.network == "host"
    return replace(
        _build_service(section, name, folder),
        port=section.port or 0,
        host_port=section.port if uses_host_network else section.host_port,
        host_network=uses_host_network,
        companions=companions,
    )


def _build_service(section: ServiceSection, name: str, folder: Path) -> Target:
    return Target(
        name=name,
        port=0,
        source=_build_source(section, folder),
        readiness=_build_probe(section.ready),
        environment=section.environment,
        command=section.command,
        entrypoint=section.entrypoint,
        user=section.user,
        files={inside: Path(abspath(folder / path)) for inside, path in section.files.items()},
        tmpfs=section.tmpfs,
        ulimits=build_ulimits(section.ulimits),
        capabilities=section.capabilities,
        options=build_options(section, folder),
    )


def _build_source(section: ServiceSection, folder: Path) -> ImageSource | BuildSource:
    """Return the image or the build; without both, which `_check_source` reports, an image without a name."""
    if section.build is None:
        return ImageSource(section.image or "")
    return _convert_build(section.build, folder)


def _convert_build(build: BuildSection, folder: Path) -> BuildSource:
    further = build.additional_contexts.items()
    places = {name: each.place for name, each in further if each.place is not None}
    secrets = {
        name: BuildSecret(
            Path(abspath(folder / each.file)) if each.file else None, each.environment, each.text
        )
        for name, each in build.secrets.items()
    }
    return BuildSource(
        context=Path(abspath(folder / build.context)),
        dockerfile=build.dockerfile,
        args=build.args,
        target=build.target,
        dockerfile_inline=build.dockerfile_inline,
        secrets=secrets,
        ssh=build.ssh,
        network=build.network,
        extra_hosts=build.extra_hosts,
        platform=build.platform,
        folders={
            name: Path(abspath(folder / place))
            for name, place in places.items()
            if not is_remote_context(place)
        },
        sources={name: place for name, place in places.items() if is_remote_context(place)},
        bases={name: _convert_build(each.build, folder) for name, each in further if each.build is not None},
    )


def _build_probe(section: ReadySection) -> ReadinessProbe:
    """Return the probe of the one key of `ready` that is set; without any, GET / over HTTP."""
    within_s = section.within
    return choose_probe(
        completed=None,
        started=StartedProbe(within_s) if section.started else None,
        port=PortProbe(section.port, within_s) if section.port is not None else None,
        log=LogProbe(section.log, within_s) if section.log is not None else None,
        command=CommandProbe(section.command, within_s) if section.command is not None else None,
        healthcheck=HealthcheckProbe(within_s) if section.healthy else None,
        tcp=TcpProbe(within_s) if section.tcp else None,
        http=HttpProbe(section.http or "/", section.status or 200, within_s),
    )


def _build_job_probe(section: CompanionSection) -> CompletedProbe:
    """Return the probe of a job; without a time limit of its own it gets the default of jobs."""
    has_limit = "within" in section.ready.model_fields_set
    return CompletedProbe(section.ready.within) if has_limit else CompletedProbe()
