"""Reads the assessments of subscriptions in one of four ways, and prints how long that took, as JSON:

    python -m benchmarks.reading (ours | whole | floor | sdk) ENDPOINT SUBSCRIPTION ...

ours: as Defender reads them, into columns, ordered and checked. whole: the whole snapshot, with all the other lists.
floor: the bare download with `requests`, which azure-core uses too, and msgspec's typed decoding of the fields
that an explanation rests on. sdk: the models of azure-mgmt-security, one by one. Measured is from the first request to
the last row, in a process that has read before, as a warm worker has: so nothing is measured of imports.
"""

import gc
import json
import sys
import time
from collections.abc import Callable
from typing import Any

import msgspec

from benchmarks import changes
from benchmarks.floor import Assessment

PATH = "/subscriptions/{}/providers/Microsoft.Security/assessments?api-version=2021-06-01"

type Reader = Callable[[str], int]


class Page(msgspec.Struct):
    value: list[Assessment]
    next: str | None = msgspec.field(default=None, name="nextLink")


def floor(endpoint: str) -> Reader:
    import requests

    gc.disable()
    session = requests.Session()
    decoder = msgspec.json.Decoder(Page)

    def read(subscription: str) -> int:
        url: str | None = endpoint + PATH.format(subscription)
        count = 0
        while url:
            page = decoder.decode(session.get(url).content)
            count += len(page.value)
            url = page.next
        return count

    return read


def whole(endpoint: str) -> Reader:
    from drift.adapters.defender import Defender
    from drift.names import Names

    defender = Defender(endpoint, None)

    def read(subscription: str) -> int:
        known = defender.subscription(subscription)
        assert known is not None
        return len(defender.snapshot(known, Names(), Names()).marks.status)

    return read


def ours(endpoint: str) -> Reader:
    from drift.adapters.client import Arm
    from drift.adapters.reading import Reading
    from drift.model import Subscription
    from drift.names import Names

    client = Arm(endpoint, None)

    def read(subscription: str) -> int:
        reading = Reading(client, Subscription(subscription, subscription), Names(), Names())
        return len(reading._marks(changes.BEFORE // 100).status)

    return read


def sdk(endpoint: str) -> Reader:
    from azure.core.pipeline.policies import SansIOHTTPPolicy
    from azure.mgmt.security import SecurityCenter

    class Credential:
        def get_token(self, *_: str, **__: Any) -> Any:
            raise NotImplementedError  # a policy in its place asks for none: loopback is http

    policy: Any = SansIOHTTPPolicy()

    def read(subscription: str) -> int:
        client = SecurityCenter(Credential(), subscription, base_url=endpoint, authentication_policy=policy)
        return sum(1 for _ in client.assessments.list(f"subscriptions/{subscription}"))

    return read


def main(way: str, endpoint: str, subscriptions: list[str]) -> None:
    read = {"ours": ours, "whole": whole, "floor": floor, "sdk": sdk}[way](endpoint)
    read(subscriptions[0])
    start = time.perf_counter()
    rows = sum(map(read, subscriptions))
    print(json.dumps({"seconds": time.perf_counter() - start, "rows": rows}))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3:])
