"""Give broken and hostile files to every reader: `python -m tests.soak.fuzz --inputs 20000 --seed 1`.

Each input is a valid file with a few mutations of bytes or of values. A reader may accept it, or refuse it
with a HarnessError whose text can be printed. Anything else is a fault: another exception, a text that can't
be printed, or more than a few seconds.
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
from harness.model import Fingerprint, MachineFacts
from harness.plan import load_plan, plan_from_json, plan_to_json
from harness.report import render_index, render_report
from harness.store import CampaignFolder, read_summaries
from harness.store.step_file import encode_step
from tests.unit.analyse.synthetic import make_closed_step

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
BILLION_LAUGHS = b"a: &a [x,x,x]\n" + b"".join(
    b"%c: &%c [%s]\n" % (98 + i, 98 + i, b",".join([b"*%c" % (97 + i)] * 9)) for i in range(9)
)
DEEPLY_NESTED = (b"[" * 3000, b'{"a":' * 3000, b"a:\n " * 300, b"- " * 3000, BILLION_LAUGHS)

Read = Callable[[Path], None]


@dataclass(frozen=True)
class Reader:
    """A function that reads a file of a project, with the file's path below the project and valid content."""

    file: str
    valid: bytes
    read: Read


class TooSlowError(BaseException):
    """A reader took too long. Not an Exception, so that no reader catches it."""


def mutate(valid: bytes, rng: random.Random) -> bytes:
    """Apply one to four mutations to a valid file."""
    data = bytearray(valid)
    for _ in range(rng.randint(1, 4)):
        _mutate_once(data, rng)
    return bytes(data)


def _mutate_once(data: bytearray, rng: random.Random) -> None:
    at = rng.randrange(len(data) + 1)
    to = min(len(data), at + rng.randint(1, 30))
    match rng.randrange(9):
        case 0:
            data[at:to] = b""
        case 1:
            data[at:at] = rng.choice(HOSTILE)
        case 2:
            data[at:to] = rng.choice(HOSTILE)
        case 3:
            data[at:at] = data[at:to]
        case 4 if data:
            data[at % len(data)] ^= 1 << rng.randrange(8)
        case 5:
            del data[at:]
        case 6:
            lines = data.splitlines(keepends=True)
            rng.shuffle(lines)
            data[:] = b"".join(lines)
        case 7:
            data[at:at] = bytes(rng.randrange(256) for _ in range(rng.randint(1, 8)))
        case _ if rng.random() < 0.05:
            data[at:at] = rng.choice(DEEPLY_NESTED)
        case _:
            data[at:at] = str(rng.choice([0, -1, 2**31, 2**63, 10**30, 0.1, -0.0])).encode()


def create_readers(folder: Path) -> list[Reader]:
    """Create a valid project and campaign in `folder`, and return every reader of their files."""
    (folder / "targets/web").mkdir(parents=True)
    (folder / "matrix.yaml").write_bytes(MATRIX)
    (folder / "targets/web/target.yaml").write_bytes(TARGET)
    (folder / "targets/web/locustfile.py").write_bytes(LOCUSTFILE)
    campaign = _create_campaign(folder)

    def read_plan(path: Path) -> None:
        load_plan(folder / "matrix.yaml", {"TOKEN": "x"})

    def read_campaign(path: Path) -> None:
        """Read and draw the campaign as `harness report` does."""
        opened = CampaignFolder.open(campaign.path)
        render_report(rejudge(plan_from_json(opened.read_plan()), opened))

    def read_steps(path: Path) -> None:
        opened = CampaignFolder.open(campaign.path)
        for cell in opened.read_log().last_attempts.values():
            for file in cell.step_files:
                opened.read_step(file)

    def read_index(path: Path) -> None:
        """Draw the index, which shows a damaged summary instead of raising an error."""
        render_index(read_summaries(folder / "results"))

    campaign.write_reports(render_report(rejudge(plan_from_json(campaign.read_plan()), campaign)))
    names = ("events.jsonl", "plan.json", "environment.json")
    step = next(campaign.path.rglob("step-*.json.gz"))
    return [
        Reader("matrix.yaml", MATRIX, read_plan),
        Reader("targets/web/target.yaml", TARGET, read_plan),
        Reader("targets/web/locustfile.py", LOCUSTFILE, read_plan),
        *(
            _stored_reader(
                folder, campaign.path / name, read_steps if name == "events.jsonl" else read_campaign
            )
            for name in names
        ),
        _stored_reader(folder, step, read_steps),
        _stored_reader(folder, campaign.path / "summary.json", read_index),
    ]


def _stored_reader(folder: Path, path: Path, read: Read) -> Reader:
    return Reader(path.relative_to(folder).as_posix(), path.read_bytes(), read)


def _create_campaign(folder: Path) -> CampaignFolder:
    plan = load_plan(folder / "matrix.yaml", {"TOKEN": "x"})
    fingerprint = Fingerprint(MachineFacts(cores=2), notes=("none",))
    campaign = CampaignFolder.create(folder / "results", "one", plan_to_json(plan), fingerprint)
    campaign.add_image("web:1", "sha256:1")
    for index, users in enumerate((10, 20), start=1):
        campaign.add_step(plan.cells[0].id, make_closed_step(users, index=index))
    campaign.finish_cell(plan.cells[0].id)
    assert encode_step(make_closed_step()) == encode_step(make_closed_step())
    return campaign


@contextmanager
def limit_time(seconds: int) -> Iterator[None]:
    def raise_too_slow(_number: int, _frame: FrameType | None) -> None:
        raise TooSlowError

    previous_handler = signal.signal(signal.SIGALRM, raise_too_slow)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, previous_handler)


def try_input(reader: Reader, folder: Path, content: bytes) -> str:
    """Let a reader read `content`; return "accepted", "refused", or what went wrong."""
    path = folder / reader.file
    path.write_bytes(content)
    try:
        with limit_time(SLOW_S):
            reader.read(path)
        return "accepted"
    except HarnessError as error:
        try:
            str(error).encode()
        except UnicodeEncodeError:
            return f"unprintable text: {error!r}"
        return "refused" if str(error).strip() else "refused without a text"
    except TooSlowError:
        return f"more than {SLOW_S} s"
    except Exception:
        return traceback.format_exc()
    finally:
        path.write_bytes(reader.valid)


def fuzz(
    folder: Path, inputs: int, seed: int
) -> tuple[dict[str, Counter[str]], list[tuple[str, bytes, str]]]:
    """Return counts of outcomes by file name, and every fault as (file, content, what went wrong)."""
    readers = create_readers(folder)
    counts: dict[str, Counter[str]] = {reader.file.rpartition("/")[2]: Counter() for reader in readers}
    faults = []
    for number in range(inputs):
        reader = readers[number % len(readers)]
        content = mutate(reader.valid, random.Random(f"{seed}/{number}"))
        outcome = try_input(reader, folder, content)
        if outcome not in ("accepted", "refused"):
            faults.append((reader.file, content, outcome))
            outcome = "fault"
        counts[reader.file.rpartition("/")[2]][outcome] += 1
    return counts, faults


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.soak.fuzz", description=__doc__)
    parser.add_argument("--inputs", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        counts, faults = fuzz(Path(folder), options.inputs, options.seed)
    for file, content, outcome in faults[:20]:
        print(f"{file}: {content[:500]!r}\n{outcome}\n")
    for file, counted in counts.items():
        print(f"{file}: {json.dumps(counted)}")
    print(f"{options.inputs} inputs, {len(faults)} faults")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
