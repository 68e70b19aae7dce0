"""Compute what a simulated target holds in memory, from its users, its age and the answers it has given."""

import math

from bench.simulation.model import Service


class TargetMemory:
    """The memory that a target needs, whatever its limit. All instants count from the target's start.

    `allocated_bytes` belong to no user and no request, and are set from outside.
    """

    def __init__(self, service: Service) -> None:
        self.allocated_bytes = 0
        self.grows_with_time = bool(service.user_fill_s or service.leak_second_bytes)
        self.grows_with_answers = bool(service.leak_request_bytes or service.garbage_request_bytes)
        self._service = service
        self._arrived_s: dict[int, float] = {}
        self._empty_users = 0.0
        self._empty_at_s = 0.0

    def add_user(self, user: int, at_s: float) -> None:
        """Begin to fill the memory of a user who arrives."""
        self._arrived_s[user] = at_s
        if self._service.user_fill_s:
            self._empty_users = self._compute_empty_users(at_s) + 1
            self._empty_at_s = at_s

    def remove_user(self, user: int, at_s: float) -> None:
        """Free the memory of a user who leaves."""
        arrived_s = self._arrived_s.pop(user)
        if self._service.user_fill_s:
            share = math.exp((arrived_s - at_s) / self._service.user_fill_s)
            self._empty_users = max(0.0, self._compute_empty_users(at_s) - share)
            self._empty_at_s = at_s

    def compute_bytes(self, at_s: float, answered_count: int) -> int:
        """Compute the bytes in use at an instant, after so many answers."""
        service = self._service
        filled_users = len(self._arrived_s) - self._compute_empty_users(at_s)
        leaked_bytes = service.leak_request_bytes * answered_count + service.leak_second_bytes * at_s
        held_bytes = service.base_bytes + self.allocated_bytes + self._compute_garbage(answered_count)
        return int(held_bytes + service.user_bytes * filled_users + leaked_bytes)

    def _compute_empty_users(self, at_s: float) -> float:
        """Sum the shares of the users' memory that are not filled yet."""
        if not self._empty_users:
            return 0.0
        return self._empty_users * math.exp((self._empty_at_s - at_s) / self._service.user_fill_s)

    def _compute_garbage(self, answered_count: int) -> int:
        """Return what has been left since the collector ran, which it does with the answer that fills it."""
        service = self._service
        if not service.garbage_request_bytes:
            return 0
        return service.garbage_request_bytes * (answered_count % _count_answers_to_collection(service))


def compute_lasting_bytes(service: Service, users: int, rps: float, after_s: float) -> int:
    """Compute the most memory that the target has needed after so many seconds of `users` who stay.

    Their memory is taken to be filled by then, and the target to answer `rps` requests a second.
    """
    leaked_bytes = (service.leak_request_bytes * rps + service.leak_second_bytes) * after_s
    garbage_bytes = 0
    if service.garbage_request_bytes:
        garbage_bytes = service.garbage_request_bytes * (_count_answers_to_collection(service) - 1)
    return int(service.base_bytes + service.user_bytes * users + leaked_bytes + garbage_bytes)


def _count_answers_to_collection(service: Service) -> int:
    return math.ceil(service.garbage_limit_bytes / service.garbage_request_bytes)
