"""The Docker engine: reach it, say in our words what it refuses, read what it streams."""

import contextlib
import json
import os
import re
from collections.abc import Iterator, Mapping
from typing import Any

from docker.api import APIClient
from docker.context import ContextAPI
from docker.errors import APIError, DockerException, ImageNotFound, create_api_error_from_http_exception
from docker.types import CancellableStream
from docker.utils import kwargs_from_env
from requests import HTTPError as RefusedRequest
from requests import RequestException
from urllib3.exceptions import HTTPError as TransportError

from harness.errors import EngineError, EngineGone
from harness.measure.docker.port_access import HERE, Reach
from harness.model import DEFAULT_ENGINE, Engine

CAMPAIGN_LABEL = "harness.campaign"
CELL_LABEL = "harness.cell"
TARGET_LABEL = "harness.target"
BASE_IMAGE = "harness-base:bookworm"
"""What `make base` makes."""

OLDEST_API = (1, 41)
TIMEOUT_S = 60
CONNECT_WITHIN_S = 10.0

Refusal = (DockerException, RequestException, TransportError)


class EngineClient(APIClient):
    """Trusts an engine by its own authority, whatever REQUESTS_CA_BUNDLE names for the rest of the web."""

    def merge_environment_settings(self, url: Any, proxies: Any, stream: Any, verify: Any, cert: Any) -> Any:
        verify = self.verify if verify is None else verify
        return super().merge_environment_settings(url, proxies, stream, verify, cert)


def connect(which: Engine = DEFAULT_ENGINE) -> APIClient:
    """A client of an engine; of the one that `docker` would use (DOCKER_HOST, DOCKER_CONTEXT or its current
    context) where nothing else is asked for.
    """
    environ = environment_for(which)
    address = _address(environ)
    try:
        given: dict[str, Any] = dict(kwargs_from_env(environment=environ))
        if "base_url" not in given:
            given = ContextAPI.kwargs_from_context(environment=environ) | given
        client = EngineClient(version="auto", timeout=TIMEOUT_S, use_ssh_client=True, **given)
    except (*Refusal, OSError) as error:
        raise EngineError(
            f"no Docker engine answers at {address}: {_root(error)}",
            "`make engine` gets one; `docker context ls` and DOCKER_HOST say which one is meant",
        ) from error
    if tuple(int(part) for part in client.api_version.split(".")) < OLDEST_API:
        client.close()
        raise EngineError(
            f"the Docker engine at {address} speaks API {client.api_version}, which is too old",
            "the harness needs Docker 20.10 or newer (API 1.41)",
        )
    return client


def environment_for(which: Engine) -> dict[str, str]:
    """Our environment, with the engine as `docker` would be told of it."""
    environ = dict(os.environ)
    if which.host is not None or which.context is not None:
        for key in ("DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH"):
            environ.pop(key, None)
    if which.host is not None:
        environ["DOCKER_HOST"] = which.host
    if which.context is not None:
        environ["DOCKER_CONTEXT"] = which.context
    if which.certificates is not None:
        environ |= {"DOCKER_CERT_PATH": str(which.certificates), "DOCKER_TLS_VERIFY": "1"}
    return environ


def reach_of(which: Engine, client: APIClient) -> Reach | None:
    """How ports that this engine publishes are reached; None where that was not declared."""
    if which.address is not None:
        return Reach(which.address)
    host = _address(environment_for(which))
    if host.startswith("ssh://"):
        return Reach(ssh=host)
    return HERE if is_local(client) else None


def _address(environ: Mapping[str, str]) -> str:
    """Where the engine is looked for. Where a context is missing, docker-py would take the default socket."""
    if host := environ.get("DOCKER_HOST"):
        return host
    name = environ.get("DOCKER_CONTEXT")
    try:
        context = ContextAPI.get_context(name)
    except Exception as error:  # docker-py raises a bare Exception for a damaged context
        raise EngineError(f"the Docker context can't be read: {error}", "docker context ls") from error
    if context is None:
        shown = f" {name!r}" if name else ""
        raise EngineError(
            f"the Docker context{shown} does not exist", "`docker context ls` lists those that do"
        )
    return str(context.Host)


def is_local(client: APIClient) -> bool:
    """Whether the engine publishes ports on the loopback that we send load to."""
    return bool(re.match(r"(http\+docker://local|https?://(127\.|localhost|\[::1\]))", client.base_url))


