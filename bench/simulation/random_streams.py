"""Endless random numbers, drawn in blocks: a block costs little more than a number."""

import math
from collections.abc import Iterator

import numpy as np

from bench.simulation.model import Service, ThinkTime, Noise

_BLOCK = 2048


def create_generator(*seed: int) -> np.random.Generator:
    return np.random.default_rng(np.random.SeedSequence(seed))


def draw_think_times(think: ThinkTime, random: np.random.Generator) -> Iterator[float]:
    while True:
        yield from random.uniform(think.at_least_s, think.at_most_s, _BLOCK).tolist()


def draw_cpu_demands(service: Service, random: np.random.Generator) -> Iterator[float]:
    """CPU seconds of one request after the other, at the host's nominal speed."""
    while True:
        yield from _draw_block(service, random).tolist()


def _draw_block(service: Service, random: np.random.Generator) -> np.ndarray:
    if service.law == "deterministic" or service.cpu_s == 0:
        return np.full(_BLOCK, service.cpu_s)
    if service.law == "exponential":
        return random.exponential(service.cpu_s, _BLOCK)
    variance = math.log1p(service.cpu_cv**2)
    return random.lognormal(math.log(service.cpu_s) - variance / 2, math.sqrt(variance), _BLOCK)


def draw_pause_gaps(service: Service, random: np.random.Generator) -> Iterator[float]:
    """Seconds between two pauses; endless where there are none."""
    while True:
        yield float(random.exponential(service.pause_every_s)) if service.pause_s else math.inf


def draw_run_speed(weather: Noise, random: np.random.Generator) -> float:
    return float(math.exp(random.normal(0.0, weather.run_speed_sd)))
