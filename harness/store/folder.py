"""Write the facts of a campaign to its folder while it runs, and read them back.

A step's file is complete before the log names it, so a crash loses at most the step that was being measured.
"""

import contextlib
import json
import os
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from harness.errors import StoreError, UsageError
from harness.model import (
    EVENTS_FILE,
    PLAN_FILE,
    CampaignState,
    ContainerRun,
    FailureKind,
    Fingerprint,
    Purpose,
    StepFacts,
)
from harness.store.event_log import DISK_HINT, EventLog
from harness.store.folder_lock import is_held
from harness.store.step_file import decode_step, encode_step

LATEST = "latest"
_ONLY_ENGINE = ""
"""The stored name of the engine of a campaign that has only one."""

SAFE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")


@dataclass(slots=True)
class AttemptRecord:
    """One attempt at a cell: runs and step files of its search, drift check and soak, in the log's order."""

    runs: list[ContainerRun] = field(default_factory=list)
    step_files: list[str] = field(default_factory=list)
    is_done: bool = False
    drift_check_runs: list[ContainerRun] = field(default_factory=list)
    drift_check_files: list[str] = field(default_factory=list)
    soak_runs: list[ContainerRun] = field(default_factory=list)
    soak_files: list[str] = field(default_factory=list)
    ab_runs: list[ContainerRun] = field(default_factory=list)
    ab_files: list[str] = field(default_factory=list)

    def get_runs(self, purpose: Purpose) -> list[ContainerRun]:
        """Return the list of the container runs with this purpose."""
        lists = {
            Purpose.CONFIRM: self.drift_check_runs,
            Purpose.SOAK: self.soak_runs,
            Purpose.AB: self.ab_runs,
        }
        return lists.get(purpose, self.runs)

    def get_step_files(self, purpose: Purpose) -> list[str]:
        """Return the list of the files of the steps with this purpose."""
        lists = {
            Purpose.CONFIRM: self.drift_check_files,
            Purpose.SOAK: self.soak_files,
            Purpose.AB: self.ab_files,
        }
        return lists.get(purpose, self.step_files)


@dataclass(slots=True)
class TrialRecord:
    """A trial of a finished campaign: its container run, and the file of its step if that was held."""

    run: ContainerRun
    step_file: str | None = None


@dataclass(slots=True)
class CampaignLog:
    """What the events of a campaign say about it.

    `state` is None while the campaign runs, and after it was killed. The keys of `attempts` are a cell's id
    and the attempt's number (from 1), in the order of their starts. `images` maps engines to the digests of
    the target's image; the key is None if the campaign has only one engine. `trials` belong to no attempt.
    `last_numbers` are the highest numbers of a cell's container runs and steps.
    """

    started_at: str = ""
    state: CampaignState | None = None
    attempts: dict[tuple[str, int], AttemptRecord] = field(default_factory=dict)
    images: dict[str | None, str] = field(default_factory=dict)
    trials: list[TrialRecord] = field(default_factory=list)
    last_numbers: dict[str, tuple[int, int]] = field(default_factory=dict)

    @property
    def last_attempts(self) -> dict[str, AttemptRecord]:
        """The last attempt of each cell."""
        return {cell_id: record for (cell_id, _), record in self.attempts.items()}

    @property
    def finished_cells(self) -> set[str]:
        """The cells with an attempt that is done."""
        return {cell_id for (cell_id, _), record in self.attempts.items() if record.is_done}

    def find_last_attempt(self, cell_id: str) -> AttemptRecord:
        """Return the last attempt of a cell; an empty record if there is none."""
        return self.last_attempts.get(cell_id) or AttemptRecord()


