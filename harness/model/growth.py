"""As users grow: which size to take for each number of users, as measured, and beyond that by replicas."""

from dataclasses import dataclass, field
from enum import StrEnum

from harness.model.results import CellResult

MILLION = 1_000_000


class Ground(StrEnum):
    """What a choice of a size stands on; the values are those of the page's data."""

    MEASURED = "measured"
    """As many users as are needed, with their headroom, were sustained."""

    PREDICTED = "predicted"
    """The users were sustained; that there is room for the headroom is predicted."""

    TIGHT = "tight"
    """The users were sustained, but no size keeps the headroom."""

    REASONED = "reasoned"
    """No measured size is enough: so many replicas would be, if they shared nothing that fills up."""


class Barrier(StrEnum):
    """Why nothing is reasoned about more replicas of a size than were measured."""

    SHARED = "shared"
    """What stops the size is a dependency, which all replicas share."""

    SCALING = "scaling"
    """Its replicas together sustain much less than as many single ones."""

    MEASURED_MORE = "measured more"
    """The campaign measured more replicas of the same size: those tell more."""


@dataclass(frozen=True, slots=True)
class GrowthOption:
    """A size that may be taken.

    `result` is that of its worst repetition. `hour_price` is the price of all its replicas; None without one.
    `users` were sustained. `capacity_users` is what the size is expected to sustain, 0 if unknown; more than
    `users` only if `is_predicted`. `barrier` is None if more replicas of the size may be reasoned about.
    """

    result: CellResult = field(repr=False)
    hour_price: float | None
    users: int
    capacity_users: float
    is_predicted: bool = False
    barrier: Barrier | None = None

    @property
    def room_users(self) -> int:
        """The most users that the size may need to carry, with their headroom."""
        return max(self.users, int(self.capacity_users) if self.is_predicted else 0)

    @property
    def replica_price(self) -> int | None:
        """The price of an hour of one replica, in billionths; None without a price."""
        if self.hour_price is None:
            return None
        return round(self.hour_price / self.result.cell.limits.replicas * 1000 * MILLION)

    @property
    def replica_cores(self) -> int:
        """The cores of one replica, in billionths."""
        return round(self.result.cell.limits.cpu_cores * 1000 * MILLION)


@dataclass(frozen=True, slots=True)
class SharedPart:
    """A companion that all replicas share, and the users at which they use all of its CPU, as predicted."""

    name: str
    users: int


@dataclass(frozen=True, slots=True)
class Choice:
    """The size to take for a number of users: so many replicas of `option`, which hold `until_users`.

    `instead`: where no size keeps the headroom, the replicas that would.
    """

    ground: Ground
    option: GrowthOption
    replicas: int
    until_users: int
    instead: "Choice | None" = None


@dataclass(frozen=True, slots=True)
class GrowthRow:
    """The size to take for `from_users` up to `until_users`.

    `from_month` is after how many months there are so many users, 0 for today's; None without a growth.
    """

    from_users: int
    until_users: int
    choice: Choice
    from_month: int | None = None


@dataclass(frozen=True, slots=True)
class Growth:
    """What to take as users grow, from `users` on.

    `options` are all sizes that sustain some users, the cheapest first; without prices the smallest first.
    `rows` are a table up to `most_users`; beyond the measurements it has a row for each few per cent of
    users. `steps` are the same rows in finer steps, for a picture. `measured_users` are the most users for
    which a size that was measured is enough. `monthly_ratio` is the growth of the users in a month; None if
    it is unknown. `headroom_parts` is the headroom in millionths, so that all numbers that decide are whole.
    """

    users: int
    headroom_ratio: float
    options: tuple[GrowthOption, ...] = ()
    shared: SharedPart | None = None
    rows: tuple[GrowthRow, ...] = ()
    steps: tuple[GrowthRow, ...] = ()
    measured_users: int = 0
    most_users: int = 0
    monthly_ratio: float | None = None

    @property
    def headroom_parts(self) -> int:
        return round_headroom(self.headroom_ratio)


def round_headroom(headroom_ratio: float) -> int:
    """Return a headroom in millionths."""
    return round(headroom_ratio * MILLION)


def count_needed_users(users: int, headroom_ratio: float) -> int:
    """Return the users with their headroom, rounded up."""
    return -(-users * (MILLION + round_headroom(headroom_ratio)) // MILLION)


def shrink_by_headroom(users: int, headroom_ratio: float) -> int:
    """Return the most users who need no more than `users` with their headroom."""
    return users * MILLION // (MILLION + round_headroom(headroom_ratio))
