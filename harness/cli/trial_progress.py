"""Show a running trial: a line for each phase, and one every few minutes while it lasts."""

from collections.abc import Callable

from harness.campaign import CampaignListener
from harness.measure.live_point import measure_point
from harness.measure.step import ProgressSample
from harness.model import Cell
from harness.model.trials import BurstAsk, TrialAsk
from harness.report.view.text import format_duration, format_mebibytes, format_rate, format_seconds

_EVERY_S = 120.0


class TrialProgress(CampaignListener):
    """Prints what a trial does; `ask` is what it was asked to do."""

    def __init__(self, print_line: Callable[[str], None], ask: TrialAsk) -> None:
        self._print_line = print_line
        self._ask = ask
        self._phase = ""
        self._next_s = 0.0

    def note(self, text: str) -> None:
        """Print the note."""
        self._print_line(f"note: {text}")

    def container_starting(self, cell: Cell) -> None:
        """Print that a container is being started."""
        self._phase = ""
        self._print_line("starting a fresh container")

    def step_progressed(self, cell: Cell, sample: ProgressSample) -> None:
        """Print a phase when it begins, and how the load is going every two minutes."""
        if sample.phase != self._phase:
            self._phase, self._next_s = sample.phase, sample.elapsed_s + _EVERY_S
            if line := self._describe_phase(sample):
                self._print_line(line)
        elif sample.elapsed_s >= self._next_s:
            self._next_s += _EVERY_S
            self._print_line(_describe_load(sample))

    def _describe_phase(self, sample: ProgressSample) -> str:
        users = sample.wanted_users
        match sample.phase:
            case "ramp":
                return f"{users} users arrive"
            case "window" if isinstance(self._ask, BurstAsk):
                return f"{users} users are held, for what is usual"
            case "window":
                return f"{users} users are held for {format_duration(self._ask.for_s)}"
            case "burst":
                return f"the burst lasts for {format_duration(self._ask.for_s)}"
            case "recovery":
                return f"{users} users again, until everything is as before"
        return ""


def _describe_load(sample: ProgressSample) -> str:
    """Return a text such as "after 12 min: 400 users, RPS 152, p95 0.031 s, memory 87 MiB"."""
    point = measure_point(sample)
    return (
        f"after {format_duration(point.at_s)}: {point.users} users, RPS {format_rate(point.rps)}, "
        f"p95 {format_seconds(point.p95_s)}, memory {format_mebibytes(point.memory_bytes)}"
    )
