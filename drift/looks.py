"""The commands that look at one evidence folder: `drift exemptions` and `drift coverage`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

from drift import printed, reports
from drift.auditing import coverage_in, exemptions_in
from drift.folders import Progress
from drift.model import Json
from drift.terminal import Style


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser], whole: Callable[[str], int]) -> None:
    """Adds the commands; `whole` reads a whole number."""
    for name, read, render, brief, more in (
        (
            "exemptions",
            exemptions_in,
            reports.exemptions,
            "what exemptions hide, the points they carry, and what is wrong with them",
            "Lists every exemption of an evidence folder with what it hides and what it is worth: alone, and all "
            "together. docs/exemptions.md tells what the flags mean.",
        ),
        (
            "coverage",
            coverage_in,
            reports.coverage,
            "what is not looked at, so that no finding is not taken for a clean estate",
            "Shows what an evidence folder tells of plans, machines, connectors and subscriptions without a score, and "
            "which recommendations are absent because of it.",
        ),
    ):
        command = commands.add_parser(name, help=brief, description=more)
        command.add_argument("folder", type=Path, metavar="FOLDER", help="an evidence folder")
        command.add_argument("--scope", default="all", help="as for explain", metavar="SCOPE")
        printed.options(command, whole)
        command.set_defaults(run=partial(_look, read, render))


def _look(
    read: Callable[[Path, str, Progress], Json], render: Callable[[Json, Style], str], options: argparse.Namespace
) -> int:
    with printed.Progress(sys.stderr) as progress:
        found = read(options.folder, options.scope, progress.step)
    printed.answer(found, options, render)
    return 0
