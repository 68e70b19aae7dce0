"""Who is logged in, and what may be remembered for a moment: in Redis."""

import json
import secrets
from collections.abc import Callable
from typing import Any

from redis import BlockingConnectionPool, Redis

LASTS_S = 3600
REMEMBERED_S = 2


class Sessions:
    def __init__(self, url: str, connections: int) -> None:
        self._redis = Redis(connection_pool=BlockingConnectionPool.from_url(url, max_connections=connections))

    def ping(self) -> None:
        self._redis.ping()

    def begin(self, customer: int) -> str:
        token = secrets.token_urlsafe(24)
        self._redis.setex(f"session:{token}", LASTS_S, customer)
        return token

    def customer(self, token: str) -> int | None:
        found = self._redis.get(f"session:{token}") if token else None
        return int(found) if found is not None else None

    def remembered(self, key: str, ask: Callable[[], Any]) -> Any:
        """What was answered within the last seconds, else what `ask` says now."""
        found = self._redis.get(key)
        if found is not None:
            return json.loads(found)
        answer = ask()
        self._redis.setex(key, REMEMBERED_S, json.dumps(answer))
        return answer
