"""Connect to a Docker engine, translate its refusals, and read what it streams."""

import contextlib
import functools
import json
import os
import re
import warnings
from collections.abc import Iterator, Mapping
from typing import Any

from docker.api import APIClient
from docker.context import ContextAPI
from docker.credentials.errors import StoreError as CredentialsError
from docker.errors import APIError, DockerException, ImageNotFound, create_api_error_from_http_exception
from docker.types import CancellableStream
from docker.utils import kwargs_from_env
from requests import HTTPError as RefusedRequest
from requests import RequestException
from urllib3.exceptions import HTTPError as TransportError

from harness.errors import EngineError, EngineUnavailableError
from harness.measure.docker.port_access import LOCAL, PortAccess
from harness.measure.engine_kind import is_podman
from harness.model import DEFAULT_ENGINE, Engine

CAMPAIGN_LABEL = "harness.campaign"
CELL_LABEL = "harness.cell"
TARGET_LABEL = "harness.target"
BASE_IMAGE = "harness-base:bookworm"
"""The image that `make base` builds."""

_OLDEST_API = (1, 41)
_TIMEOUT_S = 60
_CONNECT_WITHIN_S = 10.0

_REFUSALS = (DockerException, RequestException, TransportError)
_NO_ENGINE = (
    "start one (in a checkout: make engine); `docker context ls` and DOCKER_HOST say which one "
    "the harness uses"
)
_NO_RIGHT = (
    "this user may not use it: `sudo usermod -aG docker $USER` makes it one of the group docker, from the "
    "next login on; or name an engine of your own by DOCKER_HOST"
)


class _EngineClient(APIClient):
    """A client that checks a certificate by the engine's own authority, and ignores REQUESTS_CA_BUNDLE.

    Like the command `docker build`, it builds without passwords if their helper is not installed.
    """

    def merge_environment_settings(self, url: Any, proxies: Any, stream: Any, verify: Any, cert: Any) -> Any:
        verify = self.verify if verify is None else verify
        return super().merge_environment_settings(url, proxies, stream, verify, cert)

    def _set_auth_headers(self, headers: dict[str, str]) -> None:
        with contextlib.suppress(CredentialsError), warnings.catch_warnings(action="ignore"):
            super()._set_auth_headers(headers)  # type: ignore[misc]  # types-docker lacks it


def connect(engine: Engine = DEFAULT_ENGINE) -> APIClient:
    """Connect to an engine. The default engine is the one that the command `docker` uses.

    DOCKER_HOST, DOCKER_CONTEXT or docker's current context name the default engine. Raises EngineError if the
    engine does not answer or is too old.
    """
    environ = build_environment(engine)
    address = _find_address(environ)
    try:
        options: dict[str, Any] = dict(kwargs_from_env(environment=environ))
        if "base_url" not in options:
            options = ContextAPI.kwargs_from_context(environment=environ) | options
        client = _EngineClient(version="auto", timeout=_TIMEOUT_S, use_ssh_client=True, **options)
    except (*_REFUSALS, OSError) as error:
        raise EngineError(
            f"no Docker engine answers at {address}: {_find_root_reason(error)}",
            _NO_RIGHT if isinstance(_find_root(error), PermissionError) else _NO_ENGINE,
        ) from error
    if tuple(int(part) for part in client.api_version.split(".")) < _OLDEST_API:
        client.close()
        raise EngineError(
            f"the Docker engine at {address} speaks API {client.api_version}, which is too old",
            "the harness needs Docker 20.10 or newer (API 1.41)",
        )
    return client


@functools.lru_cache(maxsize=16)
def is_podman_engine(client: APIClient) -> bool:
    """Return True if Podman answers for Docker; each client is asked once."""
    with translate_docker_errors("describe itself"):
        return is_podman(client.version())


def build_environment(engine: Engine) -> dict[str, str]:
    """Return this process's environment with the variables that make `docker` use the engine."""
    environ = dict(os.environ)
    if engine.host is not None or engine.context is not None:
        for key in ("DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH"):
            environ.pop(key, None)
    if engine.host is not None:
        environ["DOCKER_HOST"] = engine.host
    if engine.context is not None:
        environ["DOCKER_CONTEXT"] = engine.context
    if engine.certificates is not None:
        environ |= {"DOCKER_CERT_PATH": str(engine.certificates), "DOCKER_TLS_VERIFY": "1"}
    return environ


def find_port_access(engine: Engine, client: APIClient) -> PortAccess | None:
    """Return how the engine's published ports are reached; None if a remote engine has no known address."""
    if engine.address is not None:
        return PortAccess(engine.address)
    host = _find_address(build_environment(engine))
    if host.startswith("ssh://"):
        return PortAccess(ssh=host)
    return LOCAL if is_local(client) else None


