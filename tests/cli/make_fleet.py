#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Makes many small, sparse images, and says what they waste: a second way to the same numbers.

    make_fleet.py DIR COUNT SEED > SUMMARY.json

Knows the layout, and adds up one image at a time from the parameters it chose.
"""
import json
import os
import random
import struct
import sys

PAGE = 65536
SIZES = [1, 2, 4, 8, 16, 32, 64, 128, 256]
CAP = 32768


def choose(rng):
    """Bucket size, pages of each memory, owners of the buckets, pages behind the last bucket."""
    bucket = rng.choice([1, 1, 2, 3, 16, 64, 128, 128, 128, 1024])
    pages = {}
    for m in rng.sample(range(255), rng.randrange(0, 12)):
        pages[m] = max(1, int(rng.paretovariate(0.8)) % 5000)
    owners = [m for m, p in pages.items() for _ in range(-(-p // bucket))]
    rng.shuffle(owners)
    for _ in range(rng.choice([0, 0, 0, 1, 3])):
        owners.insert(rng.randrange(len(owners) + 1), 255)
    return bucket, pages, owners, rng.choice([0, 0, 0, 0, 1, 7])


def write(path, bucket, pages, owners, tail):
    with open(path, "wb") as f:
        sizes = [pages.get(m, 0) for m in range(255)]
        f.write(b"MGR\1" + struct.pack("<HH32x255Q", len(owners), bucket, *sizes))
        f.write(bytes(owners) + b"\xff" * (CAP - len(owners)))
        f.truncate(PAGE * (1 + len(owners) * bucket + tail))


def main():
    directory, count, seed = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    rng = random.Random(seed)
    total = dict.fromkeys(
        ["managed", "memories", "image_bytes", "data_bytes", "waste_bytes", "slack_bytes",
         "hole_bytes", "tail_bytes"], 0)
    at = [0] * len(SIZES)
    too_large = [0] * len(SIZES)
    best = 0
    bins = [[0, 0] for _ in range(10)]
    worst = []
    for n in range(count):
        place = os.path.join(directory, "%02d" % (n % 50))
        os.makedirs(place, exist_ok=True)
        path = os.path.join(place, "canister-%06d.img" % n)
        bucket, pages, owners, tail = choose(rng)
        write(path, bucket, pages, owners, tail)

        length = PAGE * (1 + len(owners) * bucket + tail)
        data = PAGE * sum(pages.values())
        holes = PAGE * bucket * owners.count(255)
        waste = length - PAGE - data
        total["managed"] += 1
        total["memories"] += len(pages)
        total["image_bytes"] += length
        total["data_bytes"] += data
        total["waste_bytes"] += waste
        total["hole_bytes"] += holes
        total["tail_bytes"] += PAGE * tail
        total["slack_bytes"] += waste - holes - PAGE * tail
        would = {}
        for i, size in enumerate(SIZES + [bucket]):
            need = sum(-(-p // size) for p in pages.values())
            would[size] = PAGE * (1 + need * size) if need <= CAP else None
            if i < len(SIZES):
                at[i] += length if would[size] is None else would[size]
                too_large[i] += would[size] is None
        room = min(10 * data, 500 << 30)
        fit = [s for s in SIZES if would[s] is not None and s * CAP * PAGE >= room]
        smallest = min((would[s], s != bucket, s) for s in fit)[2] if data else bucket
        best += would[smallest]
        share = min(9, waste * 10 // length)
        bins[share][0] += 1
        bins[share][1] += waste
        worst = sorted(worst + [(-waste, path, length)] if waste else worst)[:10]

    total["histogram"] = [{"from_percent": 10 * i, "images": n, "waste_bytes": w}
                          for i, (n, w) in enumerate(bins)]
    total["worst"] = [{"path": p, "waste_bytes": -w, "image_bytes": n} for w, p, n in worst]
    total["sizes"] = [[s, a, n] for s, a, n in zip(SIZES, at, too_large)]
    total["best"] = best
    json.dump(total, sys.stdout)


main()
