"""The counter-based generator of weights. `crates/assay-judge/src/generator.rs` is the same and says where it is from; the
test vectors in `tests/vectors/generator.json` hold the two together."""

from __future__ import annotations

import hashlib

import numpy as np

GOLDEN_GAMMA = np.uint64(0x9E3779B97F4A7C15)
QUARTERS = np.uint64(0x0000FFFF0000FFFF)
UNIT_SCALE = np.float32(np.sqrt(3.0 / (65536.0 * 65536.0 - 1.0)))
"""Four uniform integers below 2^16 have the variance 4 (2^32 - 1) / 12; this is one over its root."""


def words(nonce: int, name: str, count: int, start: int = 0) -> np.ndarray:
    """`count` words of the stream `name` under `nonce`, from index `start`: shape `(count,)`, uint64."""
    digest = hashlib.sha256(nonce.to_bytes(8, "little") + name.encode()).digest()
    key = np.uint64(int.from_bytes(digest[:8], "little"))
    with np.errstate(over="ignore"):
        z = key + (np.arange(start + 1, start + count + 1, dtype=np.uint64)) * GOLDEN_GAMMA
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return z ^ (z >> np.uint64(31))


def variates(nonce: int, name: str, count: int, start: int = 0) -> np.ndarray:
    """`count` variates of mean 0 and variance 1: shape `(count,)`, float32."""
    drawn = words(nonce, name, count, start)
    # The four quarters of each word, added two by two.
    halves = (drawn & QUARTERS) + ((drawn >> np.uint64(16)) & QUARTERS)
    total = (halves & np.uint64(0xFFFFFFFF)) + (halves >> np.uint64(32))
    return (total.astype(np.int32) - np.int32(2 * 65535)).astype(np.float32) * UNIT_SCALE
