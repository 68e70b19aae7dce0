"""Broken and hostile files for every reader: `python -m tests.soak.fuzz --inputs 20000 --seed 1`.

Each input is one of our own files with a few mutations of bytes or of values. A reader may take it, or refuse
it with a HarnessError whose words can be printed. Anything else is a fault: another exception, words that
can't be printed, more than a few seconds, a file outside the folder.
"""

import argparse
import json
import random
import signal
import sys
import tempfile
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from harness.campaign.progress import rejudge
from harness.errors import HarnessError
from harness.plan import load_plan, plan_from_json, plan_to_json
from harness.report import render_report, render_index
from harness.store import CampaignFolder, read_summaries
from harness.store.step_file import encode_step
from tests.unit.analyse.synthetic import closed_step

SLOW_S = 10
MATRIX = b"""\
target: targets/web
users: {limit: 400, spawn_rate: 40}
limits:
  cpus: [0.25, 0.5, 1]
  memory: [48MiB, 96MiB, 1g]
slos: {p95: 1s, errors: 1%, by_name: {"GET /item/[id]": {p99: 2s}}}
steps: {settle: 10s, window: {at_least: 20s, at_most: 60s}, warm_up: 60s}
search: {strategy: predict, precision: 5%}
repetitions: 2
"""
TARGET = b"""\
name: web
image: web:1
port: 8000
ready: {http: /healthz, status: 200, within: 60s}
environment: {TOKEN: "${TOKEN}", PLAIN: text}
command: [serve, --port, "8000"]
"""
LOCUSTFILE = b"from locust import HttpUser\n\n\nclass Visitor(HttpUser):\n    tasks = []\n"
HOSTILE = (
    b"\x00", b"\xff\xfe", b"\xed\xa0\x80", b"\xe2\x80\xae", b"\x1b[2J", b"\r", b"\t", b"NaN", b"Infinity",
    b"-1e999", b"1e400", b"9" * 400, b"0x", b".inf", b"null", b"true", b"{}", b"[]", b"[[", b"{{", b'"', b"'",
    b"&a [*a]", b"*a", b"<<: *a", b"!!python/object/apply:os.system [id]", b"!!binary x", b"---\n", b"...\n",
    b"%YAML 9.9\n", b"? ", b"|\n", b">\n", b"../../etc/passwd", b"/dev/zero", b"${HOME}", b"${", b"=1+1",
    b"<script>", b"\\u0000", b"\\ud800", b'"format": 2', b'"event": 3', b": ", b"- ", b"\n", b"#", b",", b"]",
)  # fmt: skip
LAUGHS = b"a: &a [x,x,x]\n" + b"".join(
    b"%c: &%c [%s]\n" % (98 + i, 98 + i, b",".join([b"*%c" % (97 + i)] * 9)) for i in range(9)
)
DEEP = (b"[" * 3000, b'{"a":' * 3000, b"a:\n " * 300, b"- " * 3000, LAUGHS)

Read = Callable[[Path], None]


@dataclass(frozen=True)
class Reader:
    """A file that is mutated, and who reads it; `folder` is given anew to each reader."""

    file: str
    sound: bytes
    read: Read


class TooSlow(BaseException):
    """Not an Exception: no reader may swallow it."""


def mutated(sound: bytes, chance: random.Random) -> bytes:
    """One to four mutations of a sound file."""
    data = bytearray(sound)
    for _ in range(chance.randint(1, 4)):
        _mutate(data, chance)
    return bytes(data)


def _mutate(data: bytearray, chance: random.Random) -> None:
    at = chance.randrange(len(data) + 1)
    to = min(len(data), at + chance.randint(1, 30))
    match chance.randrange(9):
        case 0:
            data[at:to] = b""
        case 1:
            data[at:at] = chance.choice(HOSTILE)
        case 2:
            data[at:to] = chance.choice(HOSTILE)
        case 3:
            data[at:at] = data[at:to]
        case 4 if data:
            data[at % len(data)] ^= 1 << chance.randrange(8)
        case 5:
            del data[at:]
        case 6:
            lines = data.splitlines(keepends=True)
            chance.shuffle(lines)
            data[:] = b"".join(lines)
        case 7:
            data[at:at] = bytes(chance.randrange(256) for _ in range(chance.randint(1, 8)))
        case _ if chance.random() < 0.05:
            data[at:at] = chance.choice(DEEP)
        case _:
            data[at:at] = str(chance.choice([0, -1, 2**31, 2**63, 10**30, 0.1, -0.0])).encode()


