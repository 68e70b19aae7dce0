"""Read `.env` and the files of `env_file` with python-dotenv, and replace the references in them."""

import io
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from dotenv.parser import Binding, parse_stream

from harness.plan.compose.interpolation import Variables, substitute
from harness.plan.yaml.document import shorten_path

_LIKE_YAML = re.compile(r"\s*(?:export\s+)?(?P<key>[\w.-]+)[ \t]*:[ \t]*(?P<value>[^\r\n]*?)\s*", re.ASCII)
_RAW_LINE = re.compile(r"(?P<key>[^=#\s][^=]*?)\s*=(?P<value>.*)")
_ASSIGNED = re.compile(r"^[^=]*=[^\S\r\n]*(?P<first>.?)", re.DOTALL)


def read_env_file(path: Path, variables: Variables, *, in_texts: bool = True) -> dict[str, str | None]:
    """Return the variables of a file; a name without a value stands for the caller's own variable, or None.

    A value may refer to `variables` and to the lines above it. `in_texts`: only the environment of a
    container sees the values.

    Raises:
        ValueError: a line is no assignment, or a reference can't be replaced.
        OSError: the file can't be read.
    """
    text = path.read_bytes().decode("utf-8-sig", "replace")
    values: dict[str, str | None] = {}
    for binding in parse_stream(io.StringIO(text)):
        key, value, is_literal = _read_binding(binding, path)
        if key is None:
            continue
        if value is None:
            values[key] = variables.look_up(key, in_text=in_texts)
        elif is_literal:
            values[key] = value
        else:
            known = {name: each for name, each in values.items() if each is not None}
            try:
                values[key] = substitute(value, variables.override_by(known), in_text=in_texts)
            except ValueError as error:
                raise ValueError(f"{path.name}, line {binding.original.line}: {error}") from None
    return values


def _read_binding(binding: Binding, path: Path) -> tuple[str | None, str | None, bool]:
    """Return the key (None for a comment), the value, and whether `$` is a plain character in it."""
    text = binding.original.string
    if binding.error or (binding.value is None and ":" in (binding.key or "")):
        like_yaml = _LIKE_YAML.fullmatch(text)
        if like_yaml is None:
            line = text.strip().splitlines()[0][:60] if text.strip() else ""
            raise ValueError(f'{path.name}, line {binding.original.line}: "{line}" is no NAME=value')
        return like_yaml["key"], _drop_comment(like_yaml["value"]).strip("\"'"), False
    assigned = _ASSIGNED.match(text.lstrip())
    if binding.key is None or binding.value is None or assigned is None:
        return binding.key, binding.value, False
    if assigned["first"] == '"':
        return binding.key, binding.value.replace("\\$", "$$"), False
    if assigned["first"] == "'":
        return binding.key, binding.value, True
    return binding.key, _drop_comment(text.lstrip()[assigned.start("first") :]), False


def _drop_comment(text: str) -> str:
    """Return a value without quotes, and without a comment: that begins with a blank and `#`.

    So `KEY= # none` has the value `# none`: Compose drops the blanks before a value first.
    """
    return text.strip().partition(" #")[0].rstrip()


def read_raw_env_file(path: Path) -> dict[str, str | None]:
    """Return the variables of a file in the format `raw`: quotes and dollars are plain characters.

    Raises:
        OSError: the file can't be read.
    """
    lines = path.read_bytes().decode("utf-8-sig", "replace").splitlines()
    matches = (_RAW_LINE.match(line.strip()) for line in lines)
    return {match["key"]: match["value"] for match in matches if match}


def read_env_files(paths: Sequence[Path], environ: Mapping[str, str], variables: Variables) -> dict[str, str]:
    """Return the variables of files such as `.env`; a later file overrides those before it, `environ` all.

    Raises:
        ValueError: a file can't be read, or as `read_env_file`.
    """
    values: dict[str, str] = {}
    for path in paths:
        try:
            read = read_env_file(path, variables.override_by(values), in_texts=False)
        except OSError as error:
            raise ValueError(f"{shorten_path(path)} can't be read: {error.strerror}") from None
        values |= {name: value for name, value in read.items() if value is not None}
    return {name: value for name, value in values.items() if name not in environ}


def read_dotenv(folder: Path, environ: Mapping[str, str], variables: Variables) -> dict[str, str]:
    """Return the variables of the `.env` file in a folder; nothing without one. `environ` overrides them.

    Raises:
        ValueError: as `read_env_files`.
    """
    path = folder / ".env"
    return read_env_files([path] if path.is_file() else [], environ, variables)
