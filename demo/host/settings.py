"""What a local host is told: host.json with its overrides, local.settings.json, and %SETTING% in bindings."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

_OVERRIDE = "azurefunctionsjobhost"
_QUEUES = "extensions:queues:"
_TIME_SPAN = re.compile(r"(?:(\d+)\.)?(\d{1,2}):(\d{2}):(\d{2})(?:\.(\d{1,7}))?")


class HostError(Exception):
    """The app can't be served as it is configured: names every binding, setting or option that is wrong."""


@dataclass(frozen=True, slots=True)
class Queues:
    """`extensions.queues` of host.json. At most batch + threshold messages of one queue are handled at once."""

    batch: int
    threshold: int
    tries: int
    retry_after: timedelta
    base64: bool


@dataclass(frozen=True, slots=True)
class HostFile:
    """What host.json says, as far as a local host acts on it."""

    route_prefix: str
    queues: Queues


def host_file(folder: Path, environment: Mapping[str, str]) -> HostFile:
    """Reads host.json with AzureFunctionsJobHost__a__b over it, as Azure does. Raises HostError, naming the option."""
    path = folder / "host.json"
    options = _flat(_read(path))
    if options.get("version") != "2.0":
        raise HostError(f'{path}: "version" must be "2.0"')
    for name, value in environment.items():
        parts = re.split("__|:", name.lower())
        if parts[0] == _OVERRIDE:
            options[":".join(parts[1:])] = value
    given = {name.removeprefix(_QUEUES): value for name, value in options.items() if name.startswith(_QUEUES)}
    batch = _number(path, given, "batchSize", 16, range(1, 33))
    queues = Queues(
        batch=batch,
        threshold=_number(path, given, "newBatchThreshold", batch // 2, range(1001)),
        tries=_number(path, given, "maxDequeueCount", 5, range(1, 1001)),
        retry_after=_span(path, given, "visibilityTimeout", "00:00:00"),
        base64=_choice(path, given, "messageEncoding", ("base64", "none")) == "base64",
    )
    _span(path, given, "maxPollingInterval", "00:01:00")  # checked only: a local host polls twice a second at least
    if given:
        raise HostError(f"{path}: extensions.queues has no option {', '.join(sorted(given))}")
    return HostFile(str(options.get("extensions:http:routeprefix", "api")).strip("/"), queues)


def local_values(folder: Path) -> dict[str, str]:
    """`Values` of local.settings.json; none without the file. Raises HostError when they aren't strings by name."""
    path = folder / "local.settings.json"
    if not path.exists():
        return {}
    values = _read(path).get("Values", {})
    if not isinstance(values, dict) or not all(isinstance(value, str) for value in values.values()):
        raise HostError(f'{path}: "Values" must be an object of strings')
    return values


def substituted(text: str, environment: Mapping[str, str]) -> str:
    """`text` with each %SETTING% replaced. Raises HostError, naming the setting that is missing."""

    def value(match: re.Match[str]) -> str:
        if match[1] not in environment:
            raise HostError(f"setting {match[1]} is missing")
        return environment[match[1]]

    return re.sub("%([^%]+)%", value, text)


def _read(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise HostError(f"{path}: {error}") from None
    if not isinstance(content, dict):
        raise HostError(f"{path}: not an object")
    return content


def _flat(content: Mapping[str, Any], before: str = "") -> dict[str, Any]:
    """Names as .NET configuration has them: `extensions:queues:batchsize`, whatever their case."""
    flat: dict[str, Any] = {}
    for name, value in content.items():
        if isinstance(value, dict):
            flat |= _flat(value, f"{before}{name.lower()}:")
        else:
            flat[before + name.lower()] = value
    return flat


def _number(path: Path, given: dict[str, Any], name: str, default: int, allowed: range) -> int:
    value = given.pop(name.lower(), default)
    if isinstance(value, bool) or not str(value).isdecimal() or int(value) not in allowed:
        raise HostError(f"{path}: {name} {value!r} is not from {allowed[0]} to {allowed[-1]}")
    return int(value)


def _span(path: Path, given: dict[str, Any], name: str, default: str) -> timedelta:
    value = given.pop(name.lower(), default)
    match = _TIME_SPAN.fullmatch(str(value))
    if match is None:
        raise HostError(f"{path}: {name} {value!r} is not a time span, hh:mm:ss")
    days, hours, minutes, seconds = (int(part or 0) for part in match.groups()[:4])
    fraction = float(f"0.{match[5] or 0}")
    return timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds + fraction)


def _choice(path: Path, given: dict[str, Any], name: str, allowed: tuple[str, ...]) -> str:
    value = str(given.pop(name.lower(), allowed[0])).lower()
    if value not in allowed:
        raise HostError(f"{path}: {name} {value!r} is not one of {', '.join(allowed)}")
    return value
