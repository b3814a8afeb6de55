#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""cbor.py SEED: what dump shows of random CBOR, held against an encoder that stands here alone."""
import json
import os
import random
import struct
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../mount"))
import btree  # noqa: E402

random.seed(sys.argv[1])
program = os.environ["CANISTERFS"]
odd = 0  # how often something is written that most encoders do not write


def head(major, n, least=0):
    """With a number of at least so many bytes: 0, 1, 2, 4 or 8."""
    for info, width, form in ((n, 0, ""), (24, 1, ">B"), (25, 2, ">H"), (26, 4, ">I"), (27, 8, ">Q")):
        if width >= least and n < (1 << 8 * width if width else 24):
            return bytes([major << 5 | info]) + (struct.pack(form, n) if width else b"")
    raise ValueError(n)


def is_odd():
    return random.random() < odd


def longer():
    return random.choice((1, 2, 4, 8)) if is_odd() else 0


def text():
    alphabet = "ab\"\\~ z" + ("$\0\n\x7f\u00e9\u65e5\U0001f600" if is_odd() else "")
    return "".join(random.choice(alphabet) for _ in range(random.choice((0, 1, 3, 23, 24, 300))))


def string(major, data):
    return head(major, len(data), longer()) + data


def number(major):
    n = random.choice((0, 23, 24, 255, 256, 65535, 65536, 2**32 - 1, 2**32, 2**53 - 2, 2**53 - 1, 2**53,
                       2**63, 2**64 - 1, random.getrandbits(random.randrange(1, 65))))
    return head(major, n, longer())


def simple(depth):
    if not is_odd():
        return random.choice((b"\xf4", b"\xf5", b"\xf6"))
    return random.choice((b"\xf7", b"\xf8\x20", b"\xe0", b"\xfb" + struct.pack(">d", random.uniform(-9, 9)),
                          b"\xc1" + item(depth + 1), b"\xf9\x3e\x00", b"\xfa\x3f\x80\x00\x00"))


def several(major, count, one):
    body = b"".join(one() for _ in range(count))
    if is_odd():
        return bytes([major << 5 | 31]) + body + b"\xff"
    return head(major, count, longer()) + body


def item(depth=0):
    kind = random.randrange(7 if depth < 5 else 5)
    count = random.choice((0, 1, 2, 5)) if depth else random.choice((0, 3, 24, 40))
    if kind < 2:
        return number(kind)
    if kind == 2:
        return string(2, random.randbytes(random.choice((0, 1, 23, 24, 300))))
    if kind == 3:
        return string(3, text().encode())
    if kind == 4:
        return simple(depth)
    if kind == 5:
        return several(4, count, lambda: item(depth + 1))
    keys = [text() for _ in range(count)]
    if not is_odd():
        keys = list(dict.fromkeys(keys))
    if random.random() < 0.03:
        keys += keys[:1]
    left = iter(keys)
    return several(5, len(keys), lambda: (item(depth + 1) if is_odd() else string(3, next(left).encode()))
                   + item(depth + 1))


def encode_special(key, x):
    if key == "$bytes":
        return head(2, len(x) // 2) + bytes.fromhex(x)
    if key == "$int":
        return encode(int(x))
    if key == "$tag":
        return head(6, x[0]) + encode(x[1])
    if key == "$simple":
        return bytes([0xe0 | x]) if x < 24 else bytes([0xf8, x])
    if key == "$map":
        return head(5, len(x)) + b"".join(encode(k) + encode(y) for k, y in x)
    if key == "$endless":
        if isinstance(x, list):
            return b"\x9f" + b"".join(map(encode, x)) + b"\xff"
        pairs = x["$map"] if list(x) == ["$map"] else x.items()
        return b"\xbf" + b"".join(encode(k) + encode(y) for k, y in pairs) + b"\xff"
    if key == "$f32":
        return b"\xfa" + struct.pack(">f", x)
    assert key == "$f16", key
    return b"\xf9" + struct.pack(">e", x)


def encode(v):
    """Of what canisterfs-dump(1) says that the JSON stands for; each head as short as can be."""
    if v is None:
        return b"\xf6"
    if isinstance(v, bool):
        return b"\xf5" if v else b"\xf4"
    if isinstance(v, int):
        return head(1, -1 - v) if v < 0 else head(0, v)
    if isinstance(v, float):
        return b"\xfb" + struct.pack(">d", v)
    if isinstance(v, str):
        return head(3, len(v.encode())) + v.encode()
    if isinstance(v, list):
        return head(4, len(v)) + b"".join(map(encode, v))
    if len(v) == 1 and next(iter(v)).startswith("$"):
        return encode_special(*next(iter(v.items())))
    return head(5, len(v)) + b"".join(encode(k) + encode(y) for k, y in v.items())


values = []
while len(values) < 1500:
    odd = random.choice((0, 0, 0.02, 0.3))
    data = item()
    if len(data) < 4000:
        values.append(data)
with open("memory", "wb") as file:
    file.write(btree.build([(struct.pack(">I", i), v) for i, v in enumerate(values)], 65536))
subprocess.run([program, "create", "--bucket-pages", "16", "cbor.img"], check=True, stdout=subprocess.DEVNULL)
subprocess.run([program, "put", "cbor.img", "5", "memory"], check=True, stdout=subprocess.DEVNULL)
shown = subprocess.run([program, "dump", "--key-width", "prefixed", "--value", "cbor", "cbor.img", "5"], check=True,
                       capture_output=True).stdout.splitlines()
assert len(shown) == len(values), (len(shown), len(values))
plain = 0
for line, want in zip(shown, values):
    value = json.loads(line)["value"]
    if isinstance(value, dict) and "$hex" in value:
        assert bytes.fromhex(value["$hex"]) == want, line
    else:
        plain += 1
        assert encode(value) == want, (line, want.hex())
assert plain > len(values) // 2, plain
