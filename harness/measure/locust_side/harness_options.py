"""Keep Locust's configuration files from setting what the harness decides.

Locust loads this file first. It reads `locust.conf` and `pyproject.toml` after the locustfiles, so the
options in the environment variable HARNESS_OPTIONS can be left out there. A worker on another host lacks the
variable, and keeps its own settings. This file imports nothing of the harness, because such a worker gets it
alone, from the master.
"""

import functools
import os
from collections.abc import Callable
from typing import Any

import locust
import locust.main

OWN_OPTIONS = frozenset(os.environ.get("HARNESS_OPTIONS", "").split())


class SettingsReader:
    """A reader of configuration files that leaves out `OWN_OPTIONS`.

    `settings` has, by file, the names of the options that were left out and of those that count.
    `host` is the host that a file sets, None without one: of it, the path counts.
    """

    def __init__(self, reader: Any) -> None:
        self.reader = reader
        self.settings: dict[str, dict[str, list[str]]] = {}
        self.host: str | None = None

    def parse(self, stream: Any) -> Any:
        items = self.reader.parse(stream)
        ignored = [key for key in items if key.lstrip("-") in OWN_OPTIONS]
        for key in ignored:
            value = items.pop(key)
            if key.lstrip("-") == "host":
                self.host = str(value)
        if ignored or items:
            name = os.path.basename(str(getattr(stream, "name", "a configuration file")))
            self.settings[name] = {"ignored": ignored, "counted": list(items)}
        return items

    def __getattr__(self, name: str) -> Any:
        return getattr(self.reader, name)


class Startup:
    """The reader of the configuration files, once Locust has made its parser of the command line."""

    reader: SettingsReader | None = None


def replace_reader(parser: Any, **_: Any) -> None:
    if not OWN_OPTIONS:
        return
    Startup.reader = parser._config_file_parser = SettingsReader(parser._config_file_parser)


def skip_own_files(load_tests: Callable[[str], Any]) -> Callable[[str], Any]:
    """Wrap the search for tests of pytest, which Locust runs as users if no file has a user class."""

    @functools.wraps(load_tests)
    def load_tests_of_scenario(path: str) -> Any:
        return {} if os.path.basename(path).startswith("harness_") else load_tests(path)

    return load_tests_of_scenario


def on_init(environment: Any, **_: Any) -> None:
    """Store the settings where `harness_plugin.py` and `harness_host.py` find them."""
    environment.harness_settings = Startup.reader.settings if Startup.reader else {}
    environment.harness_configured_host = Startup.reader.host if Startup.reader else None


main: Any = locust.main
main.load_locustfile_pytest = skip_own_files(main.load_locustfile_pytest)
locust.events.init_command_line_parser.add_listener(replace_reader)  # type: ignore[no-untyped-call]
locust.events.init.add_listener(on_init)  # type: ignore[no-untyped-call]
