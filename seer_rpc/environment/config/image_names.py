"""Images of registries as they are written in a config."""

from __future__ import annotations

import re

from seer_rpc.errors import ConfigError

_HOST = r"(?:localhost|[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+|[A-Za-z0-9-]+(?=:))(?::[0-9]{1,5})?"
_PART = r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*"
_TAG = r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}"
_FORM = re.compile(
    rf"(?=.{{1,500}}$)(?:{_HOST}/)?{_PART}(?:/{_PART})*(?::{_TAG})?(?:@sha256:[0-9a-f]{{64}})?"
)
_SCHEME = re.compile(r"[a-z]+://")


def check_image(text: str) -> None:
    """Check the name of an image, as `docker pull` takes it.

    Raises:
        ConfigError: it is none.
    """
    if not _FORM.fullmatch(text):
        raise ConfigError(f"image={text!r} is no image of a registry", hint=_hint(text))


def _hint(text: str) -> str:
    scheme = _SCHEME.match(text)
    if scheme:
        return f"leave {scheme[0]!r} out: write it as docker pull takes it"
    if _FORM.fullmatch(text.lower()):
        return "names of images are in lower case, up to the tag"
    return 'write it as docker pull takes it: "nvidia/cuda:12.8.1-devel-ubuntu22.04"'
