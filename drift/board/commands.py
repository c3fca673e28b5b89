"""The commands `drift report` and `drift verify`."""

from __future__ import annotations

import argparse
import os
import re
import sys
from pathlib import Path

from drift.board import archive
from drift.board.evidence import of_folders, present
from drift.board.page import page
from drift.environment import Environment
from drift.errors import EvidenceError, ServiceError, SettingsError
from drift.model import Json
from drift.printed import Progress

DIFFERS = 1
KEY = "DRIFT_KEY"
"""The environment variable with the function key of an app that is asked."""
WAIT = 230.0
"""Seconds: what an app on Azure has for an answer."""
_NAME = re.compile(r"[A-Za-z0-9_-]{1,40}")


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the commands."""
    report = commands.add_parser(
        "report",
        help="a brief for a board: six figures of a period, with the evidence behind them",
        description="Writes one HTML page, which prints, of the period between evidence folders, or of what a deployed "
        f"app has kept (its function key in {KEY}).",
    )
    report.add_argument("folders", nargs="*", type=Path, metavar="FOLDER", help="evidence folders, in order of time")
    report.add_argument("--url", metavar="URL", help="ask this app instead: https://NAME.azurewebsites.net")
    report.add_argument("--from", dest="since", metavar="TIME", help="with --url: when the period begins")
    report.add_argument("--to", dest="until", metavar="TIME", help="with --url: when it ends")
    report.add_argument("--scope", default="all", metavar="SCOPE", help="as for explain; with --url the app's names")
    report.add_argument(
        "--group",
        action="append",
        metavar="NAME=SCOPE",
        help="told apart beside it, again for more (default: prod and dev by the tag environment, if there are any); "
        "with --url only the name of a group of the app",
    )
    report.add_argument("-o", "--output", type=Path, metavar="FILE", help="where the page goes (default: stdout)")
    report.add_argument("--evidence", type=Path, metavar="ZIP", help="where the evidence goes")
    report.set_defaults(run=_report)
    verify = commands.add_parser(
        "verify",
        help="derive the figures of a brief again from its evidence",
        description="Checks the files of the evidence, that movements add up, and that every figure follows. "
        "Exit status 1 if anything differs.",
    )
    verify.add_argument("zip", type=Path, metavar="ZIP", help="the evidence of a brief")
    verify.set_defaults(run=_verify)


def _report(options: argparse.Namespace) -> int:
    if bool(options.url) == bool(options.folders):
        raise EvidenceError("report: give evidence folders, or --url")
    if options.folders and (options.since or options.until):
        raise EvidenceError("report: --from and --to go with --url; folders have their own times")
    evidence = _asked(options) if options.url else _read(options)
    shown = page(evidence)
    if options.evidence:
        options.evidence.write_bytes(archive.packed(evidence))
    if options.output:
        options.output.write_bytes(shown)
    else:
        sys.stdout.buffer.write(shown)
    return 0


def _read(options: argparse.Namespace) -> dict[str, Json]:
    if len(options.folders) < 2:
        raise EvidenceError("report: a period has two ends: give two evidence folders or more")
    apart = present(options.folders) if options.group is None else _groups(options.group)
    with Progress(sys.stderr) as progress:
        return of_folders(options.folders, options.scope, apart, progress.step)


def _groups(given: list[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for one in given:
        name, equals, scope = one.partition("=")
        if not equals or not scope or not _NAME.fullmatch(name) or name.lower() in ("all", "scope", *found):
            raise EvidenceError(
                f"--group {one[:60]!r}: is not NAME=SCOPE with a name of its own: letters, digits, - and _"
            )
        found[name.lower()] = scope
    return found


def _asked(options: argparse.Namespace) -> dict[str, Json]:
    """The evidence that an app gives."""
    import httpx

    asked = Environment({"--url": options.url})
    url = asked.url("--url", path=False)
    if asked.wrong or url is None:
        raise SettingsError("; ".join(asked.wrong) or "--url: is empty")
    query = {"scope": options.scope, "from": options.since, "to": options.until}
    if options.group is not None:
        query["groups"] = ",".join(options.group)
    key = os.environ.get(KEY, "")
    try:
        answer = httpx.get(
            f"{url.rstrip('/')}/api/report/evidence",
            params={name: value for name, value in query.items() if value},
            headers={"x-functions-key": key} if key else {},
            timeout=WAIT,
        )
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise ServiceError(f"report: {url} does not answer ({type(error).__name__})") from None
    if answer.status_code == 401:
        raise ServiceError(f"report: the app refuses: set {KEY} to a function key of it")
    if answer.status_code in (400, 404) and answer.headers.get("content-type", "").startswith("application/problem"):
        raise EvidenceError(f"report: {answer.json().get('detail', 'the app does not know what is asked')}")
    if answer.status_code != 200:
        raise ServiceError(f"report: the app answered {answer.status_code}")
    return archive.evidence_of(answer.content, "the app's answer")


def _verify(options: argparse.Namespace) -> int:
    checks = list(archive.verified(options.zip.read_bytes(), str(options.zip)))
    for one in checks:
        print(f"differs  {one.what} {one.wrong}" if one.wrong else f"ok       {one.what}")
    wrong = sum(one.wrong is not None for one in checks)
    print(f"{len(checks) - wrong} of {len(checks)} hold" + (f", {wrong} do not" if wrong else ""))
    return DIFFERS if wrong else 0
