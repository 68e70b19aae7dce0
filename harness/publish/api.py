"""Call the JSON API of a code host with a token, which goes to that host and nowhere else."""

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.auth import AuthBase

from harness.errors import PublishError

_TIMEOUT_S = (10, 60)
_MOST_PAGES = 100
_MOST_REASON_CHARACTERS = 300


class _Token(AuthBase):
    """Adds the token to a request. It replaces what a .netrc file would add."""

    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request


class Api:
    """The API at an address. Every method raises PublishError if the host refuses or does not answer."""

    def __init__(self, address: str, token: str, headers: Mapping[str, str] | None = None) -> None:
        self._address = address.rstrip("/")
        self._session = requests.Session()
        self._session.auth = _Token(token)
        self._session.headers.update({"User-Agent": "capacity-harness", **(headers or {})})

    def __enter__(self) -> "Api":
        return self

    def __exit__(self, *_: object) -> None:
        self._session.close()

    def list_entries(self, path: str) -> Iterator[Mapping[str, Any]]:
        """Yield the entries of a list, from all its pages."""
        address = f"{self._address}{path}"
        for _ in range(_MOST_PAGES):
            response = self._call("GET", address)
            entries = self._read_json(response)
            if not isinstance(entries, list):
                raise PublishError(f"{self._name(address)} answered with no list")
            yield from (entry for entry in entries if isinstance(entry, dict))
            address = response.links.get("next", {}).get("url", "")
            if not address.startswith(f"{self._address}/"):
                return

    def read(self, path: str) -> Mapping[str, Any]:
        """Return the object at a path."""
        return self._read_object(self._call("GET", f"{self._address}{path}"))

    def send(self, method: str, path: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
        """Send an object, and return the one that the host answers with."""
        return self._read_object(self._call(method, f"{self._address}{path}", body))

    def _call(self, method: str, address: str, body: Mapping[str, Any] | None = None) -> requests.Response:
        try:
            response = self._session.request(method, address, json=body, timeout=_TIMEOUT_S)
        except requests.RequestException as error:
            raise PublishError(f"{self._name(address)} does not answer: {type(error).__name__}") from error
        if not response.ok:
            raise PublishError(
                f"{self._name(address)} refused ({response.status_code}): {_read_reason(response)}",
                is_forbidden=response.status_code in (401, 403, 404),
            )
        return response

    def _read_object(self, response: requests.Response) -> Mapping[str, Any]:
        answer = self._read_json(response)
        if not isinstance(answer, dict):
            raise PublishError(f"{self._name(response.url)} answered with no object")
        return answer

    def _read_json(self, response: requests.Response) -> Any:
        try:
            return response.json()
        except ValueError:
            raise PublishError(f"{self._name(response.url)} answered with no JSON") from None

    @staticmethod
    def _name(address: str) -> str:
        """Return the host of an address, without its path, which may name what is secret."""
        return urlsplit(address).netloc.rpartition("@")[2] or address


def _read_reason(response: requests.Response) -> str:
    """Return what the host says about its refusal."""
    reason: Any = None
    with contextlib.suppress(ValueError, AttributeError):
        reason = response.json().get("message")
    return str(reason or response.reason or "no reason is given")[:_MOST_REASON_CHARACTERS]
