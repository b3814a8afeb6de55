#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Times work on a canisterfs mount beside the same work elsewhere on the same file system.

Every case runs on each server in turn, round after round, so that what the machine does meanwhile
falls on all of them. What counts is the median of the rounds. tools/bench.sh builds what this needs.
"""

import argparse
import atexit
import json
import os
import platform
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from typing import Callable

PAGE = 65536
NULL_TARGET = 1.15
PEER_TARGET = 1.05  # no slower, but for noise
TARGET_NOTE = (f"target: at most {NULL_TARGET} of the null server, "
               f"{PEER_TARGET} of the faster peer")
# The null server reads and syncs no disk: there it is no measure. (map-write ends with msync.)
DISK_CASES = {"read-cold", "fsync-write", "map-write"}


def run(*words, **kw):
    return subprocess.run([str(w) for w in words], check=True, stdout=subprocess.PIPE, text=True,
                          **kw).stdout


def is_mounted(path):
    with open("/proc/self/mountinfo", encoding="utf-8") as f:
        return any(line.split()[4] == path for line in f)


class Server:
    """A directory to work in, and whatever stands behind it."""

    def __init__(self, name, top):
        self.name = name
        self.top = os.path.join(top, name)
        self.mnt = os.path.join(self.top, "mnt")
        os.makedirs(self.mnt)
        self.daemon = None
        self.keeps_data = True

    def path(self, name):
        return os.path.join(self.mnt, name)

    def start_daemon(self, *words):
        self.daemon = subprocess.Popen([str(w) for w in words], stdout=subprocess.DEVNULL)
        for _ in range(500):
            if is_mounted(self.mnt):
                return
            if self.daemon.poll() is not None:
                break
            time.sleep(0.01)
        self.stop()
        sys.exit(f"bench: {self.name} does not mount")

    def stop(self):
        if is_mounted(self.mnt):
            subprocess.run(["umount" if os.geteuid() == 0 else "fusermount3",
                            *([] if os.geteuid() == 0 else ["-u"]), self.mnt], check=False)
        if self.daemon:
            try:
                self.daemon.wait(60)
            except subprocess.TimeoutExpired:
                self.daemon.kill()
            self.daemon = None


class Canister(Server):
    def __init__(self, name, top, prog, bucket_pages, options="rw"):
        super().__init__(name, top)
        self.prog = prog
        self.options = options
        self.image = os.path.join(self.top, "image")
        run(prog, "create", "--bucket-pages", bucket_pages, self.image)
        self.mount()

    def mount(self):
        self.start_daemon(self.prog, "mount", "-f", "-o", self.options, self.image, self.mnt)


class Scattered(Canister):
    """Buckets of one page, memory 0's and memory 1's in turn."""

    def fill(self, length):
        for end in range(PAGE, length + 1, PAGE):
            for name in "01":
                with open(self.path(name), "ab") as f:
                    f.truncate(end)


class Null(Server):
    """Answers at once; where it keeps data, in host files, it is what any server must cost."""

    def __init__(self, name, top, prog, keeps_data):
        super().__init__(name, top)
        self.keeps_data = keeps_data
        source = os.path.join(self.top, "source")
        os.mkdir(source)
        self.start_daemon(prog, self.mnt, *([source] if keeps_data else []))
        st = os.stat(self.mnt)
        bdi = f"/sys/class/bdi/{os.major(st.st_dev)}:{os.minor(st.st_dev)}/"
        # As fusefs/tune.c does for a mount of its own.
        for knob, value in (("read_ahead_kb", "4096"), ("max_ratio", "100")):
            if os.access(bdi + knob, os.W_OK):
                with open(bdi + knob, "w", encoding="ascii") as f:
                    f.write(value)


class Mirror(Server):
    """A file system that passes a directory through."""

    def __init__(self, name, top, words):
        super().__init__(name, top)
        self.source = os.path.join(self.top, "source")
        os.mkdir(self.source)
        self.start_daemon(*[w.format(source=self.source, mnt=self.mnt) for w in words])


@dataclass
class Bench:
    load: str
    length: int
    native: str
    root: bool = field(default_factory=lambda: os.geteuid() == 0)

    def work(self, what, path, length=None, count=0):
        return float(run(self.load, what, path, length or self.length, count))

    def forget(self, server, name):
        """The mount forgets the content, the host does not: what a new mount finds."""
        if server.name != "native":
            self.work("forget", server.path(name))

    def remove(self, server, name):
        if os.path.exists(server.path(name)):
            os.unlink(server.path(name))


def settle():
    os.sync()


def timed(fn):
    start = time.perf_counter()
    fn()
    return time.perf_counter() - start


def read_cold(b, s):
    os.sync()
    with open("/proc/sys/vm/drop_caches", "w", encoding="ascii") as f:
        f.write("3")
    return b.work("read", s.path("0"))


def read_new(b, s):
    b.work("read", s.path("0"))
    b.forget(s, "0")
    return b.work("read", s.path("0"))


def read_again(b, s):
    b.work("read", s.path("0"))
    return b.work("read", s.path("0"))


def write_new(b, s):
    b.remove(s, "2")
    settle()
    return b.work("write", s.path("2"))


def write_over(b, s):
    return b.work("write", s.path("0"))


def write_small(b, s):
    b.remove(s, "2")
    settle()
    return b.work("small-write", s.path("2"), count=b.length // 4096 // 4)


def random_read(b, s):
    b.work("read", s.path("0"))
    b.forget(s, "0")
    return b.work("random-read", s.path("0"), count=30000)


def random_write(b, s):
    return b.work("random-write", s.path("0"), count=60000)


def fsync_write(b, s):
    return b.work("fsync-write", s.path("0"), count=300)


def map_read(b, s):
    b.work("read", s.path("0"))
    b.forget(s, "0")
    return b.work("map-read", s.path("0"))


def map_write(b, s):
    return b.work("map-write", s.path("0"), count=30000)


def stat_file(b, s):
    return b.work("stat", s.path("0"), count=200000)


def open_close(b, s):
    return b.work("open", s.path("0"), count=20000)


def new_table(b, s):
    for name in ("3", "3-journal"):
        b.remove(s, name)
    db = sqlite3.connect(s.path("3"), isolation_level=None)
    db.execute("create table t(id integer primary key, a text, b real)")
    db.execute("create index ta on t(a)")
    settle()
    return db


def sqlite_bulk(b, s):
    db = new_table(b, s)

    def work():
        db.execute("begin")
        db.executemany("insert into t(a, b) values(?, ?)",
                       ((f"name {i * 7919 % 100003}", i / 3) for i in range(200000)))
        db.execute("commit")
        db.close()

    return timed(work)


def sqlite_single(b, s):
    db = new_table(b, s)

    def work():
        for i in range(100):
            db.execute("insert into t(a, b) values(?, ?)", (f"name {i * 7919 % 100003}", i / 3))
        db.close()

    return timed(work)


def cp_in(b, s):
    b.remove(s, "2")
    settle()
    return timed(lambda: run("cp", b.native, s.path("2")))


def cp_out(b, s):
    b.work("read", s.path("0"))
    b.forget(s, "0")
    out = os.path.join(s.top, "out")
    if os.path.exists(out):
        os.unlink(out)
    settle()
    return timed(lambda: run("cp", "--reflink=never", s.path("0"), out))


@dataclass
class Case:
    name: str
    what: str
    fn: Callable
    scattered: bool = False  # worth doing on scattered buckets too
    needs_data: bool = False


CASES = [
    Case("read-cold", "sequential read, all caches dropped", read_cold, True),
    Case("read-new", "sequential read by a new mount, the host's cache warm", read_new, True),
    Case("read-again", "sequential read once more", read_again),
    Case("write-new", "sequential write to a new file", write_new),
    Case("write-over", "sequential write over a file", write_over, True),
    Case("write-4k", "sequential 4 KiB writes to a new file, a quarter of its length", write_small),
    Case("random-read", "30,000 random reads of 4 KiB, the host's cache warm", random_read, True),
    Case("random-write", "60,000 random writes of 4 KiB", random_write, True),
    Case("fsync-write", "300 random writes of 4 KiB, each with fsync", fsync_write),
    Case("map-read", "one byte of each page through mmap, the host's cache warm", map_read, True),
    Case("map-write", "30,000 random pages changed through mmap, msync", map_write, True),
    Case("stat", "200,000 stats", stat_file),
    Case("open", "20,000 times open and close", open_close),
    Case("sqlite-bulk", "200,000 inserts in one transaction", sqlite_bulk, needs_data=True),
    Case("sqlite-single", "100 inserts, each a transaction", sqlite_single, needs_data=True),
    Case("cp-in", "cp of a file into the mount", cp_in),
    Case("cp-out", "cp of a file out of the mount, the host's cache warm", cp_out, True),
]


def runs_on(case, server):
    if case.needs_data and not server.keeps_data:
        return False
    return case.scattered or not isinstance(server, Scattered)


def build_servers(args, top):
    servers = [Server("native", top),
               Canister("canisterfs", top, args.prog, 128),
               Null("null", top, args.null, False),
               Null("kept", top, args.null, True)]
    if shutil.which("bindfs"):
        servers.append(Mirror("bindfs", top, ["bindfs", "-f", "{source}", "{mnt}"]))
    if args.passthrough_ll:
        servers.append(Mirror("passthrough_ll", top,
                              [args.passthrough_ll, "-f", "-o",
                               "source={source},writeback,cache=always", "{mnt}"]))
    servers.append(Scattered("scattered", top, args.prog, 1))
    return servers


def fill(bench, server):
    if isinstance(server, Scattered):
        server.fill(bench.length)
    bench.work("write", server.path("0"))


def ratios(medians):
    own = medians.get("canisterfs")
    peers = [medians[p] for p in ("bindfs", "passthrough_ll") if p in medians]
    out = {}
    if own and "native" in medians:
        out["native"] = own / medians["native"]
    for name in ("null", "kept"):
        if own and name in medians:
            out[name] = own / medians[name]
    if own and peers:
        out["best_peer"] = own / min(peers)
    if "scattered" in medians and "null" in medians:
        out["scattered_null"] = medians["scattered"] / medians["null"]
    return {k: round(v, 3) for k, v in out.items()}


def measure(bench, servers, cases, rounds):
    results = []
    for case in cases:
        samples = {s.name: [] for s in servers if runs_on(case, s)}
        for n in range(rounds):
            # Another order each round: what one leaves behind for the disk meets each other.
            for s in servers[n % len(servers):] + servers[:n % len(servers)]:
                if s.name not in samples:
                    continue
                if sys.stderr.isatty():
                    print(f"\r\033[K{case.name} {n + 1}/{rounds} {s.name}", end="", file=sys.stderr)
                settle()
                samples[s.name].append(case.fn(bench, s))
        medians = {k: statistics.median(v) for k, v in samples.items()}
        results.append({"name": case.name, "what": case.what, "disk": case.name in DISK_CASES,
                        "medians": {k: round(v, 6) for k, v in medians.items()},
                        "samples": samples, "ratios": ratios(medians)})
    if sys.stderr.isatty():
        print("\r\033[K", end="", file=sys.stderr)
    return results


def is_over(result):
    r = result["ratios"]
    return (not result["disk"] and r.get("null", 0) > NULL_TARGET) or r.get("best_peer", 0) > PEER_TARGET


def print_table(results, names):
    print(f"{'seconds':<14}" + "".join(f"{n[:10]:>11}" for n in names) +
          f"{'/native':>9}{'/null':>7}{'/kept':>7}{'/peer':>7}{'scat/null':>11}")
    for r in results:
        row = f"{r['name']:<14}"
        row += "".join(f"{r['medians'][n]:>11.3f}" if n in r["medians"] else f"{'-':>11}"
                       for n in names)
        for key, width in (("native", 9), ("null", 7), ("kept", 7), ("best_peer", 7), ("scattered_null", 11)):
            row += f"{r['ratios'][key]:>{width}.2f}" if key in r["ratios"] else f"{'-':>{width}}"
        print(row + ("  over" if is_over(r) else ""))
    print(TARGET_NOTE + "; the null server has no disk: no target for "
          + ", ".join(sorted(DISK_CASES)))
    print("kept: the null server, but with the data in host files: what any server has to do")


def facts(args, top):
    fs = run("stat", "-f", "-c", "%T", top).strip()
    return {"kernel": platform.release(), "cpus": os.cpu_count(), "file_system": fs,
            "bytes": args.mib << 20, "rounds": args.rounds, "left_out": args.left_out,
            "version": run(args.prog, "--version").split()[-1]}


def parse_args():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--prog", required=True, help="the canisterfs program")
    p.add_argument("--load", required=True, help="what does the work (bench_load)")
    p.add_argument("--null", required=True, help="the null server")
    p.add_argument("--passthrough-ll", help="libfuse's example")
    p.add_argument("--left-out", action="append", default=[], help="a peer that is missing, and why")
    p.add_argument("--rounds", type=int, default=3)
    p.add_argument("--mib", type=int, default=1024, help="length of the files")
    p.add_argument("--dir", default="/var/tmp", help="where: on the file system to measure")
    p.add_argument("--json", help="write all figures to this file")
    p.add_argument("--servers", help="only these, separated by commas")
    p.add_argument("cases", nargs="*", metavar="CASE",
                   help="one of: " + " ".join(c.name for c in CASES))
    args = p.parse_args()
    unknown = set(args.cases) - {c.name for c in CASES}
    if unknown:
        p.error("no such case: " + " ".join(sorted(unknown)))
    return args


def main():
    args = parse_args()
    top = tempfile.mkdtemp(prefix="canisterfs-bench-", dir=args.dir)
    servers = []

    def clean():
        for s in servers:
            s.stop()
        shutil.rmtree(top, ignore_errors=False)

    atexit.register(clean)
    servers += build_servers(args, top)
    if not shutil.which("bindfs"):
        args.left_out.append("bindfs: not installed")
    cases = [c for c in CASES if not args.cases or c.name in args.cases]
    if os.geteuid() != 0:
        cases = [c for c in cases if c.name != "read-cold"]
        args.left_out.append("read-cold: only root can drop caches")
    used = [s for s in servers if not args.servers or s.name in args.servers.split(",")]
    bench = Bench(args.load, args.mib << 20, os.path.join(top, "native", "mnt", "0"))
    bench.work("write", bench.native)
    for s in used:
        fill(bench, s)
    results = measure(bench, used, cases, args.rounds)
    print_table(results, [s.name for s in used])
    for line in args.left_out:
        print("left out: " + line)
    if args.json:
        with open(args.json, "w", encoding="utf-8") as f:
            json.dump({"schema": 1, **facts(args, top), "cases": results}, f, indent=1)
            f.write("\n")


if __name__ == "__main__":
    main()
