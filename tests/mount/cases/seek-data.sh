#!/bin/bash
# SPDX-License-Identifier: MIT
# lseek finds data and holes, also of data that is still in the kernel's cache.
. "${0%/*}/../lib.sh"

create 1
start
f=$MNT/5
# nothing is on its way to the image yet when the kernel asks; the host's blocks have 4 KiB
probe "0 0 100 655360 659456 655361 ENXIO 0 100 4096 ENXIO" \
	open "$f" 'O_RDWR|O_CREAT' : ftruncate 0 1000000 : fill 0 655360 100 x \
	: seek 0 0 DATA : seek 0 655370 HOLE : seek 0 655361 DATA : seek 0 1000000 DATA \
	: seek 0 0 HOLE : fill 0 0 100 y : seek 0 0 HOLE : seek 0 1000001 HOLE
probe "0 0 100" open "$MNT/6" 'O_RDWR|O_CREAT' : ftruncate 0 1000000 : fill 0 655360 100 x
probe "0 655360 0 ENXIO ENXIO 1000000" open "$MNT/6" O_RDONLY : seek 0 0 DATA : seek 0 0 HOLE \
	: seek 0 1000000 DATA : seek 0 1000000 HOLE : seek 0 0 END
# data is never taken for a hole, whatever the block size
python3 - "$MNT/7" <<'PY'
import os, random, sys
random.seed(3)
fd = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT)
size = 3_000_000
os.ftruncate(fd, size)
shadow = bytearray(size)
for i in range(20):
    off, n = random.randrange(size), random.randrange(1, 9000)
    data = b"x" * min(n, size - off)
    os.pwrite(fd, data, off)
    shadow[off:off + len(data)] = data
    pos, found = 0, bytearray(size)
    while True:
        try:
            start = os.lseek(fd, pos, os.SEEK_DATA)
        except OSError as e:
            assert e.errno == 6
            break
        pos = os.lseek(fd, start, os.SEEK_HOLE)
        found[start:pos] = b"x" * (pos - start)
    assert int.from_bytes(shadow, "big") & ~int.from_bytes(found, "big") == 0, i
    assert found.count(0) > size // 4, i
PY
stop
sound