def _find_address(environ: Mapping[str, str]) -> str:
    """Return the engine's address. Raises EngineError if its context is missing or damaged.

    docker-py itself would take the default socket for a missing context.
    """
    if host := environ.get("DOCKER_HOST"):
        return host
    name = environ.get("DOCKER_CONTEXT")
    try:
        context = ContextAPI.get_context(name)
    except Exception as error:  # docker-py raises a bare Exception for a damaged context
        raise EngineError(
            f"the Docker context can't be read: {error}", "`docker context ls` lists the contexts"
        ) from error
    if context is None:
        shown = f" {name!r}" if name else ""
        raise EngineError(
            f"the Docker context{shown} does not exist", "`docker context ls` lists those that do"
        )
    return str(context.Host)


def is_local(client: APIClient) -> bool:
    """Return True if the engine publishes ports on the loopback of this machine, which makes the load."""
    return bool(re.match(r"(http\+docker://local|https?://(127\.|localhost|\[::1\]))", client.base_url))


@contextlib.contextmanager
def translate_docker_errors(action: str, hint: str = "") -> Iterator[None]:
    """Raise EngineError, with the action and the engine's own message, if the engine refuses a call inside.

    Raises EngineUnavailableError if the engine did not answer, is shutting down, or lost an image.
    """
    try:
        yield
    except CredentialsError as error:
        raise EngineError(
            f"Docker could not {action}: its helper for passwords failed: {error}",
            "install the helper, or remove credsStore and credHelpers from Docker's config.json "
            "(DOCKER_CONFIG names its folder, otherwise it is ~/.docker)",
        ) from error
    except APIError as error:
        is_unavailable = isinstance(error, ImageNotFound) or (
            error.is_server_error() and _is_shutting_down(error)
        )
        kind = EngineUnavailableError if is_unavailable else EngineError
        raise kind(f"Docker could not {action}: {get_docker_message(error)}", hint) from error
    except _REFUSALS as error:
        hint = hint or "`docker info` says whether the engine still answers"
        kind = EngineError if type(error) is DockerException else EngineUnavailableError
        raise kind(f"Docker could not {action}: {_find_root_reason(error)}", hint) from error


def _is_shutting_down(error: APIError) -> bool:
    """Return True if the error is that of an engine that still answers but starts nothing any more."""
    signs = ("context canceled", "connection refused", "closing", "EOF")
    return any(sign in get_docker_message(error) for sign in signs)


def get_docker_message(error: APIError) -> str:
    """Return the engine's own explanation."""
    return str(error.explanation or error).strip()


def _find_root_reason(error: BaseException) -> str:
    """Return the innermost reason: the client's wrappers around a refused connection add nothing to it."""
    root = _find_root(error)
    reason = root.strerror if isinstance(root, OSError) else None
    return reason or str(root) or type(root).__name__


def _find_root(error: BaseException) -> BaseException:
    while inner := error.__cause__ or error.__context__:
        error = inner
    return error


class EngineStream:
    """JSON objects that the engine sends as things happen, until `close`. Any thread may call `close`."""

    def __init__(
        self, client: APIClient, path: str, params: Mapping[str, Any], silence_at_most_s: float | None = None
    ) -> None:
        self._action = f"stream {path.rsplit('/', 1)[-1]}"
        self._is_closed = False
        with translate_docker_errors(self._action):
            self._response = client.get(
                f"{client.base_url}/v{client.api_version}{path}",
                params=dict(params),
                stream=True,
                timeout=(_CONNECT_WITHIN_S, silence_at_most_s),
            )
            try:
                self._response.raise_for_status()
            except RefusedRequest as error:
                create_api_error_from_http_exception(error)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        try:
            with translate_docker_errors(self._action):
                for line in self._response.iter_lines(chunk_size=None):
                    if line:
                        yield json.loads(line)
        except (EngineError, OSError, ValueError, AttributeError):
            # a socket that is closed while a thread reads it can cause each of these errors
            if not self._is_closed:
                raise
        finally:
            self._response.close()

    def close(self) -> bool:
        """End the stream; return True if that wakes a thread that waits for the next object.

        Over SSH it does not: there the thread waits until the engine sends another object.
        """
        self._is_closed = True
        try:
            CancellableStream(iter(()), self._response).close()
        except (AttributeError, OSError):
            return True  # the stream had already ended
        except (DockerException, UnboundLocalError):  # docker-py raises the latter for its own SSH client
            return False
        return True
