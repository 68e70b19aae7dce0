"""Convert what a service runs: an image, or a build with its contexts, secrets and SSH agents."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from harness.plan.compose.reader import ComposeModel
from harness.plan.compose.report import ComposeTarget

_Values = Mapping[str, Any]
_SERVICE = "service:"


@dataclass(frozen=True, slots=True)
class BuildConverter:
    """Converts the image or the build of one service; it adds notes and faults to `result`."""

    name: str
    model: ComposeModel
    environ: Mapping[str, str]
    result: ComposeTarget

    def convert(self, values: _Values) -> dict[str, Any]:
        """Return `image` or `build` of the service; neither if the file has neither."""
        platform = str(values.get("platform") or "")
        values = self._find_builder(values)
        if not isinstance(values.get("build"), dict):
            if platform:
                self.result.note(
                    self.name, f"platform is not honoured: the engine runs {platform} only if it is its own"
                )
            return {"image": str(values["image"])} if values.get("image") else {}
        build: _Values = values["build"]
        context = str(build.get("context"))
        if not context.startswith("/"):
            self.result.refuse(
                self.name,
                f"its image is built from {context}, which is not here; build it, and write image: NAME",
            )
        section: dict[str, Any] = {"context": context}
        if (build.get("dockerfile") or "Dockerfile") != "Dockerfile":
            section["dockerfile"] = str(build["dockerfile"])
        for key in ("dockerfile_inline", "target", "network"):
            if build.get(key):
                section[key] = str(build[key])
        if args := {key: text for key, text in (build.get("args") or {}).items() if text is not None}:
            section["args"] = {key: str(text) for key, text in args.items()}
        if build.get("extra_hosts"):
            section["extra_hosts"] = [str(each) for each in build["extra_hosts"]]
        if contexts := self._convert_contexts(build):
            section["additional_contexts"] = contexts
        if build.get("ssh"):
            section["ssh"] = _convert_ssh(build["ssh"])
        if secrets := self._convert_secrets(build):
            section["secrets"] = secrets
        return {"build": section | self._choose_platform(platform, build)}

    def _find_builder(self, values: _Values) -> _Values:
        """Return the service whose build makes the image that a service without a build runs; else itself."""
        if values.get("build") or not values.get("image"):
            return values
        others = (each for each in self.model.services.values() if each.get("build"))
        return next((each for each in others if each.get("image") == values["image"]), values)

    def _convert_contexts(self, build: _Values) -> dict[str, str]:
        """Return the further contexts of a build: folders and addresses, with images of other services."""
        contexts: dict[str, str] = {}
        for key, place in (build.get("additional_contexts") or {}).items():
            text = str(place)
            service = text.removeprefix(_SERVICE)
            image = self._find_image(service)
            if not text.startswith(_SERVICE):
                contexts[key] = text
            elif image is not None:
                contexts[key] = f"docker-image://{image}"
            else:
                self.result.refuse(
                    self.name,
                    f"build.additional_contexts: {key} is what {service} is built to; build both by `docker "
                    f"compose build {self.name}`, and name the result by image: in target.yaml",
                )
        return contexts

    def _find_image(self, service: str) -> str | None:
        """Return the image that a service runs without building it; None if there is none."""
        values = self._find_builder(self.model.services.get(service) or {})
        return str(values["image"]) if values.get("image") and not values.get("build") else None

    def _convert_secrets(self, build: _Values) -> dict[str, Any]:
        """Return the secrets that a build may use; a variable of `.env` as its text."""
        secrets: dict[str, Any] = {}
        for grant in build.get("secrets") or []:
            source = str(grant.get("source"))
            defined = (self.model.values.get("secrets") or {}).get(source) or {}
            name, variable = str(grant.get("target") or source), str(defined.get("environment") or "")
            if defined.get("file"):
                secrets[name] = {"file": str(defined["file"])}
            elif variable and variable not in self.environ and variable in self.model.dotenv:
                secrets[name] = {"text": self.model.dotenv[variable]}
            elif variable:
                secrets[name] = {"environment": variable}
            else:
                fault = "external" if defined.get("external") else "not in the file"
                self.result.refuse(
                    self.name,
                    f"the secret {source} of its build is {fault}; build it, and write image: NAME",
                )
        return secrets

    def _choose_platform(self, platform: str, build: _Values) -> dict[str, str]:
        platforms = [platform] if platform else [str(each) for each in build.get("platforms") or []]
        if len(platforms) > 1:
            self.result.note(
                self.name, "build.platforms is not honoured: it is built for the engine's own platform"
            )
        return {"platform": platforms[0]} if len(platforms) == 1 else {}


def _convert_ssh(ssh: Any) -> list[str]:
    """Return agents and keys, by name, in the notation of `docker build --ssh`."""
    pairs = ssh.items() if isinstance(ssh, dict) else ((each, None) for each in ssh)
    return sorted(f"{key}={path}" if path else str(key) for key, path in pairs)
