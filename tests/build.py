"""Evidence folders for tests, of which a test says only what matters.

    before = estate(controls={"c": (10, ["a", "b"])}, marks={("vm1", "a"): "Unhealthy", ("vm2", "a"): "Healthy"})
    after = before.but(marks={("vm1", "a"): "Healthy"})            8 hours later unless `hours=` says so
    explain([before, after]), explain([tenant(before, other), tenant(after, other.but())])

An `Estate` is the folder (a dict of path to raw ARM JSON) of one subscription. Counts follow from the marks unless
`counts={"c": (healthy, counted)}` says otherwise. Names become ids: `key("a")`, `control("c")`, `resource("vm1")`
(vm, sql, st, kv, web, vnet, and outside the inventory: subnet, aws under connector "conn", and "sub", the subscription
itself); what is an id already stays. A mark given as a word changed an hour before the folder if it is another than
before, long ago otherwise; `mark(...)` has just the dates it is given. In `but`, None takes an entry away.
"""

from __future__ import annotations

import json
from copy import deepcopy
from dataclasses import fields, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from tests.arm import (
    BUILT_IN,
    INITIATIVE,
    LONG_AGO,
    SUB,
    T0,
    TYPES,
    Folder,
    Mark,
    World,
    assignment_id,
    at,
    connector,
    control,
    count,
    exemption,
    exemption_id,
    guid,
    iso,
    key,
    policy_id,
    reference,
    render,
    resource,
    standard_exemption,
    standard_id,
    weight,
)

__all__ = [
    "BUILT_IN",
    "INITIATIVE",
    "LONG_AGO",
    "SUB",
    "T0",
    "TYPES",
    "Estate",
    "Folder",
    "Mark",
    "World",
    "assignment_id",
    "at",
    "connector",
    "control",
    "count",
    "estate",
    "exemption",
    "exemption_id",
    "guid",
    "iso",
    "key",
    "mark",
    "policy_id",
    "reference",
    "render",
    "resource",
    "standard_exemption",
    "standard_id",
    "tenant",
    "weight",
    "write",
]

mark = Mark


class Estate(dict[str, Any]):
    """One subscription's evidence folder, and the world it was rendered from."""

    def __init__(self, world: World) -> None:
        super().__init__(render(world))
        self.world = world

    def but(self, hours: float = 8, **changes: Any) -> Estate:
        taken = changes.pop("taken", self.world.taken + timedelta(hours=hours))
        return Estate(_changed(self.world, taken, changes))


def estate(**settings: Any) -> Estate:
    return Estate(_changed(World(), settings.pop("taken", T0), settings))


def tenant(*estates: Folder) -> Folder:
    """Several subscriptions in one folder; the time is the first one's."""
    whole: Folder = {}
    for one in estates:
        for path, content in one.items():
            if path in whole and isinstance(whole[path], dict) and "value" in whole[path]:
                rows = {row["id"]: row for row in [*whole[path]["value"], *content["value"]]}
                whole[path] = {"value": list(rows.values())}
            elif isinstance(content, list):
                whole[path] = [*whole.get(path, []), *content]
            else:
                whole.setdefault(path, content)
    if "policy-set-definitions.json" in whole:
        parts = [one[path]["value"][0] for one in estates if (path := "policy-set-definitions.json") in one]
        known = {d["policyDefinitionReferenceId"]: d for p in parts for d in p["properties"]["policyDefinitions"]}
        merged = deepcopy(parts[0])
        merged["properties"]["policyDefinitions"] = list(known.values())
        whole["policy-set-definitions.json"] = {"value": [merged]}
    return whole


def write(folder: Folder, path: Path) -> Path:
    for name, content in folder.items():
        file = path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(content))
    return path


# Changing a world


def _changed(world: World, taken: datetime, changes: dict[str, Any]) -> World:
    unknown = changes.keys() - {f.name for f in fields(World)}
    assert not unknown, f"an estate has no {unknown}"
    new = replace(deepcopy(world), taken=taken)
    for name, value in changes.items():
        now = getattr(new, name)
        if name == "marks":
            value = {at: _dated(m, now.get(at), taken) for at, m in value.items()}
        if isinstance(now, dict):
            value = {**now, **value}
            if name not in ("recommendations", "resources"):  # there None is an entry of its own
                value = {k: v for k, v in value.items() if v is not None}
        setattr(new, name, value)
    return new


def _dated(given: str | Mark | None, was: Mark | None, taken: datetime) -> Mark | None:
    if not isinstance(given, str):
        return given
    if taken == T0:
        return Mark(given, LONG_AGO, LONG_AGO)
    if was and was.status == given:
        return was
    changed = taken - timedelta(hours=1)
    return Mark(given, changed, was.first if was else changed)
