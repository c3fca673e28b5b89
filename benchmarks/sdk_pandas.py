"""What people do now, for comparison: the SDK's models, DataFrames, a join, and the rows that differ.

    python -m benchmarks.sdk_pandas BEFORE AFTER

The answers go through the deserializer that azure-mgmt-security's `assessments.list` uses, with the models of its
api-version, exactly as they would after the download. The result says which marks changed; it does not say why, nor
what they did to the score.
"""

import json
import sys
from pathlib import Path

import pandas as pd
from azure.mgmt.security._serialization import Deserializer
from azure.mgmt.security.v2021_06_01 import models

COLUMNS = ["id", "name", "resource", "code", "cause", "changed"]


def frame(folder: str) -> pd.DataFrame:
    """A row for every mark of the folder."""
    deserialize = Deserializer({name: value for name, value in vars(models).items() if isinstance(value, type)})
    rows = []
    for path in sorted(Path(folder).glob("*/assessments.json")):
        answer = deserialize("SecurityAssessmentList", json.loads(path.read_bytes()))
        for one in answer.value:
            status = one.status
            resource = one.resource_details.id
            rows.append((one.id, one.name, resource, status.code, status.cause, status.status_change_date))
    return pd.DataFrame(rows, columns=COLUMNS)


def changed(before: str, after: str) -> pd.DataFrame:
    """The marks that came, went or have another status."""
    ends = ("_before", "_after")
    both = frame(before).merge(frame(after), how="outer", on=["id", "name"], suffixes=ends, indicator=True)
    same = (both["_merge"] == "both") & (both["code_before"] == both["code_after"])
    same &= both["cause_before"].fillna("") == both["cause_after"].fillna("")
    different: pd.DataFrame = both[~same]
    return different


if __name__ == "__main__":
    print(len(changed(sys.argv[1], sys.argv[2])))
