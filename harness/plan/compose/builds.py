"""Convert what a service runs: an image, or a build with its contexts, secrets and SSH agents."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from harness.plan.compose.reader import ComposeModel
from harness.plan.compose.report import ComposeTarget
from harness.plan.compose.service_keys import choose_stage, read_build_text
from harness.plan.compose.syntax import is_external
from harness.plan.dockerfile import find_images, parse_dockerfile
from harness.plan.dockerfile_stages import shorten_image

_Values = Mapping[str, Any]
_SERVICE = "service:"


@dataclass(frozen=True, slots=True)
class BuildConverter:
    """Converts the image or the build of one service; it adds notes and faults to `result`.

    `dependents` are the services whose builds are built upon this one.
    """

    name: str
    model: ComposeModel
    environ: Mapping[str, str]
    result: ComposeTarget
    dependents: tuple[str, ...] = ()

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
        self._note_images_of_others(section)
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

    def _convert_contexts(self, build: _Values) -> dict[str, Any]:
        """Return the further contexts of a build: folders, addresses, and the images of other services."""
        contexts: dict[str, Any] = {}
        for key, place in (build.get("additional_contexts") or {}).items():
            text = str(place)
            if not text.startswith(_SERVICE):
                contexts[key] = text
            elif source := self._convert_other_service(key, text.removeprefix(_SERVICE)):
                contexts[key] = source
        return contexts

    def _note_images_of_others(self, section: _Values) -> None:
        """Note images that the Dockerfile takes as the engine has them, although the file builds them."""
        text = read_build_text(section)
        named = {shorten_image(name) for name in section.get("additional_contexts") or {}}
        images = find_images(parse_dockerfile(text), *choose_stage(section)) if text else []
        taken = {shorten_image(image) for image in images} - named
        for other, values in sorted(self.model.services.items()):
            if (
                other != self.name
                and values.get("build")
                and shorten_image(str(values.get("image"))) in taken
            ):
                self.result.note(
                    self.name,
                    f"it is built upon the {values['image']} that the engine has; additional_contexts: "
                    f"{{{values['image']}: 'service:{other}'}} in its build makes that first",
                )

    def _convert_other_service(self, key: str, other: str) -> Any:
        """Return the image or the build of a service that this one is built upon; None if that can't be."""
        values = self.model.services.get(other)
        if values is None or other in (self.name, *self.dependents):
            fault = "not in the file" if values is None else "built upon it in turn"
            self.result.refuse(self.name, f"build.additional_contexts: {key} is {other}, which is {fault}")
            return None
        if isinstance(values.get("build"), dict):
            self.result.report_lost_keys(other, {"build": values["build"]}, "services.*")
        dependents = (*self.dependents, self.name)
        converter = BuildConverter(other, self.model, self.environ, self.result, dependents)
        source = converter.convert(values)
        self.result.built.append(other)
        if not source:
            self.result.refuse(
                self.name, f"build.additional_contexts: {key} is {other}, which has no image and no build"
            )
            return None
        return source if "build" in source else f"docker-image://{source['image']}"

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
                fault = "external" if is_external(defined) else "not in the file"
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
