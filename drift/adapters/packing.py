"""Values of the model to bytes and back, whole: how heads and deltas lie in storage.

MessagePack of the dataclasses as they are, compressed, behind a byte that names the form. What is read back is equal to
what was written.
"""

from __future__ import annotations

import zlib
from collections.abc import Hashable
from fractions import Fraction
from functools import lru_cache
from hashlib import sha256
from threading import Lock
from typing import Any, cast, get_origin

import msgspec
import numpy as np

from drift.errors import ServiceError
from drift.names import Names

FORM = b"\x01"
"""The form of what is written now. A reader of a later form must still read this one."""

_BUILDING = Lock()
"""msgspec 0.22 keeps what it knows of a class before it knows all: two threads that build at once crash the process."""

_LEVEL = 1
"""Of compression: the columns shrink to a quarter, and a higher level takes far longer for little more."""


def pack(value: Any) -> bytes:
    """The bytes of a value of the model."""
    return FORM + zlib.compress(msgspec.msgpack.encode(value, enc_hook=_plain), _LEVEL)


def digest(value: Any) -> bytes:
    """What equal values have in common, in whatever order their sets and mappings came about."""
    return sha256(msgspec.msgpack.encode(value, enc_hook=_plain, order="deterministic")).digest()


def unpack[T](data: bytes, kind: type[T]) -> T:
    """The value in bytes that `pack` wrote. Raises ServiceError if they are something else."""
    if data[:1] != FORM:
        raise ServiceError(f"what is stored is of form {data[:1].hex() or 'none'}, and this version reads {FORM.hex()}")
    try:
        with _BUILDING:
            decoder = _decoder(cast(Hashable, kind))
        found: T = decoder.decode(zlib.decompress(data[1:]))
    except (zlib.error, msgspec.DecodeError, ValueError) as error:
        raise ServiceError(f"what is stored of a {kind.__name__} can't be read: {error}") from error
    return found


@lru_cache
def _decoder(kind: Any) -> msgspec.msgpack.Decoder[Any]:
    return msgspec.msgpack.Decoder(kind, dec_hook=_rich)


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return value.dtype.str, value.tobytes()
    if isinstance(value, Fraction):
        return str(value.numerator), str(value.denominator)
    if isinstance(value, Names):
        return [value[place] for place in range(len(value))]
    raise TypeError(f"a {type(value).__name__} is not stored")


def _rich(kind: Any, value: Any) -> Any:
    if get_origin(kind) is np.ndarray:
        dtype, data = value
        return np.frombuffer(data, dtype)
    if kind is Fraction:
        return Fraction(*map(int, value))
    if kind is Names:
        return Names(value)
    raise TypeError(f"a {kind} is not stored")
