"""Write the further contexts of a build into its Dockerfile, for builders that know no further contexts.

A context that is an image becomes a stage before the others: `FROM NAME` and `COPY --from=NAME` find it.
"""

import re
from collections.abc import Mapping

from harness.plan.dockerfile import Dockerfile, find_images, parse_dockerfile

_NAME = re.compile(r"[a-z][a-z0-9_.-]*")
_FIRST_STAGE = re.compile(r"^[ \t]*FROM[ \t]", re.IGNORECASE | re.MULTILINE)
_NUMBER = re.compile(r"from=\d+(?:,|$)")


def insert_stages(text: str, images: Mapping[str, str], args: Mapping[str, str]) -> str | None:
    """Return the Dockerfile with a stage for each of the images, by its name.

    None if it would not say the same: a name can't be that of a stage, the Dockerfile has such a stage
    itself, it numbers its stages, or it names one of the images in another way.
    """
    dockerfile = parse_dockerfile(text)
    first = _FIRST_STAGE.search(text)
    is_possible = (
        first is not None
        and all(map(_NAME.fullmatch, images))
        and not images.keys() & _list_stage_names(dockerfile)
        and not any(_NUMBER.search(flag) for each in dockerfile.instructions for flag in each.flags)
        and not any(_shorten(image) in images.keys() - {image} for image in find_images(dockerfile, args))
    )
    if first is None or not is_possible:
        return None
    stages = "".join(f"FROM {image} AS {name}\n" for name, image in images.items())
    return text[: first.start()] + stages + text[first.start() :]


def _list_stage_names(dockerfile: Dockerfile) -> set[str]:
    words = (each.text.split() for each in dockerfile.instructions if each.name == "FROM")
    return {each[2].lower() for each in words if len(each) == 3}


def _shorten(image: str) -> str:
    """Return an image's name without what Docker adds to a short one."""
    return image.removeprefix("docker.io/").removeprefix("library/").removesuffix(":latest")
