#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Images of which one in a hundred of each kind is damaged, and a slow, independent count of them.

    waste_damaged.py make DIR COUNT SEED    makes the files
    waste_damaged.py count DIR              reads each file anew, and prints sums and names as JSON

The count knows the layout and nothing of canisterfs: it takes what is in the files.
"""
import collections
import gzip
import json
import os
import random
import struct
import sys
import zlib

PAGE = 65536
CAP = 32768
TABLE = 2080


def layout(rng):
    """Bucket size, pages of each memory, owners of the buckets, pages behind the last bucket."""
    bucket = rng.choice([1, 2, 3, 16, 128])
    pages = {m: rng.randrange(1, 300) for m in rng.sample(range(255), rng.randrange(1, 8))}
    owners = [m for m, p in pages.items() for _ in range(-(-p // bucket))]
    rng.shuffle(owners)
    if rng.random() < 0.3:
        owners.insert(rng.randrange(len(owners)), 255)
    return bucket, pages, owners, rng.choice([0, 0, 0, 1, 7])


def first_page(bucket, pages, owners):
    sizes = [pages.get(m, 0) for m in range(255)]
    head = b"MGR\1" + struct.pack("<HH32x255Q", len(owners), bucket, *sizes)
    return bytearray((head + bytes(owners) + b"\xff" * (CAP - len(owners))).ljust(PAGE, b"\0"))


def write(path, page, length):
    with open(path, "wb") as f:
        f.write(page[:length])
        f.truncate(length)


def damage(kind, rng, page, bucket, pages, owners, length):
    """Page 0 and the length of the image, as that kind of damage leaves them."""
    memory = rng.choice(list(pages))
    end = PAGE * (1 + len(owners) * bucket)
    if kind == "cut in page 0":
        return page, rng.randrange(40, PAGE)
    if kind == "cut in buckets":
        return page, rng.randrange(PAGE, end)
    if kind == "cut in a page":
        return page, end + rng.randrange(1, PAGE)
    if kind == "size too large":
        struct.pack_into("<Q", page, 40 + 8 * memory, pages[memory] + bucket * rng.randrange(1, 50))
    if kind == "size impossible":
        struct.pack_into("<Q", page, 40 + 8 * memory, rng.getrandbits(63) | 1 << 40)
    if kind == "bucket size 0":
        struct.pack_into("<H", page, 6, 0)
    if kind == "bucket count too large":
        struct.pack_into("<H", page, 4, rng.randrange(CAP + 1, 65536))
    if kind == "bucket behind the count":
        page[TABLE + len(owners) + rng.randrange(9)] = memory
    if kind == "bucket of another":
        page[TABLE + owners.index(memory)] = 254 if memory != 254 else 253
    if kind == "newer":
        page[3] = 2
    return page, length


KINDS = ["cut in page 0", "cut in buckets", "cut in a page", "size too large", "size impossible",
         "bucket size 0", "bucket count too large", "bucket behind the count", "bucket of another",
         "newer", "packed", "packed, cut", "packed, damaged", "foreign", "empty", "link", "raw"]


def make(directory, count, rng):
    whole = None
    for n in range(count):
        kind = KINDS[n % 100] if n % 100 < len(KINDS) else None
        place = os.path.join(directory, "%02d" % (n % 7))
        os.makedirs(place, exist_ok=True)
        path = os.path.join(place, "%06d" % n)
        bucket, pages, owners, tail = layout(rng)
        while kind and kind.startswith("packed") and bucket * len(owners) > 200:
            bucket, pages, owners, tail = layout(rng)
        page = first_page(bucket, pages, owners)
        length = PAGE * (1 + len(owners) * bucket + tail)
        if kind and kind.startswith("packed"):
            packed = bytearray(gzip.compress(page + bytes(length - PAGE), 1))
            if kind == "packed, cut":
                del packed[rng.randrange(20, len(packed) - 8):]
            if kind == "packed, damaged":
                packed[-8 + rng.randrange(4)] ^= 1 << rng.randrange(8)  # of the checksum
            write(path + ".gz", packed, len(packed))
        elif kind == "foreign":
            write(path, bytes(rng.randrange(1, 255) for _ in range(rng.randrange(1, 3000))), 3001)
        elif kind == "empty":
            write(path, b"", 0)
        elif kind == "raw":
            write(path, b"raw", PAGE * rng.randrange(1, 9))
        elif kind == "link" and whole:
            os.link(whole, path)
        else:
            page, length = damage(kind, rng, page, bucket, pages, owners, length)
            write(path, page, length)
            whole = path if kind is None else whole


def read(path):
    """Page 0 and the length; the kind of file where there is neither."""
    if not path.endswith(".gz"):
        with open(path, "rb") as f:
            return f.read(PAGE), os.path.getsize(path)
    with gzip.open(path) as f:
        content = f.read()
    return content[:PAGE], len(content)


def judge(page, length, total):
    """The kind of file; adds up what is whole."""
    if page[:3] != b"MGR":
        return "raw" if length and length % PAGE == 0 else "other"
    if page[3] != 1:
        return "error"
    if length < PAGE:
        return "cut"
    buckets, bucket = struct.unpack_from("<HH", page, 4)
    sizes = struct.unpack_from("<255Q", page, 40)
    table = page[TABLE:TABLE + CAP]
    if bucket == 0 or buckets > CAP or max(sizes) > bucket * CAP or table[buckets:].strip(b"\xff"):
        return "damaged"
    owned = collections.Counter(table[:buckets])
    if any(pages > owned[m] * bucket for m, pages in enumerate(sizes)):
        return "damaged"
    if length < PAGE * (1 + buckets * bucket) or length % PAGE:
        return "cut"
    total["image_bytes"] += length
    total["data_bytes"] += PAGE * sum(sizes)
    total["hole_bytes"] += PAGE * bucket * owned[255]
    total["tail_bytes"] += length - PAGE * (1 + buckets * bucket)
    for m, pages in enumerate(sizes):
        slack = PAGE * (owned[m] * bucket - pages)
        total["slack_bytes"] += slack
        if owned[m]:
            total["memories"] += 1
            images, data, before = total["by_memory"].get(m, (0, 0, 0))
            total["by_memory"][m] = (images + 1, data + PAGE * pages, before + slack)
    return "managed"


def count(directory):
    total = collections.Counter()
    total["by_memory"] = {}
    names = collections.defaultdict(list)
    seen = set()
    for place, folders, files in os.walk(directory):
        folders.sort()
        for name in sorted(files):
            path = os.path.join(place, name)
            key = os.stat(path).st_ino
            if key in seen:
                kind = "link"
            else:
                try:
                    kind = judge(*read(path), total)
                except EOFError:
                    kind = "cut"
                except (OSError, zlib.error):
                    kind = "damaged"
            seen.add(key)
            names[kind].append(path)
    total["by_memory"] = [[m, *total["by_memory"][m]] for m in sorted(total["by_memory"])]
    json.dump({"sums": total, "names": {k: sorted(names[k]) for k in sorted(names)}}, sys.stdout)


if sys.argv[1] == "make":
    make(sys.argv[2], int(sys.argv[3]), random.Random(int(sys.argv[4])))
else:
    count(sys.argv[2])
