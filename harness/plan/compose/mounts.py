"""Convert what a service mounts: folders of the host, volumes, tmpfs, secrets and configs."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.plan.compose.reader import ComposeModel, to_reference_text
from harness.plan.compose.report import ComposeTarget
from harness.plan.compose.syntax import is_external, is_true, parse_bytes
from harness.plan.host_mounts import describe_refused_mount, find_project_folder
from harness.plan.yaml.document import shorten_path

_Values = Mapping[str, Any]
_MOUNT_KEYS = ("files", "copies", "volumes", "contents")


@dataclass(slots=True)
class MountConverter:
    """Converts the mounts of one service; `own` is what target.yaml itself says of it, which comes first."""

    name: str
    service: _Values
    own: _Values
    model: ComposeModel
    environ: Mapping[str, str]
    result: ComposeTarget
    mounts: dict[str, dict[str, Any]] = field(default_factory=dict)
    tmpfs: list[str] = field(default_factory=list)

    def convert(self) -> dict[str, Any]:
        """Return `files`, `copies`, `volumes`, `contents` and `tmpfs` of the service, without empty ones."""
        self.tmpfs = [str(each) for each in self.service.get("tmpfs") or []]
        for mount in self.service.get("volumes") or []:
            if not self._is_overridden(str(mount.get("target"))):
                self._convert_mount(mount, str(mount.get("target")))
        for section, folder in (("secrets", "/run/secrets/"), ("configs", "/")):
            for grant in self.service.get(section) or []:
                self._convert_grant(section, grant, folder)
        self._copy_what_others_lie_in()
        tmpfs = {"tmpfs": self.tmpfs} if self.tmpfs else {}
        return {key: self.mounts[key] for key in _MOUNT_KEYS if self.mounts.get(key)} | tmpfs

    def _is_overridden(self, target: str) -> bool:
        sections = [self.own.get(key) for key in _MOUNT_KEYS]
        return any(isinstance(section, dict) and target in section for section in sections)

    def _add(self, key: str, target: str, value: Any) -> None:
        self.mounts.setdefault(key, {})[target] = value

    def _convert_mount(self, mount: _Values, target: str) -> None:
        match mount.get("type"):
            case "bind":
                self._convert_bind(str(mount.get("source", "")), target, mount)
            case "volume":
                self._convert_volume(mount, target)
            case "tmpfs":
                self.tmpfs.append(_format_tmpfs(mount, target))
            case kind:
                self.result.refuse(
                    self.name, f"its mount of the type {kind} at {target} is not possible here"
                )

    def _convert_bind(self, source: str, target: str, mount: _Values) -> None:
        """Convert a file or folder of the host: what the service may write to becomes a copy of its own."""
        path, is_writable = Path(source), not is_true(mount.get("read_only"))
        project = find_project_folder(self.model.folder)
        if reason := describe_refused_mount(path, is_writable=is_writable, project=project):
            self.result.refuse(self.name, f"its mount at {target}: {shorten_path(path)} {reason}")
            return
        if not path.exists():
            self._convert_missing_bind(path, target, mount)
        elif is_writable and (path.is_dir() or path.resolve().is_relative_to(project.resolve())):
            self._add("copies", target, source)
            self.result.note(self.name, f"{target} is a copy of {shorten_path(path)} in every container run")
        else:
            self._add("files", target, source)
            if is_writable:
                self.result.note(self.name, f"{target} is mounted read-only")

    def _convert_missing_bind(self, path: Path, target: str, mount: _Values) -> None:
        """Convert a folder of the host that is not there: the engine would make it, so it begins empty."""
        bind = mount.get("bind") or {}
        if bind.get("create_host_path") in (False, "false"):
            self.result.refuse(self.name, f"{target}: {shorten_path(path)} is not there")
            return
        self._add("copies", target, str(path))
        self.result.note(self.name, f"{target} begins empty, because {shorten_path(path)} is not there")

    def _convert_volume(self, mount: _Values, target: str) -> None:
        source = str(mount.get("source") or "")
        volume = (self.model.values.get("volumes") or {}).get(source) or {}
        options = volume.get("driver_opts") or {}
        kinds = [kind.strip() for kind in str(options.get("o", "")).split(",")]
        if {"bind", "rbind"} & {*kinds} and "device" in options:
            rights = {"read_only": True} if "ro" in kinds else {}
            self._convert_bind(str(options["device"]), target, {**mount, **rights})
        elif options.get("type") == "tmpfs":
            self.tmpfs.append(target + (f":{options['o']}" if options.get("o") else ""))
        else:
            rights = {"nocopy": True} if _begins_empty(mount) else {}
            rights |= {"read_only": True} if is_true(mount.get("read_only")) else {}
            self._add("volumes", target, {"name": source, **rights} if rights else source)
            self.result.note(
                self.name, f"its volume at {target} {self._describe_new_volume(source, volume, mount)}"
            )

    def _describe_new_volume(self, source: str, volume: _Values, mount: _Values) -> str:
        begins = "begins empty" if _begins_empty(mount) else "begins as in its image"
        if is_external(volume):
            return f"{begins} in every container run, without what is in the volume {source}"
        if options := volume.get("driver_opts"):
            place = f", without what is in {options['device']}" if options.get("device") else ""
            return f"{begins} in every container run, on the engine's own disk{place}"
        return f"{begins} in every container run"

    def _convert_grant(self, section: str, grant: _Values, folder: str) -> None:
        """Convert a secret or a config that the service is given."""
        source = str(grant.get("source"))
        target = str(grant.get("target") or source)
        inside = target if target.startswith("/") else folder + target
        defined = (self.model.values.get(section) or {}).get(source)
        if self._is_overridden(inside):
            return
        if not isinstance(defined, dict):
            self.result.refuse(self.name, f"its {section[:-1]} {source} is not in the file")
            return
        sources = [key for key in ("file", "content", "environment") if key in defined]
        if is_external(defined):
            self.result.refuse(
                self.name,
                f"its {section[:-1]} {source} is external; write files: {{{inside}: PATH}} in target.yaml",
            )
        elif len(sources) != 1:
            given = f"is given by {' and '.join(sources)}; keep one"
            fault = given if sources else "says nowhere what is in it"
            self.result.refuse(self.name, f"its {section[:-1]} {source} {fault}")
        elif "file" in defined:
            self._convert_granted_file(Path(str(defined["file"])), inside)
        else:
            self._convert_granted_text(section, grant, defined, inside)

    def _convert_granted_file(self, path: Path, inside: str) -> None:
        project = find_project_folder(self.model.folder)
        if reason := describe_refused_mount(path, is_writable=False, project=project):
            self.result.refuse(self.name, f"{inside}: {shorten_path(path)} {reason}")
        else:
            self._add("files", inside, str(path))

    def _convert_granted_text(self, section: str, grant: _Values, defined: _Values, inside: str) -> None:
        name = str(defined.get("environment", ""))
        if "content" in defined:
            text = to_reference_text(str(defined["content"]))
        elif name in self.environ:
            text = f"${{{name}}}"
        elif name in self.model.dotenv:
            text = to_reference_text(self.model.dotenv[name])
        else:
            source = grant.get("source")
            self.result.refuse(
                self.name,
                f"its {section[:-1]} {source} is the variable {name}, which is not set; export {name}=…",
            )
            return
        rights = {key: int(grant[key]) for key in ("uid", "gid") if str(grant.get(key, "")).isdigit()}
        mode = {"mode": _format_mode(grant["mode"])} if grant.get("mode") is not None else {}
        self._add("contents", inside, {"text": text, **mode, **rights} if mode or rights else text)

    def _copy_what_others_lie_in(self) -> None:
        """Turn read-only folders into copies if something else is mounted in them: it needs a place there."""
        files = self.mounts.get("files", {})
        others = [target for section in self.mounts.values() for target in section]
        others += [text.partition(":")[0] for text in self.tmpfs]
        for target in list(files):
            if Path(files[target]).is_dir() and any(
                each.startswith(target.rstrip("/") + "/") for each in others
            ):
                self._add("copies", target, files.pop(target))


def _begins_empty(mount: _Values) -> bool:
    """Return True for a volume that is not filled with what its image has there."""
    return is_true((mount.get("volume") or {}).get("nocopy"))


def _format_tmpfs(mount: _Values, target: str) -> str:
    options = mount.get("tmpfs") or {}
    texts = []
    if options.get("size"):
        texts.append(f"size={parse_bytes(options['size'])}")
    if options.get("mode"):
        texts.append(f"mode={_format_mode(options['mode'])}")
    return target + (":" + ",".join(texts) if texts else "")


def _format_mode(mode: object) -> str:
    """Return a file's mode in octal digits: YAML reads 0444 as a number."""
    return f"0{mode:o}" if isinstance(mode, int) else str(mode)


def find_parted_folders(sections: Mapping[str, _Values]) -> Iterator[tuple[str, str, str]]:
    """Yield services that get a copy each of a folder that the compose file lets them share.

    One of them sees the folder, the other a folder within it. `sections` are the services as target.yaml has
    them. Yielded are the name of one that writes, that of another, and where the first one has the folder.
    """
    for name, section in sections.items():
        for inside, copied in (section.get("copies") or {}).items():
            for other, seen in sections.items():
                mounted = {**(seen.get("files") or {}), **(seen.get("copies") or {})}
                if other != name and any(_is_part(Path(copied), Path(each)) for each in mounted.values()):
                    yield name, other, inside


def _is_part(folder: Path, other: Path) -> bool:
    """Return True for two folders of which one lies in the other."""
    is_inner = other != folder and (other.is_relative_to(folder) or folder.is_relative_to(other))
    return is_inner and not folder.is_file() and not other.is_file()
