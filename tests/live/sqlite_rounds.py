#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A database in a memory, at random, against a model of its rows.

    sqlite_rounds.py SEED ROUNDS PROGRAM DIRECTORY

Each round commits transactions and dies in one that has spilled to the database file; then the mount
ends in some way, or a snapshot, a checkpoint, an overlay or a backup takes its place. Afterwards the
database is whole, and has the rows that were committed, no fewer and no others.
"""
import json
import os
import pathlib
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import time

WRITER = r'''
import json, os, sqlite3, sys
path, mode = sys.argv[1:3]
db = sqlite3.connect(path, isolation_level=None)
db.execute("pragma locking_mode=exclusive" if mode == "wal" else "pragma locking_mode=normal")
db.execute(f"pragma journal_mode={mode}")
db.execute("pragma cache_size=5")
db.execute("pragma wal_autocheckpoint=20")
db.execute("create table if not exists t(id integer primary key, v text)")
print("ready", flush=True)
for line in sys.stdin:
    rows = json.loads(line)
    if rows == "die":
        os._exit(9)
    db.execute("begin immediate")
    for id, v in rows["set"]:
        db.execute("insert or replace into t values(?, ?)", (id, v))
    for id in rows["drop"]:
        db.execute("delete from t where id = ?", (id,))
    if rows["commit"]:
        db.execute("commit")
    print("done", flush=True)
'''
MODES = ["delete", "truncate", "persist", "wal"]


class Writer:
    def __init__(self, path, mode):
        self.process = subprocess.Popen([sys.executable, "-c", WRITER, path, mode], text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.expect("ready")

    def expect(self, word):
        got = self.process.stdout.readline().strip()
        assert got == word, f"the writer said '{got}', not '{word}'"

    def send(self, what):
        self.process.stdin.write(json.dumps(what) + "\n")
        self.process.stdin.flush()

    def change(self, rows, commit=True):
        self.send({**rows, "commit": commit})
        self.expect("done")

    def die(self):
        self.send("die")
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()


class Bench:
    def __init__(self, rng, program, top):
        self.rng, self.program, self.top = rng, program, top
        self.image, self.mnt = top / "image", top / "mnt"
        self.mnt.mkdir(exist_ok=True)
        self.daemon = None
        self.rows = {}
        self.log = open(top / "log", "a")

    def run(self, *words, statuses=(0,)):
        done = subprocess.run([self.program, *map(str, words)], capture_output=True, text=True, check=False)
        self.log.write(f"{words}: {done.returncode}: {done.stderr}\n")
        assert done.returncode in statuses, f"{words}: {done.returncode}: {done.stderr}"

    def mount(self, *words):
        self.daemon = subprocess.Popen([self.program, "mount", "-f", self.image, self.mnt, *words],
                                       stderr=self.log)
        while not os.path.ismount(self.mnt):
            assert self.daemon.poll() is None, "the mount does not come"
            time.sleep(0.005)

    def end(self, how):
        if how == "umount":
            self.run("umount", self.mnt, statuses=(0, 3))
        else:
            self.daemon.send_signal(signal.SIGTERM if how == "term" else signal.SIGKILL)
        self.daemon.wait()
        self.daemon = None
        if how == "kill":
            subprocess.run(["umount", "-l", self.mnt], check=True)

    def some_rows(self, count):
        ids = [self.rng.randrange(3000) for _ in range(count)]
        known = self.rng.sample(sorted(self.rows), min(len(self.rows), count // 4))
        return {"set": [(i, f"{self.rng.getrandbits(64):x}" * self.rng.randrange(1, 20)) for i in ids],
                "drop": known}

    def apply(self, rows):
        self.rows |= dict(rows["set"])
        for i in rows["drop"]:
            self.rows.pop(i, None)

    def commits(self, writer):
        for _ in range(self.rng.randrange(1, 4)):
            rows = self.some_rows(self.rng.choice([1, 5, 300]))
            writer.change(rows)
            self.apply(rows)

    def writer(self):
        writer = Writer(str(self.mnt / "3"), self.rng.choice(MODES))
        self.commits(writer)
        return writer

    def spill(self, writer):
        """In a transaction that has outgrown its cache, so that half of it is in the file."""
        writer.change(self.some_rows(1500), commit=False)

    def work_and_die(self):
        writer = self.writer()
        if self.rng.random() < 0.8:
            self.spill(writer)
        writer.die()

    def check(self, where):
        db = sqlite3.connect(self.mnt / "3")
        whole = db.execute("pragma integrity_check").fetchone()[0]
        assert whole == "ok", f"{where}: {whole}"
        rows = dict(db.execute("select id, v from t")) if self.rows else {}
        db.close()
        lost = [i for i in self.rows if rows.get(i) != self.rows[i]]
        more = [i for i in rows if i not in self.rows]
        assert not lost and not more, f"{where}: {len(lost)} rows lost or older, {len(more)} more"

    # ---- the ways a state ends, or another takes its place ----

    def ends(self):
        self.work_and_die()
        self.end(self.rng.choice(["umount", "term", "kill"]))
        self.mount()

    def rolls_back(self):
        writer = self.writer()
        if self.rng.random() < 0.8:
            self.spill(writer)
        self.run("snapshot", "create", self.mnt, "s")
        then = dict(self.rows)
        writer.die()
        self.check("after a snapshot")
        self.work_and_die()
        if self.rng.random() < 0.3:
            self.end(self.rng.choice(["umount", "kill"]))
            self.mount()
        self.run("snapshot", "rollback", *self.rng.choice([[], ["--memory", "3"]]), self.mnt, "s")
        self.rows = then
        self.check("after a rollback")
        self.run("snapshot", "remove", self.mnt, "s")

    def is_restored(self):
        writer = self.writer()
        if self.rng.random() < 0.8:
            self.spill(writer)
        self.run("checkpoint", "--force", self.mnt, self.top / "ckpt")
        then = dict(self.rows)
        writer.die()
        self.work_and_die()
        self.end(self.rng.choice(["umount", "kill"]))
        self.run("restore", "--force", self.top / "ckpt", self.image)
        self.rows = then
        self.mount()

    def is_overlaid(self):
        self.work_and_die()
        self.end(self.rng.choice(["umount", "kill"]))
        then = dict(self.rows)
        overlay = self.top / "overlay"
        self.mount("-o", f"overlay={overlay}")
        self.check("in an overlay")
        self.work_and_die()
        self.end(self.rng.choice(["umount", "term", "kill"]))
        if self.rng.random() < 0.7:
            self.run("commit", overlay)
        else:
            self.run("discard", overlay)
            self.rows = then
        self.mount()

    def gets_an_older_name(self):
        self.check("before a backup")
        self.end("umount")
        backup = self.top / "backup"
        shutil.copy2(self.image, backup)
        then = dict(self.rows)
        self.mount()
        self.work_and_die()
        self.end(self.rng.choice(["umount", "kill"]))
        if self.rng.random() < 0.5:
            subprocess.run(["cp", "-p", backup, self.image], check=True)
        else:
            os.rename(backup, self.image)
        self.rows = then
        self.mount()

    def round(self, number):
        way = self.rng.choice([self.ends, self.rolls_back, self.is_restored, self.is_overlaid,
                               self.gets_an_older_name])
        way()
        self.check(f"round {number}, {way.__name__}")
        # What was set aside is nobody's any more.
        for path in self.top.glob("*.set-aside*"):
            shutil.rmtree(path)
        for path in self.mnt.glob("*.set-aside*"):
            path.unlink()


def main():
    seed, rounds, program, top = sys.argv[1], int(sys.argv[2]), sys.argv[3], pathlib.Path(sys.argv[4])
    bench = Bench(random.Random(seed), program, top)
    bench.run("create", "-b", "2", bench.image)
    bench.mount()
    try:
        for number in range(rounds):
            bench.round(number)
            if number % 100 == 99:
                print(f"{number + 1} rounds", flush=True)
        bench.end("umount")
    except BaseException:
        if bench.daemon:
            bench.end("kill")
        raise
    print(f"seed {seed}: {rounds} rounds, the model agrees")


main()
