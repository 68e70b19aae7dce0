"""Read a Dockerfile: its instructions, its stages, the images that it needs, and what its image exposes.

https://docs.docker.com/reference/dockerfile/. Nothing is built and no base image is looked at. This reader
is our own, because of the libraries for it `dockerfile-parse` reads the text of a heredoc as instructions,
and `dockerfile` brings a Go runtime that is not built for every platform;
`tests/unit/plan/test_dockerfile.py` has what they disagree on.
"""

import platform
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from harness.plan.dockerfile_words import build_word_pattern, expand, has_pattern_of_buildkit, split_words

_DIRECTIVE = re.compile(r"\s*#\s*([a-zA-Z][a-zA-Z0-9]*)\s*=\s*(.+?)\s*")
_DIRECTIVES = ("syntax", "escape", "check")
_HEREDOC = re.compile(r"\d*<<(-?)([^<\s]+)")
_INSTRUCTIONS_WITH_HEREDOCS = ("RUN", "COPY", "ADD")
_OF_THE_SHELL = ("RUN", "CMD", "ENTRYPOINT", "HEALTHCHECK", "SHELL")
"""Instructions whose variables are those of the container's shell, and not of the builder."""

_STAGE = re.compile(r"(\S+)(?:\s+AS\s+(\S+))?", re.IGNORECASE)
_PORT = re.compile(r"(\d+)(?:-\d+)?(?:/(\w+))?")
_SSH_PORT = 22
_LESS_LIKELY_PORTS = frozenset({443, 8443, 2345, 5005, 5678, 5858, 9229})
"""Ports of TLS and of debuggers: taken only if there is no other."""

_CLASSIC_FLAGS: Mapping[str, frozenset[str]] = {
    "FROM": frozenset({"--platform"}),
    "COPY": frozenset({"--from", "--chown"}),
    "ADD": frozenset({"--chown"}),
    "HEALTHCHECK": frozenset({"--interval", "--timeout", "--start-period", "--retries"}),
}
"""The flags that the classic builder knows, by instruction."""

_ARCHITECTURES = {"x86_64": "amd64", "AMD64": "amd64", "aarch64": "arm64", "arm64": "arm64"}
_IMAGE_NAME = re.compile(r"[A-Za-z0-9](?:[\w./:@-]*\w)?", re.ASCII)
_PLATFORM_ARGUMENT = re.compile(r"(?:BUILD|TARGET)(?:PLATFORM|OS|ARCH|VARIANT)")
_GIT_SOURCE = re.compile(r"git@|\.git(?:[#?\s]|$)")
_STANDARD_SYNTAX = re.compile(r"(?:docker\.io/)?docker/dockerfile(?:[:@].*)?")


@dataclass(frozen=True, slots=True)
class Instruction:
    """An instruction: its name in capitals, its flags such as `--mount=…`, and the rest on one line."""

    name: str
    flags: tuple[str, ...]
    text: str
    has_heredoc: bool = False


@dataclass(frozen=True, slots=True)
class Dockerfile:
    """The instructions of a Dockerfile, and its parser directives `syntax` and `escape`."""

    instructions: tuple[Instruction, ...]
    syntax: str | None = None
    escape: str = "\\"


@dataclass(slots=True)
class _Stage:
    """A build stage. `values` are its variables: ENV goes before ARG.

    `inherited_ports` are those of the stage that it starts from, and `image` is where that one began.
    `triggers` are the instructions of ONBUILD, which stages that start from this one follow.
    """

    base: str
    name: str = ""
    image: str = ""
    own_ports: list[str] = field(default_factory=list)
    inherited_ports: list[str] = field(default_factory=list)
    has_healthcheck: bool = False
    arguments: dict[str, str] = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=dict)
    images: list[str] = field(default_factory=list)
    commands: dict[str, str] = field(default_factory=dict)
    triggers: list[Instruction] = field(default_factory=list)

    @property
    def ports(self) -> list[str]:
        """The ports that it exposes, its own before those that it inherits."""
        return [*self.own_ports, *self.inherited_ports]

    @property
    def values(self) -> Mapping[str, str]:
        """The variables that an instruction can refer to."""
        return {**self.arguments, **self.environment}


