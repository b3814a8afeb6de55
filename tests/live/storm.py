#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A storm on a mount: writes, truncates, reads, renames, snapshots, rollbacks and checkpoints, each from
processes of its own, all on the same few memories. Nothing is expected of what one of them is told
while the others are at work, but that it is one of the errors below; the mount must stand to the end.

    storm.py PROGRAM MNT DIRECTORY ACTS SEED
"""
import errno
import os
import random
import subprocess
import sys

PROGRAM, MNT, ASIDE = sys.argv[1:4]
ACTS, SEED = int(sys.argv[4]), sys.argv[5]
MEMORIES = [1, 2, 3, 4, 5]
SNAPSHOTS = ["a", "b", "c"]
PAGE = 65536
MAY_BE = {errno.ENOENT, errno.EEXIST, errno.EBUSY, errno.EAGAIN, errno.ENOSPC, errno.ENOTEMPTY,
          errno.EINVAL, errno.ESTALE, errno.EROFS, errno.EINTR,
          errno.EIO}  # a rollback took away what the write lengthened


def memory(rng):
    return f"{MNT}/{rng.choice(MEMORIES)}"


def write(rng):
    fd = os.open(memory(rng), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        os.pwrite(fd, rng.randbytes(rng.choice([1, 4096, 100000])), rng.randrange(20 * PAGE))
        if rng.random() < 0.2:
            os.fsync(fd)
    finally:
        os.close(fd)


def truncate(rng):
    os.truncate(memory(rng), rng.randrange(20 * PAGE))


def read(rng):
    where = rng.choice([memory(rng), f"{MNT}/.snap/{rng.choice(SNAPSHOTS)}/{rng.choice(MEMORIES)}"])
    with open(where, "rb") as file:
        file.seek(rng.randrange(20 * PAGE))
        file.read(100000)
    os.listdir(MNT)
    os.statvfs(MNT)


def rename(rng):
    os.rename(memory(rng), memory(rng))


def replace(rng):
    scratch = f"{MNT}/scratch-{os.getpid()}"
    with open(scratch, "wb") as file:
        file.write(rng.randbytes(70000))
    os.rename(scratch, memory(rng))


def snapshot(rng):
    name = f"{MNT}/.snap/{rng.choice(SNAPSHOTS)}"
    rng.choice([os.mkdir, os.rmdir, lambda n: os.rename(n, f"{MNT}/.snap/{rng.choice(SNAPSHOTS)}")])(name)


def rollback(rng):
    which = rng.choice([[], ["--memory", str(rng.choice(MEMORIES))]])
    run("snapshot", *which, "rollback", MNT, rng.choice(SNAPSHOTS))


def checkpoint(rng):
    run("checkpoint", "--force", MNT, f"{ASIDE}/checkpoint-{os.getpid()}")


def run(*words):
    done = subprocess.run([PROGRAM, *words], check=False, stdout=subprocess.DEVNULL,
                          stderr=subprocess.PIPE)
    assert 0 <= done.returncode <= 4, done


# Who does what, and how often for each hundred acts of the others.
KINDS = [(write, 100), (write, 100), (truncate, 100), (read, 100), (rename, 100), (replace, 30),
         (snapshot, 60), (rollback, 30), (checkpoint, 3)]


def work(number, act, count):
    rng = random.Random(f"{SEED}/{number}")
    for _ in range(count):
        try:
            act(rng)
        except OSError as e:
            if e.errno not in MAY_BE:
                raise


def main():
    children = {}
    for number, (act, share) in enumerate(KINDS):
        pid = os.fork()
        if pid == 0:
            try:
                work(number, act, max(ACTS * share // 100, 1))
            except BaseException as e:  # pylint: disable=broad-except
                print(f"{act.__name__}: {e!r}", file=sys.stderr, flush=True)
                os._exit(1)
            os._exit(0)
        children[pid] = act.__name__
    failed = []
    while children:
        pid, status = os.wait()
        name = children.pop(pid)
        if status:
            failed.append(name)
    return 1 if failed else 0


sys.exit(main())