def readers(folder: Path) -> list[Reader]:
    """Every reader on a sound project and a sound campaign in `folder`."""
    (folder / "targets/web").mkdir(parents=True)
    (folder / "matrix.yaml").write_bytes(MATRIX)
    (folder / "targets/web/target.yaml").write_bytes(TARGET)
    (folder / "targets/web/locustfile.py").write_bytes(LOCUSTFILE)
    campaign = _campaign(folder)

    def matrix(path: Path) -> None:
        load_plan(folder / "matrix.yaml", {"TOKEN": "x"})

    def stored(path: Path) -> None:
        """As `harness report` does."""
        opened = CampaignFolder.open(campaign.path)
        render_report(rejudge(plan_from_json(opened.read_plan()), opened))

    def told(path: Path) -> None:
        opened = CampaignFolder.open(campaign.path)
        for cell in opened.read_log().last_attempts.values():
            for file in cell.step_files:
                opened.read_step(file)

    def listed(path: Path) -> None:
        """Damage is told in the index itself."""
        render_index(read_summaries(folder / "results"))

    campaign.write_reports(render_report(rejudge(plan_from_json(campaign.read_plan()), campaign)))
    names = ("events.jsonl", "plan.json", "environment.json")
    step = next(campaign.path.rglob("step-*.json.gz"))
    return [
        Reader("matrix.yaml", MATRIX, matrix),
        Reader("targets/web/target.yaml", TARGET, matrix),
        Reader("targets/web/locustfile.py", LOCUSTFILE, matrix),
        *(
            _stored(folder, campaign.path / name, told if name == "events.jsonl" else stored)
            for name in names
        ),
        _stored(folder, step, told),
        _stored(folder, campaign.path / "summary.json", listed),
    ]


def _stored(folder: Path, path: Path, read: Read) -> Reader:
    return Reader(path.relative_to(folder).as_posix(), path.read_bytes(), read)


def _campaign(folder: Path) -> CampaignFolder:
    plan = load_plan(folder / "matrix.yaml", {"TOKEN": "x"})
    campaign = CampaignFolder.create(
        folder / "results", "one", plan_to_json(plan), {"machine": {"cores": 2}, "notes": ["none"]}
    )
    campaign.add_image("web:1", "sha256:1")
    for index, users in enumerate((10, 20), start=1):
        campaign.add_step(plan.cells[0].id, closed_step(users, index=index))
    campaign.finish_cell(plan.cells[0].id)
    assert encode_step(closed_step()) == encode_step(closed_step())
    return campaign


@contextmanager
def at_most(seconds: int) -> Iterator[None]:
    def late(_number: int, _frame: FrameType | None) -> None:
        raise TooSlow

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def outcome(reader: Reader, folder: Path, content: bytes) -> str:
    """`taken`, `refused`, or what went wrong."""
    path = folder / reader.file
    path.write_bytes(content)
    try:
        with at_most(SLOW_S):
            reader.read(path)
        return "taken"
    except HarnessError as error:
        try:
            str(error).encode()
        except UnicodeEncodeError:
            return f"unprintable words: {error!r}"
        return "refused" if str(error).strip() else "refused without words"
    except TooSlow:
        return f"more than {SLOW_S} s"
    except Exception:
        return traceback.format_exc()
    finally:
        path.write_bytes(reader.sound)


def fuzz(
    folder: Path, inputs: int, seed: int
) -> tuple[dict[str, Counter[str]], list[tuple[str, bytes, str]]]:
    """Counts by file, and every fault as (file, content, what)."""
    found = readers(folder)
    counts: dict[str, Counter[str]] = {reader.file.rpartition("/")[2]: Counter() for reader in found}
    faults = []
    for number in range(inputs):
        reader = found[number % len(found)]
        content = mutated(reader.sound, random.Random(f"{seed}/{number}"))
        what = outcome(reader, folder, content)
        if what not in ("taken", "refused"):
            faults.append((reader.file, content, what))
            what = "fault"
        counts[reader.file.rpartition("/")[2]][what] += 1
    return counts, faults


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.soak.fuzz", description=__doc__)
    parser.add_argument("--inputs", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        counts, faults = fuzz(Path(folder), asked.inputs, asked.seed)
    for file, content, what in faults[:20]:
        print(f"{file}: {content[:500]!r}\n{what}\n")
    for file, counted in counts.items():
        print(f"{file}: {json.dumps(counted)}")
    print(f"{asked.inputs} inputs, {len(faults)} faults")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