def parse_dockerfile(text: str) -> Dockerfile:
    """Parse a Dockerfile. What Docker would refuse becomes an instruction like any other."""
    lines = [line.rstrip("\r") for line in text.removeprefix("\ufeff").split("\n")]
    directives = _read_directives(lines)
    escape = "`" if directives.get("escape") == "`" else "\\"
    return Dockerfile(tuple(_read_instructions(lines, escape)), directives.get("syntax"), escape)


def _read_directives(lines: Iterable[str]) -> dict[str, str]:
    """Return the parser directives: comments of the form `# key=value` before anything else."""
    directives: dict[str, str] = {}
    for line in lines:
        match = _DIRECTIVE.fullmatch(line)
        if match is None or (key := match[1].lower()) not in _DIRECTIVES or key in directives:
            break
        directives[key] = match[2]
    return directives


def _read_instructions(lines: Iterable[str], escape: str) -> Iterator[Instruction]:
    rest = iter(lines)
    for first in rest:
        text = _join_continued_lines(first, rest, escape)
        name, _, arguments = text.partition(" ")
        if not name:
            continue
        flags, arguments = _split_flags(arguments, escape)
        words = f"{name} {arguments}".split()
        inner = words[1] if name.upper() == "ONBUILD" and len(words) > 1 else name
        has_heredoc = False
        if inner.upper() in _INSTRUCTIONS_WITH_HEREDOCS:
            for heredoc in filter(None, map(_HEREDOC.fullmatch, split_words(arguments, escape))):
                has_heredoc = True
                _skip_heredoc(rest, heredoc)
        yield Instruction(name.upper(), flags, arguments.strip(), has_heredoc)


def _join_continued_lines(first: str, rest: Iterator[str], escape: str) -> str:
    """Return the line with those that continue it, without comments and empty lines; empty for a comment."""
    continued = re.compile(rf"(?<!{re.escape(escape)}){re.escape(escape)}[ \t]*$")
    line = "" if first.lstrip().startswith("#") else first.strip()
    while continued.search(line):
        line = continued.sub("", line)
        for following in rest:
            if following.strip() and not following.lstrip().startswith("#"):
                line += following
                break
        else:
            break
    return re.sub(r"^(\S+)\s+", r"\1 ", line.strip())


def _skip_heredoc(rest: Iterator[str], heredoc: re.Match[str]) -> None:
    """Skip the lines of a heredoc: up to the line that is its word, without leading tabs after `<<-`."""
    word = re.sub(r"[\"'\\]", "", heredoc[2])
    for line in rest:
        if (line.lstrip("\t") if heredoc[1] else line) == word:
            return


def _split_flags(text: str, escape: str) -> tuple[tuple[str, ...], str]:
    """Split the flags off that precede an instruction's arguments."""
    flags: list[str] = []
    while match := re.match(rf"\s*({build_word_pattern(escape)})", text):
        if not match[1].startswith("--"):
            break
        text = text[match.end() :]
        if match[1] == "--":
            break
        flags.append(match[1])
    return tuple(flags), text


def _read_stages(dockerfile: Dockerfile, args: Mapping[str, str], target: str | None = None) -> list[_Stage]:
    """Return the stages up to `target`, or all. `args` override the defaults of build arguments."""
    shared = _list_platform_arguments()
    stages: list[_Stage] = []
    for instruction in dockerfile.instructions:
        if instruction.name == "FROM":
            if target is not None and any(
                _is_called(stages, number, target) for number in range(len(stages))
            ):
                break
            stages.append(_start_stage(instruction, stages, shared, dockerfile.escape))
            parent = _find_stage(stages[:-1], stages[-1].base)
            for trigger in parent.triggers if parent is not None else ():
                _apply_to_stage(trigger, stages, shared, args, dockerfile.escape)
        elif stages:
            _apply_to_stage(instruction, stages, shared, args, dockerfile.escape)
        elif instruction.name == "ARG":
            shared |= _read_arguments(instruction, shared, args, {}, dockerfile.escape)
    return stages


