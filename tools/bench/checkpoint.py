#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Packing and unpacking an image, beside qemu-img, gzip, pigz and zstd: time, size and peak memory.

Every round runs each of them once, one after the other, on the same 1 GiB image; what is printed are
medians, and ratios are medians of the rounds' ratios. canisterfs syncs what it writes and the others
do not: --dir on a tmpfs measures the programs, on a disk also that.
"""
import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--prog", required=True, help="the program canisterfs")
parser.add_argument("--image", required=True, help="the program bench_image")
parser.add_argument("--dir", default="/dev/shm", help="where to work; 3 GiB")
parser.add_argument("--rounds", type=int, default=5)
parser.add_argument("--json", help="also write the figures here")
args = parser.parse_args()


def run(command, stdout=None):
    """Seconds, and the peak memory in MiB."""
    with open(stdout or os.devnull, "wb") as out:
        start = time.monotonic()
        child = subprocess.Popen(command, stdout=out, stderr=subprocess.DEVNULL)
        _, status, usage = os.wait4(child.pid, 0)
        taken = time.monotonic() - start
        child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        sys.exit(f"bench: {' '.join(command)}: exit status {child.returncode}")
    return taken, usage.ru_maxrss / 1024


def remove(*names):
    for name in names:
        if os.path.exists(name):
            os.unlink(name)


def packers():
    """Name, command, output, whether the output is its stdout; then the way back likewise."""
    prog = args.prog
    return [
        ("canisterfs", [prog, "checkpoint", "img", "c.qcow2"], "c.qcow2", False,
         [prog, "restore", "c.qcow2", "back"], False),
        ("canisterfs --level 6", [prog, "checkpoint", "--level", "6", "img", "c6.qcow2"], "c6.qcow2",
         False, [prog, "restore", "c6.qcow2", "back"], False),
        ("qemu-img convert -c", ["qemu-img", "convert", "-c", "-O", "qcow2", "img", "q.qcow2"],
         "q.qcow2", False, ["qemu-img", "convert", "-O", "raw", "q.qcow2", "back"], False),
        ("qemu-img -c -m 4 -W", ["qemu-img", "convert", "-c", "-m", "4", "-W", "-O", "qcow2", "img",
                                 "w.qcow2"],
         "w.qcow2", False, ["qemu-img", "convert", "-m", "4", "-W", "-O", "raw", "w.qcow2", "back"],
         False),
        ("pigz -p2", ["pigz", "-p2", "-c", "img"], "p.gz", True, ["pigz", "-dc", "p.gz"], True),
        ("gzip -1", ["gzip", "-1", "-c", "img"], "g.gz", True, ["gzip", "-dc", "g.gz"], True),
        ("zstd -T2", ["zstd", "-q", "-f", "-T2", "img", "-o", "z.zst"], "z.zst", False,
         ["zstd", "-q", "-f", "-d", "z.zst", "-o", "back"], False),
    ]


def measure():
    rows = []
    for name, pack, out, to_stdout, unpack, back_to_stdout in packers():
        if not shutil.which(pack[0]):
            print(f"left out: {name}: there is no {pack[0]}", file=sys.stderr)
            continue
        rows.append({"name": name, "pack": pack, "out": out, "pack_stdout": to_stdout,
                     "unpack": unpack, "unpack_stdout": back_to_stdout,
                     "pack_s": [], "unpack_s": [], "pack_mib": [], "unpack_mib": []})
    for _ in range(args.rounds):
        for row in rows:
            remove(row["out"], "back")
            taken, peak = run(row["pack"], row["out"] if row["pack_stdout"] else None)
            row["pack_s"].append(taken)
            row["pack_mib"].append(peak)
            row["bytes"] = os.path.getsize(row["out"])
            taken, peak = run(row["unpack"], "back" if row["unpack_stdout"] else None)
            row["unpack_s"].append(taken)
            row["unpack_mib"].append(peak)
            if subprocess.call(["cmp", "-s", "img", "back"]):
                sys.exit(f"bench: {row['name']} does not give the image back")
            remove(row["out"], "back")
    return rows


def ratio(row, ours, key):
    return statistics.median(a / b for a, b in zip(row[key], ours[key]))


def report(rows):
    ours = rows[0]
    table = []
    for row in rows:
        table.append({
            "name": row["name"],
            "pack_seconds": statistics.median(row["pack_s"]),
            "pack_times_ours": ratio(row, ours, "pack_s"),
            "bytes": row["bytes"],
            "bytes_of_ours": row["bytes"] / ours["bytes"],
            "pack_peak_mib": max(row["pack_mib"]),
            "unpack_seconds": statistics.median(row["unpack_s"]),
            "unpack_times_ours": ratio(row, ours, "unpack_s"),
            "unpack_peak_mib": max(row["unpack_mib"]),
        })
    print(f"{'':22}{'pack':>8}{'':>8}{'size':>9}{'peak':>9}{'unpack':>9}{'':>8}{'peak':>9}")
    for t in table:
        print(f"{t['name']:22}{t['pack_seconds']:7.2f}s{t['pack_times_ours']:7.1f}x"
              f"{t['bytes'] / 1e6:6.1f} MB{t['pack_peak_mib']:5.0f} MiB"
              f"{t['unpack_seconds']:8.2f}s{t['unpack_times_ours']:7.1f}x"
              f"{t['unpack_peak_mib']:5.0f} MiB")
    if args.json:
        with open(args.json, "w", encoding="utf-8") as out:
            json.dump({"schema": 1, "rounds": args.rounds, "cpus": os.cpu_count(),
                       "results": table}, out, indent=2)


def main():
    args.prog = os.path.abspath(args.prog)
    image = os.path.abspath(args.image)
    target = os.path.abspath(args.json) if args.json else None
    args.json = target
    with tempfile.TemporaryDirectory(dir=args.dir) as work:
        os.chdir(work)
        run([image, "img"])
        report(measure())
        os.chdir("/")


main()
