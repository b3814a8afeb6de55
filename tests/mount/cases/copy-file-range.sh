#!/bin/bash
# SPDX-License-Identifier: MIT
# copy_file_range between memories, within one, to and from scratch files and over the end.
. "${0%/*}/../lib.sh"

create 1
start
head -c 3000001 /dev/urandom >"$T/a"
cp "$T/a" "$MNT/1"
python3 - "$MNT" "$T/a" <<'PY'
import os, random, sys
mnt, native = sys.argv[1:]
random.seed(5)
data = open(native, "rb").read()
shadows = {"1": bytearray(data), "2": bytearray(), "s": bytearray(b"scratch")}
fds = {n: os.open(f"{mnt}/{n}", os.O_RDWR | os.O_CREAT) for n in shadows}
os.pwrite(fds["s"], b"scratch", 0)
for i in range(300):
    a, b = random.choice("12s"), random.choice("12s")
    src, dst = shadows[a], shadows[b]
    off, to, n = (random.randrange(k) for k in (len(src) + 1, len(dst) + 100000, 500000))
    if a == b and abs(off - to) < n:
        continue
    if i % 2:
        os.pwrite(fds[a], b"dirty", off)
        src[off:off + 5] = b"dirty"
    want = src[off:off + n]
    got = 0
    while got < len(want):
        k = os.copy_file_range(fds[a], fds[b], len(want) - got, off + got, to + got)
        assert k > 0, (i, got)
        got += k
    if want:
        dst.extend(bytes(max(0, to + len(want) - len(dst))))
        dst[to:to + len(want)] = want
    if len(dst) > 8 << 20:
        os.ftruncate(fds[b], 100)
        del dst[100:]
    for n in shadows:
        assert os.fstat(fds[n]).st_size == len(shadows[n]), (i, n)
    assert os.pread(fds[b], len(dst), 0) == dst, (i, a, b)
PY
rm "$MNT/s"
probe "0 1 EINVAL 0" open "$MNT/1" O_RDWR : open "$MNT/2" O_RDWR : copy 0 0 0 10 100 \
	: copy 0 999999999 1 0 10
stop
sound
