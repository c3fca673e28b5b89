"""The command line: `drift explain`, `calendar`, `diagnose`, `exemptions`, `coverage`, `plan`, `extract`, `export`,
`import`, `backup`, `restore`, `report`, `verify`, `teams-test`, `schema`.
"""

from __future__ import annotations

import argparse
import contextlib
import logging
import os
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TextIO

from drift import agenda, backups, looks, printed, reasons, roadmap, text
from drift.adapters.events import from_file
from drift.board import commands as board
from drift.diagnosing import asked_for, diagnose_folders
from drift.engine.wording import count
from drift.errors import EvidenceError, ServiceError, SettingsError
from drift.folders import due_in, explain_encoded, explain_folders, extract
from drift.ids import is_guid
from drift.printed import Progress

WRONG_INPUT = 2
FELL = 3
UNAVAILABLE = 4
INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command.

    Exit status: 0 done, 2 the input can't be used, 3 see --fail-under, 4 a service did not answer. Each with one line
    on stderr.
    """
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed by whoever started us
            setattr(sys, name, Path(os.devnull).open("w"))  # noqa: SIM115 - it stays open as long as we run
    options = _parser().parse_args(arguments)
    logging.getLogger("azure").setLevel(logging.CRITICAL)  # what goes wrong is told in our own line
    try:
        status = int(options.run(options))
        sys.stdout.flush()
    except (EvidenceError, SettingsError) as error:
        return _refuse(str(error))
    except ServiceError as error:
        _silence(sys.stdout)
        print(f"drift: {text.line(str(error))}", file=sys.stderr)
        return UNAVAILABLE
    except BrokenPipeError:  # the reader of our output has had enough: `drift explain … | head`
        _silence(sys.stdout)
        return 0
    except OSError as error:
        _silence(sys.stdout)
        return _refuse(f"{error.filename or 'the output'}: {(error.strerror or str(error)).lower()}")
    except KeyboardInterrupt:
        return INTERRUPTED
    return status


def _refuse(why: str) -> int:
    try:
        print(f"drift: {text.line(why)}", file=sys.stderr, flush=True)
    except OSError:  # nobody can be told, but the status tells
        _silence(sys.stderr)
    return WRONG_INPUT


def _silence(stream: TextIO) -> None:
    """Sends what is left in a stream that no longer takes it nowhere."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="drift", description="Why the Defender for Cloud secure score moved.")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    explain = commands.add_parser(
        "explain",
        help="explain a movement from two or more evidence folders",
        description="Divides the movement of the secure score between evidence folders among its causes.",
        epilog="docs/evidence.md tells how to make an evidence folder.",
    )
    explain.add_argument("folders", nargs="+", type=Path, metavar="FOLDER", help="evidence folders, in order of time")
    explain.add_argument(
        "--scope", default="all", help="all (default), a subscription id, tag:NAME=VALUE or mg:NAME", metavar="SCOPE"
    )
    explain.add_argument(
        "--events",
        type=Path,
        metavar="FILE",
        help="Event Grid events of that time, a JSON list or one a line: who did it",
    )
    explain.add_argument(
        "--format", choices=("text", "json"), default="text", help="text for people (default), or json"
    )
    explain.add_argument(
        "--fail-under",
        type=_number,
        metavar="PP",
        help="exit with 3 when the movement is below PP percentage points, for example --fail-under=-1",
    )
    explain.add_argument("--all", action="store_true", help="text: every cause, not only the largest")
    explain.add_argument("--width", type=_whole, metavar="COLUMNS", help="text: width (default: the terminal's)")
    explain.add_argument("--color", choices=("auto", "always", "never"), default="auto", help="text: colour")
    explain.set_defaults(run=_explain)
    calendar = commands.add_parser(
        "calendar",
        help="what is due, and what it would do to the score",
        description="Lists what an evidence folder knows to come, each with what it alone would do to the score: ends "
        "of exemptions and grace periods, due dates, recommendations that are to go or in preview.",
    )
    calendar.add_argument("folder", type=Path, metavar="FOLDER", help="an evidence folder")
    calendar.add_argument("--scope", default="all", help="as for explain", metavar="SCOPE")
    calendar.add_argument(
        "--days", type=_whole, metavar="N", help="only what is due in the next N days, or has no date"
    )
    printed.options(calendar, _whole)
    calendar.set_defaults(run=_calendar)
    why = commands.add_parser(
        "diagnose",
        help="why the score stands still, and when it will move",
        description="Finds why a score does not move, or not as it should: the most likely reason first, each with how "
        "it is known, what to do, and a command that shows it. The question is about the last folder; the others "
        "are what was before.",
        epilog="docs/reasons.md has all reasons.",
    )
    why.add_argument("folders", nargs="+", type=Path, metavar="FOLDER", help="evidence folders, in order of time")
    why.add_argument("--scope", default="all", help="as for explain", metavar="SCOPE")
    why.add_argument("--events", type=Path, metavar="FILE", help="as for explain")
    why.add_argument("--recommendation", metavar="KEY", help="the recommendation that was fixed: its key, a GUID")
    why.add_argument("--resource", metavar="ID", help="the resource that was fixed: its whole id")
    why.add_argument(
        "--figure", type=_number, metavar="PERCENT", help="the score that you look at: which score it is is told"
    )
    printed.options(why, _whole)
    why.set_defaults(run=_diagnose)
    looks.add(commands, _whole)
    roadmap.add(commands, _number, _whole)
    extract = commands.add_parser(
        "extract",
        help="copy part of an evidence folder, to hand to someone",
        description="Writes the subscriptions of a scope to a new folder: what `drift explain` reads, nothing else.",
    )
    extract.add_argument("folder", type=Path, metavar="FOLDER", help="an evidence folder")
    extract.add_argument("new", type=Path, metavar="NEW_FOLDER", help="the folder to write; it must not be there yet")
    extract.add_argument("--scope", default="all", help="as for explain", metavar="SCOPE")
    extract.set_defaults(run=_extract)
    export = commands.add_parser(
        "export",
        help="read a live tenant into an evidence folder",
        description="Reads subscriptions from Azure, with the credentials of `az login`, into a new evidence folder.",
    )
    export.add_argument("new", type=Path, metavar="NEW_FOLDER", help="the folder to write; it must not be there yet")
    export.add_argument("--subscription", action="append", metavar="ID", help="only this one; may be given repeatedly")
    export.add_argument("--groups", action="store_true", help="with the management groups above each subscription")
    export.set_defaults(run=_export)
    import_ = commands.add_parser(
        "import",
        help="put evidence folders into the monitor's store",
        description="Stores evidence folders as the beginning of the monitor's history. Nothing of it is announced.",
        epilog="The storage account is the one of the setting DRIFT_STORAGE, as for the function app.",
    )
    import_.add_argument("folders", nargs="+", type=Path, metavar="FOLDER", help="evidence folders, in order of time")
    import_.set_defaults(run=_import)
    backups.add(commands)
    board.add(commands)
    test = commands.add_parser(
        "teams-test",
        help="post a harmless card, to try the webhooks",
        description="Posts a card that says it is a test to the webhook in the setting TEAMS_WEBHOOK_URL, and to those "
        "of DRIFT_TEAMS_ROUTES.",
    )
    test.add_argument(
        "--route", metavar="NAME", help="only to the webhook in this app setting, for example TEAMS_WEBHOOK_PROD"
    )
    test.set_defaults(run=_teams_test)
    schema = commands.add_parser("schema", help="print the JSON Schema of `drift explain --format json`")
    schema.set_defaults(run=_schema)
    return parser


