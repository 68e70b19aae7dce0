"""Draw endless streams of random numbers, in blocks: a block costs little more time than a single number."""

import math
from collections.abc import Iterator, Sequence

import numpy as np

from bench.simulation.model import Noise, Service, ThinkTime

_BLOCK = 2048


def create_generator(*seed: int) -> np.random.Generator:
    """Create a generator of random numbers; the same seed gives the same numbers."""
    return np.random.default_rng(np.random.SeedSequence(seed))


def draw_think_times(think: ThinkTime, random: np.random.Generator) -> Iterator[float]:
    """Yield think times in seconds."""
    while True:
        yield from random.uniform(think.at_least_s, think.at_most_s, _BLOCK).tolist()


def draw_cpu_times(service: Service, random: np.random.Generator) -> Iterator[float]:
    """Yield the CPU seconds of each request in turn, at the host's nominal speed."""
    while True:
        yield from _draw_block(service, random).tolist()


def draw_failures(service: Service, random: np.random.Generator) -> Iterator[bool]:
    """Yield True for each request that is answered with an error, False for each other request."""
    while True:
        yield from (random.uniform(size=_BLOCK) < service.error_ratio).tolist()


def draw_names(weights: Sequence[float], random: np.random.Generator) -> Iterator[int]:
    """Yield the index of each request's name; names are drawn in proportion to their weights."""
    shares = np.array(weights) / sum(weights)
    while True:
        yield from random.choice(len(shares), _BLOCK, p=shares).tolist()


def draw_pause_gaps(service: Service, random: np.random.Generator) -> Iterator[float]:
    """Yield the seconds between two pauses of the target; infinite if it never pauses."""
    while True:
        yield float(random.exponential(service.pause_every_s)) if service.pause_s else math.inf


def draw_run_speed(noise: Noise, random: np.random.Generator) -> float:
    """Draw the speed of one container run; 1 is nominal."""
    return float(math.exp(random.normal(0.0, noise.run_speed_sd)))


def _draw_block(service: Service, random: np.random.Generator) -> np.ndarray:
    if service.law == "deterministic" or service.cpu_s == 0:
        return np.full(_BLOCK, service.cpu_s)
    if service.law == "exponential":
        return random.exponential(service.cpu_s, _BLOCK)
    if service.law == "uniform":
        return random.uniform(0.5 * service.cpu_s, 1.5 * service.cpu_s, _BLOCK)
    variance = math.log1p(service.cpu_cv**2)
    return random.lognormal(math.log(service.cpu_s) - variance / 2, math.sqrt(variance), _BLOCK)
