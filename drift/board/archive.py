"""The evidence as a zip, the same bytes for the same evidence; and the way back, which trusts nothing in it.

`manifest.json` has the SHA-256 of every other file, `figures.json` the figures that were told.
"""

from __future__ import annotations

import io
import math
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from math import fsum

import msgspec

from drift.board.evidence import SCHEMA
from drift.board.figures import FILES, Evidence, figures
from drift.errors import EvidenceError
from drift.model import Json

LARGEST = 200_000_000
"""Bytes of all files together, unpacked: what a brief of 500 subscriptions has is a tenth of it."""
MOST = 200
"""Files."""
NEAR = 1e-6
"""pp: sums in another order of rounding."""
_MANIFEST, _FIGURES = "manifest.json", "figures.json"
_BEGINNING = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was checked: what it is of, and what is wrong with it; None if nothing is."""

    what: str
    wrong: str | None


def packed(evidence: Evidence) -> bytes:
    """The zip."""
    files = {name: _encoded(found) for name, found in evidence.items()}
    files[_FIGURES] = _encoded(figures(evidence))
    digests = {name: sha256(data).hexdigest() for name, data in sorted(files.items())}
    files[_MANIFEST] = _encoded({"schema": SCHEMA, "sha256": digests})
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in sorted(files.items()):
            archive.writestr(zipfile.ZipInfo(name, _BEGINNING), data, zipfile.ZIP_DEFLATED)
    return held.getvalue()


def unpacked(data: bytes, name: str) -> tuple[dict[str, bytes], Json]:
    """The files of a zip but its manifest, and that. Raises EvidenceError naming what can't be used."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = archive.infolist()
            names = [entry.filename for entry in entries]
            if len(set(names)) < len(names):
                raise EvidenceError(f"{name}: a file is in it twice")
            if len(entries) > MOST or sum(entry.file_size for entry in entries) > LARGEST:
                raise EvidenceError(f"{name}: is larger than the evidence of a brief can be")
            files = {entry.filename: _read(archive, entry, name) for entry in entries}
    except (zipfile.BadZipFile, NotImplementedError, EOFError, OSError, RuntimeError, ValueError) as error:
        raise EvidenceError(f"{name}: is no zip, or cut short ({type(error).__name__})") from None
    manifest = _decoded(files.pop(_MANIFEST, None), f"{name}: {_MANIFEST}")
    digests = manifest.get("sha256")
    if manifest.get("schema") != SCHEMA or not isinstance(digests, dict):
        raise EvidenceError(f"{name}: {_MANIFEST} is of no form that is known here")
    return files, digests


def _read(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, name: str) -> bytes:
    with archive.open(entry) as opened:
        data = opened.read(entry.file_size + 1)  # what it claims bounds what is unpacked
    if len(data) != entry.file_size:
        raise EvidenceError(f"{name}: {entry.filename[:80]!r} is not as long as it says")
    return data


def verified(data: bytes, name: str) -> Iterator[Check]:
    """What holds of a zip and what does not: files, sums, figures. Raises EvidenceError for what is no evidence."""
    files, digests = unpacked(data, name)
    for file in sorted(files.keys() | digests.keys()):
        if file not in files:
            yield Check(file, "is missing")
        elif file not in digests:
            yield Check(file, "is not in the manifest")
        elif sha256(files[file]).hexdigest() != digests[file]:
            yield Check(file, "was changed")
    evidence = {file: _decoded(content, f"{name}: {file}") for file, content in files.items()}
    said = evidence.pop(_FIGURES, None)
    if said is None:
        raise EvidenceError(f"{name}: {_FIGURES} is missing")
    try:
        yield from _sums(evidence)
        found = msgspec.json.decode(_encoded(figures(evidence)))
    except (KeyError, TypeError, AttributeError, IndexError, ValueError) as error:
        raise EvidenceError(f"{name}: is no evidence of a brief ({type(error).__name__}: {str(error)[:80]})") from None
    for part, own in found["parts"].items():
        for figure, value in own.items():
            other = said.get("parts", {}).get(part, {}).get(figure)
            yield Check(f"{part}: {figure}", None if alike(value, other) else "differs from what the evidence gives")
    same = alike(found["decisions"], said.get("decisions"))
    yield Check("decisions", None if same else "differ from what the evidence gives")
    if said.keys() - found.keys() or said.get("parts", {}).keys() - found["parts"].keys():
        yield Check(_FIGURES, "tells of more than there is evidence of")


def _sums(evidence: Evidence) -> Iterator[Check]:
    """That movements add up: to the ends, by class, by cause, by owner, by control."""
    for part in evidence["report.json"]["parts"]:
        own = evidence[f"{part['name']}/{FILES[0]}.json"]
        movement = own["movement"]
        if movement is None:
            continue
        divisions = {
            "from before to after": own["after"]["percentage"] - own["before"]["percentage"],
            "by class": fsum(own["classes"].values()),
            "by cause": fsum(one["share"] for one in own["causes"]),
            "by owner": fsum(one["share"] for one in own.get("parts", ())),
            "by control": fsum(one["share"] for one in evidence[f"{part['name']}/controls.json"]["value"]),
        }
        for what, total in divisions.items():
            right = math.isclose(total, movement, rel_tol=0.0, abs_tol=NEAR)
            yield Check(
                f"{part['name']}: the movement {what}",
                None if right else f"is {total:+.6f} pp, and the movement {movement:+.6f} pp",
            )


def evidence_of(data: bytes, name: str) -> dict[str, Json]:
    """The evidence in a zip, as it is. Raises EvidenceError."""
    files, _ = unpacked(data, name)
    return {file: _decoded(content, f"{name}: {file}") for file, content in files.items() if file != _FIGURES}


def alike(one: object, other: object) -> bool:
    """The same, but for the last digits of numbers."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, int | float) and isinstance(other, int | float):
        return math.isclose(one, other, rel_tol=1e-9, abs_tol=1e-9)
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(alike(value, other[key]) for key, value in one.items())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(alike, one, other))
    return one == other


def _encoded(found: object) -> bytes:
    return msgspec.json.format(msgspec.json.encode(found, order="sorted"), indent=1)


def _decoded(data: bytes | None, where: str) -> Json:
    if data is None:
        raise EvidenceError(f"{where} is missing")
    try:
        found = msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise EvidenceError(f"{where}: is no JSON ({str(error)[:80]})") from None
    if not isinstance(found, dict):
        raise EvidenceError(f"{where}: is no object")
    return found
