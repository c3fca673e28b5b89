"""The table of causes, asked of one changed mark at a time; and what a chain remembers of its context."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from tests.oracle_folders import INITIATIVE, Control, Exemption, Mark, Sub, both_known, covers, is_under, type_of

Unit = tuple[str, str, str]  # control, resource, recommendation
Cause = tuple[str, str]  # kind, subject in lower case

TABLE = {
    1: ("subscription_added", "subscription_removed"),
    2: ("connector_added", "connector_removed"),
    3: ("resource_added", "resource_deleted"),
    4: ("recommendation_replaced", "recommendation_added"),
    5: ("recommendation_left_preview",),
    6: ("recommendation_retired",),
    7: ("recommendation_moved",),
    8: ("plan_enabled", "plan_disabled"),
    9: ("policy_disabled", "policy_enabled"),
    10: ("exemption_created",),
    11: ("exemption_expired", "exemption_removed"),
    12: ("grace_period_started", "grace_period_ended"),
    13: ("data_source_gained", "data_source_lost"),
    14: ("recommendation_reevaluated",),
    15: ("remediation", "regression"),
    16: ("applicability_changed",),
}

PLANS = {
    "VirtualMachines": "Microsoft.Compute/virtualMachines Microsoft.Compute/virtualMachineScaleSets "
    "Microsoft.HybridCompute/machines",
    "SqlServers": "Microsoft.Sql",
    "SqlServerVirtualMachines": "Microsoft.SqlVirtualMachine",
    "StorageAccounts": "Microsoft.Storage",
    "AppServices": "Microsoft.Web",
    "KeyVaults": "Microsoft.KeyVault",
    "Containers": "Microsoft.ContainerService Microsoft.ContainerRegistry Microsoft.Kubernetes",
    "OpenSourceRelationalDatabases": "Microsoft.DBforPostgreSQL Microsoft.DBforMySQL Microsoft.DBforMariaDB",
    "CosmosDbs": "Microsoft.DocumentDB",
    "Api": "Microsoft.ApiManagement",
    "AI": "Microsoft.CognitiveServices Microsoft.MachineLearningServices",
    "Arm": "Microsoft.Resources/subscriptions",
    "Dns": "Microsoft.Network/dnsZones",
}
REMEMBERED = timedelta(hours=48)


def plan_of(resource: str) -> str:
    kind = type_of(resource)
    return next((p.lower() for p, types in PLANS.items() for t in types.lower().split() if is_under(kind, t)), "")


@dataclass(frozen=True)
class State:
    """A mark at one end and what it contributes under either reading of Mitigated."""

    mark: Mark | None
    plain: str = ""
    mitigated: str = ""
    shielded: bool = False

    def effective(self, reading: str) -> str:
        return self.mitigated if reading == "healthy" else self.plain


@dataclass
class Memory:
    """Changes of context of one chain, each with the time it was last seen; (what, subject, direction)."""

    changes: dict[tuple[str, str, str], datetime] = field(default_factory=dict)
    assignments: dict[tuple[str, str], tuple[dict, datetime]] = field(default_factory=dict)  # by (direction, id)
    gone: dict[str, tuple[Exemption, datetime]] = field(default_factory=dict)
    former: dict[str, tuple[dict, set[str]]] = field(default_factory=dict)  # retired: metadata and controls

    def at(self, now: datetime) -> Memory:
        def live(time: datetime) -> bool:
            return timedelta(0) <= now - time <= REMEMBERED

        return Memory(
            {k: v for k, v in self.changes.items() if live(v)},
            {k: v for k, v in self.assignments.items() if live(v[1])},
            {k: v for k, v in self.gone.items() if live(v[1])},
            dict(self.former),
        )

    def learn_dates(self, sub: Sub) -> None:
        """What the dates in the answers of a chain's first snapshot tell."""
        for subjects, what in ((sub.inventory, "resource"), (sub.connectors, "connector")):
            for subject, created in (subjects or {}).items():
                if created:
                    self.changes[what, subject, "added"] = created
        for key, definition in (sub.metadata or {}).items():
            if ga := definition["ga"]:
                left = definition["public"] and definition["public"] < ga
                self.changes["recommendation", key, "left_preview" if left else "added"] = ga
        for plan, (on, since) in (sub.plans or {}).items():
            if on and since:
                self.changes["plan", plan, "enabled"] = since
        for name, row in _of_initiative(sub).items():
            if row["created"]:
                self.assignments["added", name] = row, row["created"]
        for exemption in _exemptions(sub):
            if exemption.expires and exemption.expires <= sub.taken:
                self.gone[exemption.id] = exemption, exemption.expires


def _of_initiative(sub: Sub) -> dict[str, dict]:
    known = sub.initiatives or {INITIATIVE}
    return {name: row for name, row in (sub.assignments or {}).items() if row["initiative"] in known}


