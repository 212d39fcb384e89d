"""Where a repository is, as it is written in a config."""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urlsplit, urlunsplit

from seer_rpc.errors import ConfigError
from seer_rpc.redaction import without_credentials

_SHORT = re.compile(r"(?P<owner>[A-Za-z0-9][A-Za-z0-9-]*)/(?P<name>[A-Za-z0-9._-]+)")
_SCP = re.compile(r"(?P<user>[A-Za-z0-9._-]+)@(?P<host>[A-Za-z0-9.-]+):(?P<path>[^@]+)")
_REVISION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/+-]*")
_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?|[0-9a-fA-F:]+")
_USER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*")
_SAFE = ("https", "ssh", "file")
_LOOPBACK = ("http", "git")
_FORMS = (
    'write "owner/repo", "https://host/path", "git@host:path" or a folder here, and "@revision" '
    "after it for a branch, tag or commit"
)


@dataclass(frozen=True)
class RepoSource:
    """A repository and what of it is wanted."""

    url: str
    """For git; without name and password."""

    name: str
    """Its folder in the sandbox."""

    revision: str = ""
    """A branch, a tag or a commit; the default branch without one."""

    authorization: str = field(default="", repr=False)
    """What a server wants to see in the header of that name."""

    @property
    def scheme(self) -> str:
        """How git gets there."""
        return urlsplit(self.url).scheme if "://" in self.url else "file"


def parse_repo(text: str) -> RepoSource:
    """Read where a repository is.

    Raises:
        ConfigError: it cannot be read, or git would have to do what is not safe.
    """
    text = text.strip()
    if not text or text.startswith("-") or not text.isprintable() or "::" in text:
        raise ConfigError(f"{without_credentials(text)!r} is no repository", hint=_FORMS)
    if "://" in text:
        return _of_url(text)
    whole, _, revision = text.partition("@")
    if not Path(text).expanduser().exists():
        if match := _SHORT.fullmatch(whole):
            if not Path(whole).expanduser().is_dir():
                url = f"https://github.com/{match['owner']}/{match['name']}"
                return _source(url, match["name"], revision, marked=whole != text)
        elif scp := _SCP.match(text):
            rest = text[scp.end() :]
            # In this form too, a revision may follow.
            return _source(scp[0], scp["path"], rest[1:], marked=bool(rest))
    return _of_path(text)


def _of_url(text: str) -> RepoSource:
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        # What is wrong with it may be a password in the wrong place: it is not told.
        scheme = text.partition("://")[0]
        raise ConfigError(f"what follows {scheme}:// is no URL", hint=_FORMS) from None
    if parts.scheme in _LOOPBACK and host not in ("localhost", "127.0.0.1", "::1"):
        raise ConfigError(
            f"{without_credentials(text)!r}: what comes over {parts.scheme}:// can be changed on "
            "its way",
            hint=f"write https://{host}{parts.path}",
        )
    if parts.scheme not in (*_SAFE, *_LOOPBACK):
        raise ConfigError(
            f"{without_credentials(text)!r}: repositories come by {', '.join(_SAFE)} alone",
            hint=_FORMS,
        )
    if parts.scheme == "file":
        return _of_path(unquote(parts.path))
    if not _HOST.fullmatch(host):
        raise ConfigError(f"{without_credentials(text)!r} names no host", hint=_FORMS)
    path, mark, revision = parts.path.partition("@")
    user, authorization = "", ""
    if parts.scheme == "ssh":
        user = f"{parts.username}@" if parts.username else ""
        if user and not _USER.fullmatch(user[:-1]):
            raise ConfigError(f"{without_credentials(text)!r} names no user", hint=_FORMS)
    elif parts.username or parts.password:
        pair = f"{unquote(parts.username or '')}:{unquote(parts.password or '')}"
        authorization = f"Basic {base64.b64encode(pair.encode()).decode()}"
    address = user + parts.netloc.rpartition("@")[2]
    url = urlunsplit((parts.scheme, address, path, "", ""))
    return _source(url, path, revision, marked=bool(mark), authorization=authorization)


def _of_path(text: str) -> RepoSource:
    """Read a path here; "@" may be a part of it."""
    path, mark, revision = text, "", ""
    while not Path(path).expanduser().is_dir() and "@" in path:
        path, mark, rest = path.rpartition("@")
        revision = f"{rest}@{revision}" if revision else rest
    folder = Path(path).expanduser()
    if not folder.is_dir():
        raise ConfigError(
            f"{without_credentials(text)!r} is no repository: there is no such folder here",
            hint=_FORMS,
        )
    return _source(str(folder.resolve()), folder.resolve().name, revision, marked=bool(mark))


def _source(
    url: str, path: str, revision: str, *, marked: bool, authorization: str = ""
) -> RepoSource:
    name = path.rstrip("/").rpartition("/")[2].rpartition(":")[2].removesuffix(".git")
    name = re.sub(r"[^A-Za-z0-9._-]", "-", name)
    if not name.strip("-.") or name.startswith("-"):
        raise ConfigError(f"{without_credentials(url)!r} has no name for its folder", hint=_FORMS)
    is_odd = ".." in revision or revision.endswith(("/", ".lock", "."))
    if marked and (is_odd or not _REVISION.fullmatch(revision)):
        raise ConfigError(f"{revision!r} is no branch, tag or commit", hint=_FORMS)
    return RepoSource(url, name, revision, authorization)
