"""An attribution by brute force, written from the contract alone: slow, plain, and independent of the engine.

`explain(folders, scope)` takes evidence folders as dicts of relative path to decoded raw ARM JSON.

Readings, where the contract leaves a choice
- A file missing at one end is taken as at the other (dates in it are held against each end's own time); an
  inventory missing at one end decides for no type. "Types that it lists": of the subscription, at either end.
- Every change of context is remembered, also one that was taken back; a remembered arrival owns marks that come, a
  remembered departure marks that go. Rows 2 to 9 are all remembered except that a recommendation moved (its marks
  move with it, none follow); so are resources told by their marks.
- An assignment that was added or removed covers a mark only where no other did before, or does after.
- A change between the two snapshots themselves owns whatever its row says, also a flip.
- "Appeared" and "vanished" (rows 8, 9, 13) mean that there was, or is, no mark at all.
- Existence, preview and membership are of the subscription's own controls; the definitions file adds controls that
  the controls answer leaves out (with counts 0).
- Without policy-assignments.json any assignment may be the initiative's; without a management group tree any group
  whose exemption or assignment a subscription lists is above it. Resource selectors never exclude.
- Exemptions of both kinds compete together; assignments of either end (or remembered) are the initiative's.
- Without a matching exemption the kind is exemption_removed. The `expiresOn` is the one seen at the matching end.
- A carried mark that changed again is dated if its date differs between the two snapshots, else undated.
- Undated groups of one row and subject are ordered as the table names the kinds.
- Dates later than a first snapshot are taken as that snapshot's time. All marks of a resource new there: it came.
- The resource of rows 4 to 9 in row 3 is asked over its changed marks only; a plan without a row is Free; an
  assignment's `notScopes` are not covered; group tags: names in any case, values exactly.
- A carried mark is compared in effective status under the reading in force now.
- The reading of Mitigated is measured per subscription on the marks as they are, before anything is pending.
- Parts of cells whose causes cancel (net change 0) share a weight change too.
- A subscription with a gap inside a chain has movement None and no causes; a group with none in between likewise.
- A pending line that would empty every control has shares 0; counts along it are kept within 0 <= h <= n.
- Subscriptions are listed where they are members and scored in the first and the last folder.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import pairwise
from typing import Any

from tests.oracle_arithmetic import ControlLine, Line, Parts, cell, group_shares, shapley, shares
from tests.oracle_folders import Folder, Mark, Spelling, Sub, read
from tests.oracle_settle import DAY, Change, reported_changes, settle
from tests.oracle_table import Cause, Memory, Pair, State, Unit

NO_READING = "notApplicable"


@dataclass
class Chain:
    """What one subscription's chain carries from comparison to comparison."""

    reading: str = NO_READING
    memory: Memory = field(default_factory=Memory)
    pending: dict[Unit, Change] = field(default_factory=dict)
    fresh: bool = True


@dataclass
class Segment:
    """One subscription between two neighbouring folders, scored at both."""

    movement: float
    line: Line
    pending_line: Line
    pending_causes: set[Cause]


def explain(folders: list[Folder], scope: str = "all") -> dict[str, Any]:
    spelling = Spelling()
    moments = [read(folder, spelling) for folder in folders]
    chains: dict[str, Chain] = {}
    segments = [_compare_all(before, after, chains) for before, after in pairwise(moments)]

    listed = [s for s in moments[-1] if _scored(moments[0], s, scope) and _scored(moments[-1], s, scope)]
    subscriptions = []
    for sub in listed:
        own = [segment.get(sub) for segment in segments]
        answer = _sum_up([_own(s, sub) if s else None for s in own], spelling)
        answer["pending"] = _rows(_pending(own[-1], sub) if own[-1] else {}, spelling)
        subscriptions.append({"scope": spelling[sub], **answer})
    mitigated = {spelling[s]: c.reading for s, c in chains.items() if s in moments[-1] and moments[-1][s].scored}
    if scope.lower() in moments[-1] or scope.lower() in moments[0]:
        one = next((s for s in subscriptions if s["scope"].lower() == scope.lower()), None)
        one = one or {"movement": None, "causes": [], "pending": []}
        return {**one, "subscriptions": subscriptions, "mitigated": mitigated}
    groups = [_group(b, a, s, scope) for (b, a), s in zip(pairwise(moments), segments, strict=True)]
    answer = _sum_up(groups, spelling)
    answer["pending"] = _rows(_group_pending(moments[-1], segments[-1], scope), spelling)
    return {**answer, "subscriptions": subscriptions, "mitigated": mitigated}


