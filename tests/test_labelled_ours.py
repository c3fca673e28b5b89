"""What the product says of a chain is what it says of folders, with the events that had come by then."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from benchmarks.labelled.chain import Chain, Delivered, Movement
from benchmarks.labelled.ours import predictions
from tests.build import SUB, T0, estate, guid, key, mark, resource
from tests.estates import make
from tests.explained import explained

HOUR = timedelta(hours=1)
SOMEBODY = {
    "name": "Dana Novak",
    "http://schemas.microsoft.com/identity/claims/objectidentifier": guid("dana"),
    "idtyp": "user",
}


def write_event(name: str, at: Any) -> dict[str, Any]:
    about = {
        "operationName": "Microsoft.Compute/virtualMachines/write",
        "resourceUri": resource("vm1"),
        "claims": SOMEBODY,
    }
    return {
        "id": name,
        "topic": f"/subscriptions/{SUB}",
        "subject": resource("vm1"),
        "eventType": "Microsoft.Resources.ResourceWriteSuccess",
        "eventTime": at.isoformat(),
        "data": about | {"subscriptionId": SUB, "status": "Succeeded"},
        "dataVersion": "2",
    }


def chain(folders, *scopes, events=()):
    """One movement a scope and step, without labels: they are not looked at."""
    taken = [T0 + timedelta(hours=8 * at) for at in range(len(folders))]
    steps = [(scope, step) for scope in scopes for step in range(len(folders) - 1)]
    return Chain(1, list(folders), taken, list(events), [Movement(*one, [], [], []) for one in steps])


def remediated():
    """vm1 is remediated two hours before the second folder."""
    before = estate(controls={"c": (10, ["a"])}, marks={("vm1", "a"): "Unhealthy", ("vm2", "a"): "Healthy"})
    after = before.but(marks={("vm1", "a"): mark("Healthy", T0 + 6 * HOUR)})
    return [before, after, after.but()]


def of(folders, delivered):
    (first, _) = predictions(chain(folders, SUB, events=delivered))
    (cause,) = first.causes
    assert (cause.kind, cause.subject, cause.share) == ("remediation", key("a"), pytest.approx(50.0))
    return [(one.type, one.name) for one in cause.actors]


@pytest.mark.parametrize("seed", range(3))
def test_the_product_says_of_a_chain_what_it_says_of_its_folders(seed):
    folders = list(make(seed, subscriptions=2))
    (whole,) = predictions(chain(folders, "all"))
    said = {(one.kind, one.subject, one.scope): one.share for one in whole.causes}
    answer = explained(folders)
    assert said == {(row["kind"], row["subject"], row["scope"]): row["share"] for row in answer["causes"]}
    for one in answer["subscriptions"]:
        (own,) = predictions(chain(folders, one["scope"]))
        assert [cause.share for cause in own.causes] == [row["share"] for row in one["causes"]]


def test_without_an_event_nobody_is_named():
    assert of(remediated(), []) == [("notRecorded", None)]


@pytest.mark.parametrize("delivered", [5, 9, 40])
def test_an_event_names_who_did_it_whether_it_comes_in_time_or_late_or_twice(delivered):
    event = Delivered(T0 + delivered * HOUR, write_event("one", T0 + 5 * HOUR))
    assert of(remediated(), [event]) == [("user", "Dana Novak")]
    assert of(remediated(), [event, Delivered(event.at + HOUR, event.event)]) == [("user", "Dana Novak")]


def test_an_event_of_another_time_names_nobody():
    long_before = T0 - timedelta(days=4)
    assert of(remediated(), [Delivered(long_before, write_event("one", long_before))]) == [("notRecorded", None)]
