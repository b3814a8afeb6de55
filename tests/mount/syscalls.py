# SPDX-License-Identifier: MIT
"""System calls that Python has no words for."""

import ctypes
import os

KEEP_SIZE, PUNCH_HOLE, ZERO_RANGE = 1, 2, 16
AT_FDCWD = -100
RENAME_EXCHANGE = 2
libc = ctypes.CDLL(None, use_errno=True)


def checked(rc):
    if rc != 0:
        err = ctypes.get_errno()
        raise OSError(err, os.strerror(err))


def fallocate(fd, mode, off, length):
    checked(libc.fallocate(fd, mode, ctypes.c_long(off), ctypes.c_long(length)))


def exchange(a, b):
    checked(libc.renameat2(AT_FDCWD, a.encode(), AT_FDCWD, b.encode(), RENAME_EXCHANGE))
