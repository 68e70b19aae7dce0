"""Collect what OpenTelemetry exports over gRPC: run by a Python that has grpcio.

It prints its port, then a line for each export: the signal, the authorization that came with it, and its
size. It takes a second for each, as a collector does that is far away or busy.
"""

import functools
import json
import time
from concurrent import futures
from typing import Any

import grpc

SIGNALS = {
    "traces": "trace.v1.TraceService",
    "metrics": "metrics.v1.MetricsService",
    "logs": "logs.v1.LogsService",
}
EACH_S = 1.0


def report(signal: str, message: bytes, context: Any) -> bytes:
    """Print an export, and answer that all of it was taken: an empty message says so."""
    metadata = dict(context.invocation_metadata())
    line = {"signal": signal, "authorization": metadata.get("authorization"), "bytes": len(message)}
    print(json.dumps(line), flush=True)
    time.sleep(EACH_S)
    return b""


def main() -> None:
    """Collect until this process is ended."""
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=4))
    for signal, service in SIGNALS.items():
        export = grpc.unary_unary_rpc_method_handler(functools.partial(report, signal))
        name = f"opentelemetry.proto.collector.{service}"
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(name, {"Export": export}),))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(port, flush=True)
    server.wait_for_termination()


if __name__ == "__main__":
    main()