class CampaignFolder:
    """The folder `results/<campaign>/`, made by `create` or `open`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.event_log = EventLog(path / EVENTS_FILE)

    @property
    def name(self) -> str:
        """The campaign's name."""
        return self.path.name

    @classmethod
    def create(
        cls, results: Path, name: str, plan: Mapping[str, Any], fingerprint: Fingerprint
    ) -> "CampaignFolder":
        """Create the folder of a new campaign and point `results/latest` to it.

        Raises:
            StoreError: the name is unsafe, the folder exists already, or cannot be written.
        """
        if not SAFE_NAME.fullmatch(name):
            raise StoreError(
                f"{name!r} is not a valid name of a campaign", "use letters, digits, dots and dashes"
            )
        path, latest = results / name, results / LATEST
        if latest.is_dir() and not latest.is_symlink():
            raise StoreError(
                f"{latest}: this is a folder, where a link to the newest campaign belongs",
                "give it another name, or name another folder with --results",
            )
        try:
            (path / "cells").mkdir(parents=True)
        except OSError as error:
            raise StoreError(f"{path}: {error.strerror}", "name another folder with --results") from None
        folder = cls(path)
        folder._write(PLAN_FILE, _dump_json(plan))
        folder._write("environment.json", _dump_json(fingerprint.to_json()))
        folder.event_log.append("campaign-started", campaign=name)
        folder._link_latest(results)
        return folder

    @classmethod
    def open(cls, path: Path) -> "CampaignFolder":
        """Open a campaign's folder, or a link to one such as `latest`. Raises UsageError if there is none."""
        resolved = path.resolve()
        if not os.path.isfile(resolved / EVENTS_FILE):
            raise UsageError(
                f"{path}: no campaign here (no events.jsonl)", "name a folder of results/, or results/latest"
            )
        return cls(resolved)

    def read_plan(self) -> dict[str, Any]:
        """Read plan.json. Raises StoreError if it is missing or damaged."""
        return self._read_json(PLAN_FILE)

    def read_fingerprint(self) -> Fingerprint:
        return Fingerprint.from_json(self._read_json("environment.json"))

    def read_log(self) -> CampaignLog:
        """Read events.jsonl from its beginning. Raises StoreError if it is missing or damaged."""
        log = CampaignLog()
        for number, event in enumerate(self.event_log.read(), start=1):
            try:
                _apply_event(log, event)
            except (KeyError, TypeError, ValueError) as error:
                raise StoreError(
                    f"{self.event_log.path}:{number}: the event {event['event']} lacks a fact ({error})",
                    "restore the file, or start a new campaign",
                ) from None
        return log

    def read_state(self) -> CampaignState:
        """Return how the campaign ended; until then, whether a process still measures into the folder."""
        unfinished = CampaignState.RUNNING if is_held(self.path) else CampaignState.INTERRUPTED
        return self.read_log().state or unfinished

    def mark_resumed(self) -> None:
        """Remove an incomplete last line of the log, and log that the campaign is resumed."""
        self.event_log.remove_torn_line()
        self.event_log.append("campaign-resumed")

    def add_image(self, reference: str, digest: str, engine: str | None = None) -> None:
        """Log which image the engine runs as the target."""
        self.event_log.append(
            "image-prepared", reference=reference, digest=digest, engine=engine or _ONLY_ENGINE
        )

    def add_fault(self, cell_id: str, what: str) -> None:
        """Log that an engine failed with this error while the cell was measured."""
        self.event_log.append("fault", cell=cell_id, kind="engine", what=what)

    def add_note(self, text: str) -> None:
        """Log a note to the user."""
        self.event_log.append("note", text=text)

    def add_run(self, run: ContainerRun) -> None:
        """Log that a container became ready, or why it did not."""
        self.event_log.append("life-started", **{**asdict(run), "engine": run.engine or _ONLY_ENGINE})

    def add_logs(self, cell_id: str, run_number: int, target_log: str, generator_log: str) -> None:
        """Store what the target and Locust wrote in the cell's container run of this number."""
        self._write(f"cells/{cell_id}/target-{run_number}.log", target_log)
        self._write(f"cells/{cell_id}/generator-{run_number}.log", generator_log)

    def add_step(
        self, cell_id: str, facts: StepFacts, attempt: int = 1, purpose: Purpose = Purpose.SEARCH
    ) -> StepFacts:
        """Store a step; return it as `read_step` will, so that later judgements see the same numbers."""
        file = name_step_file(cell_id, facts.index)
        data = encode_step(facts)
        self._write_bytes(file, data)
        self.event_log.append(
            "step-finished",
            cell=cell_id,
            step=facts.index,
            life=facts.life,
            users=facts.users,
            ended=facts.end_reason.value,
            attempt=attempt,
            purpose=purpose.value,
            file=file,
        )
        return decode_step(data, self.path / file)

    def read_step(self, file: str) -> StepFacts:
        """Read a step's file by its path in the folder. Raises StoreError if it is missing or damaged."""
        path = self.locate(file)
        try:
            return decode_step(path.read_bytes(), path)
        except OSError as error:
            raise StoreError(
                f"{path}: {error.strerror}", "restore the file, or start a new campaign"
            ) from None

    def finish_cell(self, cell_id: str, attempt: int = 1) -> None:
        """Log that the search of a cell is done."""
        self.event_log.append("cell-finished", cell=cell_id, attempt=attempt)

    def finish(self, state: CampaignState) -> None:
        """Log how the campaign ended."""
        self.event_log.append("campaign-finished", state=state.value)

    def write_reports(self, files: Mapping[str, str]) -> None:
        """Write files by their names. Each is replaced as a whole: readers see the old one or the new one."""
        for name, text in files.items():
            self._write(name, text)

    def _write(self, name: str, text: str) -> None:
        self._write_bytes(name, text.encode("utf-8", errors="replace"))

    def _write_bytes(self, name: str, data: bytes) -> None:
        path = self.locate(name)
        partial = path.with_name(f"{path.name}.{os.getpid()}.part")  # others may write the same report
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with partial.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            partial.replace(path)
        except OSError as error:
            with contextlib.suppress(OSError):
                partial.unlink(missing_ok=True)
            raise StoreError(f"{path}: {error.strerror}", DISK_HINT) from None

    def locate(self, name: str) -> Path:
        """Return the path of a file in this folder. Raises StoreError if the path leads out of the folder."""
        if not all(SAFE_NAME.fullmatch(part) for part in name.split("/")):
            raise StoreError(f"{name!r} is not a valid name of a file in {self.path}")
        path = self.path / name
        if not path.resolve().is_relative_to(self.path.resolve()):
            raise StoreError(f"{path}: this link leads out of the campaign's folder", "remove the link")
        return path

    def _read_json(self, name: str) -> dict[str, Any]:
        path = self.locate(name)
        try:
            document = json.loads(path.read_bytes())
        except (OSError, ValueError, RecursionError) as error:
            raise StoreError(f"{path}: {error}", "restore the file, or start a new campaign") from None
        if not isinstance(document, dict):
            raise StoreError(
                f"{path}: the document is not an object", "restore the file, or start a new campaign"
            )
        return document

    def _link_latest(self, results: Path) -> None:
        partial = results / f".{LATEST}.{os.getpid()}.part"
        try:
            partial.unlink(missing_ok=True)
            partial.symlink_to(self.name)
            partial.replace(results / LATEST)
        except OSError as error:
            raise StoreError(
                f"{results / LATEST}: no link to the newest campaign can be made: {error.strerror}",
                "name a folder on a disk that can hold links with --results",
            ) from None


