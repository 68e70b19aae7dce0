"""Keep Locust's configuration files from setting what the harness decides.

Locust loads this file first. It reads `locust.conf` and `pyproject.toml` after the locustfiles, so the
options in the environment variable HARNESS_OPTIONS can be left out there. A worker on another host lacks the
variable, and keeps its own settings. A file that runs Locust itself while it is loaded is refused. This file
imports nothing of the harness, because such a worker gets it alone, from the master.
"""

import functools
import inspect
import json
import os
import sys
from collections.abc import Callable, Iterator
from typing import Any, ClassVar

import locust
import locust.debug
import locust.main
from locust.env import Environment
from locust.user.task import DefaultTaskSet

OWN_FOLDER = os.path.dirname(os.path.abspath(__file__))
LIST_MARK = "harness: "
"""The start of the line that tells of the user classes where Locust only lists them."""

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
    """What is known while Locust starts.

    `reader` reads the configuration files, once Locust has made its parser of the command line. That comes
    after all files have been loaded: `has_loaded`. `user_classes` are those of the files so far, by name.
    """

    reader: SettingsReader | None = None
    has_loaded = False
    user_classes: ClassVar[dict[str, Any]] = {}


def on_parser(parser: Any, **_: Any) -> None:
    """Replace the reader of the configuration files; where Locust lists user classes, tell more of them."""
    Startup.has_loaded = True
    if not OWN_OPTIONS:
        return
    if "--list" in sys.argv:
        parser.parse_args = tell_classes(parser.parse_args)
    Startup.reader = parser._config_file_parser = SettingsReader(parser._config_file_parser)


def tell_classes(parse: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap the reading of all settings, tags among them, to tell of the user classes."""

    @functools.wraps(parse)
    def parse_and_tell(*arguments: Any, **keywords: Any) -> Any:
        options = parse(*arguments, **keywords)
        tags, excluded = set(options.tags or ()), set(options.exclude_tags or ())
        told = {
            name: {
                "fixed_count": each.fixed_count,
                "inert": list(find_inert(each, tags, excluded)),
                "pause_s": find_pause_s(each),
                "weight": each.weight,
            }
            for name, each in Startup.user_classes.items()
        }
        sys.stdout.write(f"{LIST_MARK}{json.dumps(told, default=str)}\n")
        return options

    return parse_and_tell


def find_inert(user_class: type[Any], tags: set[str], excluded: set[str]) -> Iterator[str]:
    """Yield the names of a user class's tasks, and of `on_start`, that do nothing when they are called.

    Such are coroutine functions (`async def`) and generator functions. Task sets that run their tasks in a
    way of their own are left out, and tasks that the tags leave out.
    """
    holders = [user_class]
    for holder in holders:
        tasks = list(dict.fromkeys(holder.tasks))
        holders += [each for each in tasks if hasattr(each, "tasks") and each not in holders]
        run = getattr(holder, "execute_task", DefaultTaskSet.execute_task)
        if not run.__module__.startswith("locust."):
            tasks = []
        for each in tasks:
            own_tags: set[str] = getattr(each, "locust_tag_set", set())
            if (not tags or own_tags & tags) and not own_tags & excluded and is_inert(each):
                yield f"{holder.__name__}.{getattr(each, '__name__', 'task')}"
        if is_inert(getattr(holder, "on_start", None)):
            yield f"{holder.__name__}.on_start"


def is_inert(function: object) -> bool:
    """Return True for a function of which nothing runs when it is called."""
    kinds = (inspect.iscoroutinefunction, inspect.isgeneratorfunction, inspect.isasyncgenfunction)
    return any(is_kind(function) for is_kind in kinds)


def find_pause_s(user_class: type[Any]) -> float | None:
    """Return the mean pause between two tasks of a class; None unless Locust's own `wait_time` tells it.

    With `constant_pacing` it is the time from one task to the next.
    """
    wait, own = user_class.wait_time, locust.TaskSet.wait_time
    if any(getattr(each, "wait_time", own) is not own for each in user_class.tasks):
        return None
    if getattr(wait, "__module__", "") != "locust.user.wait_time":
        return None
    bounds = inspect.getclosurevars(wait).nonlocals
    if "rate" in bounds:
        return float(1 / bounds["rate"])
    if "max_wait" in bounds:
        return float(bounds["min_wait"] + bounds["max_wait"]) / 2
    return float(bounds["wait_time"]) if "wait_time" in bounds else None


def note_classes(load_file: Callable[[str], Any]) -> Callable[[str], Any]:
    """Wrap the loading of a file to keep the user classes in it."""

    @functools.wraps(load_file)
    def load_and_note(path: str) -> Any:
        loaded = load_file(path)
        Startup.user_classes.update(loaded[0])
        return loaded

    return load_and_note


def skip_own_files(load_tests: Callable[[str], Any]) -> Callable[[str], Any]:
    """Wrap the search for tests of pytest, which Locust runs as users if no file has a user class."""

    @functools.wraps(load_tests)
    def load_tests_of_scenario(path: str) -> Any:
        folder, name = os.path.split(os.path.abspath(path))
        is_own = folder == OWN_FOLDER and name.startswith("harness_")
        return {} if is_own else load_tests(path)

    return load_tests_of_scenario


def refuse_while_loading(run: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap what runs Locust: a file that calls it while it is loaded would make load of its own, unseen."""

    @functools.wraps(run)
    def run_or_refuse(*arguments: Any, **keywords: Any) -> Any:
        if not Startup.has_loaded:
            raise RuntimeError(
                f"the file runs Locust itself while it is loaded ({run.__name__}); "
                'put that below: if __name__ == "__main__":'
            )
        return run(*arguments, **keywords)

    return run_or_refuse


def find_ignored_waits(user_class: type[Any]) -> list[str]:
    """Return the old settings of pauses that Locust does not read, because `wait_time` has a default of 0."""
    if user_class.wait_time is not locust.User.wait_time:
        return []
    task_sets = (each for each in user_class.tasks if isinstance(each, type))
    own = locust.TaskSet.wait_time
    holders = [user_class, *(each for each in task_sets if getattr(each, "wait_time", None) is own)]
    names = ("min_wait", "max_wait", "wait_function")
    return [name for name in names if any(getattr(each, name, None) is not None for each in holders)]


def find_all_ignored_waits(environment: Any) -> dict[str, list[str]]:
    ignored = {each.__name__: find_ignored_waits(each) for each in environment.user_classes}
    return {name: settings for name, settings in ignored.items() if settings}


def on_init(environment: Any, **_: Any) -> None:
    """Store the settings where `harness_plugin.py` and `harness_host.py` find them."""
    environment.harness_settings = Startup.reader.settings if Startup.reader else {}
    environment.harness_ignored_waits = find_all_ignored_waits(environment)
    environment.harness_configured_host = Startup.reader.host if Startup.reader else None


main: Any = locust.main
library: Any = locust
main.load_locustfile = note_classes(main.load_locustfile)
main.load_locustfile_pytest = skip_own_files(main.load_locustfile_pytest)
library.run_single_user = library.debug.run_single_user = refuse_while_loading(locust.run_single_user)
for runner in ("create_local_runner", "create_master_runner", "create_worker_runner"):
    setattr(Environment, runner, refuse_while_loading(getattr(Environment, runner)))
locust.events.init_command_line_parser.add_listener(on_parser)  # type: ignore[no-untyped-call]
locust.events.init.add_listener(on_init)  # type: ignore[no-untyped-call]
