#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What live snapshots cost: taking one of a large image, and writing while one is there.

Every round does each thing once, so that what the machine does meanwhile falls on all of them. What is
printed are medians, and shares are medians of the rounds' shares. tools/bench.sh builds what this needs.
"""

import argparse
import json
import os
import shutil
import statistics
import sys
import tempfile
import time

sys.dont_write_bytecode = True
from bench import Bench, Canister, facts, settle, timed  # noqa: E402

TAKE_LEN = 10 << 30
TAKE_DIRTY = 64 << 20
TAKE_TARGET = 0.010
FIRST_TARGET = 0.5
COPIED_TARGET = 0.95
# What 4 KiB writes in 1 GiB mean for clusters of 64 KiB: about one each, about four each.
LOADS = {"lone": 4000, "dense": 60000}


def parse_args():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--prog", required=True, help="the canisterfs program")
    p.add_argument("--load", required=True, help="what does the work (bench_load)")
    p.add_argument("--rounds", type=int, default=7)
    p.add_argument("--mib", type=int, default=1024, help="length of the file that is written to")
    p.add_argument("--dir", default="/var/tmp", help="where: on the file system to measure")
    p.add_argument("--json", help="write all figures to this file")
    args = p.parse_args()
    args.left_out = []
    return args


def dirty(fd, seed):
    """Stays in the kernel's cache, since nobody closes it."""
    os.pwrite(fd, bytes([seed + 1]) * TAKE_DIRTY, 1 << 30)


def take(args, top):
    """Of an image without data but for what is written here: with nothing to flush, and with that."""
    server = Canister("take", top, args.prog, 128)
    samples = {"flush": [], "clean": [], "after_writes": []}
    try:
        fd = os.open(server.path("0"), os.O_RDWR | os.O_CREAT)
        os.truncate(fd, TAKE_LEN)
        for n in range(args.rounds):
            dirty(fd, n)
            samples["flush"].append(timed(lambda: os.fsync(fd)))
            settle()
            for kind in ("clean", "after_writes"):
                samples[kind].append(timed(lambda: os.mkdir(server.path(".snap/a"))))
                os.rmdir(server.path(".snap/a"))
                dirty(fd, n + 1)
        os.close(fd)
    finally:
        server.stop()
    return samples


def loads(bench, path):
    """By name: the speed of one load, as a time."""
    work = {name: lambda count=count: bench.work("random-write", path, count=count)
            for name, count in LOADS.items()}
    work["sequential"] = lambda: bench.work("write", path)
    return work


def write(args, top, options):
    server = Canister(options, top, args.prog, 128, options)
    work = loads(Bench(args.load, args.mib << 20, ""), server.path("0"))
    samples = {name: {"without": [], "first": [], "copied": []} for name in work}
    try:
        work["sequential"]()
        for _ in range(args.rounds):
            for name, one in work.items():
                def sample(kind):
                    settle()
                    samples[name][kind].append(one())

                sample("without")
                os.mkdir(server.path(".snap/a"))
                sample("first")
                sample("copied")
                os.rmdir(server.path(".snap/a"))
    finally:
        server.stop()
    return samples


def share(samples, kind):
    """Speed, as a share of that without a snapshot."""
    return statistics.median(a / b for a, b in zip(samples["without"], samples[kind]))


def mark(is_met):
    return "" if is_met else "  short of the target"


def report(taken, written):
    med = {k: statistics.median(v) for k, v in taken.items()}
    print(f"taking a snapshot of {TAKE_LEN >> 30} GiB: {med['clean'] * 1e3:.2f} ms, at most "
          f"{max(taken['clean']) * 1e3:.2f} ms (target: {TAKE_TARGET * 1e3:.0f} ms)"
          + mark(med["clean"] < TAKE_TARGET))
    print(f"  with {TAKE_DIRTY >> 20} MiB to flush: {med['after_writes'] * 1e3:.1f} ms; fsync of as "
          f"much: {med['flush'] * 1e3:.1f} ms")
    for options, loads_of in written.items():
        print(f"mounted with -o {options}:")
        for name, s in loads_of.items():
            what = f"{LOADS[name]:,} random writes of 4 KiB" if name in LOADS else "writing it all"
            first, copied = share(s, "first"), share(s, "copied")
            print(f"  {what}: {statistics.median(s['without']):.3f} s without a snapshot")
            print(f"    on first touch {first:.0%} of that speed"
                  + (f" (target: {FIRST_TARGET:.0%})" + mark(first >= FIRST_TARGET)
                     if options == "fast_snapshots" else ""))
            print(f"    once copied {copied:.0%} (target: {COPIED_TARGET:.0%})"
                  + mark(copied >= COPIED_TARGET))


def main():
    args = parse_args()
    top = tempfile.mkdtemp(prefix="canisterfs-bench-", dir=args.dir)
    try:
        start = time.monotonic()
        taken = take(args, top)
        written = {options: write(args, top, options) for options in ("rw", "fast_snapshots")}
        report(taken, written)
        if args.json:
            with open(args.json, "w", encoding="utf-8") as f:
                json.dump({"schema": 1, **facts(args, top), "seconds": time.monotonic() - start,
                           "take": taken, "write": written}, f, indent=1)
                f.write("\n")
    finally:
        shutil.rmtree(top)


if __name__ == "__main__":
    main()
