"""Say why a step has no throughput shortfall, although an SLO limits it."""

import math
from collections.abc import Sequence

from harness.analyse.search.capacity_estimate import find_shortfall_limit
from harness.analyse.step.baseline import Baseline
from harness.analyse.step.slo import find_shortfall_ratio
from harness.analyse.step.window import Window
from harness.model import Slo
from harness.model.light_load import NoShortfall, ShortfallGap


def find_baseline_gap(baseline: Baseline, slos: Sequence[Slo]) -> ShortfallGap | None:
    """Return why no throughput can be compared with this baseline; None if it can, or without such an SLO."""
    if math.isinf(find_shortfall_limit(slos)) or baseline.gives_shortfall:
        return None
    reason = NoShortfall.NO_PACE if baseline.is_light else NoShortfall.NOT_LIGHT
    return ShortfallGap(reason, baseline.users, baseline.wait_ratio)


def find_shortfall_gap(window: Window, baseline: Baseline | None, slos: Sequence[Slo]) -> ShortfallGap | None:
    """Return why the window has no shortfall; None if it has one, and without a baseline or such an SLO."""
    limit = find_shortfall_limit(slos)
    if baseline is None or math.isinf(limit):
        return None
    gap = find_baseline_gap(baseline, slos)
    if gap is not None or find_shortfall_ratio(window, baseline, limit) is not None:
        return gap
    names = baseline.estimate_light_wait(window).names
    return ShortfallGap(NoShortfall.UNSEEN, baseline.users, baseline.wait_ratio, names)