def _list_platform_arguments() -> dict[str, str]:
    """Return the arguments that BuildKit gives every build, for an engine of this machine's architecture."""
    architecture = _ARCHITECTURES.get(platform.machine(), platform.machine())
    values = {"OS": "linux", "ARCH": architecture, "VARIANT": "", "PLATFORM": f"linux/{architecture}"}
    return {f"{side}{key}": value for side in ("TARGET", "BUILD") for key, value in values.items()}


def _is_called(stages: list[_Stage], number: int, name: str) -> bool:
    return name.lower() in (stages[number].name, str(number))


def _start_stage(
    instruction: Instruction, stages: list[_Stage], shared: Mapping[str, str], escape: str
) -> _Stage:
    """Return a new stage; one that starts from an earlier stage has what that stage declared."""
    match = _STAGE.match(instruction.text)
    base, name = (expand(match[1], shared, escape), (match[2] or "").lower()) if match else ("", "")
    parent = _find_stage(stages, base)
    if parent is None:
        return _Stage(base, name, base, images=[base])
    return _Stage(
        base,
        name,
        parent.image,
        inherited_ports=parent.ports,
        has_healthcheck=parent.has_healthcheck,
        arguments=dict(parent.arguments),
        environment=dict(parent.environment),
        commands=dict(parent.commands),
    )


def _find_stage(stages: list[_Stage], name: str) -> _Stage | None:
    return next((stage for stage in reversed(stages) if stage.name and stage.name == name.lower()), None)


def _apply_to_stage(
    instruction: Instruction,
    stages: list[_Stage],
    shared: Mapping[str, str],
    args: Mapping[str, str],
    escape: str,
) -> None:
    """Add to the last stage what an instruction declares."""
    stage = stages[-1]
    match instruction.name:
        case "ARG":
            stage.arguments |= _read_arguments(instruction, stage.values, args, shared, escape)
        case "ENV":
            stage.environment |= _read_environment(instruction.text, stage.values, escape)
        case "EXPOSE":
            words = expand(instruction.text, stage.values, escape).split()
            stage.own_ports += [word.rpartition(":")[2] for word in words]  # of `80:8080` the second counts
        case "CMD" | "ENTRYPOINT":
            stage.commands[instruction.name] = instruction.text
        case "ONBUILD":
            stage.triggers.append(_read_trigger(instruction))
        case "HEALTHCHECK":
            stage.has_healthcheck = not instruction.text.upper().startswith("NONE")
        case "COPY" | "ADD" | "RUN":
            names = (expand(name, {**shared, **args}, escape) for name in _find_sources(instruction))
            stage.images += [
                name for name in names if not name.isdigit() and _find_stage(stages, name) is None
            ]


def _find_sources(instruction: Instruction) -> Iterator[str]:
    """Yield the stages and images that an instruction copies or mounts files from."""
    for flag in instruction.flags:
        option, _, value = flag.partition("=")
        if option == "--from":
            yield value
        elif option == "--mount":
            yield from re.findall(r"(?:^|,)from=([^,]+)", value)


def _read_arguments(
    instruction: Instruction,
    values: Mapping[str, str],
    args: Mapping[str, str],
    shared: Mapping[str, str],
    escape: str,
) -> dict[str, str]:
    """Return the values of the arguments that an ARG declares: given ones, defaults, or `shared` ones."""
    found: dict[str, str] = {}
    for word in split_words(instruction.text, escape):
        name, has_default, default = word.partition("=")
        if name in args:
            found[name] = args[name]
        elif has_default:
            found[name] = expand(default, {**values, **found}, escape)
        elif name in shared:
            found[name] = shared[name]
    return found


def _read_environment(text: str, values: Mapping[str, str], escape: str) -> dict[str, str]:
    """Return the variables of `ENV A=1 B=2`, or of the old form `ENV A 1`."""
    words = split_words(text, escape)
    if words and "=" not in words[0]:
        return {words[0]: expand(text[text.index(words[0]) + len(words[0]) :].strip(), values, escape)}
    pairs = (word.partition("=") for word in words)
    return {name: expand(value, values, escape) for name, _, value in pairs}


