"""The secure score drift monitor: why the Defender for Cloud secure score moved, in parts that add up.

    evidence folder ──► adapters ──► Snapshot ──► engine.comparison ──► Delta ──► engine.explanation ──► JSON, text

`model`, `kinds`, `names` and `ids` are the vocabulary. `engine` is pure: values in, values out. `adapters` read and
write. `pipeline` is the sentence *read, compare, explain*; `cli` is the way in. docs/decisions tell why it is so.
"""
