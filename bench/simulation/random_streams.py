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
    """Yield think times in seconds; under pacing, the seconds from one request to the next."""
    while True:
        if think.law == "exponential":
            yield from random.exponential(think.mean_s, _BLOCK).tolist()
        else:
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


def draw_delays(service: Service, random: np.random.Generator) -> Iterator[float]:
    """Yield the seconds that each request waits after its CPU time."""
    while True:
        if service.delay_law == "exponential":
            yield from random.exponential(service.delay_s, _BLOCK).tolist()
        else:
            yield from [service.delay_s] * _BLOCK


def draw_pauses(service: Service, random: np.random.Generator) -> Iterator[tuple[float, float]]:
    """Yield the seconds until the next pause of the target, and its length; infinite if it never pauses."""
    while True:
        if not service.pause_s:
            yield math.inf, 0.0
        gap_s = (
            random.exponential(service.pause_every_s)
            if service.pause_every_at_most_s is None
            else random.uniform(service.pause_every_s, service.pause_every_at_most_s)
        )
        length_s = (
            service.pause_s
            if service.pause_at_most_s is None
            else random.uniform(service.pause_s, service.pause_at_most_s)
        )
        yield float(gap_s), float(length_s)


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
    if service.law == "bimodal":
        light_s = service.cpu_s / (1 + service.heavy_ratio * (service.heavy_factor - 1))
        is_heavy = random.uniform(size=_BLOCK) < service.heavy_ratio
        return np.where(is_heavy, service.heavy_factor * light_s, light_s)
    variance = math.log1p(service.cpu_cv**2)
    return random.lognormal(math.log(service.cpu_s) - variance / 2, math.sqrt(variance), _BLOCK)
