#!/bin/bash
# SPDX-License-Identifier: MIT
# Shared mappings: written through, read back by read(2), by other mappings, and by the next mount.
. "${0%/*}/../lib.sh"

expect_scratch 8.shadow
create 1
start
python3 - "$MNT/8" <<'PY'
import mmap, os, random, sys
path = sys.argv[1]
random.seed(8)
size = 1_000_003
shadow = bytearray(size)
fd = os.open(path, os.O_RDWR | os.O_CREAT)
os.ftruncate(fd, size)
with mmap.mmap(fd, size) as m, mmap.mmap(fd, size) as other:
    for i in range(2000):
        off = random.randrange(size)
        data = random.randbytes(min(random.randrange(1, 5000), size - off))
        shadow[off:off + len(data)] = data
        if i % 3 == 0:
            os.pwrite(fd, data, off)
        else:
            m[off:off + len(data)] = data
        if i % 50 == 0:
            assert other[:] == shadow, i
            assert os.pread(fd, size, 0) == shadow, i
    m.flush()
os.close(fd)
open(path + ".shadow", "wb").write(shadow)
PY
cmp "$MNT/8" "$MNT/8.shadow"
cp "$MNT/8.shadow" "$T/shadow"
stop
start
cmp -n 1000003 "$T/shadow" "$MNT/8"
is 1000003 "$(stat -c %s "$MNT/8")" "length that was kept with the scratch file"
stop
sound
