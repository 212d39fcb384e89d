"""What an installer says of a failure, in a few words and with what to do."""

from __future__ import annotations

import re
from collections.abc import Sequence

from packaging.requirements import Requirement

from seer_rpc.errors import PackageInstallError
from seer_rpc.redaction import without_credentials

_NAME = r"(?P<name>[A-Za-z0-9][\w.-]*)"
_BUILD = re.compile(
    rf"Failed to build `?{_NAME}(?:==(?P<version>[\w.!+-]+?))?`?\s"
    rf"|(?:Failed building wheel for|Building wheel for) {_NAME.replace('name', 'wheel')}"
    r"|Failed to build '?(?P<source>[\w.-]+)|metadata-generation-failed"
    r"|Getting requirements to build wheel did not run successfully"
)
_BUILD_REASONS = [
    re.compile(pattern, re.MULTILINE)
    for pattern in (
        r"^.*fatal error: .*$",
        r"^.*: (?:command )?not found.*$",
        r"^.*No such file or directory: .*$",
        r"^.*(?:ModuleNotFoundError|ImportError): .*$",
        r"^\s*\w*Error: .*$",
        r"^\s*error: (?!subprocess-exited|Failed to build|command ).*$",
    )
]
_NETWORK = re.compile(
    r"Failed to fetch|error sending request|dns error|Connection refused|NewConnectionError"
    r"|name resolution|Network is unreachable|network was disabled|Max retries exceeded"
    r"|timed out|CERTIFICATE_VERIFY_FAILED|invalid peer certificate"
)
_FILE_MISSING = re.compile(r"Distribution not found at: (\S+)|No such file or directory: '([^']+)'")
_UNKNOWN = re.compile(
    rf"{_NAME} was not found in the (?:package registry|provided package locations)"
    rf"|No matching distribution found for {_NAME.replace('name', 'pip')}"
)
_NO_VERSION = re.compile(rf"there is no version of {_NAME}(?P<version>[=<>!~][^\s,]*)")
_NO_WHEEL = re.compile(
    rf"{_NAME}(?:[=<>!~][^\s,]*)? (?:has no wheels with|has no (?:usable )?wheels|has no source)"
)
_PYTHON = re.compile(
    r"(?:the requested Python version|current Python version|Requires-Python)[^\n]*"
)
_CONFLICT = re.compile(r"unsatisfiable|ResolutionImpossible|conflicting dependencies")
_CAUSE = re.compile(r"The conflict is caused by:\n(.*?)\n\s*\n", re.DOTALL)

_SYSTEM_PACKAGES = {
    "Python.h": "python3-dev",
    "gcc": "build-essential",
    "cc": "build-essential",
    "g++": "build-essential",
    "make": "build-essential",
    "cmake": "cmake",
    "ninja": "ninja-build",
    "cargo": "cargo",
    "rustc": "rustc",
    "git": "git",
    "pg_config": "libpq-dev",
    "libpq-fe.h": "libpq-dev",
    "mysql_config": "default-libmysqlclient-dev",
    "ffi.h": "libffi-dev",
    "openssl/ssl.h": "libssl-dev",
    "zlib.h": "zlib1g-dev",
    "jpeglib.h": "libjpeg-dev",
    "libxml/xpath.h": "libxml2-dev libxslt1-dev",
    "portaudio.h": "portaudio19-dev",
    "sndfile.h": "libsndfile1-dev",
    "hdf5.h": "libhdf5-dev",
    "pkg-config": "pkg-config",
}
_MISSING_FILE = re.compile(
    r"fatal error: '?(?P<header>[\w./+-]+)'?(?: file not found|: No such file)"
    r"|(?P<command>[\w+.-]+): (?:command )?not found"
    r"|command '(?P<program>[\w+./-]+)' failed: No such file"
    r"|No such file or directory: '(?P<run>[\w+./-]+)'"
)
_LONGEST = 400


def explain(
    output: str, requirements: Sequence[Requirement], needed: Sequence[Requirement]
) -> PackageInstallError:
    """Make an error of what the installer printed.

    `requirements` are the user's, `needed` what a worker needs beside them.
    """
    text = without_credentials(output)
    for explanation in (_network, _build, _missing_file, _no_wheel, _no_version, _unknown):
        if error := explanation(text, requirements):
            return error
    if _CONFLICT.search(text):
        return _conflict(text, requirements, needed)
    last = [line.strip() for line in text.splitlines() if line.strip()][-3:]
    return _error("", f"{_all(requirements)} cannot be installed: {' '.join(last)}", "")


def _network(text: str, requirements: Sequence[Requirement]) -> PackageInstallError | None:
    if not _NETWORK.search(text):
        return None
    reason = _line(text, _NETWORK)
    if url := re.search(r"Failed to fetch: `?(\S+?)`?\s", text):
        reason = f"{reason} ({url[1]})"
    return _error(
        "",
        f"{_all(requirements)} cannot be fetched: {reason}",
        "check the network and the package index that pip is configured with",
    )


