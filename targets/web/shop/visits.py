"""Visitors' sessions, held in the memory of this one process."""

import secrets
import threading
from collections import OrderedDict, deque
from dataclasses import dataclass, field

IDLE_LIMIT_S = 20 * 60
TRAIL_PAGES = 6
RECENT_ITEMS = 3
CART_LINES = 50


@dataclass(slots=True)
class Visit:
    """One visitor: a cart, the items seen lately, and the last pages as they were shown.

    Keeping the pages makes "back" free of queries and true to what was seen; it is also
    nearly all the memory that a visitor costs.
    """

    token: str
    used_at_s: float
    cart: dict[int, int] = field(default_factory=dict)
    recent: deque[int] = field(default_factory=lambda: deque(maxlen=RECENT_ITEMS))
    trail: deque[bytes] = field(default_factory=lambda: deque(maxlen=TRAIL_PAGES))
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, product_id: int, quantity: int) -> bool:
        """Put items in the cart; False when it already holds as many lines as a cart may."""
        with self._lock:
            if product_id not in self.cart and len(self.cart) >= CART_LINES:
                return False
            self.cart[product_id] = self.cart.get(product_id, 0) + quantity
            return True

    def empty_cart(self) -> dict[int, int]:
        """What was in the cart, which is empty from now on."""
        with self._lock:
            bought, self.cart = self.cart, {}
            return bought

    def saw(self, product_id: int) -> None:
        with self._lock:
            if product_id in self.recent:
                self.recent.remove(product_id)
            self.recent.appendleft(product_id)

    def shown(self, page: bytes) -> None:
        with self._lock:
            self.trail.append(page)

    def step_back(self) -> bytes | None:
        """The page before the present one, which is forgotten; None at the start of the trail."""
        with self._lock:
            if len(self.trail) < 2:
                return None
            self.trail.pop()
            return self.trail[-1]


class Visits:
    """All present visitors, the longest idle first; whoever idles too long is forgotten."""

    def __init__(self, idle_limit_s: float = IDLE_LIMIT_S) -> None:
        self._idle_limit_s = idle_limit_s
        self._by_token: OrderedDict[str, Visit] = OrderedDict()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._by_token)

    def find_or_begin(self, token: str | None, now_s: float) -> Visit:
        """The visit of this token, or a new one under a token of our own making."""
        with self._lock:
            self._forget_idle(now_s)
            visit = self._by_token.get(token or "") or Visit(secrets.token_urlsafe(16), now_s)
            visit.used_at_s = now_s
            self._by_token[visit.token] = visit
            self._by_token.move_to_end(visit.token)
            return visit

    def _forget_idle(self, now_s: float) -> None:
        while self._by_token:
            oldest = next(iter(self._by_token.values()))
            if now_s - oldest.used_at_s <= self._idle_limit_s:
                return
            self._by_token.popitem(last=False)
