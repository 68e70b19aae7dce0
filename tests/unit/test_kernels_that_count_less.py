"""What a kernel does not count is not known of a cell, and the cell says so, from the files to the words."""

from pathlib import Path
from typing import Any

import pytest

from harness.analyse.result.limiting_factor import find_limiting_factor
from harness.analyse.step.judge import judge_step
from harness.measure.docker.stats import add_cgroup_counters, target_sample_from_json
from harness.measure.host.cgroup import CgroupReader
from harness.measure.host.cgroup_files import UNIFIED, GroupFolders
from harness.model import MIB, Factor, TargetSample
from harness.model.evidence import LimitingFactor
from harness.report.view.explanations import explain_evidence
from harness.report.view.stalls import format_waits
from tests.builders import SLOS
from tests.unit.analyse.synthetic import CELL, always, make_closed_step

THRASHES = "it may be its memory: in its 256 MiB the kernel drops pages of files that are needed again"
NOT_COUNTED = "this kernel does not count it for a container (it does with cgroup v2, and psi=1 at boot)"


class Kernel:
    """The files of one container on cgroup v2, with 250 of its 256 MiB in use, as each second changes them.

    It reads 45 pages a second again, and reaches its limit 30 times. `stalled_ratio` is the share of the time
    for which its work waits for memory; None for a kernel that was booted with psi=0: it has no such files.
    Without `has_periods` the controller of the CPU is not delegated to the user, as for a rootless Podman.
    """

    def __init__(self, folder: Path, stalled_ratio: float | None = None, *, has_periods: bool = True) -> None:
        self.folder = folder
        self.stalled_ratio = stalled_ratio
        self.has_periods = has_periods
        self.write(0.0)
        self.reader = CgroupReader({UNIFIED: GroupFolders((folder,))})

    def write(self, second: float) -> None:
        periods = f"nr_periods {round(10 * second)}\nnr_throttled 0\nthrottled_usec 0\n"
        files = {
            "cpu.stat": f"usage_usec 0\n{periods if self.has_periods else ''}",
            "memory.current": f"{250 * MIB}\n",
            "memory.peak": f"{256 * MIB}\n",
            "memory.stat": f"inactive_file 0\nactive_file 0\npgmajfault {round(45 * second)}\n",
            "memory.events": f"low 0\nhigh 0\nmax {round(30 * second)}\noom 0\noom_kill 0\n",
        }
        if self.has_periods:
            files["cpu.max"] = "100000 100000\n"
        if self.stalled_ratio is not None:
            total = round(1e6 * self.stalled_ratio * second)
            files["memory.pressure"] = f"some avg10=0.00 total={total}\nfull avg10=0.00 total={total}\n"
        for name, text in files.items():
            (self.folder / name).write_text(text)

    def sample(self, second: float, cpu_cores: float) -> TargetSample:
        """Return what Podman's API reports, which is without throttling, with the files beside it."""
        self.write(second)
        message: dict[str, Any] = {
            "cpu_stats": {"cpu_usage": {"total_usage": 1 + int(1e9 * second * cpu_cores)}},
            "memory_stats": {"usage": 250 * MIB},
        }
        engines, counters = target_sample_from_json(message, second), self.reader.read()
        assert engines is not None
        assert counters is not None
        return add_cgroup_counters(engines, counters)


def find_limit(kernel: Kernel, cpu_cores: float = 0.3) -> LimitingFactor:
    """Return the limiting factor of a size of 1 CPU and 256 MiB, which is too slow with 100 users."""
    samples = tuple(kernel.sample(float(second), cpu_cores) for second in range(34))
    facts = make_closed_step(100, latency=always(1.5), target=samples)
    broken = judge_step(facts, SLOS)
    assert broken.verdict == "FAIL"
    return find_limiting_factor(CELL, broken, [broken])


def test_without_psi_a_size_that_may_lack_memory_has_no_factor_and_says_why(tmp_path: Path) -> None:
    limit = find_limit(Kernel(tmp_path))
    assert limit.factor is None
    said = explain_evidence(limit.evidence)
    assert said.startswith(THRASHES)
    assert said.endswith(f"for how long work waited for that is not known: {NOT_COUNTED}")


@pytest.mark.parametrize(("stalled_ratio", "factor"), [(0.34, Factor.MEMORY), (0.02, Factor.TARGET)])
def test_with_psi_the_same_size_is_told_apart(tmp_path: Path, stalled_ratio: float, factor: Factor) -> None:
    assert find_limit(Kernel(tmp_path, stalled_ratio)).factor is factor


def test_without_psi_for_what_work_waited_is_no_number(tmp_path: Path) -> None:
    """The limit was reached 600 times in the 20 s of the window, so the files were read."""
    kernel = Kernel(tmp_path)
    samples = tuple(kernel.sample(float(second), 0.3) for second in range(34))
    stalls = judge_step(make_closed_step(100, target=samples), SLOS).target.stalls
    assert (stalls.cpu_ratio, stalls.memory_ratio, stalls.io_ratio) == (None, None, None)
    assert format_waits(stalls) == "–"
    assert stalls.limit_hits == 600


def test_without_periods_a_size_that_may_be_throttled_has_no_factor_and_says_why(tmp_path: Path) -> None:
    """It uses 0.6 of its core, and no memory stalls it. Throttled all the time, it would be the CPU."""
    limit = find_limit(Kernel(tmp_path, 0.0, has_periods=False), 0.6)
    assert limit.factor is None
    assert "how often it was throttled is not known, so it may be the CPU" in explain_evidence(limit.evidence)
    assert find_limit(Kernel(tmp_path, 0.0), 0.6).factor is Factor.TARGET
