#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Damages maps of the library's B-tree, and holds what is salvaged against what was not hit.

salvage.py PROGRAM SEED ROUNDS
"""
import json
import pathlib
import random
import subprocess
import sys

import btree

program, seed, rounds = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
rng = random.Random(seed)
NAMES = pathlib.Path("names.toml")
KINDS = {
    8: (275, lambda: rng.randbytes(8), lambda: rng.randbytes(8),
        'key = "bytes(8)"\nvalue = "bytes(8)"\nmax_key = 8\nmax_value = 8\n'),
    None: (1024, lambda: rng.randbytes(rng.randrange(40)), lambda: rng.randbytes(rng.choice((20, 90, 2000))),
           'key = "hex"\nvalue = "hex"\nmax_key = "unbounded"\nmax_value = "unbounded"\n'),
}


def run(want, *words):
    done = subprocess.run([program, *map(str, words)], capture_output=True, text=True)
    assert done.returncode in want, (words, done.returncode, done.stderr)
    return done


class Nodes(btree.Map):
    """Which records lie in which pages."""

    def __init__(self, raw, width):
        self.nodes, self.taken = [], []
        super().__init__(raw, width)

    def take(self, at):
        self.taken.append(at)
        return super().take(at)

    def version_2(self, at, n, inner):
        before = len(self.taken)
        entries, children = super().version_2(at, n, inner)
        self.nodes.append((self.taken[before:], entries))
        return entries, children


def spans(nodes, page):
    """Each node's pages with their chunks' headers."""
    for pages, entries in nodes:
        yield [(at - btree.CHUNK, at + page) for at in pages], entries


def damage(raw, flips):
    hit = bytearray(raw)
    places = rng.sample(range(btree.FIRST, len(raw) - 16), flips)
    for at in places:
        hit[at] ^= rng.randrange(1, 256)
    return bytes(hit), places


def one_round(width, count, flips):
    page, key, value, told = KINDS[width]
    records = {}
    while len(records) < count:
        records[key()] = value()
    raw = btree.version_2(sorted(records.items()), page, width)
    nodes = Nodes(raw, width).nodes
    hit, places = damage(raw, flips)
    pathlib.Path("memory").write_bytes(hit)
    NAMES.write_text(f'[3]\nname = "m"\nkind = "btreemap"\norder = "bytes"\n{told}')
    run({0}, "create", "--force", "--bucket-pages", 2, "image")
    run({0}, "put", "image", 3, "memory")
    done = run({0, 1}, "dump", "--salvage", "--names", NAMES, "image", "m")
    got = [(bytes.fromhex(r["key"]), bytes.fromhex(r["value"])) for r in
           ({k: v["$hex"] if isinstance(v, dict) else v for k, v in json.loads(line).items()}
            for line in done.stdout.splitlines())]
    assert len({k for k, _ in got}) == len(got), "a record came twice"
    touched, want = 0, []
    for parts, entries in spans(nodes, page):
        if any(start <= at < end for at in places for start, end in parts):
            touched += len(entries)
        else:
            want += entries
    missing = set(want) - set(got)
    assert not missing, f"{len(missing)} of {len(want)} records that were not hit are missing"
    wrong = set(got) - set(records.items())
    assert len(wrong) <= touched, f"{len(wrong)} records are wrong, {touched} lay in what was hit"
    if flips == 0:
        assert done.returncode == 0 and set(got) == set(records.items())
    return got, len(want)


def rebuild(width, got):
    """The rebuilt map is sound, and holds what was salvaged; and there is a way back."""
    before = pathlib.Path("image").read_bytes()
    pathlib.Path("image.undo").unlink(missing_ok=True)
    done = run({0, 1, 8}, "check", "--repair", "--rebuild", "m", "--names", NAMES, "image")
    if done.returncode == 0:
        assert "is sound" in done.stdout, done.stdout
        return
    if done.returncode == 8:  # a damaged record is more than the map can hold
        assert pathlib.Path("image").read_bytes() == before, "it was changed all the same"
        return
    raw = subprocess.run([program, "cat", "image", "3"], check=True, capture_output=True).stdout
    now = dict(btree.Map(raw, width).records)
    assert now == dict(got), f"only rebuilt: {set(now.items()) - set(got)}; only salvaged: {set(got) - set(now.items())}"
    run({0}, "check", "--names", NAMES, "image")
    run({0}, "check", "--undo", "image.undo", "image")
    assert pathlib.Path("image").read_bytes()[:len(before)] == before, "the way back"


def main():
    for i in range(rounds):
        width = rng.choice(list(KINDS))
        got, _ = one_round(width, rng.randrange(1, 1500), rng.choice((0, 1, 3, 10, 64)))
        rebuild(width, got)
    # 64 bytes in a map of 10,000 records cost the nodes that they lie in.
    got, untouched = one_round(8, 10000, 64)
    assert untouched > 9000 and len(got) >= untouched
    rebuild(8, got)


main()
