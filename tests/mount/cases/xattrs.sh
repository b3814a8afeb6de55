#!/bin/bash
# SPDX-License-Identifier: MIT
# Extended attributes tell a memory's id, pages and buckets to who asks for them by name; they are not
# listed, and cannot be changed, nor can others be set.
. "${0%/*}/../lib.sh"

create 2
start
head -c 200000 /dev/zero >"$MNT/7"
: >"$MNT/s"
p=user.canisterfs
probe "7 4 2" getxattr "$MNT/7" $p.id 100 : getxattr "$MNT/7" $p.pages 100 \
	: getxattr "$MNT/7" $p.buckets 100
probe "1 0 ENODATA ENODATA" getxattr "$MNT/7" $p.id 0 : listxattr "$MNT/7" 5 \
	: getxattr "$MNT/7" user.other 9 : getxattr "$MNT/7" $p.other 9
probe "0" listxattr "$MNT/7" 200
probe "0 EPERM EOPNOTSUPP ENODATA" setxattr "$MNT/7" $p.id 8 : removexattr "$MNT/7" $p.id \
	: setxattr "$MNT/7" user.other x : removexattr "$MNT/7" user.other
probe "ENODATA 0" getxattr "$MNT/s" $p.id 10 : listxattr "$MNT/s" 200
mv "$MNT/7" "$MNT/200"
truncate -s 1 "$MNT/200"
probe "200 1 1" getxattr "$MNT/200" $p.id 100 : getxattr "$MNT/200" $p.pages 100 \
	: getxattr "$MNT/200" $p.buckets 100
rm "$MNT/s"
# they leave with a file, where there is room for them, and nobody complains when they come back
for words in mv "cp -a" "cp --preserve=all"; do
	$words "$MNT/200" "$T/out"
	$words "$T/out" "$MNT/9" 2>"$T/said"
	is "" "$(cat "$T/said")" "what $words said"
	probe 9 getxattr "$MNT/9" $p.id 100
	mv "$MNT/9" "$MNT/200"
done
# so do those that an older copy has
cp "$MNT/200" "$T/out"
if setfattr -n $p.id -v 200 "$T/out" && setfattr -n $p.pages -v 1 "$T/out"; then
	cp --preserve=all "$T/out" "$MNT/9"
	rsync -aX "$T/out" "$MNT/9"
	tar -C "$T" --xattrs --xattrs-include='*' -cf "$T/tar" out
	tar -C "$MNT" --xattrs --xattrs-include='*' -xf "$T/tar" 2>"$T/said"
	is "" "$(cat "$T/said")" "what tar said"
	rm "$MNT/out"
	probe 9 getxattr "$MNT/9" $p.id 100
fi
rsync -aX "$MNT/9" "$T/out"
rsync -aX "$T/out" "$MNT/9"
stop
