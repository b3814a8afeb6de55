#!/bin/bash
# SPDX-License-Identifier: MIT
# An image and its scratch files are one state: at a clean end, in a snapshot, in a checkpoint, and
# when another image takes the image's name.
. "${0%/*}/../lib.sh"
requires python3 sqlite3

# A transaction that has spilled to the database file; then the program dies, or runs its words.
cat >"$T/hot.py" <<'PY'
import os, sqlite3, subprocess, sys
db = sqlite3.connect(sys.argv[1], isolation_level=None)
db.execute("pragma journal_mode=delete")
db.execute("create table t(id integer primary key, v text)")
db.execute("begin")
db.executemany("insert into t values(?, ?)", ((i, "old%06d" % i * 8) for i in range(3000)))
db.execute("commit")
db.execute("create index ix on t(v)")
db.execute("pragma cache_size=5")
db.execute("begin immediate")
db.execute("update t set v = 'new' || id || hex(randomblob(40)) where id % 3 = 1")
if not sys.argv[2:]:
    os._exit(9)
subprocess.run(sys.argv[2:], check=True, stdout=subprocess.DEVNULL)
db.execute("commit")
PY

whole() {
	is ok "$(sqlite3 "$1" 'pragma integrity_check' 2>&1 | head -n 1)" "database, $2"
	is 0 "$(sqlite3 "$1" "select count(*) from t where v like 'new%'")" "rows of what was not committed, $2"
}

expect_scratch '3-journal|note'
expect_log 'canisterfs: .*: note: .*set aside as .*'

# a clean end keeps the journal; the memory alone is refused
create 1
start
python3 "$T/hot.py" "$MNT/3" || true
stop
[ -s "$IMG.scratch/3-journal" ] || fail "the journal is not kept"
! "$CANISTERFS" cat "$IMG" 3 >"$T/half" 2>"$T/err" || fail "cat gives half of a database"
grep -q 3-journal "$T/err" || fail "cat does not name the journal: $(cat "$T/err")"
start
whole "$MNT/3" "after a clean end"
stop
[ ! -e "$IMG.scratch" ] || fail "an empty directory is left beside the image"
sound

# so does SIGTERM, and a kill
for signal in TERM KILL; do
	rm "$IMG"
	create 1
	start
	python3 "$T/hot.py" "$MNT/3" || true
	kill -"$signal" "${daemon_of[$MNT]}"
	wait "${daemon_of[$MNT]}" || true
	unset "daemon_of[$MNT]"
	umount -lq "$MNT" || true
	start
	whole "$MNT/3" "after SIG$signal"
	stop
done

# a snapshot and a checkpoint hold the journal of their instant
rm "$IMG"
create 1
start
python3 "$T/hot.py" "$MNT/3" "$CANISTERFS" snapshot create "$MNT" s
cp "$MNT/.snap/s/3" "$T/x"
cp "$MNT/.snap/s/3-journal" "$T/x-journal"
whole "$T/x" "copied out of a snapshot"
"$CANISTERFS" snapshot rollback "$MNT" s
whole "$MNT/3" "after a rollback"
rm "$MNT/3"
python3 "$T/hot.py" "$MNT/3" "$CANISTERFS" checkpoint "$MNT" "$T/checkpoint"
"$CANISTERFS" snapshot remove "$MNT" s
stop
"$CANISTERFS" verify "$T/checkpoint" >/dev/null
start_on "$T/checkpoint" "$MNT" -o ro
cp "$MNT/3" "$T/x"
cp "$MNT/3-journal" "$T/x-journal"
stop
whole "$T/x" "copied out of a mounted checkpoint"
"$CANISTERFS" restore "$T/checkpoint" "$T/restored" >/dev/null 2>&1
start_on "$T/restored" "$MNT"
whole "$MNT/3" "restored from a checkpoint"
stop

# the exact length belongs to the instant, too
start
echo '{"a":1}' >"$MNT/5"
"$CANISTERFS" snapshot create "$MNT" s
is 8 "$(stat -c %s "$MNT/.snap/s/5")" "length in a snapshot"
echo '{"a":22222}' >"$MNT/5"
"$CANISTERFS" snapshot rollback "$MNT" s
is '{"a":1}' "$(cat "$MNT/5")" "content after a rollback"
"$CANISTERFS" snapshot remove "$MNT" s
stop

# the journal of a killed mount is not taken for another image that has the name now
for how in cp 'cp -p' 'mv -f' 'put'; do
	rm -rf "$IMG" "$IMG".* "$T/good"
	create 1
	start
	python3 "$T/hot.py" "$MNT/3" || true
	kill -KILL "${daemon_of[$MNT]}"
	wait "${daemon_of[$MNT]}" || true
	unset "daemon_of[$MNT]"
	umount -lq "$MNT"
	"$CANISTERFS" create --bucket-pages 1 "$T/good" >/dev/null
	start_on "$T/good" "$MNT"
	sqlite3 "$MNT/3" "create table good(v); with recursive c(n) as (select 1 union all select n + 1
		from c where n < 4000) insert into good select hex(randomblob(60)) from c"
	stop
	if [ "$how" = put ]; then
		"$CANISTERFS" cat "$T/good" 3 | "$CANISTERFS" put "$IMG" 3 2>"$T/err"
	else
		$how "$T/good" "$IMG"
	fi
	start
	is 4000 "$(sqlite3 "$MNT/3" 'select count(*) from good')" "rows after $how"
	stop
	[ -s "$IMG.scratch.set-aside/3-journal" ] || fail "$how: the foreign journal is not set aside"
done

# nor for an older copy of the same image, which has the same id since a scratch file lay beside it,
# also when the mount was killed at once
rm -rf "$IMG" "$IMG".* "$T/good"
create 1
start
echo note >"$MNT/note"
sqlite3 "$MNT/3" 'create table good(v); insert into good values(1)'
stop
cp -p "$IMG" "$T/good"
start
python3 "$T/hot.py" "$MNT/3" || true
kill -KILL "${daemon_of[$MNT]}"
wait "${daemon_of[$MNT]}" || true
unset "daemon_of[$MNT]"
umount -lq "$MNT"
cp -p "$T/good" "$IMG"
start
[ ! -e "$MNT/3-journal" ] || fail "a later journal lies beside an older copy of the image"
is 1 "$(sqlite3 "$MNT/3" 'select v from good')" "the row of the older copy"
stop
[ -s "$IMG.scratch.set-aside/3-journal" ] || fail "the later journal is not set aside"

# a name of digits that is no id is most likely a mistake
start
for name in 255 03 1000; do
	! touch "$MNT/$name" 2>"$T/err" || fail "a file '$name' can be made"
	grep -q 'Invalid argument' "$T/err" || fail "$name: $(cat "$T/err")"
done
stop
