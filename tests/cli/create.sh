#!/bin/bash
# SPDX-License-Identifier: MIT
# create makes what the library makes, insists on a bucket size, and overwrites nothing by accident.
. "$(dirname "$0")/lib.sh"

golden a_empty
run 0 create --bucket-pages 128 new.img
same new.img a_empty.img
out_is 'new.img: an empty image with buckets of 128 pages (8 MiB)
  waste     4 MiB a memory on average; the least that one takes is 8 MiB
  cap       256 GiB for all memories together (32,768 buckets)'

run 0 create -b 1 --json one.img
json . '{"schema":1,"bucket_pages":1,"bucket_bytes":65536,"average_waste_bytes":32768,"cap_pages":32768,"cap_bytes":2147483648}'

run 2 create none.img
out_is ""
err_is "canisterfs: create: --bucket-pages is missing, and no default would do: memory is given out in whole buckets, small ones waste little, large ones hold more, and a running canister can never change the size (see 'canisterfs create --help')
  pages a bucket  least a memory takes  waste per memory  cap of all memories
               1                64 KiB            32 KiB                2 GiB
               2               128 KiB            64 KiB                4 GiB
              16                 1 MiB           512 KiB               32 GiB
             128                 8 MiB             4 MiB              256 GiB"
[ ! -e none.img ] || fail "made an image all the same"

for n in 0 65536 -1 1.5 07 '' x 99999999999999999999; do
    refused 2 "create: --bucket-pages: '$n' is not a number from 1 to 65535 (see 'canisterfs create --help')" \
        create "--bucket-pages=$n" none.img
done
run 0 create -b 65535 most.img

refused 1 "new.img: exists already" create -b 2 new.img
same new.img a_empty.img
run 0 create -b 2 --force new.img
run 0 info --json new.img
json .bucket_pages 2

refused 1 "no/dir.img: cannot create: No such file or directory" create -b 2 no/dir.img
mkdir dir
refused 1 "dir: a directory where nothing is mounted, and without the metadata.json of a canister snapshot" create -b 2 --force dir
[ -z "$(ls -A dir)" ] || fail "left something behind"

# An image in use is not replaced, not even by force.
python3 - "$program" <<'END' || fail "replaced an image in use"
import fcntl, os, struct, subprocess, sys
fd = os.open("new.img", os.O_RDWR)
fcntl.fcntl(fd, 37, struct.pack("hhqqi4x", fcntl.F_WRLCK, 0, 0, 0, 0))  # F_OFD_SETLK
ino = os.stat("new.img").st_ino
done = subprocess.run([sys.argv[1], "create", "-b", "2", "--force", "new.img"], capture_output=True)
assert done.returncode == 1, done
assert b"new.img: in use (mounted or open elsewhere)\n" in done.stderr, done
assert os.stat("new.img").st_ino == ino
END
