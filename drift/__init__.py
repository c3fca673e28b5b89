"""The secure score drift monitor: why the Defender for Cloud secure score moved, in parts that add up.

    Azure ──────────┐                                                          ┌─► JSON, text
    evidence folder ┴─► adapters ──► Snapshot ──► engine.comparison ──► Delta ─┴─► engine.explanation ──► Segment
                                                        ▲    │                                            │
                                                        └─ head ── store ◄─────── keeping ◄───────────────┘
                                                                     ├──► telling ──► card ──► Teams, topic
                                                                     └──► history ──► web ──► HTTP

`model`, `actors`, `kinds`, `names` and `ids` are the vocabulary. `engine` is pure: values in, values out. `adapters`
read and write. `pipeline` is the sentence *collect, compare, attribute, keep*, `groups` the same for the tenant and its
parts; `folders` does it for evidence on disk. `diagnosing`, `plans`, `auditing` and `standing` ask of both why a score
stands still, what a fix is worth, and what exemptions and gaps hide; `board` puts a period together for who decides.
docs/how-it-runs.md tells the rest, docs/decisions why it is so.
"""
