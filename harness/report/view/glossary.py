"""List the words of the reports with their meanings: the page shows them, and docs/glossary.md agrees."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Term:
    """A word and its meaning, which is a sentence fragment or a sentence."""

    name: str
    meaning: str


GLOSSARY = (
    Term("target", "the program that is measured, as one or several containers"),
    Term("companion", "a container that the target needs, such as a database; its limits stay the same"),
    Term("size", "the limits of one container of the target: a CPU quota, and memory without swap"),
    Term("cell", "one configuration that is measured: a size and the number of its repetition"),
    Term("campaign", "one run over all cells of a target, with one question: which size for N users?"),
    Term("attempt", "one search of a cell; a cell that violates monotonicity gets a second attempt"),
    Term("container run", "the time of one container from its start to its removal; it holds one or more steps"),
    Term("engine", "the Docker engine that runs the target's containers"),
    Term("generator", "Locust, which plays the users; a worker is one of its processes"),
    Term("step", "a fixed number of users on a cell: the ramp, settling, the window, the drain"),
    Term("ramp", "the part of a step in which users are started one after the other"),
    Term("settle", "the part of a step after the ramp, until the target no longer gets faster"),
    Term("window", "the part of a step that is judged; only requests that start within it count"),
    Term("drain", "the part of a step after the window, in which open requests may still end"),
    Term("closed workload", "each user waits for the answer, thinks, and asks again: RPS is an outcome"),
    Term("RT", "response time, from the start of a request to the end of its answer"),
    Term("RPS", "good answers per second"),
    Term("p50, p95, p99", "percentiles: 95 % of the requests took at most the p95"),
    Term("throttled", "the share of the CPU quota's periods in which the target had to wait for CPU time"),
    Term("memory peak", "the largest working set: memory without the pages that can be dropped"),
    Term("SLO", "service level objective: a limit on an indicator, such as p95 ≤ 1 s"),
    Term(
        "indicator",
        "a measured number that an SLO limits: a percentile or the mean of the response time, the error ratio, "
        "the throughput shortfall, or the rise of the response time within the window",
    ),
    Term("baseline", "response time and throughput at light load, the reference for the throughput shortfall"),
    Term("throughput shortfall", "how much RPS is missing against as many users at light load"),
    Term(
        "verdict",
        "PASS (every SLO holds), FAIL (an SLO is broken, or the target failed), or INVALID (the step says "
        "nothing about the target, because the host or the generator was the limit)",
    ),
    Term("sustained", "the highest number of users that passed, below every number that failed"),
    Term("broken", "the lowest number of users that failed"),
    Term("bracket", "sustained – broken: the capacity lies between them, and both are measured"),
    Term("censored", "the cell sustained all users of the campaign: its capacity is at least that, and open above"),
    Term("inferred", "not measured: a smaller size sustains the users too, or a larger one fails them too"),
    Term("estimate", "the capacity with its uncertainty, fitted to all steps of a cell"),
    Term("limiting factor", "what stopped the cell from sustaining more, such as CPU or memory"),
    Term("demand", "the smallest size that sustains N users"),
    Term("monotonicity violation", "a cell sustains less than a smaller one: one of the two is wrong"),
    Term("drift check", "the reference size is held again at the end of the campaign and compared with its search"),
    Term("host drift", "the host's speed changed during the campaign, so early and late sizes do not compare"),
    Term("Little's law residual", "the share of the users' time that is neither thinking nor waiting"),
    Term("steal", "CPU time that the hypervisor gave to other virtual machines"),
    Term("pace", "the host's own speed, by a fixed piece of work each second"),
)
"""Every word that the reports and the documentation use with one meaning, from the target to the host."""