def _number(value: str) -> float:
    try:
        number = float(value)
    except ValueError:
        number = float("nan")
    if number != number or abs(number) == float("inf"):
        raise argparse.ArgumentTypeError(f"{value!r} is not a number of percentage points")
    return number


def _whole(value: str) -> int:
    if not value.isdecimal() or not 1 <= int(value) <= 100_000:
        raise argparse.ArgumentTypeError(f"{value!r} is not a whole number from 1")
    return int(value)


def _explain(options: argparse.Namespace) -> int:
    if len(options.folders) < 2:
        raise EvidenceError("explain needs two evidence folders or more: before and after")
    with Progress(sys.stderr) as progress:
        explained = explain_encoded if options.format == "json" else explain_folders
        events = () if options.events is None else from_file(options.events)
        found = explained(options.folders, options.scope, progress.step, events)
    printed.answer(found, options, partial(text.render, every=options.all))
    movement = found["movement"]
    if options.fail_under is not None and movement is not None and movement < options.fail_under:
        return FELL
    return 0


def _calendar(options: argparse.Namespace) -> int:
    with Progress(sys.stderr) as progress:
        found = due_in(options.folder, options.scope, options.days, progress.step)
    printed.answer(found, options, agenda.render)
    return 0


def _diagnose(options: argparse.Namespace) -> int:
    asked = asked_for(options.scope, options.recommendation, options.resource, options.figure)
    with Progress(sys.stderr) as progress:
        events = () if options.events is None else from_file(options.events)
        found = diagnose_folders(options.folders, asked, progress.step, events)
    printed.answer(found, options, reasons.render)
    return 0


