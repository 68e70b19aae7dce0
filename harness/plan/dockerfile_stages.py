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

    A name that only an image can have, such as `shop:dev`, is replaced where it stands. None if it would not
    say the same: the Dockerfile has a stage of such a name itself, it numbers its stages, or it names one of
    the images in another way.
    """
    stages = {name: image for name, image in images.items() if _NAME.fullmatch(name)}
    for name, image in images.items():
        if name not in stages:
            text = _replace_image(text, name, image)
    dockerfile = parse_dockerfile(text)
    first = _FIRST_STAGE.search(text)
    names = {shorten_image(name) for name in images}
    is_possible = (
        first is not None
        and not stages.keys() & _list_stage_names(dockerfile)
        and not any(_NUMBER.search(flag) for each in dockerfile.instructions for flag in each.flags)
        and not any(
            shorten_image(image) in names - ({image} & stages.keys())
            for image in find_images(dockerfile, args)
        )
    )
    if first is None or not is_possible:
        return None
    lines = "".join(f"FROM {image} AS {name}\n" for name, image in stages.items())
    return text[: first.start()] + lines + text[first.start() :]


def _replace_image(text: str, name: str, image: str) -> str:
    """Return the Dockerfile with another image where one is named by `FROM`, or by the flag `from=`."""
    wanted = shorten_image(name)
    tag = "" if ":" in wanted.rpartition("/")[2] else "(?::latest)?"
    spelt = rf"(?:docker\.io/)?(?:library/)?{re.escape(wanted)}{tag}"
    pattern = rf"(?im)(^[ \t]*FROM[ \t]+(?:--\S+[ \t]+)*|(?<=[-,=])from=)({spelt})(?=[\s,]|$)"
    return re.sub(pattern, lambda match: match[1] + image, text)


def _list_stage_names(dockerfile: Dockerfile) -> set[str]:
    words = (each.text.split() for each in dockerfile.instructions if each.name == "FROM")
    return {each[2].lower() for each in words if len(each) == 3}


def shorten_image(image: str) -> str:
    """Return an image's name without what Docker adds to a short one."""
    return image.removeprefix("docker.io/").removeprefix("library/").removesuffix(":latest")
