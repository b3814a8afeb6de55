#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Random operations on some files, each beside the same on a shadow in memory.

    fsx.py SEED COUNT DIR SHADOW_DIR NAME...

Starts from what SHADOW_DIR holds and leaves there what the files must be afterwards. After each
operation the lengths are compared, now and then all bytes.
"""

import errno
import mmap
import os
import random
import sys

from syscalls import KEEP_SIZE, PUNCH_HOLE, ZERO_RANGE, exchange, fallocate

MAX_LEN = 1_500_000


class File:
    def __init__(self, path, shadow):
        self.path = path
        self.shadow = bytearray(shadow)
        self.fd = os.open(path, os.O_RDWR | os.O_CREAT)

    def range(self, rng, limit=MAX_LEN):
        """An offset below `limit` and a length; small, large, or at a page's edge."""
        off = rng.choice([rng.randrange(limit), rng.randrange(limit // 65536 + 1) * 65536,
                          min(len(self.shadow), limit - 1)])
        length = rng.choice([rng.randrange(1, 100), rng.randrange(1, 9000), rng.randrange(1, 200000),
                             65536])
        off = max(0, min(off + rng.choice([0, 0, -1, 1]), limit - 1))
        return off, min(length, limit - off)

    def put(self, off, data):
        self.shadow.extend(bytes(max(0, off + len(data) - len(self.shadow))))
        self.shadow[off:off + len(data)] = data

    def write(self, rng):
        off, length = self.range(rng)
        data = rng.randbytes(length)
        os.pwrite(self.fd, data, off)
        self.put(off, data)

    def append(self, rng):
        data = rng.randbytes(rng.randrange(1, 70000))
        if len(self.shadow) + len(data) <= MAX_LEN:
            with open(self.path, "ab", buffering=0) as f:
                f.write(data)
            self.shadow += data

    def read(self, rng):
        off, length = self.range(rng)
        assert os.pread(self.fd, length, off) == self.shadow[off:off + length]

    def map_write(self, rng):
        if not self.shadow:
            return
        off, length = self.range(rng, len(self.shadow))
        data = rng.randbytes(length)
        with mmap.mmap(self.fd, len(self.shadow)) as m:
            m[off:off + length] = data
            if rng.random() < 0.3:
                m.flush()
        self.shadow[off:off + length] = data

    def map_read(self, rng):
        if self.shadow:
            off, length = self.range(rng, len(self.shadow))
            with mmap.mmap(self.fd, len(self.shadow), prot=mmap.PROT_READ) as m:
                assert m[off:off + length] == self.shadow[off:off + length]

    def truncate(self, rng):
        length = rng.choice([rng.randrange(MAX_LEN), rng.randrange(20) * 65536, len(self.shadow) // 2])
        os.ftruncate(self.fd, length)
        del self.shadow[length:]
        self.shadow.extend(bytes(length - len(self.shadow)))

    def punch(self, rng):
        off, length = self.range(rng)
        fallocate(self.fd, PUNCH_HOLE | KEEP_SIZE, off, length)
        end = min(off + length, len(self.shadow))
        if end > off:
            self.shadow[off:end] = bytes(end - off)

    def zero(self, rng):
        off, length = self.range(rng)
        fallocate(self.fd, ZERO_RANGE, off, length)
        self.put(off, bytes(length))

    def allocate(self, rng):
        off, length = self.range(rng)
        fallocate(self.fd, 0, off, length)
        self.shadow.extend(bytes(max(0, off + length - len(self.shadow))))

    def sync(self, rng):
        os.fsync(self.fd)

    def forget(self, rng):
        os.fsync(self.fd)
        os.posix_fadvise(self.fd, 0, 0, os.POSIX_FADV_DONTNEED)

    def reopen(self, rng):
        os.close(self.fd)
        self.fd = os.open(self.path, os.O_RDWR)

    def seek(self, rng):
        """No byte that is not zero is said to lie in a hole."""
        off = rng.randrange(MAX_LEN)
        try:
            start = os.lseek(self.fd, off, os.SEEK_DATA)
        except OSError as e:
            assert e.errno == errno.ENXIO
            start = max(len(self.shadow), off)
        assert not any(self.shadow[off:start]), (off, start)

    def verify(self):
        got = os.pread(self.fd, len(self.shadow) + 1, 0)
        if got != self.shadow:
            first = next((i for i, (a, b) in enumerate(zip(got, self.shadow)) if a != b), "the end")
            raise AssertionError(f"{self.path} differs at {first}; {len(got)}, {len(self.shadow)} bytes")


def copy(a, b, rng):
    off, length = a.range(rng)
    to = rng.randrange(MAX_LEN)
    want = bytes(a.shadow[off:off + min(length, MAX_LEN - to)])
    if a is b and abs(off - to) < len(want):
        return
    done = 0
    while done < len(want):
        n = os.copy_file_range(a.fd, b.fd, len(want) - done, off + done, to + done)
        assert n > 0
        done += n
    if want:
        b.put(to, want)


def rename_over(a, rng):
    """What sed -i does."""
    path = a.path + ".tmp"
    data = rng.randbytes(rng.randrange(300000))
    with open(path, "wb") as f:
        f.write(data)
    os.rename(path, a.path)
    a.reopen(rng)
    a.shadow[:] = data


def swap(a, b):
    exchange(a.path, b.path)
    a.shadow, b.shadow = b.shadow, a.shadow
    a.fd, b.fd = b.fd, a.fd


SINGLE = (["write"] * 6 + ["map_write"] * 3 + ["append", "read", "read", "map_read"] +
          ["truncate"] * 3 + ["punch"] * 2 + ["zero", "allocate", "sync", "forget", "reopen", "seek"])


def step(files, rng):
    a, b = rng.choice(files), rng.choice(files)
    what = rng.choice(SINGLE + ["copy", "copy", "rename_over", "exchange"])
    if what == "copy":
        copy(a, b, rng)
    elif what == "rename_over":
        rename_over(a, rng)
    elif what == "exchange":
        if a is not b:
            swap(a, b)
    else:
        getattr(a, what)(rng)
    for f in files:
        assert os.fstat(f.fd).st_size == len(f.shadow), (what, f.path, len(f.shadow))
    return what


def load(path):
    if not os.path.exists(path):
        return b""
    with open(path, "rb") as f:
        return f.read()


def main():
    seed, count, directory, shadows = sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4]
    rng = random.Random(seed)
    files = [File(os.path.join(directory, n), load(os.path.join(shadows, n))) for n in sys.argv[5:]]
    what = "begin"
    for i in range(count):
        try:
            if i % 25 == 0:
                for f in files:
                    f.verify()
            what = step(files, rng)
        except (AssertionError, OSError) as e:
            sys.exit(f"fsx.py: seed {seed}, step {i}, {what}: {e!r}")
    for f in files:
        f.verify()
        with open(os.path.join(shadows, os.path.basename(f.path)), "wb") as out:
            out.write(f.shadow)
        os.close(f.fd)


main()
