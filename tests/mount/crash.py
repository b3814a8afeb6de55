#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Kills the daemon at random moments of a busy load, and looks at what is left in the image.

    crash.py SEED ROUNDS CANISTERFS IMAGE MNT

The load is a child process, which says what it is about to do and that it is done over a pipe, so
that this process knows at the kill what had been promised. What is promised: an operation that has
returned is in the daemon's hands, but for written bytes, which are when an fsync has returned. One
operation can be under way: it may have happened or not.
"""

import json
import os
import random
import select
import signal
import subprocess
import sys
import time

from syscalls import KEEP_SIZE, PUNCH_HOLE, exchange, fallocate

PAGE = 65536
IDS = [0, 1, 2, 40]
MAX_LEN = 1_000_000


def pages(length):
    return -(-length // PAGE)


class Memory:
    """What is known of a memory: its bytes, which of them are promised, and its least and greatest
    length in the image."""

    def __init__(self, data=b""):
        self.data = bytearray(data)
        self.sure = bytearray(b"\1") * len(data)
        self.low = self.high = len(data)

    def copy(self):
        m = Memory()
        m.data, m.sure, m.low, m.high = self.data[:], self.sure[:], self.low, self.high
        return m

    def write(self, off, data):
        if off > len(self.data):
            self.sure.extend(b"\1" * (off - len(self.data)))  # zero, if the image is so long
            self.data.extend(bytes(off - len(self.data)))
        self.data[off:off + len(data)] = data
        self.sure[off:off + len(data)] = bytes(len(data))
        self.high = max(self.high, len(self.data))

    def sync(self):
        self.sure = bytearray(b"\1") * len(self.data)
        self.low = self.high = len(self.data)

    def truncate(self, length):
        grown = max(0, length - len(self.data))
        self.data, self.sure = self.data[:length], self.sure[:length]
        self.data.extend(bytes(grown))
        self.sure.extend(b"\1" * grown)
        self.low = self.high = length

    def zero(self, off, length):
        end = min(off + length, len(self.data))
        if end > off:
            self.data[off:end] = bytes(end - off)
            self.sure[off:end] = b"\1" * (end - off)

    def unsure(self, off, end):
        self.sure[off:end] = bytes(max(0, min(end, len(self.data)) - off))

    def fits(self, found):
        """None, or why `found` cannot be what is left of this."""
        if len(found) % PAGE:
            return f"{len(found)} bytes"
        if not pages(self.low) <= len(found) // PAGE <= pages(self.high):
            return f"{len(found) // PAGE} pages, expected {pages(self.low)} to {pages(self.high)}"
        n = min(len(found), len(self.data))
        mask = int.from_bytes(self.sure[:n], "big") * 255
        differs = (int.from_bytes(self.data[:n], "big") ^ int.from_bytes(found[:n], "big")) & mask
        if differs:
            return f"byte {n - 1 - (differs.bit_length() - 1) // 8} is wrong"
        return None


def worlds(state, op):
    """What may be found when the operation was under way at the kill; `state` is from before it."""
    kind, a = op[0], op[1]
    before = {i: m.copy() for i, m in state.items()}
    after = {i: m.copy() for i, m in state.items()}
    apply(after, op)
    if kind in ("truncate", "punch"):
        # half done: bytes that are to go may be gone already
        start, end = (op[2], MAX_LEN * 2) if kind == "truncate" else (op[2], op[2] + op[3])
        before[a].unsure(start, end)
        after[a].unsure(start, end)
        lengths = [m.low for m in (before[a], after[a])] + [m.high for m in (before[a], after[a])]
        before[a].low, before[a].high = min(lengths), max(lengths)
    if kind in ("write", "sync"):
        before[a] = after[a].copy() if kind == "write" else before[a]
    return [before, after]


def apply(state, op):
    kind, a = op[0], op[1]
    if kind == "write":
        state[a].write(op[2], content(op[3], op[4]))
    elif kind == "sync":
        state[a].sync()
    elif kind == "truncate":
        state[a].truncate(op[2])
    elif kind == "punch":
        state[a].zero(op[2], op[3])
    elif kind == "replace":
        state[a] = Memory(content(op[2], op[3]))
    elif kind in ("remove", "save"):
        state[a] = Memory()
    elif kind == "renumber":
        state[op[2]], state[a] = state[a], Memory()
    elif kind == "exchange":
        state[a], state[op[2]] = state[op[2]], state[a]


def content(length, seed):
    return random.Random(seed).randbytes(length)


# ---- the load ----


def choose(rng, lengths):
    a, b = rng.sample(IDS, 2)
    there = lengths[a] is not None
    kind = rng.choice(["write"] * 8 + ["sync"] * 5 + ["truncate"] * 4 +
                      ["punch", "replace", "remove", "save", "renumber", "exchange", "look"])
    if kind == "write":
        off = rng.choice([rng.randrange(MAX_LEN), lengths[a] or 0])
        return [kind, a, off, min(rng.choice([100, 4096, 70000, 300000]), 2 * MAX_LEN - off),
                rng.random()]
    if kind == "replace":
        return [kind, a, rng.randrange(MAX_LEN), rng.random()]
    if not there or kind == "exchange" and lengths[b] is None:
        return None
    if kind == "truncate":
        return [kind, a, rng.choice([rng.randrange(MAX_LEN), rng.randrange(15) * PAGE, 0])]
    if kind == "punch":
        return [kind, a, rng.randrange(MAX_LEN), rng.randrange(1, 200000)]
    return [kind, a, b] if kind in ("renumber", "exchange") else [kind, a]


def perform(mnt, op, fds):
    kind, a = op[0], op[1]
    path = os.path.join(mnt, str(a))
    if kind == "write":
        if a not in fds:
            fds[a] = os.open(path, os.O_RDWR | os.O_CREAT)
        os.pwrite(fds[a], content(op[3], op[4]), op[2])
    elif kind == "sync":
        fd = os.open(path, os.O_RDWR)
        os.fsync(fd)
        os.close(fd)
    elif kind == "truncate":
        os.truncate(path, op[2])
    elif kind == "punch":
        fd = os.open(path, os.O_RDWR)
        fallocate(fd, PUNCH_HOLE | KEEP_SIZE, op[2], op[3])
        os.close(fd)
    elif kind == "look":
        fd = os.open(path, os.O_RDONLY)
        if os.fstat(fd).st_size > 0:
            os.lseek(fd, 0, os.SEEK_HOLE)
        os.close(fd)
    elif kind == "replace":
        with open(path + ".tmp", "wb") as f:
            f.write(content(op[2], op[3]))
        os.rename(path + ".tmp", path)
    elif kind == "remove":
        os.unlink(path)
    elif kind == "save":
        os.rename(path, os.path.join(mnt, "saved"))
    elif kind == "renumber":
        os.rename(path, os.path.join(mnt, str(op[2])))
    elif kind == "exchange":
        exchange(path, os.path.join(mnt, str(op[2])))
    # handles follow the files that they were opened on: new ones are simpler
    if kind in ("replace", "remove", "save", "renumber", "exchange"):
        for fd in fds.values():
            os.close(fd)
        fds.clear()


def load(mnt, seed):
    rng = random.Random(seed)
    fds = {}
    while True:
        lengths = {}
        for i in IDS:
            path = os.path.join(mnt, str(i))
            lengths[i] = os.stat(path).st_size if os.path.exists(path) else None
        op = choose(rng, lengths)
        if op:
            print(json.dumps(op), flush=True)
            perform(mnt, op, fds)
            print("done", flush=True)


# ---- the rounds ----


def fail(text):
    sys.exit("crash.py: " + text)


def start_daemon(prog, image, mnt, log):
    daemon = subprocess.Popen([prog, "mount", "-f", image, mnt], stderr=log)
    while True:
        with open("/proc/self/mountinfo", encoding="utf-8") as f:
            if f" {mnt} " in f.read():
                return daemon
        if daemon.poll() is not None:
            fail(f"the image does not mount: {daemon.returncode}")
        time.sleep(0.005)


def run_until_kill(daemon, mnt, seed, delay):
    """The operations that were done, and the one under way or None."""
    child = subprocess.Popen([sys.executable, __file__, "load", mnt, seed], stdout=subprocess.PIPE,
                             stderr=subprocess.DEVNULL)
    lines = b""
    first = True
    end = time.monotonic() + 60
    while time.monotonic() < end:
        if select.select([child.stdout], [], [], max(0, end - time.monotonic()))[0]:
            more = os.read(child.stdout.fileno(), 65536)
            lines += more
            if first and more:
                first = False
                end = time.monotonic() + delay
            if not more:
                fail(f"the load has ended by itself: {lines[-300:]}")
    daemon.send_signal(signal.SIGKILL)
    daemon.wait()
    lines += child.stdout.read()
    child.wait()
    done, under_way = [], None
    for line in lines.decode().split("\n")[:-1]:
        if line.startswith('["failed"'):
            continue
        if line == "done":
            done.append(under_way)
            under_way = None
        else:
            under_way = json.loads(line)
    return done, under_way


def check(prog, image, words=()):
    r = subprocess.run([prog, "check", "--json", *words, image], stdout=subprocess.PIPE, check=False)
    if r.returncode & ~5:
        fail(f"check ends with {r.returncode}")
    found = json.loads(r.stdout)
    bad = [f for f in found["left"] if f["severity"] != "note" and not f["repairable"]]
    if bad:
        fail(f"check finds {found['findings']}")
    return found


def contents(prog, image):
    info = json.loads(subprocess.run([prog, "info", "--json", image], stdout=subprocess.PIPE,
                                     check=True).stdout)
    found = {i: b"" for i in IDS}
    for m in info["memories"]:
        if m["pages"] == 0:  # buckets that a crash has left
            continue
        found[m["id"]] = subprocess.run([prog, "cat", image, str(m["id"])], stdout=subprocess.PIPE,
                                        check=True).stdout
    return found


def compare(possible, found, history):
    reasons = []
    for world in possible:
        why = {i: world[i].fits(found[i]) for i in IDS}
        if not any(why.values()):
            return
        reasons.append({i: w for i, w in why.items() if w})
    fail(f"the image holds none of what it may: {reasons}; last {history[-12:]}")


def one_round(seed, prog, image, mnt, state, log):
    rng = random.Random(seed)
    daemon = start_daemon(prog, image, mnt, log)
    done, under_way = run_until_kill(daemon, mnt, seed, rng.choice([0.02, 0.1, 0.3, 0.6]) *
                                     rng.random())
    subprocess.run(["umount", "-l", mnt] if os.geteuid() == 0 else ["fusermount3", "-uz", mnt],
                   check=True)
    for op in done:
        apply(state, op)
    possible = worlds(state, under_way) if under_way else [state]
    found = check(prog, image)
    compare(possible, contents(prog, image), done + [under_way])
    if rng.random() < 0.5:
        check(prog, image, ["--repair", "--save", image + ".undo"])
        if os.path.exists(image + ".undo"):
            os.unlink(image + ".undo")
        if check(prog, image)["warnings"]:
            fail("repaired, and not clean")
        compare(possible, contents(prog, image), done + [under_way])
    return len(done), len(found["findings"])


def main():
    if sys.argv[1] == "load":
        try:
            load(sys.argv[2], sys.argv[3])
        except OSError as e:
            print(json.dumps(["failed", repr(e)]))
            return
    seed, rounds, prog, image, mnt = sys.argv[1], int(sys.argv[2]), *sys.argv[3:6]
    operations = findings = 0
    with open(image + ".log", "ab") as log:
        for n in range(rounds):
            state = {i: Memory(d) for i, d in contents(prog, image).items()}
            try:
                done, found = one_round(f"{seed}.{n}", prog, image, mnt, state, log)
            except SystemExit as e:
                fail(f"seed {seed}, round {n}: {e}")
            operations += done
            findings += found
    print(f"{rounds} rounds, {operations} operations, {findings} findings, all repairable")
    if operations < rounds:
        fail("the load does too little")


main()
