#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Random protobuf messages, written and read by another hand: what the codec shows leads back to
their bytes, and names their fields.

protobuf.py make SEED COUNT    prints JSON lines with keys and values in hex, and the messages to `want`
protobuf.py read FILE          holds what `dump -v protobuf` printed against `want`
"""
import json
import random
import struct
import sys


def varint(n):
    out = bytearray()
    while n > 127:
        out.append(n & 127 | 128)
        n >>= 7
    return bytes(out + bytes([n]))


def some_field(rng, depth):
    number = rng.choice((1, 2, 15, 16, rng.randrange(1, 1 << 29)))
    kind = rng.randrange(7 if depth < 5 else 5)
    if kind == 0:
        n = rng.choice((0, 1, 150, (1 << 53) - 1, 1 << 53, (1 << 64) - 1, rng.randrange(1 << 64)))
        return varint(number << 3) + varint(n), (number, n)
    if kind == 1:
        n = rng.randrange(1 << 64)
        return varint(number << 3 | 1) + struct.pack("<Q", n), (number, n)
    if kind == 2:
        n = rng.randrange(1 << 32)
        return varint(number << 3 | 5) + struct.pack("<I", n), (number, n)
    if kind in (3, 4):
        data = (rng.choice(("", "text", "zwölf\n", "\"quoted\"", "a\0b")).encode() if kind == 3
                else rng.randbytes(rng.randrange(30)))
        return varint(number << 3 | 2) + varint(len(data)) + data, (number, data)
    inner, fields = some_message(rng, depth + 1)
    if kind == 5:
        return varint(number << 3 | 2) + varint(len(inner)) + inner, (number, inner)
    return varint(number << 3 | 3) + inner + varint(number << 3 | 4), (number, fields)


def some_message(rng, depth=0):
    parts = [some_field(rng, depth) for _ in range(rng.randrange(4))]
    return b"".join(p for p, _ in parts), [f for _, f in parts]


def to_bytes(fields):
    """The bytes that the codec's JSON stands for."""
    out = b""
    for one in fields:
        (number, value), = one.items()
        tag = int(number) << 3
        if isinstance(value, int):
            out += varint(tag) + varint(value)
        elif isinstance(value, (str, list)):
            data = value.encode() if isinstance(value, str) else to_bytes(value)
            out += varint(tag | 2) + varint(len(data)) + data
        else:
            (kind, inner), = value.items()
            if kind == "$varint":
                out += varint(tag) + varint(int(inner))
            elif kind == "$fixed32":
                out += varint(tag | 5) + struct.pack("<I", int(inner))
            elif kind == "$fixed64":
                out += varint(tag | 1) + struct.pack("<Q", int(inner))
            elif kind == "$bytes":
                data = bytes.fromhex(inner)
                out += varint(tag | 2) + varint(len(data)) + data
            else:
                assert kind == "$group", kind
                out += varint(tag | 3) + to_bytes(inner) + varint(tag | 4)
    return out


def main():
    if sys.argv[1] == "make":
        rng = random.Random(int(sys.argv[2]))
        with open("want", "w") as want:
            for key in range(int(sys.argv[3])):
                raw, fields = some_message(rng)
                print(json.dumps({"key": "%016x" % key, "value": raw.hex()}))
                print(json.dumps([raw.hex(), [number for number, _ in fields]]), file=want)
        return
    wrapped = 0
    with open("want") as want, open(sys.argv[2]) as shown:
        for line, told in zip(shown, want, strict=True):
            value, (raw, numbers) = json.loads(line)["value"], json.loads(told)
            if isinstance(value, dict):
                assert value["$hex"] == raw, line
                wrapped += 1
                continue
            assert to_bytes(value).hex() == raw, line
            assert [int(n) for one in value for n in one] == numbers, line
    assert wrapped == 0, f"{wrapped} canonical messages were not led back from"


main()
