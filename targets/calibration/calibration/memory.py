"""Memory: each active user costs the same number of bytes, really touched."""

import asyncio
import mmap
from collections import OrderedDict
from dataclasses import dataclass


@dataclass(slots=True)
class Holding:
    used_at_s: float
    block: mmap.mmap


class Holdings:
    """A block for every user seen within the last `idle_s` seconds."""

    def __init__(self, held_bytes: int, idle_s: float) -> None:
        self._held_bytes = held_bytes
        self._idle_s = idle_s
        self._by_user: OrderedDict[str, Holding] = OrderedDict()

    def __len__(self) -> int:
        return len(self._by_user)

    async def serve(self, user: str, times: int) -> None:
        self.hold(user, asyncio.get_running_loop().time())

    def hold(self, user: str, now_s: float) -> None:
        """Give the user a block unless it has one, and take back those of the idle."""
        if user not in self._by_user:
            self._by_user[user] = Holding(now_s, touched(self._held_bytes))
        self._by_user[user].used_at_s = now_s
        self._by_user.move_to_end(user)
        self._forget_idle(now_s)

    def _forget_idle(self, now_s: float) -> None:
        while next(iter(self._by_user.values())).used_at_s < now_s - self._idle_s:
            _, idle = self._by_user.popitem(last=False)
            idle.block.close()


def touched(size_bytes: int) -> mmap.mmap:
    """Pages of our own, each written to: memory that is only promised costs nothing.

    A mapping goes back to the system when it is closed; an allocator might keep it.
    """
    block = mmap.mmap(-1, size_bytes, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    block[:: mmap.PAGESIZE] = bytes(len(range(0, size_bytes, mmap.PAGESIZE)))
    return block
