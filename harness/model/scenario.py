"""The scenario of a campaign: its locustfiles, what of them runs, and how Locust is started with them."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

HARNESS_OPTIONS: Mapping[str, str | None] = {
    "locustfile": "LOCUST_LOCUSTFILE",
    "config": None,
    "host": "LOCUST_HOST",
    "users": "LOCUST_USERS",
    "spawn-rate": "LOCUST_SPAWN_RATE",
    "run-time": "LOCUST_RUN_TIME",
    "list": None,
    "headless": "LOCUST_HEADLESS",
    "headful": "LOCUST_HEADFUL",
    "autostart": "LOCUST_AUTOSTART",
    "autoquit": "LOCUST_AUTOQUIT",
    "web-host": "LOCUST_WEB_HOST",
    "web-port": "LOCUST_WEB_PORT",
    "master": "LOCUST_MODE_MASTER",
    "master-bind-host": "LOCUST_MASTER_BIND_HOST",
    "master-bind-port": "LOCUST_MASTER_BIND_PORT",
    "expect-workers": "LOCUST_EXPECT_WORKERS",
    "expect-workers-max-wait": "LOCUST_EXPECT_WORKERS_MAX_WAIT",
    "enable-rebalancing": None,
    "worker": "LOCUST_MODE_WORKER",
    "processes": "LOCUST_PROCESSES",
    "master-host": "LOCUST_MASTER_NODE_HOST",
    "master-port": "LOCUST_MASTER_NODE_PORT",
    "csv": "LOCUST_CSV",
    "csv-full-history": "LOCUST_CSV_FULL_HISTORY",
    "html": "LOCUST_HTML",
    "json": None,
    "json-file": None,
    "print-stats": "LOCUST_PRINT_STATS",
    "only-summary": "LOCUST_ONLY_SUMMARY",
    "loglevel": "LOCUST_LOGLEVEL",
    "logfile": "LOCUST_LOGFILE",
    "skip-log-setup": "LOCUST_SKIP_LOG_SETUP",
    "show-task-ratio": None,
    "show-task-ratio-json": None,
    "exit-code-on-error": "LOCUST_EXIT_CODE_ON_ERROR",
    "help": None,
    "version": None,
}
"""Locust's options that the harness decides itself, each with its environment variable if it has one.

They say how much load there is, in which processes, and what Locust writes where. All other options belong to
the scenario, and count wherever the user sets them.
"""


@dataclass(frozen=True, slots=True)
class Scenario:
    """The locustfiles of a campaign, and which of their user classes and tasks run.

    Without `user_classes` all classes run; `tags` and `exclude_tags` select tasks. `arguments` are further
    options of Locust's command line, `requirements` is pip's file of the packages that the locustfiles need.
    `folder` is where Locust is started; None for the folder of the first locustfile. `base` is the path that
    stands before every request's path; None for that of the host in the locustfile or in Locust's settings.
    """

    locustfiles: tuple[Path, ...]
    user_classes: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    exclude_tags: tuple[str, ...] = ()
    arguments: tuple[str, ...] = ()
    requirements: Path | None = None
    folder: Path | None = None
    base: str | None = None

    @property
    def working_folder(self) -> Path:
        """The folder in which Locust is started."""
        return self.folder or self.locustfiles[0].parent

    @property
    def title(self) -> str:
        """The scenario's files as reports name them; with a `folder`, their paths in it."""
        if self.folder is None:
            return ", ".join(path.name for path in self.locustfiles)
        names = (
            path.relative_to(self.folder).as_posix() if path.is_relative_to(self.folder) else path.name
            for path in self.locustfiles
        )
        return f"{', '.join(names)} (seen from the folder that Locust starts in)"


@dataclass(frozen=True, slots=True)
class Crowd:
    """What a scenario is told of the load: the most users at once, and how many a second arrive at most.

    With the same `seed` users choose the same tasks and pauses again; None leaves this to chance.
    """

    users: int
    spawn_rate: float
    seed: int | None = None
