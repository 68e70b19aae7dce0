"""Pass the settings of OpenTelemetry on to Locust, and hide the secrets among them.

Locust exports traces and metrics if its option `--otel` is set, or its variable LOCUST_ENABLE_OPENTELEMETRY.
Where to is told by the variables `OTEL_…`, which are those of all OpenTelemetry SDKs:
https://opentelemetry.io/docs/languages/sdk-configuration/otlp-exporter/
"""

import os
import re
from collections.abc import Iterator, Mapping
from urllib.parse import unquote, urlsplit

from harness.model import Scenario

NO_EXPORTERS = {f"OTEL_{signal}_EXPORTER": "none" for signal in ("TRACES", "METRICS", "LOGS")}
"""Variables that keep Locust from exporting, whatever turns its export on."""

NOT_INSTALLED = "OpenTelemetry SDK is not installed"
"""A part of what Locust logs if its export is on, and the packages for it are missing."""

_NAME = re.compile(r"OTEL_[A-Za-z0-9_]+", re.ASCII)
_OPTION, _SWITCH = "--otel", "LOCUST_ENABLE_OPENTELEMETRY"
_TRUE_WORDS = frozenset(("true", "yes", "on", "1"))
_SHORTEST_SECRET = 4
"""A shorter part of a variable is no secret, and would be found in any log."""


def find_telemetry_variables(environ: Mapping[str, str] = os.environ) -> set[str]:
    """Return the names of OpenTelemetry's variables that are set; an empty one counts as not set."""
    return {name for name, value in environ.items() if value and _NAME.fullmatch(name)}


def exports_telemetry(scenario: Scenario) -> bool:
    """Return True if the scenario's arguments or the environment turn on Locust's export."""
    return _OPTION in scenario.arguments or os.environ.get(_SWITCH, "").lower() in _TRUE_WORDS


def list_missing_options(scenario: Scenario) -> list[str]:
    """Return the option that a worker without this environment needs to export as the master does."""
    is_missing = exports_telemetry(scenario) and _OPTION not in scenario.arguments
    return [_OPTION] if is_missing else []


def build_demand(scenario: Scenario) -> str:
    """Build the start of a shell command that ends if a variable of OpenTelemetry is not set where it runs.

    It has the names of the variables that are set here, and never a value; it is empty without an export.
    """
    if not exports_telemetry(scenario):
        return ""
    names = sorted(find_telemetry_variables())
    words = " ".join(f'"${{{name}:?set it as on the host of the harness}}"' for name in names)
    return f": {words}; " if words else ""


def hide_secrets(text: str, environ: Mapping[str, str] = os.environ) -> str:
    """Replace in a text each header, password and query of OpenTelemetry's variables by `***`.

    The SDK logs a header that it can't read.
    """
    for secret in sorted(set(_find_secrets(environ)), key=len, reverse=True):
        text = text.replace(secret, "***")
    return text


def measure_longest_secret() -> int:
    """Return the length of the longest text that `hide_secrets` would hide, in bytes; 0 if there is none."""
    return max((len(secret.encode()) for secret in _find_secrets(os.environ)), default=0)


def _find_secrets(environ: Mapping[str, str]) -> Iterator[str]:
    """Yield the texts to hide, as they are written and without their percent-encoding."""
    for name in find_telemetry_variables(environ):
        if name.endswith("HEADERS"):
            secrets = _split_headers(environ[name])
        elif name.endswith("ENDPOINT"):
            secrets = _split_address(environ[name])
        else:
            continue
        for secret in secrets:
            yield secret
            yield unquote(secret)


def _split_headers(headers: str) -> Iterator[str]:
    """Yield the variable as a whole, each header's value, and the words of each value.

    A header without "=" is taken for a value: people write `authorization: Bearer …`.
    """
    yield headers
    for header in headers.split(","):
        name, _, value = header.partition("=")
        value = (value or name).strip()
        words = (value, *unquote(value).split())
        yield from (word for word in words if len(word) >= _SHORTEST_SECRET)


def _split_address(address: str) -> Iterator[str]:
    try:
        parts = urlsplit(address)
    except ValueError:
        return
    yield from (part for part in (parts.password, parts.query) if part)
