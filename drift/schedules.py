"""When the timers run: the settings that Azure reads while it indexes the functions."""

from __future__ import annotations

from collections.abc import Mapping

DEFAULTS = {
    "DRIFT_SNAPSHOT_SCHEDULE": "0 0 * * * *",
    "DRIFT_ROLLUP_SCHEDULE": "0 20 * * * *",
    "DRIFT_ANNOUNCE_SCHEDULE": "0 * * * * *",
    "DRIFT_CALENDAR_SCHEDULE": "0 30 5 * * *",
    "DRIFT_DIGEST_SCHEDULE": "0 0 6 * * *",
}
"""NCRONTAB: second, minute, hour, day, month, day of the week; in UTC."""


def read(environment: Mapping[str, str]) -> dict[str, str]:
    """The schedule of each timer; an empty setting counts as none."""
    return {name: environment.get(name, "").strip() or default for name, default in DEFAULTS.items()}
