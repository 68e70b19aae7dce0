"""results/index.html: every campaign, and what became of each size from one to the next."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from harness.model import Limits
from harness.report.html.page import environment_of_templates, policy, source
from harness.report.view import text
from harness.report.view.checks import signed

SHOWN = 12
"""Campaigns of one target in the table of trends; the list has all."""

WIDTH, HEIGHT, PADDING = 120.0, 28.0, 4.0


class Size(Protocol):
    """A cell of a stored answer, as summary.json has it."""

    @property
    def cpu_cores(self) -> float: ...
    @property
    def memory_bytes(self) -> int: ...
    @property
    def replicas(self) -> int: ...
    @property
    def status(self) -> str: ...
    @property
    def sustained_users(self) -> int | None: ...
    @property
    def broken_users(self) -> int | None: ...


class Answer(Protocol):
    """A stored answer; the newest comes last. `damage` says why it can't be read."""

    @property
    def campaign(self) -> str: ...
    @property
    def target(self) -> str: ...
    @property
    def state(self) -> str: ...
    @property
    def users_limit(self) -> int: ...
    @property
    def damage(self) -> str: ...
    @property
    def sizes(self) -> Sequence[Size]: ...


@dataclass(frozen=True, slots=True)
class Line:
    """One campaign in the list."""

    campaign: str
    target: str
    state: str
    said: str


@dataclass(frozen=True, slots=True)
class Trend:
    """One size over the campaigns of its target; `path` draws it, `brackets` are its words, oldest first."""

    size: str
    brackets: tuple[str, ...]
    path: str
    change: str


@dataclass(frozen=True, slots=True)
class Target:
    """All campaigns of one target, oldest first."""

    name: str
    campaigns: tuple[str, ...]
    trends: tuple[Trend, ...]


def index_html(answers: Sequence[Answer]) -> str:
    page = environment_of_templates().get_template("index.html.j2")
    lines = [_line(answer) for answer in reversed(answers)]
    return page.render(lines=lines, targets=_targets(answers), style=source("style.css"), policy=policy())


def _line(answer: Answer) -> Line:
    if answer.damage:
        return Line(text.inert(answer.campaign), "", "damaged", text.inert(answer.damage))
    sustaining = sum((size.sustained_users or 0) >= answer.users_limit > 0 for size in answer.sizes)
    count = len(answer.sizes)
    said = f"{sustaining} of {count} {'size' if count == 1 else 'sizes'} sustain {answer.users_limit} users"
    return Line(text.inert(answer.campaign), text.inert(answer.target), text.inert(answer.state), said)


def _targets(answers: Sequence[Answer]) -> list[Target]:
    found: dict[str, list[Answer]] = {}
    for answer in answers:
        if not answer.damage:
            found.setdefault(answer.target, []).append(answer)
    return [_target(name, each[-SHOWN:]) for name, each in sorted(found.items())]


def _target(name: str, answers: Sequence[Answer]) -> Target:
    tables = [{_limits(size): size for size in answer.sizes} for answer in answers]
    keys = sorted({key for table in tables for key in table})
    return Target(
        name=text.inert(name),
        campaigns=tuple(text.inert(answer.campaign) for answer in answers),
        trends=tuple(_trend(key, tables) for key in keys),
    )


def _limits(size: Size) -> Limits:
    return Limits(size.cpu_cores, size.memory_bytes, size.replicas)


def _trend(key: Limits, tables: Sequence[Mapping[Limits, Size]]) -> Trend:
    sizes = [table.get(key) for table in tables]
    users = [None if size is None else size.sustained_users for size in sizes]
    known = [value for value in users if value is not None]
    change = text.NO_DATA
    if len(known) > 1 and known[-2]:
        change = signed(known[-1] / known[-2] - 1)
    return Trend(text.size(key), tuple(map(_bracket, sizes)), _path(users), change)


def _bracket(size: Size | None) -> str:
    if size is None:
        return text.NO_DATA
    if size.status == "censored":
        return f"≥ {size.sustained_users}"
    if size.sustained_users is not None and size.broken_users is not None:
        return f"{size.sustained_users} – {size.broken_users}"
    return text.inert(size.status)


def _path(users: Sequence[int | None]) -> str:
    """A line over the campaigns from zero up; empty with fewer than two points."""
    points = [(number, value) for number, value in enumerate(users) if value is not None]
    top = max((value for _, value in points), default=0)
    if len(points) < 2 or top == 0:
        return ""
    across = (WIDTH - 2 * PADDING) / (len(users) - 1)
    places = [
        f"{PADDING + number * across:.1f},{HEIGHT - PADDING - (HEIGHT - 2 * PADDING) * value / top:.1f}"
        for number, value in points
    ]
    return "M" + " L".join(places)
