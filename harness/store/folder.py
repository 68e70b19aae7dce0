"""A campaign's folder: what is written when, and how it is read back.

A step's file is complete before the log says so; a crash loses at most the step in flight.
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
from harness.model import ContainerRun, Purpose, StepFacts
from harness.store.event_log import Log
from harness.store.step_file import decode, encode

LATEST = "latest"
SAFE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")


@dataclass(slots=True)
class CellStory:
    """What the log tells of one attempt at a cell, in order: its search, and what was held to confirm it."""

    lives: list[ContainerRun] = field(default_factory=list)
    step_files: list[str] = field(default_factory=list)
    done: bool = False
    confirming_lives: list[ContainerRun] = field(default_factory=list)
    confirming_files: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Story:
    """What the log tells of a campaign.

    `ended` is `complete`, `interrupted`, or None: still running, or killed. `attempts` are by cell and number
    (from 1), in the order in which they began. `image` is the digest of the target's image.
    """

    started_at: str = ""
    ended: str | None = None
    attempts: dict[tuple[str, int], CellStory] = field(default_factory=dict)
    images: dict[str, str] = field(default_factory=dict)

    @property
    def cells(self) -> dict[str, CellStory]:
        """Each cell's last attempt."""
        return {cell_id: told for (cell_id, _), told in self.attempts.items()}

    def cell(self, cell_id: str) -> CellStory:
        return self.cells.get(cell_id) or CellStory()


class CampaignFolder:
    """`results/<campaign>/`. Use `create` or `open`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.log = Log(path / "events.jsonl")

    @property
    def name(self) -> str:
        return self.path.name

    @classmethod
    def create(
        cls, results: Path, name: str, plan: Mapping[str, Any], environment: Mapping[str, Any]
    ) -> "CampaignFolder":
        if not SAFE_NAME.fullmatch(name):
            raise StoreError(f"{name!r} can't be a campaign's name", "use letters, digits, dots and dashes")
        path = results / name
        try:
            (path / "cells").mkdir(parents=True)
        except OSError as error:
            raise StoreError(f"{path}: {error.strerror}", "name another folder with --results") from None
        folder = cls(path)
        folder._write("plan.json", _json(plan))
        folder._write("environment.json", _json(environment))
        folder.log.append("campaign-started", campaign=name)
        folder._point_latest(results)
        return folder

    @classmethod
    def open(cls, path: Path) -> "CampaignFolder":
        resolved = path.resolve()
        if not (resolved / "events.jsonl").is_file():
            raise UsageError(
                f"{path}: no campaign here (no events.jsonl)", "name a folder of results/, or results/latest"
            )
        return cls(resolved)

    def plan(self) -> dict[str, Any]:
        return self._read_json("plan.json")

    def environment(self) -> dict[str, Any]:
        return self._read_json("environment.json")

    def story(self) -> Story:
        """The log, read from the beginning."""
        story = Story()
        for number, event in enumerate(self.log.read(), start=1):
            try:
                _tell(story, event)
            except (KeyError, TypeError, ValueError) as error:
                raise StoreError(
                    f"{self.log.path}:{number}: {event['event']} without its facts ({error})",
                    "restore the file, or start a new campaign",
                ) from None
        return story

    def resumed(self) -> None:
        self.log.heal()
        self.log.append("campaign-resumed")

    def add_image(self, reference: str, digest: str, engine: str = "") -> None:
        self.log.append("image-prepared", reference=reference, digest=digest, engine=engine)

    def add_fault(self, cell_id: str, kind: str, what: str) -> None:
        """Something outside got in the way of measuring a cell, and it is tried again."""
        self.log.append("fault", cell=cell_id, kind=kind, what=what)

    def add_life(self, life: ContainerRun) -> None:
        self.log.append("life-started", **asdict(life))

    def add_logs(self, cell_id: str, life: int, target_log: str, generator_log: str) -> None:
        self._write(f"cells/{cell_id}/target-{life}.log", target_log)
        self._write(f"cells/{cell_id}/generator-{life}.log", generator_log)

    def add_step(
        self, cell_id: str, facts: StepFacts, attempt: int = 1, purpose: Purpose = Purpose.SEARCH
    ) -> StepFacts:
        """Store a step, and give it back as it will be read: what is judged now is what is judged later."""
        file = f"cells/{cell_id}/step-{facts.index:03d}.json.gz"
        data = encode(facts)
        self._write_bytes(file, data)
        self.log.append(
            "step-finished",
            cell=cell_id,
            step=facts.index,
            life=facts.life,
            users=facts.users,
            ended=facts.ended.value,
            attempt=attempt,
            purpose=purpose.value,
            file=file,
        )
        return decode(data, self.path / file)

    def read_step(self, file: str) -> StepFacts:
        path = self._place(file)
        try:
            return decode(path.read_bytes(), path)
        except OSError as error:
            raise StoreError(
                f"{path}: {error.strerror}", "restore the file, or start a new campaign"
            ) from None

    def finish_cell(self, cell_id: str, attempt: int = 1) -> None:
        self.log.append("cell-finished", cell=cell_id, attempt=attempt)

    def finish(self, state: str) -> None:
        self.log.append("campaign-finished", state=state)

    def write_reports(self, files: Mapping[str, str]) -> None:
        """Each file replaced as a whole: a reader sees the old one or the new one."""
        for name, text in files.items():
            self._write(name, text)

    def _write(self, name: str, text: str) -> None:
        self._write_bytes(name, text.encode("utf-8", errors="replace"))

    def _write_bytes(self, name: str, data: bytes) -> None:
        path = self._place(name)
        part = path.with_name(path.name + ".part")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with part.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            part.replace(path)
        except OSError as error:
            with contextlib.suppress(OSError):
                part.unlink(missing_ok=True)
            raise StoreError(f"{path}: {error.strerror}", "make room, or go on where one can write") from None

    def _place(self, name: str) -> Path:
        """Where a file of this folder lies; never outside it, whatever a cell is called."""
        if not all(SAFE_NAME.fullmatch(part) for part in name.split("/")):
            raise StoreError(f"{name!r} can't be the name of a file in {self.path}")
        path = self.path / name
        if not path.resolve().is_relative_to(self.path.resolve()):
            raise StoreError(f"{path}: a link that leads out of the campaign's folder", "remove the link")
        return path

    def _read_json(self, name: str) -> dict[str, Any]:
        path = self._place(name)
        try:
            document = json.loads(path.read_bytes())
        except (OSError, ValueError, RecursionError) as error:
            raise StoreError(f"{path}: {error}", "restore the file, or start a new campaign") from None
        if not isinstance(document, dict):
            raise StoreError(f"{path}: not an object", "restore the file, or start a new campaign")
        return document

    def _point_latest(self, results: Path) -> None:
        part = results / f".{LATEST}.part"
        part.unlink(missing_ok=True)
        part.symlink_to(self.name)
        part.replace(results / LATEST)


def write_text(path: Path, text: str) -> None:
    """A file that somebody asked for by name, outside of any campaign."""
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}", "name a file in a folder that is there") from None


def remove_parts(results: Path) -> list[Path]:
    """Remove the half-written files that killed campaigns left in their folders; which they were.

    Links are not followed out of the folder.
    """
    left = [path for path in results.rglob("*.part") if path.is_symlink() or path.is_file()]
    for path in left:
        path.unlink(missing_ok=True)
    return left


def campaign_name(target: str, now: datetime | None = None) -> str:
    """Sortable by time and safe as a folder's, a container's and a label's name."""
    now = now or datetime.now(UTC)
    return f"{now:%Y%m%d-%H%M%S}-{target}"


