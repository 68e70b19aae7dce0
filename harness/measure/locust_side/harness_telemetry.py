"""Let Locust export traces and metrics by gRPC while its users go on.

gRPC waits for a collector in code of its own, which gevent can't interrupt. Without `init_gevent` nothing
else runs in this process for as long as an export takes: no user, and no clock of the harness. Locust does
not call it. It has to be called before the first channel is made, which Locust does after it has loaded its
locustfiles, this one among them.
"""

import contextlib
import importlib
from typing import Any

main: Any = importlib.import_module("locust.main")
set_up_export = main.setup_opentelemetry


def set_up_beside_users(*arguments: Any, **named: Any) -> Any:
    """Set up Locust's export, after gRPC, if it is installed, was told of gevent."""
    with contextlib.suppress(ImportError):
        importlib.import_module("grpc.experimental.gevent").init_gevent()
    return set_up_export(*arguments, **named)


main.setup_opentelemetry = set_up_beside_users