# Subscriptions


def _compare_all(before: dict[str, Sub], after: dict[str, Sub], chains: dict[str, Chain]) -> dict[str, Segment]:
    segments = {}
    for sub in {*before, *after}:
        if sub in before and sub in after and before[sub].scored and after[sub].scored:
            segments[sub] = _compare(before[sub], after[sub], chains.setdefault(sub, Chain()))
        else:
            chains.pop(sub, None)
    return segments


def _compare(before: Sub, after: Sub, chain: Chain) -> Segment:
    if chain.fresh:
        chain.memory.learn_dates(before)
    pair = Pair(before, after, chain.memory)
    chain.reading = _measure(pair, chain.reading)
    if chain.fresh:
        chain.pending, chain.fresh = _pending_at_first(pair, chain), False
        pair = Pair(before, after, chain.memory)
    changes = _changes(pair, chain)
    states = {unit: pair.state(pair.after, unit).effective(chain.reading) for unit in pair.units()}
    bases = {u: changes[u].base if u in changes else states[u] for u in states}
    for unit, change in changes.items():  # a unit that only the counts still show
        states.setdefault(unit, change.now)
        bases.setdefault(unit, change.base)
    cells: dict[tuple[str, str], list[Unit]] = defaultdict(list)
    for unit in states:
        cells[unit[:2]].append(unit)
    settled = settle(changes, cells, bases, reported_changes(pair), after.taken)

    def parts(moving: set[Unit], rest: dict[Unit, str]) -> dict[tuple[str, str], Parts]:
        return {
            at: _divide([u for u in units if u in moving], units, changes, rest, states)
            for at, units in cells.items()
            if any(u in moving for u in units)
        }

    line = _line(pair, parts(settled, bases))
    later = {u: states[u] if u in settled else bases[u] for u in states}
    rest = set(changes) - settled
    pending_line = _pending_line(pair, parts(rest, later))
    pair.teach(chain.memory, after.taken)
    chain.pending = {u: changes[u] for u in rest}
    return Segment(after.percentage - before.percentage, line, pending_line, {changes[u].cause for u in rest})


def _measure(pair: Pair, so_far: str) -> str:
    off = {}
    for reading in (NO_READING, "healthy"):
        off[reading] = sum(_disagreement(pair, end, reading) for end in (pair.before, pair.after))
    return so_far if len(set(off.values())) == 1 else min(off, key=lambda reading: off[reading])


def _disagreement(pair: Pair, end: Sub, reading: str) -> int:
    cells: dict[tuple[str, str], list[str]] = defaultdict(list)
    for unit in pair.units():
        cells[unit[:2]].append(pair.state(end, unit).effective(reading))
    counts = {name: [0, 0] for name in pair.controls()}
    for (control, _), statuses in cells.items():
        h, n = cell(statuses)
        counts[control][0] += h
        counts[control][1] += n
    own = {name: (c.healthy, c.counted) for name, c in end.controls.items()}
    return sum(abs(h - own.get(c, (0, 0))[0]) + abs(n - own.get(c, (0, 0))[1]) for c, (h, n) in counts.items())


