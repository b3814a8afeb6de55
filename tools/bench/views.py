#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What the first look at a file costs through each way to see it: a read-only canisterfs mount that the
kernel reads by itself (passthrough), the same mount without, bindfs, passthrough_ll, and the file.

Every round mounts each of them anew, so that nobody's mount has anything in its cache, and tries one
after the other, in another order each round. What counts is the median of the rounds. tools/bench.sh
builds what this needs.
"""

import argparse
import atexit
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from typing import Callable

sys.dont_write_bytecode = True
from bench import Bench, Canister, Mirror, Scattered, Server, facts, fill, run, settle, timed  # noqa: E402

TARGET = 4  # times as fast with passthrough as without, from the host's cache
TARGET_CASES = {"read", "random-read"}
SLOW = 2  # times native: marked


class View(Canister):
    """An image that is written once, and mounted for reading each time."""

    def __init__(self, name, top, prog, image, passthrough):
        Server.__init__(self, name, top)
        self.prog = prog
        self.image = image
        self.options = f"ro,passthrough={passthrough}"

    def mount(self):
        self.start_daemon(self.prog, "mount", "-f", "-o", self.options, self.image, self.mnt)


class Again(Mirror):
    """A mirror that is mounted anew each time, of a file that is already there."""

    def __init__(self, name, top, words, source):
        Server.__init__(self, name, top)
        self.words = [w.format(source=source, mnt=self.mnt) for w in words]

    def mount(self):
        self.start_daemon(*self.words)


class Native(Server):
    def mount(self):
        pass


def peak_kib(server):
    if not server.daemon:
        return 0
    with open(f"/proc/{server.daemon.pid}/status", encoding="ascii") as f:
        return next((int(line.split()[1]) for line in f if line.startswith("VmHWM:")), 0)


def warm(b, server):
    """The host has all bytes in its cache, whatever the last case left."""
    subprocess.run(["cat", server.host_file], check=True, stdout=subprocess.DEVNULL)


def drop(b, server):
    os.sync()
    with open("/proc/sys/vm/drop_caches", "w", encoding="ascii") as f:
        f.write("3")


def cp_out(b, s):
    out = os.path.join(s.top, "out")
    settle()
    seconds = timed(lambda: run("cp", "--reflink=never", s.path("0"), out))
    os.unlink(out)
    return seconds


@dataclass
class Case:
    name: str
    what: str
    before: Callable
    fn: Callable


CASES = [
    Case("read", "sequential read, the host's cache warm", warm, lambda b, s: b.work("read", s.path("0"))),
    Case("read-cold", "sequential read, all caches dropped", drop, lambda b, s: b.work("read", s.path("0"))),
    Case("random-read", "30,000 random reads of 4 KiB", warm,
         lambda b, s: b.work("random-read", s.path("0"), count=30000)),
    Case("map-read", "one byte of each page through mmap", warm, lambda b, s: b.work("map-read", s.path("0"))),
    Case("cp-out", "cp of the file out of the mount", warm, cp_out),
]


def build(args, top, bench):
    """The images, filled by a mount that writes, and all that shows them."""
    native = Native("native", top)
    native.host_file = native.path("0")
    bench.native = native.host_file
    bench.work("write", native.host_file)
    views = [native]
    for kind, pages in ((Canister, 128), (Scattered, 1)):
        maker = kind(f"image-{pages}", top, args.prog, pages)
        try:
            fill(bench, maker)
        finally:
            maker.stop()
        size = "8M" if pages == 128 else "64K"
        for when in ("yes", "no"):
            name = f"{'passthrough' if when == 'yes' else 'without'}-{size}"
            views.append(View(name, top, args.prog, maker.image, when))
            views[-1].host_file = maker.image
    mirrors = [("bindfs", ["bindfs", "-f", "-r", "{source}", "{mnt}"])] if shutil.which("bindfs") else []
    if args.passthrough_ll:
        mirrors.append(("passthrough_ll", [args.passthrough_ll, "-f", "-o",
                                           "source={source},ro,cache=always", "{mnt}"]))
    for name, words in mirrors:
        views.append(Again(name, top, words, native.mnt))
        views[-1].host_file = native.host_file
    return views


def one(bench, case, view):
    """Seconds, and the daemon's largest memory so far in KiB."""
    settle()
    case.before(bench, view)
    view.mount()
    try:
        return case.fn(bench, view), peak_kib(view)
    finally:
        view.stop()


