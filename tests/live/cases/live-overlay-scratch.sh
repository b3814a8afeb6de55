#!/bin/bash
# SPDX-License-Identifier: MIT
# An overlay and its scratch files are one state: a new overlay has those of its base, a commit
# brings them to the base, also when it is killed anywhere, and what is dropped is named.
. "${0%/*}/../../mount/lib.sh"
requires python3 sqlite3
[ -n "${KILL_AT_LIB:-}" ] || skip "no way to kill at a write"

# A transaction that has spilled to the database file; then the program dies.
cat >"$T/hot.py" <<'PY'
import os, sqlite3, sys
db = sqlite3.connect(sys.argv[1], isolation_level=None)
db.execute("create table if not exists t(id integer primary key, v text)")
db.execute("delete from t")
db.execute("begin")
db.executemany("insert into t values(?, ?)", ((i, "old%06d" % i * 8) for i in range(3000)))
db.execute("commit")
db.execute("pragma cache_size=5")
db.execute("begin immediate")
db.execute("update t set v = 'new' || id || hex(randomblob(40)) where id % 3 = 1")
os._exit(9)
PY
hot() { python3 "$T/hot.py" "$1" || [ $? = 9 ]; }
whole() {
	is ok "$(sqlite3 "$1" 'pragma integrity_check' 2>&1 | head -n 1)" "the database, $2"
	is "0 3000" "$(sqlite3 -separator ' ' "$1" "select sum(v like 'new%'), count(*) from t")" "its rows, $2"
}
# The journal is played back in a mount of the image, and nothing is left beside it.
whole_image() {
	start_on "$1" "$MNT"
	whole "$MNT/3" "$2"
	stop
	[ ! -e "$1.scratch" ] || fail "$2: scratch files are left: $(ls "$1.scratch")"
	is 0 "$(tail -c +65025 "$1" | head -c 512 | tr -d '\0' | wc -c)" "bytes of an image id, $2"
}
put_back() {
	rm -rf "$IMG" "$IMG".scratch* "$T"/o.qcow2*
	cp -a "$T/kept/." "$T"
}

expect_scratch '3-journal'
expect_log 'canisterfs: .*: note: (.*set aside as .*|the manager begins at page 2; .*)'
expect_log "canisterfs: .*: scratch file '3-journal' of [0-9]+ bytes ends with the mount"

# The base's journal is in a new overlay, and stays with the base until a commit.
create 1
start
hot "$MNT/3"
stop
start -o overlay="$T/o.qcow2"
[ -s "$MNT/3-journal" ] || fail "the overlay lacks the journal of its base"
whole "$MNT/3" "in an overlay"
stop
[ -s "$IMG.scratch/3-journal" ] || fail "the base has lost its journal"
"$CANISTERFS" commit "$T/o.qcow2" 2>"$T/said"
grep -q "scratch files of its base were set aside as $IMG.scratch.set-aside" "$T/said" ||
	fail "the commit does not say what it set aside: $(cat "$T/said")"
[ ! -e "$IMG.scratch" ] || fail "an older journal lies beside the committed image"
whole_image "$IMG" "after the commit"

# The overlay's journal comes to the base, and to another image.
rm -r "$IMG" "$IMG.scratch.set-aside"
create 1
start -o overlay="$T/o.qcow2"
hot "$MNT/3"
stop
[ -s "$T/o.qcow2.scratch/3-journal" ] || fail "the overlay does not keep its journal"
mkdir "$T/kept"
cp -a "$IMG" "$T"/o.qcow2* "$T/kept"
"$CANISTERFS" commit --out "$T/new" "$T/o.qcow2"
whole_image "$T/new" "committed to another image"
"$CANISTERFS" commit "$T/o.qcow2"
[ ! -e "$T/o.qcow2" ] && [ ! -e "$T/o.qcow2.scratch" ] || fail "the overlay is left"
whole_image "$IMG" "committed to its base"

# A commit that is killed, and made again.
killed=0
for n in $(seq 1 2 60) 70 80 100 130; do
	put_back
	rc=0
	# Where the program has a sanitizer, that one need not come first.
	ASAN_OPTIONS=$ASAN_OPTIONS:verify_asan_link_order=0 LD_PRELOAD=$KILL_AT_LIB KILL_AT=$n \
		"$CANISTERFS" commit "$T/o.qcow2" 2>"$T/said" || rc=$?
	if [ "$rc" = 0 ]; then break; fi
	is 137 "$rc" "the kill at step $n"
	killed=$((killed + 1))
	if [ -e "$T/o.qcow2" ]; then "$CANISTERFS" commit "$T/o.qcow2" 2>"$T/said"; fi
	whole_image "$IMG" "after a kill at step $n"
done
[ "$killed" -ge 15 ] || fail "only $killed kills"

# The same of an image whose manager begins behind other pages, which all stay.
rm -rf "$IMG" "$IMG".* "$T"/new* "$T"/o.qcow2*
create 1
head -c 128K /dev/urandom >"$T/front"
cat "$T/front" "$IMG" >"$T/both"
mv "$T/both" "$IMG"
start -o overlay="$T/o.qcow2"
hot "$MNT/3"
stop
for image in "$T/new" "$IMG"; do
	out=()
	[ "$image" = "$IMG" ] || out=(--out "$image")
	"$CANISTERFS" commit "${out[@]}" "$T/o.qcow2" 2>"$T/said"
	cmp -n 131072 "$T/front" "$image" || fail "what lies before the manager has changed in $image"
	[ -s "$image.scratch/3-journal" ] || fail "$image lacks the journal: $(cat "$T/said")"
	start_on "$image" "$MNT"
	whole "$MNT/3" "behind other pages"
	stop
done

# What is dropped is named.
put_back
"$CANISTERFS" discard "$T/o.qcow2" 2>"$T/said"
grep -q "scratch file '3-journal' of [0-9]* bytes is dropped" "$T/said" ||
	fail "discard does not name the journal: $(cat "$T/said")"
[ ! -e "$T/o.qcow2.scratch" ] || fail "scratch files of a discarded overlay are left"
"$CANISTERFS" run "$IMG" -- sh -c 'echo x >$MNT/120.sqlite' >/dev/null 2>"$T/said"
grep -q "scratch file '120.sqlite' of 2 bytes is dropped" "$T/said" ||
	fail "run does not name what it drops: $(cat "$T/said")"
"$CANISTERFS" run --keep "$T/k.qcow2" "$IMG" -- sh -c 'echo x >$MNT/120.sqlite' >/dev/null 2>"$T/said"
is x "$(cat "$T/k.qcow2.scratch/120.sqlite")" "what a kept trial keeps"
expect_scratch '120.sqlite'
expect_log "canisterfs: .*: scratch file '120.sqlite' of [0-9]+ bytes ends with the mount"
start -o ephemeral
echo x >"$MNT/120.sqlite"
"$CANISTERFS" umount "$MNT" 2>"$T/said"
wait "${daemon_of[$MNT]}"
unset "daemon_of[$MNT]"
grep -q "scratch file '120.sqlite' of 2 bytes is dropped, with all of the ephemeral mount" "$T/said" ||
	fail "umount does not name what an ephemeral mount drops: $(cat "$T/said")"