def _extract(options: argparse.Namespace) -> int:
    number = extract(options.folder, options.new, options.scope)
    print(f"{number} of the subscriptions of {text.line(str(options.folder))} are in {text.line(str(options.new))}")
    return 0


def _export(options: argparse.Namespace) -> int:
    from drift import bootstrap
    from drift.adapters.defender import export

    only = None if options.subscription is None else {one.lower() for one in options.subscription}
    for one in sorted(only or ()):
        if not is_guid(one):
            raise EvidenceError(f"--subscription {one[:60]}: is not a subscription id")
    with Progress(sys.stderr) as progress:
        number = export(bootstrap.reader(), options.new, only, progress.step, groups=options.groups)
    print(f"{count(number, 'subscription')} read into {text.line(str(options.new))}")
    return 0


def _import(options: argparse.Namespace) -> int:
    from drift import bootstrap
    from drift.importing import import_folders

    with Progress(sys.stderr) as progress:
        number = import_folders(options.folders, bootstrap.settings(), bootstrap.store(), progress.step)
    print(f"{count(number, 'movement')} stored, from {count(len(options.folders), 'folder')}")
    return 0


def _teams_test(options: argparse.Namespace) -> int:
    from uuid import uuid4

    from drift import bootstrap, card, routes
    from drift.adapters.teams import Teams

    asked = bootstrap.settings_without_storage()
    default = {routes.DEFAULT: asked.teams_webhook_url} if asked.teams_webhook_url else {}
    webhooks = default | {route.setting: route.url for route in asked.teams_routes}
    if options.route is not None:
        if options.route not in webhooks:
            known = f"it is none of {', '.join(webhooks)}" if webhooks else "there is none"
            raise SettingsError(f"--route {options.route[:60]}: names no webhook that is set: {known}")
        webhooks = {options.route: webhooks[options.route]}
    if not webhooks:
        raise SettingsError("TEAMS_WEBHOOK_URL is not set: there is no webhook to try")
    failed: list[ServiceError] = []
    for name, url in webhooks.items():
        message = uuid4().hex
        try:
            Teams(url).post(card.envelope(card.test_card(message)), message)
            print(f"The webhook in {name} accepted the card (ref {message}).")
        except ServiceError as error:
            failed.append(ServiceError(f"{name}: {error}"))
    if failed:
        raise ServiceError("; ".join(map(str, failed)))
    print(
        "A Workflows webhook answers before it posts: look into the channel, and if nothing is there, into the flow's"
    )
    print("run history.")
    return 0


def _schema(_: argparse.Namespace) -> int:
    sys.stdout.write(Path(__file__).with_name("explanation.schema.json").read_text(encoding="utf-8"))
    return 0