def _pending_at_first(pair: Pair, chain: Chain) -> dict[Unit, Change]:
    """The latest marks of a chain's first snapshot that its counts seem not to show yet."""
    first = pair.before
    candidates: dict[datetime, dict[tuple[str, str], Mark | None]] = defaultdict(dict)
    for at, mark in first.marks.items():
        if mark.changed is None or mark.changed < first.taken - DAY:
            continue
        opposite = {"healthy": "unhealthy", "unhealthy": "healthy"}.get(mark.code, "unhealthy" if mark.exempt else "")
        new = mark.first is not None and mark.first >= mark.changed
        if new or opposite:
            earlier = None if new else Mark(opposite, "", None, mark.first)
            candidates[min(mark.changed, first.taken)][at] = earlier
    latest = sorted(candidates, reverse=True)
    worlds = []
    for k in range(len(latest) + 1):
        marks: dict[tuple[str, str], Mark | None] = dict(first.marks)
        for moment in latest[:k]:
            marks |= candidates[moment]
        world = replace(first, marks={at: mark for at, mark in marks.items() if mark})
        worlds.append((_disagreement(Pair(world, first, chain.memory), world, chain.reading), k, world))
    _, k, world = min(worlds, key=lambda w: w[:2])
    then = Pair(world, first, chain.memory)
    changes = _changes(then, Chain(chain.reading))
    for resource in then.came:
        chain.memory.changes["resource", resource, "added"] = first.taken
    return {
        u: replace(c, time=min(first.marks[u[1:]].changed or first.taken, first.taken), dated=True)
        for u, c in changes.items()
    }


def _changes(pair: Pair, carried: Chain) -> dict[Unit, Change]:
    reading, changes = carried.reading, {}
    asked: dict[Unit, tuple[State, State]] = {}
    for unit in {*pair.units(), *carried.pending}:
        before, now = pair.state(pair.before, unit), pair.state(pair.after, unit)
        old = carried.pending.get(unit)
        origin = old.origin if old else before
        base, effective = origin.effective(reading), now.effective(reading)
        if base == effective:
            continue
        if old and before.effective(reading) == effective:
            changes[unit] = replace(old, base=base, now=effective)
        else:
            asked[unit] = origin, now
            changed = now.mark.changed if now.mark else None
            dated = changed is not None and changed != (before.mark.changed if before.mark else None)
            time = min(changed, pair.after.taken) if dated and changed else pair.after.taken
            changes[unit] = Change(("", ""), time, dated, origin, base, effective)
    for unit, cause in pair.causes(asked, reading).items():
        changes[unit] = replace(changes[unit], cause=cause)
    return changes


def _divide(
    moving: list[Unit], units: list[Unit], changes: dict[Unit, Change], rest: dict[Unit, str], states: dict[Unit, str]
) -> Parts:
    causes = sorted({changes[u].cause for u in moving})

    def value(chosen: frozenset) -> tuple[int, int]:
        return cell(states[u] if u in moving and changes[u].cause in chosen else rest[u] for u in units)

    return shapley(list(causes), value)


# Lines


def _line(pair: Pair, cells: dict[tuple[str, str], Parts]) -> Line:
    """The line of the reported counts; what the cells do not bring is unexplained."""
    controls = {}
    moved = [(cause, dn) for parts in cells.values() for cause, (_, dn) in parts.items()]
    for name, (b, a) in pair.controls().items():
        own: dict = defaultdict(lambda: [0, 0])
        for (control, _), parts in cells.items():
            for cause, (dh, dn) in parts.items() if control == name else ():
                own[cause] = [own[cause][0] + dh, own[cause][1] + dn]
        h = a.healthy - b.healthy - sum(p[0] for p in own.values())
        n = a.counted - b.counted - sum(p[1] for p in own.values())
        if h or n:
            own["unexplained", name] = [h, n]
            moved.append((("unexplained", name), n))
        parts = {cause: (float(dh), float(dn)) for cause, (dh, dn) in own.items()}
        controls[name] = ControlLine(b.maximum, b.healthy, b.counted, a.maximum, a.healthy, a.counted, parts)
    w0, w1 = pair.before.weight, pair.after.weight
    weights: dict = defaultdict(float)
    bringers = [(cause, dn) for cause, dn in moved if dn * (w1 - w0) > 0]
    total = sum(dn for _, dn in bringers)
    for cause, dn in bringers:
        weights[cause] += (w1 - w0) * float(dn / total)
    if w1 != w0 and not bringers:
        weights["weight_changed", pair.after.id] = w1 - w0
    return Line(controls, w0, w1, dict(weights))


