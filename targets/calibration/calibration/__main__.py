"""Serves what the environment asks for: `MODE=slots SLOTS=4 SERVICE_S=0.1 python3 -m calibration`."""

import asyncio
import os
import sys
from collections.abc import Mapping

from .cpu import Burners
from .memory import Holdings
from .serve import Service, serve
from .slots import Slots

PORT = 8000


def service(environ: Mapping[str, str]) -> Service:
    """Raises KeyError or ValueError for what is missing or not a number."""
    match environ["MODE"]:
        case "slots":
            return Slots(int(environ["SLOTS"]), float(environ["SERVICE_S"]))
        case "cpu":
            return Burners(int(environ["WORKERS"]), float(environ["DEMAND_S"]))
        case "memory":
            return Holdings(int(environ["HELD_BYTES"]), float(environ["IDLE_S"]))
        case other:
            raise ValueError(f"MODE={other} is none of slots, cpu, memory")


def main() -> None:
    try:
        asked = service(os.environ)
    except KeyError as missing:
        sys.exit(f"{missing.args[0]} is not set in the environment")
    except ValueError as error:
        sys.exit(str(error))
    asyncio.run(serve(asked, PORT))


if __name__ == "__main__":
    main()