def _tell(story: Story, event: dict[str, Any]) -> None:
    match event["event"]:
        case "campaign-started":
            story.started_at = event["at"]
        case "campaign-resumed":
            story.ended = None
        case "campaign-finished":
            story.ended = event["state"]
        case "image-prepared":
            story.images[str(event.get("engine", ""))] = str(event["digest"])
        case "life-started":
            life, told = _life(event), _attempt(story, event)
            (told.lives if life.purpose is Purpose.SEARCH else told.confirming_lives).append(life)
        case "step-finished":
            file, told = event["file"], _attempt(story, event)
            (told.step_files if _purpose(event) is Purpose.SEARCH else told.confirming_files).append(file)
        case "cell-finished":
            _attempt(story, event).done = True


def _attempt(story: Story, event: dict[str, Any]) -> CellStory:
    """The attempt that an event belongs to; campaigns of before there were second ones name none."""
    return story.attempts.setdefault((event["cell"], int(event.get("attempt", 1))), CellStory())


def _purpose(event: dict[str, Any]) -> Purpose:
    return Purpose(event.get("purpose", Purpose.SEARCH))


def _life(event: dict[str, Any]) -> ContainerRun:
    names = ("cell", "number", "started_at", "ready_after_s", "failure_kind", "failure")
    told = {name: event[name] for name in names}
    return ContainerRun(
        **told,
        attempt=int(event.get("attempt", 1)),
        purpose=_purpose(event),
        companions_ready_after_s=event.get("companions_ready_after_s"),
        engine=str(event.get("engine", "")),
    )


def _json(document: Mapping[str, Any]) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"
