#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Times each verb beside the tool that a user would take for the same work, or beside what the machine
must do for it at least.

Every round runs each pair, the two after each other, in another order each round. What counts is the
median of the rounds' ratios, and each one's largest memory. tools/bench.sh builds what this needs.
"""

import argparse
import contextlib
import json
import os
import resource
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from typing import Optional

sys.dont_write_bytecode = True
from bench import facts  # noqa: E402

SLOW = 1.5  # times the peer: marked


@dataclass
class Pair:
    name: str
    ours: str  # shell words; $P is the program
    peer_name: str
    peer: str
    after: str = "rm -rf out out2"
    needs: Optional[str] = None


TWENTY = "for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do {}; done"
RECORD = '{"key": %d, "value": {"id": %d, "name": "user %d", "tags": ["a", "b", %d], "on": true}}'

# Of an image with 1 GiB in memory 0, which is also in the file `raw`, and of what prepare() makes.
PAIRS = [
    Pair("cat", "$P cat image 0 >out", "cp", "cp --reflink=never raw out"),
    Pair("put", "$P put other 1 raw", "cp and sync", "cp --reflink=never raw out && sync out"),
    Pair("checkout", "$P checkout image out", "cp", "cp raw out",
         after="$P discard out 2>/dev/null; rm -rf out"),
    Pair("status", "$P status work", "cmp", "cmp raw work/0"),
    Pair("compare", "$P compare -j 1 image copy", "cmp", "cmp image copy"),
    Pair("check", "$P check image", "cat", "cat image >/dev/null"),
    Pair("find", "$P find image needle; test $? -le 1", "grep -F",
         "LC_ALL=C grep -c -a -F -f needle image; test $? -le 1"),
    Pair("find-long", "$P find image long", "cat", "cat image >/dev/null"),
    Pair("checkpoint", "$P checkpoint image out", "pigz -1", "pigz -1 -p 2 -c image >out", needs="pigz"),
    Pair("checkpoint", "$P checkpoint image out", "zstd -T2", "zstd -q -1 -T2 -c image >out", needs="zstd"),
    Pair("checkpoint", "$P checkpoint image out", "qemu-img", "qemu-img convert -c -O qcow2 image out",
         needs="qemu-img"),
    Pair("restore", "$P restore checkpoint out", "qemu-img", "qemu-img convert -O raw checkpoint out",
         needs="qemu-img"),
    Pair("verify", "$P verify checkpoint", "sha256sum", "sha256sum image"),
    Pair("rebucket", "$P rebucket --bucket-pages 16 image out", "cp", "cp --reflink=never image out"),
    Pair("compact", "$P compact image", "stat", "stat image"),
    Pair("snapshot", "$P snapshot list shot", "qemu-img", "qemu-img snapshot -l disk",
         needs="qemu-img"),
    Pair("dump", "$P dump --names names maps 5", "sqlite3", "sqlite3 db .dump", needs="sqlite3"),
    Pair("waste", "$P waste fleet", "du", "du -s fleet"),
    Pair("start", TWENTY.format("$P --version"), "git", TWENTY.format("git --version"), needs="git"),
]


def shell(words, top, env):
    """Runs the words; returns seconds, CPU seconds, and the largest memory of a process in KiB."""
    start = time.perf_counter()
    child = subprocess.Popen(["sh", "-c", words], cwd=top, env=env, stdout=subprocess.DEVNULL,
                             stderr=subprocess.PIPE)
    said = child.stderr.read()
    _, status, used = os.wait4(child.pid, 0)
    child.returncode = status
    if status != 0:
        sys.exit(f"bench: {words}: {said.decode(errors='replace').strip()}")
    return time.perf_counter() - start, used.ru_utime + used.ru_stime, used.ru_maxrss


def prepare(args, top, env):
    for words in (f"{os.path.abspath(args.image)} raw",
                  "$P create --bucket-pages 127 image && $P put image 0 raw",
                  "cp image copy && cp image other && $P checkpoint image checkpoint && $P checkout image work",
                  "head -c 300000000 raw | tail -c 100000 | tr -d '\\0\\n' | tail -c 32 >needle",
                  "tail -c 300000000 raw | head -c 16777216 >long",
                  "$P create --bucket-pages 1 small && mkdir fleet && "
                  "for i in $(seq 1000); do cp small fleet/$i; done"):
        shell(words, top, env)
    prepare_records(top, env)
    prepare_snapshots(top, env)


def prepare_records(top, env):
    """100,000 records with CBOR as values, and the same in a database."""
    with open(f"{top}/names", "w", encoding="utf-8") as f:
        f.write('5 = { name = "users", kind = "btreemap", key = "u64", value = "cbor", max_value = "unbounded" }\n')
    with open(f"{top}/lines", "w", encoding="utf-8") as f:
        f.writelines(RECORD % (n, n, n, n % 97) + "\n" for n in range(100000))
    shell("$P create --bucket-pages 16 maps && $P load --replace --names names maps 5 lines", top, env)
    with contextlib.closing(sqlite3.connect(f"{top}/db")) as db, db:
        db.execute("create table users (key integer primary key, value text)")
        db.executemany("insert into users values (?, ?)",
                       ((n, json.dumps(json.loads(RECORD % (n, n, n, n % 97))["value"]))
                        for n in range(100000)))


def prepare_snapshots(top, env):
    """Five snapshots, a piece of the image changed after each, and as many of an empty disk."""
    os.mkdir(f"{top}/mnt")
    shell("cp image shot && $P mount shot mnt", top, env)
    try:
        for n in range(5):
            os.mkdir(f"{top}/mnt/.snap/{n}")
            with open(f"{top}/mnt/0", "r+b") as f:
                f.seek(n << 27)
                f.write(os.urandom(1 << 22))
    finally:
        shell("$P umount mnt", top, env)
    if shutil.which("qemu-img"):
        shell("qemu-img create -q -f qcow2 disk 1G && for i in 1 2 3 4 5; do "
              "qemu-img snapshot -c $i disk; done", top, env)


def measure(args, top, env):
    results = []
    for pair in PAIRS:
        if args.cases and pair.name not in args.cases:
            continue
        if pair.needs and not shutil.which(pair.needs):
            args.left_out.append(f"{pair.needs}: not installed")
            continue
        samples = {"ours": [], "peer": []}
        for n in range(args.rounds):
            for who in ("ours", "peer") if n % 2 == 0 else ("peer", "ours"):
                os.sync()
                samples[who].append(shell(getattr(pair, who), top, env))
                shell(pair.after, top, env)
        ratios = [a[0] / b[0] for a, b in zip(samples["ours"], samples["peer"])]
        cpu = [a[1] / max(b[1], 0.001) for a, b in zip(samples["ours"], samples["peer"])]
        results.append({"verb": pair.name, "peer": pair.peer_name,
                        "seconds": round(statistics.median(s[0] for s in samples["ours"]), 4),
                        "peer_seconds": round(statistics.median(s[0] for s in samples["peer"]), 4),
                        "ratio": round(statistics.median(ratios), 3),
                        "cpu_ratio": round(statistics.median(cpu), 3),
                        "peak_kib": max(s[2] for s in samples["ours"]),
                        "peer_peak_kib": max(s[2] for s in samples["peer"]), "samples": samples})
    return results


def print_table(results):
    print(f"{'verb':<12}{'peer':<14}{'seconds':>9}{'peer':>9}{'ratio':>8}{'CPU':>7}{'MiB':>8}{'peer':>8}")
    for r in results:
        print(f"{r['verb']:<12}{r['peer']:<14}{r['seconds']:>9.3f}{r['peer_seconds']:>9.3f}"
              f"{r['ratio']:>8.2f}{r['cpu_ratio']:>7.2f}{r['peak_kib'] / 1024:>8.1f}"
              f"{r['peer_peak_kib'] / 1024:>8.1f}" + ("  slow" if r["ratio"] > SLOW else ""))
    print(f"slow: more than {SLOW} times the peer")
    print(f"memory: less than {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB cannot be told")


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--prog", required=True, help="the canisterfs program")
    p.add_argument("--image", required=True, help="what writes the image (bench_image)")
    p.add_argument("--left-out", action="append", default=[], help="a peer that is missing, and why")
    p.add_argument("--rounds", type=int, default=5)
    p.add_argument("--dir", default="/var/tmp", help="where: on the file system to measure")
    p.add_argument("--json", help="write all figures to this file")
    p.add_argument("cases", nargs="*", metavar="VERB",
                   help="of: " + " ".join(dict.fromkeys(x.name for x in PAIRS)))
    args = p.parse_args()
    args.mib = 1024
    top = tempfile.mkdtemp(prefix="canisterfs-bench-", dir=args.dir)
    env = {**os.environ, "P": os.path.abspath(args.prog)}
    try:
        prepare(args, top, env)
        results = measure(args, top, env)
        print_table(results)
        for line in args.left_out:
            print("left out: " + line)
        if args.json:
            with open(args.json, "w", encoding="utf-8") as f:
                json.dump({"schema": 1, **facts(args, top), "verbs": results}, f, indent=1)
                f.write("\n")
    finally:
        shutil.rmtree(top)


if __name__ == "__main__":
    main()
