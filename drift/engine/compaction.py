"""A chain's head without the names of what is gone: a register grows and never forgets, a stored one must not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from drift.engine.head import Head
from drift.model import Grace, Ints
from drift.names import Names


def compacted(head: Head) -> Head:
    """The same head with a register of only the resources that it speaks of. Their order stays."""
    snapshot, pending = head.snapshot, head.pending
    inventory, graces, dues = snapshot.context.inventory, snapshot.context.graces, snapshot.context.dues
    columns = [snapshot.marks.resource, np.array([g.resource for g in (*(graces or ()), *(dues or ()))], np.int32)]
    columns += [inventory.resource] if inventory is not None else []
    columns += [pending.units.resource] if pending is not None else []
    columns += [one.resources for one in head.memory if one.resources is not None]
    used: Ints = np.unique(np.concatenate(columns)).astype(np.int32)
    names = Names(snapshot.resources[place] for place in used.tolist())
    new = np.full(len(snapshot.resources), -1, np.int32)
    new[used] = np.arange(len(used), dtype=np.int32)

    def moved(rows: tuple[Grace, ...] | None) -> tuple[Grace, ...] | None:
        return None if rows is None else tuple(replace(one, resource=int(new[one.resource])) for one in rows)

    context = replace(
        snapshot.context,
        inventory=None if inventory is None else replace(inventory, resource=new[inventory.resource]),
        graces=moved(graces),
        dues=moved(dues),
    )
    marks = replace(snapshot.marks, resource=new[snapshot.marks.resource])
    units = None if pending is None else pending.units.having(resource=new[pending.units.resource])
    return replace(
        head,
        snapshot=replace(snapshot, marks=marks, context=context, resources=names),
        pending=None if pending is None or units is None else replace(pending, units=units),
        memory=tuple(
            one if one.resources is None else replace(one, resources=new[one.resources]) for one in head.memory
        ),
    )