def read_dockerfile(
    text: str, args: Mapping[str, str] | None = None, target: str | None = None
) -> tuple[int | None, bool]:
    """Return the port on which a Dockerfile's image most likely serves, and whether it has a HEALTHCHECK.

    The image is that of the stage `target`, or of the last one. `args` override the defaults of build
    arguments. The port is None if the image exposes no TCP port but that of SSH.
    """
    stages = _read_stages(parse_dockerfile(text), args or {}, target)
    return (choose_port(stages[-1].ports), stages[-1].has_healthcheck) if stages else (None, False)


def find_base(text: str, args: Mapping[str, str], target: str | None = None) -> tuple[str, str]:
    """Return the image that the stage `target`, or the last one, begins with, and the command that it sets.

    Both are empty if there is none.
    """
    stages = _read_stages(parse_dockerfile(text), args, target)
    return (stages[-1].image, " ".join(stages[-1].commands.values())) if stages else ("", "")


def choose_port(ports: Iterable[str]) -> int | None:
    """Choose the port to measure among texts such as `80`, `53/udp` and `8000-8010/tcp`.

    It is the first TCP port that is not SSH's. Those of TLS and of debuggers are taken only if there is no
    other.
    """
    matches = (_PORT.fullmatch(port) for port in ports)
    numbers = [int(match[1]) for match in matches if match and (match[2] or "tcp").lower() == "tcp"]
    usable = [number for number in numbers if 0 < number < 65536 and number != _SSH_PORT]
    return next((number for number in usable if number not in _LESS_LIKELY_PORTS), next(iter(usable), None))


def find_images(dockerfile: Dockerfile, args: Mapping[str, str], target: str | None = None) -> list[str]:
    """Return the images that a build starts from or copies from, with arguments filled in, each once.

    Stages after `target` are left out, and so are names that hold a variable of which nothing is known.
    """
    stages = _read_stages(dockerfile, args, target)
    images = dict.fromkeys(image for stage in stages for image in stage.images)
    return [image for image in images if _IMAGE_NAME.fullmatch(image) and image.lower() != "scratch"]


def needs_buildkit(dockerfile: Dockerfile) -> bool:
    """Return True if the classic builder of Docker would refuse the Dockerfile, or build something else.

    The line `# syntax=docker/dockerfile:1` alone is no reason: the classic builder reads it as a comment.
    """
    if dockerfile.syntax is not None and not has_standard_syntax(dockerfile):
        return True
    return any(map(_is_unknown_to_classic_builder, dockerfile.instructions))


def has_standard_syntax(dockerfile: Dockerfile) -> bool:
    """Return True if the frontend that `# syntax=` names is Docker's own, which BuildKit has built in."""
    return dockerfile.syntax is not None and bool(_STANDARD_SYNTAX.fullmatch(dockerfile.syntax))


def drop_syntax(text: str) -> str:
    """Return the text of a Dockerfile without its line `# syntax=`, for the builder's own frontend."""
    lines = text.split("\n")
    for number, line in enumerate(lines):
        match = _DIRECTIVE.fullmatch(line.removeprefix("\ufeff").rstrip("\r"))
        if match is None:
            break
        if match[1].lower() == "syntax":
            del lines[number]
            break
    return "\n".join(lines)


def _read_trigger(instruction: Instruction) -> Instruction:
    """Return the instruction that an ONBUILD holds."""
    name, _, text = instruction.text.partition(" ")
    flags, rest = _split_flags(text, "\\")
    return Instruction(name.upper(), flags, rest.strip(), instruction.has_heredoc)


def _is_unknown_to_classic_builder(instruction: Instruction) -> bool:
    if instruction.name == "ONBUILD":
        return _is_unknown_to_classic_builder(_read_trigger(instruction))
    known = _CLASSIC_FLAGS.get(instruction.name, frozenset())
    return (
        instruction.has_heredoc
        or any(flag.partition("=")[0] not in known for flag in instruction.flags)
        or (instruction.name == "ADD" and bool(_GIT_SOURCE.search(instruction.text)))
        or (instruction.name not in _OF_THE_SHELL and has_pattern_of_buildkit(instruction.text))
        or (
            instruction.name in ("FROM", "ARG")
            and bool(_PLATFORM_ARGUMENT.search(" ".join((*instruction.flags, instruction.text))))
        )
    )
