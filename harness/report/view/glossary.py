"""List the words of the harness with their meanings, for the report's page and for docs/glossary.md."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Term:
    """A word and its meaning."""

    name: str
    meaning: str


PAGE_TERMS = (
    Term("target", "the program that is measured, in one container or in several replicas"),
    Term("companion", "another container that the target needs, such as a database; its limits never change"),
    Term("size", "the limits of the target: CPU quota, memory (without swap), number of replicas"),
    Term(
        "variant", "a way to set the target up, such as its number of workers; all are measured at each size"
    ),
    Term("campaign", "one run over all sizes of a target, which answers: which size for N users?"),
    Term("generator", "Locust, which plays the users; a worker is one of its processes"),
    Term("step", "a fixed number of users against one size: a ramp, settling, the window, and a drain"),
    Term("ramp", "the part of a step in which users are started one after the other"),
    Term("settling", "the part of a step after the ramp, which lasts while the target still gets faster"),
    Term("window", "the part of a step that is judged; a request belongs to it if it starts within it"),
    Term("RT", "response time, from the start of a request to the end of its answer"),
    Term("RPS", "good answers per second"),
    Term("p50, p95, p99", "percentiles of the response time: 95 % of the requests took at most the p95"),
    Term("throttled", "the share of the CPU quota's periods in which the target had to wait"),
    Term("memory peak", "the largest working set: memory in use, without file pages that can be dropped"),
    Term("SLO", "service level objective: an upper limit for an indicator, such as p95 of RT ≤ 1 s"),
    Term(
        "indicator",
        "a measured number that an SLO limits: a percentile or the mean of RT, the error ratio or what "
        "load adds to it, the throughput shortfall, or the rise of RT within the window",
    ),
    Term(
        "capacity", "the highest number of users at which all SLOs hold; known as a bracket or as an estimate"
    ),
    Term("curve", "a size over its users: the points of its first slow ramp, and its windows"),
    Term("light load", "so few users that they hardly wait for one another, such as the first 10"),
    Term("line of light load", "the RPS of N users if each got as much as at light load"),
    Term("stable", "RPS follows the users up to the most that were measured"),
    Term("saturated", "RPS falls behind the users, and RT rises"),
    Term("knee", "from these users on RPS does not follow: more users only wait longer"),
    Term("bottleneck", "RPS stays level while RT rises, although more users ask"),
    Term("baseline", "RT and RPS at light load: the reference for the throughput shortfall"),
    Term("throughput shortfall", "the share of RPS that is missing, compared with light load"),
    Term(
        "verdict",
        "PASS: every SLO holds. FAIL: an SLO is broken, or the target failed. INVALID: the step says nothing "
        "about the target, because the host or the generator was the limit",
    ),
    Term("sustained users", "the highest number of users that passed, below every number that failed"),
    Term("broken users", "the lowest number of users that failed"),
    Term("bracket", "sustained – broken users: the capacity lies between them, and both are measured"),
    Term("censored", "the size sustained all users of the campaign: its capacity may be higher"),
    Term("inferred", "not measured: a smaller size sustains the users too, or a larger one does not either"),
    Term("estimate", "the capacity with its 95 % interval, fitted to all windows of a size"),
    Term(
        "precision reached",
        "a share, marked ±: widened by it at both ends, the bracket holds the capacity with a probability "
        "of 98 %",
    ),
    Term(
        "away from the decision",
        "neither the size to take nor one of the largest that are too small: a coarser precision is enough",
    ),
    Term("limiting factor", "what stops a size from sustaining more users, such as CPU, memory or the disk"),
    Term(
        "waited for",
        "the share of time in which at least one thread waited for a core, for memory or for a disk: the "
        "kernel's pressure stall information (PSI)",
    ),
    Term(
        "thrash", "to wait for memory again and again: the kernel drops pages that are needed at once again"
    ),
    Term("monotonicity violation", "a size sustains less than a smaller one: one of the two is wrong"),
    Term(
        "drift check",
        "the first size is held again at the end, at the users that it sustained: has the host changed?",
    ),
    Term("soak", "a size is held for minutes at the end of the campaign, or for longer by command"),
    Term("burst", "more users for a minute, after the campaign: is the size steady again when they left?"),
    Term("steady again", "errors and RT are as they were before the burst, and stay so for 20 s"),
    Term(
        "safe load",
        "the users that a size carries with the headroom to spare: its capacity divided by 1 + headroom, but "
        "never more than were measured",
    ),
    Term("preset", "sizes as a cloud sells them, with list prices of one day"),
    Term("host drift", "a change of the host's speed during the campaign, shown by the CPU per request"),
    Term("Little's law residual", "the share of the users' time that is neither thinking nor waiting"),
    Term("steal", "the share of CPU time that the hypervisor gave to other machines"),
    Term("pace", "the host's own speed, by a fixed piece of work each second"),
    Term(
        "best speed",
        "what a size that the CPU stops would sustain if the host were always as fast as in the fastest "
        "tenth of all windows: fitted, not measured",
    ),
    Term(
        "headroom", "how many more users than were asked for the size to take must carry, as a share of them"
    ),
    Term(
        "sure",
        "the probability that another run sustains the users: by the estimate of the capacity, the usual "
        "difference between two containers, and how much the host changed its speed",
    ),
    Term(
        "reasoned",
        "not measured: as many replicas of a measured size as the users need, if nothing that the replicas "
        "share is full before",
    ),
    Term("request cost", "the CPU time of the target for a request of one name, fitted to all steps"),
    Term("unresolved", "a request cost whose interval is too wide to use it: a dash stands for it"),
    Term("front", "the sizes for which no other size of the same or a lower price sustains as many users"),
)
"""The words of the report's page."""

INNER_TERMS = (
    Term("cell", "one configuration that is measured: a size, its variant and the number of its repetition"),
    Term("attempt", "one search of a cell; a cell with a monotonicity violation gets a second attempt"),
    Term("container run", "a target's container from its start to its removal, with all steps that it held"),
    Term("engine", "the Docker engine that runs the target's containers, or workers of the generator"),
    Term("slice", "some seconds of a step, with the CPU time and the requests of each name in it"),
    Term("drain", "the part of a step after the window, in which open requests may still end"),
    Term("preflight", "the checks before any load: the target, the generator and the host are ready"),
    Term("resume", "to continue an interrupted campaign with the steps that are stored"),
    Term("demand", "the smallest sizes that sustain N users"),
    Term("undecided size", "a size whose capacity is unknown: skipped, invalid, or not done yet"),
    Term("stop reason", "why the search of a cell ended before its bracket was narrow enough"),
    Term("load balancer", "the container in front of several replicas, which spreads their requests"),
    Term("fingerprint", "the facts of the machine, the engine and the versions that a campaign stores"),
)
"""Further words of the code, the files in results/ and the documentation."""
