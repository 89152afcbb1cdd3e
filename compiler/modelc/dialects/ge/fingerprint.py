"""The fingerprint of bytes that is called farmhash64; it is the same on every machine and for ever."""

from __future__ import annotations

MASK = (1 << 64) - 1
K0, K1, K2 = 0xC3A5C85C97CB3127, 0xB492B66FBE98F273, 0x9AE16A3B2F90404F
SEED = 81

Pair = tuple[int, int]


def _word(data: bytes, start: int, size: int = 8) -> int:
    return int.from_bytes(data[start : start + size], "little")


def _rotated(value: int, by: int) -> int:
    return (value >> by | value << (64 - by)) & MASK


def _mixed(value: int) -> int:
    return value ^ value >> 47


def _hash_of_two(u: int, v: int, factor: int) -> int:
    a = _mixed((u ^ v) * factor & MASK)
    b = _mixed((v ^ a) * factor & MASK)
    return b * factor & MASK


def _up_to_16(data: bytes) -> int:
    size = len(data)
    factor = K2 + 2 * size
    if size >= 8:
        a = _word(data, 0) + K2
        b = _word(data, size - 8)
        c = _rotated(b, 37) * factor + a
        d = (_rotated(a & MASK, 25) + b) * factor
        return _hash_of_two(c & MASK, d & MASK, factor)
    if size >= 4:
        return _hash_of_two(size + (_word(data, 0, 4) << 3), _word(data, size - 4, 4), factor)
    if size:
        y = data[0] + (data[size >> 1] << 8)
        z = size + (data[-1] << 2)
        return _mixed((y * K2 ^ z * K0) & MASK) * K2 & MASK
    return K2


def _up_to_32(data: bytes) -> int:
    size = len(data)
    factor = K2 + 2 * size
    a, b = _word(data, 0) * K1 & MASK, _word(data, 8)
    c, d = _word(data, size - 8) * factor & MASK, _word(data, size - 16) * K2
    first = _rotated((a + b) & MASK, 43) + _rotated(c, 30) + d
    second = a + _rotated((b + K2) & MASK, 18) + c
    return _hash_of_two(first & MASK, second & MASK, factor)


def _up_to_64(data: bytes) -> int:
    size = len(data)
    factor = K2 + 2 * size
    a, b = _word(data, 0) * K2 & MASK, _word(data, 8)
    c, d = _word(data, size - 8) * factor & MASK, _word(data, size - 16) * K2
    y = (_rotated((a + b) & MASK, 43) + _rotated(c, 30) + d) & MASK
    z = _hash_of_two(y, (a + _rotated((b + K2) & MASK, 18) + c) & MASK, factor)
    e, f = _word(data, 16) * factor & MASK, _word(data, 24)
    g, h = (y + _word(data, size - 32)) * factor & MASK, (z + _word(data, size - 24)) * factor
    first = _rotated((e + f) & MASK, 43) + _rotated(g, 30) + h
    second = e + _rotated((f + a) & MASK, 18) + g
    return _hash_of_two(first & MASK, second & MASK, factor)


def _weak(data: bytes, start: int, a: int, b: int) -> Pair:
    """Return a hash of 32 bytes and two seeds."""
    w, x, y, z = (_word(data, start + offset) for offset in (0, 8, 16, 24))
    a = (a + w) & MASK
    b = _rotated((b + a + z) & MASK, 21)
    c = a
    a = (a + x + y) & MASK
    b = (b + _rotated(a, 44)) & MASK
    return (a + z) & MASK, (b + c) & MASK


def _long(data: bytes) -> int:
    x, y = SEED, (SEED * K1 + 113) & MASK
    z = _mixed((y * K2 + 113) & MASK) * K2 & MASK
    v: Pair = (0, 0)
    w: Pair = (0, 0)
    x = (x * K2 + _word(data, 0)) & MASK
    end = (len(data) - 1) // 64 * 64
    for start in range(0, end, 64):
        x = _rotated((x + y + v[0] + _word(data, start + 8)) & MASK, 37) * K1 & MASK
        y = _rotated((y + v[1] + _word(data, start + 48)) & MASK, 42) * K1 & MASK
        x ^= w[1]
        y = (y + v[0] + _word(data, start + 40)) & MASK
        z = _rotated((z + w[0]) & MASK, 33) * K1 & MASK
        v = _weak(data, start, v[1] * K1 & MASK, (x + w[0]) & MASK)
        w = _weak(data, start + 32, (z + w[1]) & MASK, (y + _word(data, start + 16)) & MASK)
        z, x = x, z
    factor = (K1 + ((z & 0xFF) << 1)) & MASK
    last = len(data) - 64
    w = ((w[0] + (len(data) - 1 & 63)) & MASK, w[1])
    v = ((v[0] + w[0]) & MASK, v[1])
    w = ((w[0] + v[0]) & MASK, w[1])
    x = _rotated((x + y + v[0] + _word(data, last + 8)) & MASK, 37) * factor & MASK
    y = _rotated((y + v[1] + _word(data, last + 48)) & MASK, 42) * factor & MASK
    x ^= w[1] * 9 & MASK
    y = (y + v[0] * 9 + _word(data, last + 40)) & MASK
    z = _rotated((z + w[0]) & MASK, 33) * factor & MASK
    v = _weak(data, last, v[1] * factor & MASK, (x + w[0]) & MASK)
    w = _weak(data, last + 32, (z + w[1]) & MASK, (y + _word(data, last + 16)) & MASK)
    z, x = x, z
    first = (_hash_of_two(v[0], w[0], factor) + _mixed(y) * K0 + z) & MASK
    return _hash_of_two(first, (_hash_of_two(v[1], w[1], factor) + x) & MASK, factor)


def farmhash64(data: bytes) -> int:
    """Return the fingerprint of `data`, 64 bits."""
    for limit, function in ((16, _up_to_16), (32, _up_to_32), (64, _up_to_64)):
        if len(data) <= limit:
            return function(data)
    return _long(data)