def name_step_file(cell_id: str, index: int) -> str:
    """Return the path in the folder of the step with this number."""
    return f"cells/{cell_id}/step-{index:03d}.json.gz"


def write_text(path: Path, text: str) -> None:
    """Write a file that belongs to no campaign. Raises UsageError if it cannot be written."""
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}", "name a file in a folder that exists") from None


def build_campaign_name(target: str, now: datetime | None = None) -> str:
    """Return a name that sorts by time, and is valid for a folder, a container and a label."""
    now = now or datetime.now(UTC)
    return f"{now:%Y%m%d-%H%M%S}-{target}"


def _apply_event(log: CampaignLog, event: dict[str, Any]) -> None:
    """Add what an event says to the log; events of unknown kinds are ignored."""
    match event["event"]:
        case "campaign-started":
            log.started_at = event["at"]
        case "campaign-resumed":
            log.state = None
        case "campaign-finished":
            log.state = CampaignState(event["state"])
        case "image-prepared":
            log.images[event["engine"] or None] = str(event["digest"])
        case "life-started":
            _add_run(log, event, _parse_run(event))
        case "step-finished":
            _add_step_file(log, event, Purpose(event["purpose"]))
        case "cell-finished":
            _find_attempt(log, event).is_done = True


def _add_run(log: CampaignLog, event: dict[str, Any], run: ContainerRun) -> None:
    runs, steps = log.last_numbers.get(run.cell, (0, 0))
    log.last_numbers[run.cell] = (max(runs, run.number), steps)
    if run.purpose.is_trial:
        log.trials.append(TrialRecord(run))
    else:
        _find_attempt(log, event).get_runs(run.purpose).append(run)


def _add_step_file(log: CampaignLog, event: dict[str, Any], purpose: Purpose) -> None:
    cell = event["cell"]
    runs, steps = log.last_numbers.get(cell, (0, 0))
    log.last_numbers[cell] = (runs, max(steps, int(event.get("step", 0))))
    if not purpose.is_trial:
        _find_attempt(log, event).get_step_files(purpose).append(event["file"])
        return
    for trial in log.trials:
        if (trial.run.cell, trial.run.number) == (cell, event["life"]):
            trial.step_file = event["file"]


def _find_attempt(log: CampaignLog, event: dict[str, Any]) -> AttemptRecord:
    """Return the attempt that an event belongs to."""
    return log.attempts.setdefault((event["cell"], int(event["attempt"])), AttemptRecord())


def _parse_run(event: dict[str, Any]) -> ContainerRun:
    kind = event["failure_kind"]
    return ContainerRun(
        cell=event["cell"],
        number=event["number"],
        started_at=event["started_at"],
        ready_after_s=event["ready_after_s"],
        failure_kind=None if kind is None else FailureKind(kind),
        failure=event["failure"],
        attempt=int(event["attempt"]),
        purpose=Purpose(event["purpose"]),
        companions_ready_after_s=event["companions_ready_after_s"],
        engine=event["engine"] or None,
    )


def _dump_json(document: Mapping[str, Any]) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"
