#!/bin/bash
# SPDX-License-Identifier: MIT
# fio finds what it wrote: random and sequential, through mappings too, two memories at once.
. "${0%/*}/../lib.sh"
requires fio

create 4
start
cat >"$T/job" <<JOB
[global]
directory=$MNT
filesize=16m
verify=crc32c
verify_fatal=1
randseed=11
[one]
filename=1
rw=randwrite
bsrange=512-128k
bs_unaligned
[two]
filename=2
rw=write
bs=48k
[three]
filename=3
rw=randwrite
bs=4k
ioengine=mmap
JOB
(cd "$T" && fio --output="$T/fio.log" "$T/job")
stop
start
for id in 1 2 3; do is $((16 << 20)) "$(stat -c %s "$MNT/$id")"; done
stop
sound
