#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Mutates images, checkpoints, canister directories, names files and undo files, and runs every
verb on each mutant. No verb crashes, hangs, takes memory without bound, or changes what it only
reads. Best with sanitizers:

    mutate.py PROGRAM DATA [--count N] [--seed S] [--first N] [--seconds N] [--keep DIRECTORY]

A mutant is made from the seed and its number alone: --first N --count 1 makes one again.
"""
import argparse
import gzip
import hashlib
import os
import pathlib
import random
import resource
import shutil
import subprocess
import sys
import tempfile
import time

HANG_SECONDS = 180
MEMORY = 3 << 30
CRASH = 99
IMAGES = ["b_one_small", "c_interleaved", "d_ragged", "e_btree_u64", "f_btree_unbounded",
          "g_btree_v1", "g_raw_btree", "h_structs", "i_upgrade", "j_raw_cbor", "l_sqlite",
          "m_hole_mid", "m_slack", "n_stale_reinit"]

# FILE is the mutant or, where it is a directory, what holds it.
READ = [
    "info FILE", "info --json FILE", "info FILE 3", "map FILE", "map --json FILE", "check FILE",
    "check --json FILE", "cat FILE 3", "find --hex 00ff FILE", "advise FILE", "compare FILE whole",
    "compare --json whole FILE", "dump FILE 2", "dump -k utf8 -v cbor FILE 3", "dump -v candid FILE 5",
    "diff --records FILE whole", "schema --names names.toml FILE", "verify FILE", "waste FILE",
    "extract FILE 3 out", "adopt -m 1 -b 2 -l 70000 FILE out", "rebucket -b 3 FILE out",
    "compact FILE out", "checkpoint FILE out", "checkpoint --base base FILE out", "restore FILE out",
    "snapshot list FILE", "info --names FILE whole", "schema --names FILE whole",
    "dump --names FILE whole 3", "load --merge FILE 3", "check --names FILE whole",
    "--sandbox info FILE", "--sandbox check FILE",
]
WRITE = [
    "check --repair FILE", "compact FILE", "put FILE 3 names.toml", "load --merge FILE 2 lines",
    "load --replace FILE 3 lines", "snapshot create FILE s", "check --undo FILE whole",
    "restore --force base FILE", "rebucket --force -b 5 FILE FILE", "commit FILE", "discard FILE",
]
INTERESTING = [0, 1, 2, 0x7f, 0x80, 0xff, 0x100, 0x7fff, 0x8000, 0xffff, 0x10000, 0x7fffffff,
               0x80000000, 0xffffffff, 1 << 32, (1 << 63) - 1, 1 << 63, (1 << 64) - 1]


def limit():
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 30, 1 << 30))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


class Bench:
    """What the mutants are made from, and the directory where verbs run."""

    def __init__(self, program, data, top):
        self.program, self.top = program, top
        self.seeds = []
        self.env = dict(os.environ)
        self.env["ASAN_OPTIONS"] = (f"exitcode={CRASH}:hard_rss_limit_mb={MEMORY >> 20}:"
                                    "allocator_may_return_null=1:detect_leaks=1")
        self.env["UBSAN_OPTIONS"] = f"halt_on_error=1:exitcode={CRASH}:print_stacktrace=1"
        for name in IMAGES:
            raw = gzip.decompress((data / f"{name}.img.gz").read_bytes())
            self.seeds.append((name, raw))
        whole = dict(self.seeds)["h_structs"]
        (top / "whole").write_bytes(whole)
        (top / "other").write_bytes(whole[:200000] + b"changed" + whole[200007:])
        (top / "lines").write_text('{"key": "00", "value": "11"}\n{"index": 0, "value": "22"}\n')
        (top / "names.toml").write_text(
            'bucket_pages = 16\n3 = { name = "three", kind = "btreemap", key = "u64be", value = "hex",'
            ' max_key = 8, state = "active" }\n5 = { name = "five", kind = "log", data = 6 }\n')
        self.must("checkpoint whole base")
        self.must("checkpoint --base base other delta")
        (top / "damaged").write_bytes(dict(self.seeds)["m_hole_mid"])
        self.must("check --repair damaged", 1)
        self.seeds += [("base", (top / "base").read_bytes()), ("delta", (top / "delta").read_bytes()),
                       ("names", (top / "names.toml").read_bytes()),
                       ("undo", (top / "damaged.undo").read_bytes()),
                       ("lines", (top / "lines").read_bytes())]
        self.metadata = (b'{"wasm_module_size": 0, "wasm_memory_size": 0, "stable_memory_size": %d,'
                         b' "globals": [{"f64": 1.5}], "taken_at_timestamp": 1}' % len(whole))
        self.seeds += [("metadata", self.metadata)]
        self.kept = {p.name: p.read_bytes() for p in top.iterdir() if p.is_file()}

    def call(self, words):
        env = dict(self.env)
        if words.startswith("--sandbox"):
            # The leak checker traces the process from outside, which the sandbox forbids.
            env["ASAN_OPTIONS"] += ":detect_leaks=0"
        return subprocess.run([self.program, *words.split()], cwd=self.top, env=env,
                              stdin=open(self.top / "lines", "rb"), stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, timeout=HANG_SECONDS, check=False,
                              preexec_fn=limit)

    def must(self, words, status=0):
        done = self.call(words)
        assert done.returncode == status, (words, done)

    def clear(self):
        for path in self.top.iterdir():
            if path.name in self.kept:
                continue
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()
        for name, content in self.kept.items():
            path = self.top / name
            if not path.exists() or path.read_bytes() != content:
                path.write_bytes(content)


def mutate(rng, content):
    """Some changes, most of them where headers and tables are."""
    out = bytearray(content)
    for _ in range(rng.choice([1, 1, 2, 3, 8, 40])):
        reach = rng.choice([64, 4096, 65536, len(out) or 1])
        at = rng.randrange(min(reach, len(out)) or 1)
        kind = rng.randrange(8)
        if kind == 0 and out:
            out[at] ^= 1 << rng.randrange(8)
        elif kind == 1 and out:
            out[at] = rng.randrange(256)
        elif kind in (2, 3):
            width = rng.choice([1, 2, 4, 8])
            value = (rng.choice(INTERESTING) + rng.choice([-1, 0, 0, 1])) % (1 << 8 * width)
            out[at:at + width] = value.to_bytes(width, rng.choice(["little", "big"]))
        elif kind == 4:
            del out[at:at + rng.choice([1, 8, 512, 65536])]
        elif kind == 5:
            start = rng.randrange(len(out) or 1)
            out[at:at] = out[start:start + rng.choice([1, 16, 4096])]
        elif kind == 6:
            start = rng.randrange(len(out) or 1)
            piece = out[start:start + rng.choice([8, 64, 1024])]
            out[at:at + len(piece)] = piece
        else:
            del out[rng.randrange(len(out) or 1):]
    return bytes(out)


def lay_out(bench, name, content):
    """Returns the word that stands for the mutant."""
    if name != "metadata":
        (bench.top / "mutant").write_bytes(content)
        return "mutant"
    (bench.top / "mutant").mkdir()
    (bench.top / "mutant/metadata.json").write_bytes(content)
    (bench.top / "mutant/stable_memory.bin").write_bytes(bench.kept["whole"])
    return "mutant"


def digest(path):
    if path.is_file():
        return hashlib.sha256(path.read_bytes()).digest()
    return [digest(p) for p in sorted(path.iterdir()) if p.name != ".lock"]


def judge(bench, words, reads, before, problems, where):
    try:
        done = bench.call(words)
    except subprocess.TimeoutExpired:
        problems.append(f"{where}: {words}: hangs")
        return
    if done.returncode < 0 or done.returncode in (CRASH, 134, 139) or b"ERROR: AddressSan" in done.stderr:
        problems.append(f"{where}: {words}: {done.returncode}: {done.stderr[-3000:].decode(errors='replace')}")
    if reads and digest(bench.top / "mutant") != before:
        problems.append(f"{where}: {words}: changed what it reads")


def try_one(bench, seed, number, keep):
    rng = random.Random(f"{seed}/{number}")
    name, content = rng.choice(bench.seeds)
    mutant = mutate(rng, content)
    where = f"mutant {number} of seed {seed} ({name})"
    problems, runs = [], 0
    for words in READ + WRITE:
        bench.clear()
        word = lay_out(bench, name, mutant)
        before = digest(bench.top / "mutant")
        judge(bench, words.replace("FILE", word), words in READ, before, problems, where)
        runs += 1
    if problems and keep:
        keep.mkdir(parents=True, exist_ok=True)
        (keep / f"{seed}-{number}-{name}").write_bytes(mutant)
    return problems, runs


def main():
    args = argparse.ArgumentParser()
    args.add_argument("program")
    args.add_argument("data", type=pathlib.Path)
    args.add_argument("--count", type=int, default=1000)
    args.add_argument("--first", type=int, default=0)
    args.add_argument("--seed", default="1")
    args.add_argument("--seconds", type=float, default=float("inf"))
    args.add_argument("--keep", type=pathlib.Path)
    args = args.parse_args()
    begin, done, runs, bad = time.monotonic(), 0, 0, 0
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with tempfile.TemporaryDirectory(dir=memory) as top:
        bench = Bench(os.path.abspath(args.program), args.data, pathlib.Path(top))
        for number in range(args.first, args.first + args.count):
            if time.monotonic() - begin > args.seconds:
                break
            problems, ran = try_one(bench, args.seed, number, args.keep)
            for problem in problems:
                print(problem, flush=True)
            bad += len(problems)
            runs += ran
            done += 1
    print(f"seed {args.seed}: {done} mutants from number {args.first}, {runs} runs, "
          f"{time.monotonic() - begin:.0f} s, {bad} problems")
    return 1 if bad or done == 0 else 0


sys.exit(main())