@contextlib.contextmanager
def engine_asked_to(what: str, hint: str = "") -> Iterator[None]:
    """A refusal inside becomes an EngineError: what was asked, and the engine's own words.

    Raises EngineGone where the engine did not answer, or lost the image: that may pass.
    """
    try:
        yield
    except APIError as error:
        passing = isinstance(error, ImageNotFound) or (error.is_server_error() and _is_going(error))
        kind = EngineGone if passing else EngineError
        raise kind(f"Docker could not {what}: {words(error)}", hint) from error
    except Refusal as error:
        hint = hint or "`docker info` says whether the engine still answers"
        kind = EngineError if type(error) is DockerException else EngineGone
        raise kind(f"Docker could not {what}: {_root(error)}", hint) from error


def _is_going(error: APIError) -> bool:
    """Whether the engine is shutting down: it still answers then, but starts nothing."""
    return any(sign in words(error) for sign in ("context canceled", "connection refused", "closing", "EOF"))


def words(error: APIError) -> str:
    """The engine's own explanation."""
    return str(error.explanation or error).strip()


def _root(error: BaseException) -> str:
    """The innermost reason: the client's wrappers around a refused connection say nothing more."""
    while inner := error.__cause__ or error.__context__:
        error = inner
    reason = error.strerror if isinstance(error, OSError) else None
    return reason or str(error) or type(error).__name__


class EngineStream:
    """JSON objects that the engine sends as they happen, until `close`, which any thread may call."""

    def __init__(
        self, client: APIClient, path: str, params: Mapping[str, Any], silence_at_most_s: float | None = None
    ) -> None:
        self._what = f"stream {path.rsplit('/', 1)[-1]}"
        self._closed = False
        with engine_asked_to(self._what):
            self._response = client.get(
                f"{client.base_url}/v{client.api_version}{path}",
                params=dict(params),
                stream=True,
                timeout=(CONNECT_WITHIN_S, silence_at_most_s),
            )
            try:
                self._response.raise_for_status()
            except RefusedRequest as error:
                create_api_error_from_http_exception(error)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        try:
            with engine_asked_to(self._what):
                for line in self._response.iter_lines(chunk_size=None):
                    if line:
                        yield json.loads(line)
        except (
            EngineError,
            OSError,
            ValueError,
            AttributeError,
        ):  # what a socket closed under a reader makes of it
            if not self._closed:
                raise
        finally:
            self._response.close()

    def close(self) -> bool:
        """Whether a blocked reader was woken; an engine behind SSH can't wake one before its next object."""
        self._closed = True
        try:
            CancellableStream(iter(()), self._response).close()
        except (AttributeError, OSError):
            return True  # it had ended
        except (DockerException, UnboundLocalError):  # the latter is how docker-py meets its own SSH client
            return False
        return True


def remove_leftovers(client: APIClient, campaign: str | None) -> list[str]:
    """Remove containers and networks with our label, whatever their state; their names in order."""
    label = CAMPAIGN_LABEL if campaign is None else f"{CAMPAIGN_LABEL}={campaign}"
    with engine_asked_to("list what the harness left"):
        containers = client.containers(all=True, filters={"label": label})
        networks = client.networks(filters={"label": label})
    for container in containers:
        remove_container(client, container["Id"])
    for network in networks:
        with engine_asked_to(f"remove the network {network['Name']}"), already_gone():
            client.remove_network(network["Id"])
    return sorted(
        [container["Names"][0].lstrip("/") for container in containers]
        + [network["Name"] for network in networks]
    )


def remove_old_images(client: APIClient) -> list[str]:
    """Of a target's images that were built here, remove all but the newest and those in use; their names."""
    with engine_asked_to("list the images that were built for targets"):
        images = client.images(filters={"label": TARGET_LABEL})
    newest: set[str] = set()
    removed = []
    for image in sorted(images, key=lambda image: image["Created"], reverse=True):
        for tag in image["RepoTags"] or []:
            name = tag.rpartition(":")[0]
            if name in newest and _image_removed(client, tag):
                removed.append(tag)
            newest.add(name)
    return sorted(removed)


def _image_removed(client: APIClient, tag: str) -> bool:
    """False where it is in use."""
    with engine_asked_to(f"remove the image {tag}"):
        try:
            client.remove_image(tag)
        except APIError as error:
            if error.status_code not in (404, 409):
                raise
            return False
    return True


def remove_container(client: APIClient, name: str) -> bool:
    """Remove it with its anonymous volumes, running or not. False when there is none of this name."""
    with engine_asked_to(f"remove the container {name}"), already_gone():
        client.remove_container(name, force=True, v=True)
        return True
    return False


@contextlib.contextmanager
def already_gone() -> Iterator[None]:
    try:
        yield
    except APIError as error:
        in_progress = error.status_code == 409 and "already in progress" in words(error)
        if error.status_code != 404 and not in_progress:
            raise