def _pending_line(pair: Pair, cells: dict[tuple[str, str], Parts]) -> Line:
    controls = {}
    for name, (_, a) in pair.controls().items():
        own: dict = defaultdict(lambda: [0, 0])
        for (control, _), parts in cells.items():
            for cause, (dh, dn) in parts.items() if control == name else ():
                own[cause] = [own[cause][0] + dh, own[cause][1] + dn]
        n = max(0, a.counted + sum(p[1] for p in own.values()))
        h = min(n, max(0, a.healthy + sum(p[0] for p in own.values())))
        parts = {cause: (float(dh), float(dn)) for cause, (dh, dn) in own.items()}
        controls[name] = ControlLine(a.maximum, a.healthy, a.counted, a.maximum, float(h), float(n), parts)
    return Line(controls)


def _own(segment: Segment, sub: str) -> tuple[float, dict]:
    return segment.movement, {(*cause, sub): share for cause, share in shares(segment.line).items()}


def _pending(segment: Segment, sub: str) -> dict:
    found = {(*cause, sub): 0.0 for cause in segment.pending_causes}
    if found and segment.pending_line.at(1)[1] > 0:
        found |= {(*cause, sub): share for cause, share in shares(segment.pending_line).items()}
    return found


# Groups


def _scored(moment: dict[str, Sub], sub: str, scope: str) -> bool:
    if sub not in moment or not moment[sub].scored:
        return False
    if scope.startswith("tag:"):
        name, _, value = scope.removeprefix("tag:").partition("=")
        return any(n.lower() == name.lower() and v == value for n, v in moment[sub].tags.items())
    if scope.startswith("mg:"):
        return scope.removeprefix("mg:").lower() in (moment[sub].ancestors or [])
    return scope == "all" or scope.lower() == sub


def _group(before: dict[str, Sub], after: dict[str, Sub], segments: dict[str, Segment], scope: str) -> tuple | None:
    was = {s for s in before if _scored(before, s, scope)}
    is_ = {s for s in after if _scored(after, s, scope)}
    ends = []
    for moment, members in ((before, was), (after, is_)):
        weight = sum(moment[s].weight for s in members)
        if weight == 0:
            return None
        ends.append(sum(moment[s].weight * moment[s].percentage for s in members) / weight)
    found = group_shares(
        {s: segments[s].line for s in was & is_},
        {s: _still(after[s]) for s in is_ - was},
        {s: _still(before[s]) for s in was - is_},
    )
    return ends[1] - ends[0], {(*cause, sub): share for (sub, cause), share in found.items()}


def _still(sub: Sub) -> Line:
    controls = {}
    for name, c in sub.controls.items():
        controls[name] = ControlLine(c.maximum, c.healthy, c.counted, c.maximum, c.healthy, c.counted)
    return Line(controls, sub.weight, sub.weight)


def _group_pending(after: dict[str, Sub], segments: dict[str, Segment], scope: str) -> dict:
    members = [s for s in after if _scored(after, s, scope)]
    weight = sum(after[s].weight for s in members)
    found = {}
    for sub in members:
        if sub in segments and weight:
            own = _pending(segments[sub], sub)
            found |= {cause: share * after[sub].weight / weight for cause, share in own.items()}
    return found


# Answers


def _sum_up(segments: list[tuple | None], spelling: Spelling) -> dict[str, Any]:
    """Movements and shares add up along a chain; a gap leaves none."""
    if any(segment is None for segment in segments):
        return {"movement": None, "causes": []}
    total: dict = defaultdict(float)
    for _, found in segments:
        for cause, share in found.items():
            total[cause] += share
    return {"movement": sum(movement for movement, _ in segments), "causes": _rows(total, spelling)}


def _rows(found: dict, spelling: Spelling) -> list[dict[str, Any]]:
    rows = [
        {"kind": kind, "subject": spelling.get(subject, subject), "scope": spelling.get(scope, scope), "share": share}
        for (kind, subject, scope), share in found.items()
    ]
    return sorted(rows, key=lambda row: (-abs(row["share"]), row["kind"], row["subject"].lower(), row["scope"]))
