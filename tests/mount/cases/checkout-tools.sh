#!/bin/bash
# SPDX-License-Identifier: MIT
# What programs do to the files of a checkout is, after the commit, what they would have done to the
# same files of a mount; on the file systems that share blocks, and on one that does not.
. "${0%/*}/../lib.sh"
requires sqlite3 python3 rsync ed sed

# edit DIR: the same to both.
edit() {
	local d=$1
	sqlite3 "$d/0" "create table if not exists t (a, b); insert into t select value, value * 3
		from generate_series(1, 5000); update t set b = 'x' where a % 7 = 0; delete from t where a < 300;" ||
		fail "sqlite3 in $d"
	dd if="$T/noise" of="$d/1" bs=1000 count=77 seek=33 conv=notrunc status=none
	cp "$T/noise" "$d/2"
	truncate -s 123456 "$d/3"
	truncate -s 3M "$d/4"
	printf 'appended\n' >>"$d/5"
	rm "$d/6"
	mv "$d/7" "$d/20"
	cp "$d/8" "$d/21"
	sed -i 's/line 17/LINE/; /line 3/d' "$d/9"
	printf '%s\n' '/line 40/d' '1i' 'a new first line' . w q | ed -s "$d/10"
	sort -r -o "$d/11" "$d/11"
	tr a-z A-Z <"$d/12" >"$d/22"
	rsync -a --inplace --no-times "$T/noise" "$d/13"
	fallocate -p -o 65536 -l 131072 "$d/14"
	python3 -c '
import mmap, sys
with open(sys.argv[1], "r+b") as f:
    m = mmap.mmap(f.fileno(), 0)
    m[70000:70005] = b"MAPPED"[:5]
    m.flush()' "$d/15"
	tee -a "$d/16" <"$T/text" >/dev/null
	head -c 200000 "$d/17" | tee "$d/23" >/dev/null
	tac "$d/9" >"$d/24"
	install -m 644 "$T/text" "$d/25"
	: >"$d/18"
	awk '{ print NR, $0 }' "$d/11" >"$d/19"
}

memories() { # IMAGE
	"$CANISTERFS" info --json "$1" | python3 -c '
import json, sys
for m in json.load(sys.stdin)["memories"]:
    print(m["id"], m["pages"])'
	for id in {0..25}; do { "$CANISTERFS" cat "$1" "$id" 2>/dev/null || true; } | sha256sum; done
}

head -c 700000 /dev/urandom >"$T/noise"
seq -f 'line %g of a text' 20000 >"$T/text"
build() { # IMAGE PAGES
	create "$2" "$1"
	start_on "$1" "$MNT"
	for id in {0..19}; do cp "$T/text" "$MNT/$id"; done
	rm "$MNT/0"
	sqlite3 "$MNT/0" 'create table old (a); insert into old select value from generate_series(1, 900)'
	stop
}
build "$T/start-1" 1
build "$T/start-16" 16
for pages in 1 16; do
	cp "$T/start-$pages" "$T/mounted"
	start_on "$T/mounted" "$MNT"
	edit "$MNT"
	stop
	memories "$T/mounted" >"$T/want-$pages"
done

try_in() { # DIR NAME
	local pages
	for pages in 1 16; do
		cp "$T/start-$pages" "$1/image"
		"$CANISTERFS" checkout "$1/image" "$1/co" || fail "checkout on $2"
		edit "$1/co"
		"$CANISTERFS" commit "$1/co" >/dev/null || fail "commit on $2"
		memories "$1/image" >"$T/got"
		diff "$T/want-$pages" "$T/got" >&2 || fail "on $2, buckets of $pages pages"
		sound "$1/image"
		"$CANISTERFS" discard "$1/co"
		rm -r "$1/co" "$1/image"
	done
}
mkdir "$T/here"
try_in "$T/here" "the file system of $T"
[ "$(id -u)" = 0 ] || exit 0
for fs in ext4 xfs btrfs; do
	command -v mkfs.$fs >/dev/null || continue
	rm -f "$T/disk"
	truncate -s 400M "$T/disk"
	mkfs.$fs -q "$T/disk" >/dev/null 2>&1 || fail "mkfs.$fs"
	mkdir -p "$T/on-$fs"
	mount -o loop "$T/disk" "$T/on-$fs" 2>/dev/null || continue
	cleanup_fn umount -lq "$T/on-$fs"
	try_in "$T/on-$fs" $fs
	umount "$T/on-$fs"
done