def _exemptions(sub: Sub) -> list[Exemption]:
    return [*(sub.exemptions or {}).values(), *(sub.standards or {}).values()]


def _is_same(one: tuple[dict, set[str]], other: tuple[dict, set[str]]) -> bool:
    titles = [
        re.sub(r"\[(preview|deprecated)\]:?|\(powered by .*\)$", "", end[0].get("title", "").lower())
        for end in (one, other)
    ]
    policies = [end[0].get("policy") for end in (one, other)]
    equal = titles[0].split() == titles[1].split() != [] or policies[0] == policies[1] not in (None, "")
    return equal and bool(one[1] & other[1])


class Pair:
    """Two ends of one subscription with what is remembered at the first of them."""

    def __init__(self, before: Sub, after: Sub, memory: Memory) -> None:
        self.before, self.after = both_known(before, after)
        self.memory = memory.at(before.taken)
        known = {type_of(r) for end in (self.before, self.after) for r in end.inventory or {}}
        self.listed_types = known
        at_after = {e.id: e for e in _exemptions(self.after) if e.in_force(after.taken)}
        ended = [e for e in _exemptions(self.before) if e.in_force(before.taken) and e.id not in at_after]
        self.ended = {e.id: e for e in ended}

    # The marks

    def controls(self) -> dict[str, tuple[Control, Control]]:
        def at(end: Sub, name: str) -> Control:
            return end.controls.get(name, Control(name, 0, frozenset()))

        return {name: (at(self.before, name), at(self.after, name)) for name in self._both("controls")}

    def units(self) -> list[Unit]:
        keys = {c: b.keys | a.keys for c, (b, a) in self.controls().items()}
        return [(c, resource, key) for c in keys for resource, key in self._both("marks") if key in keys[c]]

    def state(self, end: Sub, unit: Unit) -> State:
        control, resource, key = unit
        mark = end.marks.get((resource, key))
        if mark is None:
            return State(None)
        shielded = end.shielded(resource, key, mark)
        if not end.counts_in(control, key) or shielded:
            return State(mark, shielded=shielded)
        plain = {"healthy": "H", "unhealthy": "U"}.get(mark.code, "")
        match = self.exemption(end, resource, key) if mark.exempt else None
        return State(mark, plain, "H" if match and match.mitigated else plain)

    def exemption(self, end: Sub, resource: str, key: str) -> Exemption | None:
        """The one in force at that end, else one that ended between the snapshots or is remembered to have."""
        gone = {e.id: e for e, _ in self.memory.gone.values()} | (self.ended if end is self.after else {})
        for candidates in ([e for e in _exemptions(end) if e.in_force(end.taken)], list(gone.values())):
            if found := [e for e in candidates if self._matches(e, end, resource, key)]:
                return min(found, key=lambda e: self._precedence(e, end))
        return None

    def _precedence(self, e: Exemption, end: Sub) -> tuple:
        depth = float(len(e.scope))
        if "/managementgroups/" in e.scope:
            name = e.scope.rpartition("/")[2]
            depth = -1.0 - (end.ancestors.index(name) if end.ancestors else 0)
        return -depth, -e.created.timestamp() if e.created else 0.0, e.id

    def _matches(self, e: Exemption, end: Sub, resource: str, key: str) -> bool:
        if not covers(e.scope, resource, end):
            return False
        if e.key is not None:
            return e.key == key
        if self.before.assignments is not None:
            remembered = {name for _, name in self.memory.assignments}
            ours = {*_of_initiative(self.before), *_of_initiative(self.after), *remembered}
            if e.assignment not in ours:
                return False
        if not e.references:
            return True
        told = [s.metadata[key] for s in (end, self.before, self.after) if s.metadata and key in s.metadata]
        policy = told[0]["policy"] if told else ""
        if end.references is None:
            return policy.rpartition("/")[2] in e.references
        return bool(policy) and any(end.references.get(r) == policy for r in e.references)

    # The table

    def causes(self, changed: dict[Unit, tuple[State, State]], reading: str) -> dict[Unit, Cause]:
        """The first row that holds, of every changed unit; and the resources that came or went by their marks."""
        inner = {u: self._rows_4_to_9(u, *ends, reading) for u, ends in changed.items()}
        explained = {u[1] for u, cause in inner.items() if cause}
        self.came = self._by_marks(self.before, self.after) - explained
        self.went = self._by_marks(self.after, self.before) - explained
        return {
            u: self._row_2(u, *ends, reading)
            or self._row_3(u, *ends, reading)
            or inner[u]
            or self._rows_10_to_16(u, *ends)
            for u, ends in changed.items()
        }

    def _by_marks(self, without: Sub, within: Sub) -> set[str]:
        marked = {r for r, _ in within.marks} - {r for r, _ in without.marks}
        return {r for r in marked if r.count("/") > 2 and type_of(r) not in self.listed_types}

    def _row_2(self, unit: Unit, base: State, now: State, reading: str) -> Cause | None:
        known = {*self._both("connectors"), *(what[1] for what in self.memory.changes if what[0] == "connector")}
        above = sorted((c for c in known if is_under(unit[1], c)), key=len, reverse=True)
        for connector in above:
            if kind := self._came_or_went("connector", connector, "connectors", base, now, reading):
                return f"connector_{'added' if kind == 'added' else 'removed'}", connector
        return None

    def _row_3(self, unit: Unit, base: State, now: State, reading: str) -> Cause | None:
        resource = unit[1]
        if resource.count("/") == 2:
            return None
        if resource in self.came:
            return "resource_added", resource
        if resource in self.went:
            return "resource_deleted", resource
        if kind := self._came_or_went("resource", resource, "inventory", base, now, reading):
            return f"resource_{kind}", resource
        return None

    def _came_or_went(self, what: str, subject: str, listing: str, base: State, now: State, reading: str) -> str:
        at_before = subject in (getattr(self.before, listing) or {})
        at_after = subject in (getattr(self.after, listing) or {})
        if at_before != at_after:
            return "added" if at_after else "deleted"
        return self._remembered((what, subject), {"added": "come", "deleted": "go"}, base, now, reading)

    def _remembered(self, what: tuple[str, str], moves: dict[str, str], base: State, now: State, reading: str) -> str:
        """The first remembered direction of which the mark's coming or going follows."""
        b, a = base.effective(reading), now.effective(reading)
        move = "come" if a and not b else "go" if b and not a else ""
        return next((d for d, wanted in moves.items() if wanted == move and (*what, d) in self.memory.changes), "")

    def _rows_4_to_9(self, unit: Unit, base: State, now: State, reading: str) -> Cause | None:
        control, resource, key = unit
        b, a = self.before, self.after
        if partner := self._replaced(key, base, now, reading):
            return "recommendation_replaced", partner
        moves = {"added": "come", "left_preview": "come", "retired": "go"}
        told = self._recommendation(key)
        told = told or self._remembered(("recommendation", key), moves, base, now, reading)
        if told:
            return f"recommendation_{told}", key
        if self._moved(control, key):
            return "recommendation_moved", key
        appeared, vanished = base.mark is None, now.mark is None
        plan = plan_of(resource)
        if appeared or vanished:
            on = [bool((end.plans or {}).get(plan, (False, None))[0]) for end in (b, a)]
            direction = "enabled" if on == [False, True] else "disabled" if on == [True, False] else ""
            wanted, move = ("enabled", "come") if appeared else ("disabled", "go")
            if wanted == direction or self._remembered(("plan", plan), {wanted: move}, base, now, reading):
                return f"plan_{wanted}", plan
        was_off, is_off = bool(base.mark and base.mark.off), bool(now.mark and now.mark.off)
        if (is_off and not was_off) or (vanished and self._assignment("removed", resource, base, now, reading)):
            return "policy_disabled", key
        if (was_off and not is_off) or (appeared and self._assignment("added", resource, base, now, reading)):
            return "policy_enabled", key
        return None

    def _recommendation(self, key: str) -> str:
        b, a = self.before, self.after
        if a.counts(key) and not (b.exists(key) and b.listed(key)) and not b.preview(key):
            return "added"
        if a.counts(key) and b.preview(key):
            return "left_preview"
        return "retired" if b.counts(key) and not a.counts(key) else ""

    def _replaced(self, key: str, base: State, now: State, reading: str) -> str:
        """The key that owns a mark of one that was replaced, or that replaces one."""
        retired, added = self._gone_and_come()
        fitting = [(old, new) for old in retired for new in added if _is_same(retired[old], added[new])]
        for old, new in fitting:
            if sum(old == o for o, _ in fitting) > 1 or sum(new == n for _, n in fitting) > 1:
                continue
            if key == old and self._recommendation(old) == "retired":
                return new
            follows = self._remembered(("recommendation", new), {"added": "come"}, base, now, reading)
            if key == new and (self._recommendation(new) == "added" or follows):
                return new
        return ""

    def _gone_and_come(self) -> tuple[dict[str, tuple[dict, set[str]]], dict[str, tuple[dict, set[str]]]]:
        """What of recommendations that no longer count was known, and is of those that do now; with their controls."""
        b, a = self.before, self.after
        told = {(what[1], what[2]) for what in self.memory.changes if what[0] == "recommendation"}
        keys = {k for end in (b, a) for c in end.controls.values() for k in c.keys} | {k for k, _ in told}
        retired, added = {}, {}
        for key in keys:
            if self._recommendation(key) == "retired":
                retired[key] = (b.metadata or {}).get(key, {}), {c for c in b.controls if b.counts_in(c, key)}
            elif (key, "retired") in told and not a.counts(key) and key in self.memory.former:
                retired[key] = self.memory.former[key]
            if self._recommendation(key) == "added" or ((key, "added") in told and a.counts(key)):
                added[key] = (a.metadata or {}).get(key, {}), {c for c in a.controls if a.counts_in(c, key)}
        return retired, added

    def _moved(self, control: str, key: str) -> str:
        b, a = self.before, self.after
        if a.counts_in(control, key) and not b.counts_in(control, key) and b.counts_elsewhere(control, key):
            return "in"
        if b.counts_in(control, key) and not a.counts_in(control, key) and a.counts_elsewhere(control, key):
            return "out"
        return ""

    def _assignment(self, wanted: str, resource: str, base: State, now: State, reading: str) -> bool:
        """Whether one that covers it was added or removed, and no other covered it before, or does after."""

        def covering(rows: Iterable[dict], end: Sub) -> bool:
            return any(
                covers(row["scope"], resource, end) and not any(covers(s, resource, end) for s in row["excluded"])
                for row in rows
            )

        at_before, at_after = _of_initiative(self.before), _of_initiative(self.after)
        earlier = {name: row for (direction, name), (row, _) in self.memory.assignments.items() if direction == wanted}
        move = bool(now.effective(reading)) - bool(base.effective(reading))
        follows = earlier if move == (1 if wanted == "added" else -1) else {}
        if wanted == "removed":
            gone = [row for name, row in at_before.items() if name not in at_after]
            return covering([*gone, *follows.values()], self.before) and not covering(at_after.values(), self.after)
        new = [row for name, row in at_after.items() if name not in at_before]
        others = [row for name, row in at_before.items() if name not in earlier]
        return covering([*new, *follows.values()], self.after) and not covering(others, self.before)

    def _rows_10_to_16(self, unit: Unit, base: State, now: State) -> Cause:
        _, resource, key = unit
        was, is_ = base.mark, now.mark
        if is_ and is_.exempt and not (was and was.exempt):
            found = self.exemption(self.after, resource, key)
            return "exemption_created", found.id if found else key
        if was and was.exempt and not (is_ and is_.exempt):
            found = self.exemption(self.before, resource, key)
            expired = found and found.expires and found.expires <= self.after.taken
            return f"exemption_{'expired' if expired else 'removed'}", found.id if found else key
        if now.shielded and not base.shielded:
            return "grace_period_started", key
        if base.shielded and is_ and is_.code == "unhealthy":
            return "grace_period_ended", key
        if was is None or is_ is None:
            return f"data_source_{'gained' if was is None else 'lost'}", resource
        flip = (was.code, is_.code)
        if flip == ("unhealthy", "healthy"):
            return "remediation", key
        return ("regression" if flip == ("healthy", "unhealthy") else "applicability_changed"), key

    # What the next comparison remembers of this one

    def teach(self, memory: Memory, time: datetime) -> None:
        b, a = self.before, self.after
        for listing, what in (("inventory", "resource"), ("connectors", "connector")):
            at_before, at_after = set(getattr(b, listing) or {}), set(getattr(a, listing) or {})
            memory.changes |= {(what, s, "added"): time for s in at_after - at_before}
            memory.changes |= {(what, s, "deleted"): time for s in at_before - at_after}
        memory.changes |= {("resource", r, "added"): time for r in self.came}
        memory.changes |= {("resource", r, "deleted"): time for r in self.went}
        for key in {k for end in (b, a) for c in end.controls.values() for k in c.keys} | self._both("metadata"):
            if told := self._recommendation(key):
                memory.changes["recommendation", key, told] = time
        memory.former |= {k: v for k, v in self._gone_and_come()[0].items() if self._recommendation(k) == "retired"}
        for plan in self._both("plans"):
            was, is_ = ((end.plans or {}).get(plan, (False, None))[0] for end in (b, a))
            if was != is_:
                memory.changes["plan", plan, "enabled" if is_ else "disabled"] = time
        rows_b, rows_a = _of_initiative(b), _of_initiative(a)
        memory.assignments |= {("added", i): (rows_a[i], time) for i in rows_a.keys() - rows_b.keys()}
        memory.assignments |= {("removed", i): (rows_b[i], time) for i in rows_b.keys() - rows_a.keys()}
        memory.gone |= {name: (e, time) for name, e in self.ended.items()}

    def _both(self, listing: str) -> set:
        return {*(getattr(self.before, listing) or {}), *(getattr(self.after, listing) or {})}
