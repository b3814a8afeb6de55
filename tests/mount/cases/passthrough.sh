#!/bin/bash
# SPDX-License-Identifier: MIT
# A read-only mount whose files the kernel reads by itself shows what the same mount shows without,
# and nothing else can be told but which of the two it is.
. "${0%/*}/../lib.sh"
. "$here/passthrough.sh"
can_pass

# look: whatever a program can see of the mount
look() {
	local f
	cd "$MNT"
	ls -A
	stat -c '%n %s %b %B %h %i %a %u %g %X %Y %Z' -- *
	for f in *; do
		sha256sum "$f"
		getfattr -d -m - "$f"
		getfattr -n user.canisterfs.buckets "$f"
		"$FSPROBE" open "$f" O_RDONLY : seek 0 0 DATA : seek 0 0 HOLE : seek 0 70000 DATA \
			: map-read 0 0 8 : read 0 65530 12 : fsync 0 : copy 0 0 0 0 1
		dd if="$f" bs=4096 skip=3 count=2 iflag=direct status=none | sha256sum
		sha256sum <"$f"
	done
	stat -f -c '%l %b %f %c %d %S' .
	cd /
}

both() { # WORDS...: the two mounts of $IMG look the same
	local how
	for how in no yes; do
		start "$@" -o ro,passthrough=$how
		is "$([ $how = yes ] && echo true || echo false)" "$(passes)" "passthrough=$how says"
		look >"$T/seen-$how" 2>&1
		stop
	done
	diff "$T/seen-no" "$T/seen-yes" >&2 || fail "the mounts differ: $*"
}

tried=0
for manifest in "$data"/*.json; do
	name=$(basename "$manifest" .json)
	[ "$(jq '.manager and ([.memories[] | select(.pages > 0)] | length > 0)' "$manifest")" = true ] || continue
	golden "$name"
	both
	tried=$((tried + 1))
done
[ $tried -ge 8 ] || fail "only $tried golden images"

# Large and small buckets, and a size that is no power of two; memories whose buckets lie scattered.
head -c 9M /dev/urandom >"$T/a"
head -c 3333333 /dev/urandom >"$T/b"
for pages in 128 1 7 96; do
	rm -f "$IMG"
	create $pages
	start
	for _ in 1 2 3; do
		for id in 0 17 254; do head -c 1000000 "$T/a" >>"$MNT/$id"; done
	done
	cp "$T/b" "$MNT/9"
	cp "$T/a" "$MNT/17"
	rm "$MNT/254"
	truncate -s 12M "$MNT/9"
	stop
	both
	start -o ro,passthrough=yes
	cmp "$T/a" <(head -c 9M "$MNT/17") || fail "memory 17 in buckets of $pages pages"
	cmp "$T/b" <(head -c 3333333 "$MNT/9") || fail "memory 9 in buckets of $pages pages"
	is "" "$(tail -c +3333334 "$MNT/9" | tr -d '\0' | head -c 1)" "behind the end of memory 9"
	stop
done

# A manager that begins some pages into the image, and a names file.
head -c 192K /dev/urandom | cat - "$IMG" >"$T/moved"
mv "$T/moved" "$IMG"
both --base-page 3

# 400 GiB, nearly all of it a hole
rm "$IMG"
create 200
start
if truncate -s 300G "$MNT/1" && truncate -s 99G "$MNT/2"; then
	probe "0 3 3 3 0" open "$MNT/1" O_RDWR : write 0 0 one : write 0 $((299 << 30)) end \
		: write 0 $(((299 << 30) - 5)) nar : fsync 0
	stop
	start -o ro,passthrough=yes
	is true "$(passes)" "400 GiB"
	probe "0 one end nar" open "$MNT/1" O_RDONLY : read 0 0 3 : read 0 $((299 << 30)) 3 \
		: read 0 $(((299 << 30) - 5)) 3
fi
stop