def _build(text: str, requirements: Sequence[Requirement]) -> PackageInstallError | None:
    match = _BUILD.search(text)
    if match is None:
        return None
    later = re.search(rf"(?:Failed building wheel for|Failed to build) `?{_NAME}", text)
    name = match["name"] or match["wheel"] or (later["name"] if later else "") or match["source"]
    name = name or (requirements[0].name if len(requirements) == 1 else "a package")
    name, _, version = name.partition("==")
    reasons = (each.search(text) for each in _BUILD_REASONS)
    reason = next((each[0].strip() for each in reasons if each), "its build failed")
    hint = f'pin another version that has a wheel for this Python: "{name}==VERSION"'
    if system := _system_package(text):
        hint = f"install {system}, and name it in system_packages; or {hint}"
    shown = " ".join(filter(None, [name, version or match["version"]]))
    return _error(name, f"{shown} has no wheel and cannot be built: {reason}", hint)


def _system_package(text: str) -> str:
    for match in _MISSING_FILE.finditer(text):
        if header := match["header"]:
            package = _SYSTEM_PACKAGES.get(header) or _SYSTEM_PACKAGES.get(header.split("/")[-1])
            return f"the system package {package}" if package else f"what provides {header}"
        program = next(filter(None, match.groups()), "").rpartition("/")[2]
        if program in _SYSTEM_PACKAGES:
            return f"the system package {_SYSTEM_PACKAGES[program]}"
    return ""


def _missing_file(text: str, requirements: Sequence[Requirement]) -> PackageInstallError | None:
    if not (match := _FILE_MISSING.search(text)):
        return None
    path = match[1] or match[2]
    named = next((each.name for each in requirements if each.url and path in each.url), "")
    return _error(named, f"{_all(requirements)}: there is no {path}", "check the path")


def _no_wheel(text: str, requirements: Sequence[Requirement]) -> PackageInstallError | None:
    del requirements
    if not (match := _NO_WHEEL.search(text)):
        return None
    name = match["name"]
    return _error(
        name,
        f"{name} has no wheel for this system and Python, and no source to build: "
        f"{_sentence(text, match.start())}",
        f'pin another version: "{name}==VERSION"',
    )


def _no_version(text: str, requirements: Sequence[Requirement]) -> PackageInstallError | None:
    match = _NO_VERSION.search(text) or re.search(
        rf"satisfies the requirement {_NAME}(?P<version>[=<>!~]\S*) \(from versions: (?!none)"
        r"(?P<known>[^)]*)\)",
        text,
    )
    if match is None or not _is_top(match["name"], requirements):
        return None
    name, known = match["name"], match.groupdict().get("known")
    reason = f"there is no {name}{match['version']}"
    if known:
        reason += f"; the newest are {', '.join(known.split(', ')[-5:])}"
    elif python := _PYTHON.search(text):
        reason += f" for this Python: {python[0]}"
    return _error(name, reason, f'pin a version that there is: "{name}==VERSION"')


def _unknown(text: str, requirements: Sequence[Requirement]) -> PackageInstallError | None:
    del requirements
    if not (match := _UNKNOWN.search(text)):
        return None
    name = match["name"] or match["pip"]
    return _error(
        re.split(r"[=<>!~\[;@ ]", name)[0],
        f"there is no package {name} in the package index",
        "check the spelling; the name on PyPI may differ from the name that is imported",
    )


def _conflict(
    text: str, requirements: Sequence[Requirement], needed: Sequence[Requirement]
) -> PackageInstallError:
    flat = _flat(text)
    sentences = [each.strip() for each in re.split(r"And because |Because ", flat)[1:]][-2:]
    resolved = "; ".join(each.partition(", we can conclude that your")[0] for each in sentences)
    cause = _CAUSE.search(text)
    reason = _flat(cause[1]) if cause else resolved or flat[-_LONGEST:]
    ours = [str(each) for each in needed if _names(each, reason)]
    named = [each for each in requirements if _names(each, flat)] or requirements
    together = " together" if len(named) > 1 else ""
    message = f"{_all(named)} cannot be had{together}: {_cut(reason)}"
    if ours:
        message += f" (what serves calls in a sandbox needs {', '.join(ours)})"
    hint = "loosen or change one of the versions that are pinned"
    return _error(named[0].name if named else "", message, hint)


def _names(requirement: Requirement, text: str) -> bool:
    return re.search(rf"\b{re.escape(requirement.name)}\b", text) is not None


def _is_top(name: str, requirements: Sequence[Requirement]) -> bool:
    return any(each.name.lower() == name.lower() for each in requirements)


def _all(requirements: Sequence[Requirement]) -> str:
    return ", ".join(without_credentials(str(each)) for each in requirements)


def _line(text: str, pattern: re.Pattern[str]) -> str:
    found = [line.strip() for line in text.splitlines() if pattern.search(line)]
    return _cut(re.sub(r"^(?:error|cause|ERROR|WARNING):\s*", "", found[-1])) if found else ""


def _sentence(text: str, position: int) -> str:
    return _cut(_flat(text[position:]).partition(", we can conclude")[0])


def _flat(text: str) -> str:
    return " ".join(text.split())


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."


def _error(name: str, message: str, hint: str) -> PackageInstallError:
    error = PackageInstallError(message, hint=hint)
    error.package = name
    return error