def measure(bench, views, cases, rounds):
    results = []
    for case in cases:
        samples = {v.name: [] for v in views}
        peaks = {v.name: 0 for v in views}
        for n in range(rounds):
            turn = n % len(views)
            for view in views[turn:] + views[:turn]:
                seconds, peak = one(bench, case, view)
                samples[view.name].append(seconds)
                peaks[view.name] = max(peaks[view.name], peak)
        medians = {k: statistics.median(v) for k, v in samples.items()}
        results.append({"name": case.name, "what": case.what,
                        "medians": {k: round(v, 6) for k, v in medians.items()},
                        "times_native": {k: round(v / medians["native"], 2) for k, v in medians.items()},
                        "peak_kib": peaks, "samples": samples,
                        "gain": {s: round(medians[f"without-{s}"] / medians[f"passthrough-{s}"], 2)
                                 for s in ("8M", "64K")}})
    return results


def print_table(results, views):
    width = max(len(v.name) for v in views) + 2
    print(f"{'times native':<{width}}" + "".join(f"{r['name']:>14}" for r in results) + f"{'peak MiB':>10}")
    for view in views:
        row = f"{view.name:<{width}}"
        for r in results:
            ratio = r["times_native"][view.name]
            row += f"{f'{ratio:.2f}' + ('*' if ratio > SLOW else ' '):>14}"
        peak = max(r["peak_kib"][view.name] for r in results)
        print(row + (f"{peak / 1024:>10.1f}" if peak else f"{'-':>10}"))
    print(f"{'native, seconds':<{width}}" + "".join(f"{r['medians']['native']:>13.3f} " for r in results))
    print(f"* more than {SLOW} times native")
    for size in ("8M", "64K"):
        said = []
        for r in results:
            missed = r["name"] in TARGET_CASES and r["gain"][size] < TARGET
            said.append(f"{r['name']} {r['gain'][size]:.1f}{' (missed)' if missed else ''}")
        print(f"gain by passthrough, buckets of {size}: " + ", ".join(said))
    print(f"target: {TARGET} for " + " and ".join(sorted(TARGET_CASES)))


def parse_args():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--prog", required=True, help="the canisterfs program")
    p.add_argument("--load", required=True, help="what does the work (bench_load)")
    p.add_argument("--passthrough-ll", help="libfuse's example")
    p.add_argument("--left-out", action="append", default=[], help="a peer that is missing, and why")
    p.add_argument("--rounds", type=int, default=5)
    p.add_argument("--mib", type=int, default=512, help="length of the file")
    p.add_argument("--dir", default="/var/tmp", help="where: on the file system to measure")
    p.add_argument("--json", help="write all figures to this file")
    p.add_argument("cases", nargs="*", metavar="CASE", help="one of: " + " ".join(c.name for c in CASES))
    args = p.parse_args()
    unknown = set(args.cases) - {c.name for c in CASES}
    if unknown:
        p.error("no such case: " + " ".join(sorted(unknown)))
    if os.geteuid() != 0:
        p.error("passthrough needs root")
    return args


def main():
    args = parse_args()
    top = tempfile.mkdtemp(prefix="canisterfs-bench-", dir=args.dir)
    views = []

    def clean():
        for view in views:
            view.stop()
        shutil.rmtree(top, ignore_errors=False)

    atexit.register(clean)
    bench = Bench(args.load, args.mib << 20, None)
    views += build(args, top, bench)
    cases = [c for c in CASES if not args.cases or c.name in args.cases]
    results = measure(bench, views, cases, args.rounds)
    print_table(results, views)
    if not shutil.which("bindfs"):
        args.left_out.append("bindfs: not installed")
    for line in args.left_out:
        print("left out: " + line)
    if args.json:
        with open(args.json, "w", encoding="utf-8") as f:
            json.dump({"schema": 1, **facts(args, top), "cases": results}, f, indent=1)
            f.write("\n")


if __name__ == "__main__":
    main()
