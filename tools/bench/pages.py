#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""B-tree or SQLite: how many pages of 4 KiB each touches for the same work on the same records.

    pages.py --prog CANISTERFS [--json FILE]     prints a table
    pages.py btree FILE KEY...                   looks keys up as the library does, node by node
    pages.py scan FILE                           reads all records in order, likewise

The records are those of the golden image e_btree_u64: 10,000 keys and values of 8 bytes, in a map
that the real library wrote. The database has the same in a table with an integer key. Changes of the
map are made by `canisterfs load`, which writes what the library would write; those of the database
are one transaction each, whose journal lies beside the image and is not counted.
"""
import argparse
import gzip
import json
import os
import pathlib
import random
import sqlite3
import struct
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve()
GOLDEN = HERE.parents[2] / "tests/data/e_btree_u64.img.gz"


# ---- the map, as the library reads it ----

class Map:
    """A map of fixed 8-byte keys, nodes of version 2."""

    def __init__(self, path):
        self.fd = os.open(path, os.O_RDONLY)
        head = os.pread(self.fd, 28, 0)
        assert head[:3] == b"BTR", "no map"
        self.root, self.count = struct.unpack_from("<QQ", head, 12)

    def node(self, at):
        head = os.pread(self.fd, 15, at)
        assert head[:4] == b"BTN\2", "no node of version 2"
        inner, n = struct.unpack_from("<BH", head, 4)
        below = 8 * (n + 1) if inner else 0
        raw = os.pread(self.fd, below + n * 8, at + 15)
        children = struct.unpack_from(f"<{n + 1}Q", raw) if inner else ()
        keys = [int.from_bytes(raw[below + 8 * i:below + 8 * i + 8], "big") for i in range(n)]
        return keys, children, at + 15 + below + n * 8

    def value(self, values, i):
        """Each of the values in front of it has its length before it."""
        for _ in range(i):
            values += 4 + int.from_bytes(os.pread(self.fd, 4, values), "little")
        length = int.from_bytes(os.pread(self.fd, 4, values), "little")
        return os.pread(self.fd, length, values + 4)

    def get(self, key):
        at = self.root
        while True:
            keys, children, values = self.node(at)
            if key in keys:
                return self.value(values, keys.index(key))
            if not children:
                return None
            at = children[sum(k < key for k in keys)]

    def walk(self, at=None):
        keys, children, values = self.node(at or self.root)
        for i in range(len(keys) + 1):
            if children:
                yield from self.walk(children[i])
            if i < len(keys):
                yield keys[i], self.value(values, i)


# ---- measuring ----

class Bench:
    def __init__(self, prog, work):
        self.prog, self.work = prog, work
        self.image = work / "image"
        self.image.write_bytes(gzip.decompress(GOLDEN.read_bytes()))
        lines = self.run("dump", "-k", "u64be", "-v", "u64le", self.image, "0").splitlines()
        self.records = [(r["key"], r["value"]) for r in map(json.loads, lines)]
        db = work / "db"
        with sqlite3.connect(db) as c:
            c.execute("pragma page_size = 4096")
            c.execute("create table kv (key integer primary key, value integer)")
            c.executemany("insert into kv values (?, ?)",
                          ((self.signed(k), self.signed(v)) for k, v in self.records))
        c.close()
        self.run("put", self.image, "3", db)

    @staticmethod
    def signed(n):
        """SQLite has signed integers of 64 bits."""
        return int(n) - (1 << 64) if int(n) >= 1 << 63 else int(n)

    def run(self, *words):
        return subprocess.run([self.prog, *map(str, words)], check=True, text=True,
                              capture_output=True).stdout

    def measure(self, memory, *command):
        out = json.loads(self.run("run", "--account", "--json", self.image, "--", *command))
        assert out["passed"], out
        for row in out["account"]["memories"]:
            if row["id"] == memory:
                return row["read_pages"], row["dirtied_pages"]
        return 0, 0

    def shell(self, memory, text):
        return self.measure(memory, "sh", "-c", text)

    def btree_get(self, keys):
        return self.shell(0, f"python3 '{HERE}' btree \"$MNT/0\" {' '.join(map(str, keys))}")

    def sqlite(self, sql):
        (self.work / "sql").write_text(sql)
        return self.shell(3, f"sqlite3 \"$MNT/3\" <'{self.work}/sql' >/dev/null")

    def btree_put(self, records):
        """What is read is not seen: the verb reads a snapshot of the mount."""
        text = "".join(json.dumps({"key": k, "value": v}) + "\n" for k, v in records)
        (self.work / "lines").write_text(text)
        return self.shell(0, f"'{self.prog}' load --merge -k u64be -v u64le \"$MNT\" 0 '{self.work}/lines'")

    def sqlite_put(self, records):
        rows = "".join(f"insert or replace into kv values ({self.signed(k)}, {self.signed(v)});\n"
                       for k, v in records)
        return self.sqlite("begin;\n" + rows + "commit;\n")

    def rows(self):
        rng = random.Random(7)
        keys = [k for k, _ in self.records]
        for n in 1, 100:
            chosen = rng.sample(keys, n)
            sql = "".join(f"select value from kv where key = {self.signed(k)};\n" for k in chosen)
            yield f"{n} looked up", "read", self.btree_get(chosen)[0], self.sqlite(sql)[0]
        yield ("all in order", "read",
               self.shell(0, f"python3 '{HERE}' scan \"$MNT/0\"")[0],
               self.sqlite("select sum(value & 255) from kv;")[0])
        for n in 1, 100, 1000:
            new = [(k, rng.randrange(1 << 63)) for k in rng.sample(keys, n)]
            yield f"{n} changed", "dirtied", self.btree_put(new)[1], self.sqlite_put(new)[1]
        for n in 1, 100, 1000:
            new = [(rng.randrange(1 << 63), rng.randrange(1 << 63)) for _ in range(n)]
            yield f"{n} added", "dirtied", self.btree_put(new)[1], self.sqlite_put(new)[1]
        top = max(int(k) for k in keys)
        new = [(top + 1 + i, i) for i in range(1000)]
        yield "1000 added at the end", "dirtied", self.btree_put(new)[1], self.sqlite_put(new)[1]


def main():
    if sys.argv[1:2] == ["btree"]:
        found = Map(sys.argv[2])
        assert all(found.get(int(key)) is not None for key in sys.argv[3:])
        return
    if sys.argv[1:2] == ["scan"]:
        found = Map(sys.argv[2])
        assert sum(1 for _ in found.walk()) == found.count
        return
    args = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    args.add_argument("--prog", required=True)
    args.add_argument("--json")
    args = args.parse_args()
    with tempfile.TemporaryDirectory(dir=os.environ.get("TMPDIR", "/var/tmp")) as work:
        bench = Bench(str(pathlib.Path(args.prog).resolve()), pathlib.Path(work))
        rows = []
        print(f"{'':24}{'pages':>9}{'B-tree':>9}{'SQLite':>9}")
        for what, kind, btree, sql in bench.rows():
            rows.append({"what": what, "kind": kind, "btree": btree, "sqlite": sql})
            print(f"{what:24}{kind:>9}{btree:9,}{sql:9,}", flush=True)
    if args.json:
        pathlib.Path(args.json).write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
