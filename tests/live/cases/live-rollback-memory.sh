#!/bin/bash
# SPDX-License-Identifier: MIT
# A rollback of one memory brings back its bytes, its length and what SQLite pairs with it; writes
# only what differs; and leaves every other memory and scratch file as it is.
. "${0%/*}/../../mount/lib.sh"
requires python3 sqlite3

kib() { du -k "$1" | cut -f1; }
roll_back() { "$CANISTERFS" snapshot rollback --memory "$1" "$MNT" "$2"; }

# One page of many differs: neither the image nor its snapshots grow by more than some clusters.
create 16
start
head -c 40000000 /dev/urandom >"$MNT/5"
echo other >"$MNT/6"
sum=$(sha256sum <"$MNT/5")
mkdir "$MNT/.snap/was"
printf changed | dd of="$MNT/5" bs=1 seek=20000000 conv=notrunc status=none
echo later >"$MNT/6"
sync -f "$MNT"
before=$(($(kib "$IMG") + $(kib "$IMG.snap")))
roll_back 5 was
sync -f "$MNT"
after=$(($(kib "$IMG") + $(kib "$IMG.snap")))
[ $((after - before)) -lt 2000 ] || fail "the rollback of one page takes $((after - before)) KiB"
is "$sum" "$(sha256sum <"$MNT/5")" "the memory"
is 40000000 "$(stat -c %s "$MNT/5")" "its length"
is later "$(cat "$MNT/6")" "another memory"

# Shorter, longer, empty, and gone meanwhile.
for len in 100 65536 40200001 0; do
	truncate -s "$len" "$MNT/5"
	roll_back 5 was
	is "$sum" "$(sha256sum <"$MNT/5")" "the memory that had $len bytes"
done
rm "$MNT/5"
roll_back 5 was
is "$sum" "$(sha256sum <"$MNT/5")" "the memory that was removed"
echo new >"$MNT/7"
roll_back 7 was
[ ! -s "$MNT/7" ] || fail "a memory that was not there has bytes: $(stat -c %s "$MNT/7")"

# What SQLite pairs with the memory comes back; a later journal is set aside; an open scratch file of
# another memory stays the same file.
rm -f "$MNT/5"
sqlite3 "$MNT/8" 'create table t(v); insert into t values(1)'
printf kept >"$MNT/8-wal"
printf before >"$MNT/9-journal"
exec 7>>"$MNT/9-journal"
mkdir "$MNT/.snap/pair"
printf later >"$MNT/8-wal"
printf later >"$MNT/8-journal"
printf -- -on >&7
roll_back 8 pair
is kept "$(cat "$MNT/8-wal")" "the file that was there"
[ ! -e "$MNT/8-journal" ] || fail "a later journal lies beside an older memory"
is later "$(cat "$MNT/8-journal.set-aside")" "the later journal"
is later "$(cat "$MNT/8-wal.set-aside")" "the later file"
printf -- -and-on >&7
exec 7>&-
is before-on-and-on "$(cat "$MNT/9-journal")" "a scratch file of another memory"
expect_scratch '[389]-.*'
roll_back 8 pair
is kept "$(cat "$MNT/8-wal")" "what was back already"
stop
start
is kept "$(cat "$MNT/8-wal")" "the file in the next mount"
is before-on-and-on "$(cat "$MNT/9-journal")" "the other file in the next mount"
rm "$MNT"/8-* "$MNT"/9-*
is 1 "$(sqlite3 "$MNT/8" 'select v from t')" "the database"

# A database that was in a transaction that had spilled is whole.
cat >"$T/hot.py" <<'PY'
import sqlite3, subprocess, sys
db = sqlite3.connect(sys.argv[1], isolation_level=None)
db.execute("create table t(id integer primary key, v text)")
db.execute("begin")
db.executemany("insert into t values(?, ?)", ((i, "old%06d" % i * 8) for i in range(3000)))
db.execute("commit")
db.execute("pragma cache_size=5")
db.execute("begin immediate")
db.execute("update t set v = 'new' || id || hex(randomblob(40)) where id % 3 = 1")
subprocess.run(sys.argv[2:], check=True, stdout=subprocess.DEVNULL)
db.execute("commit")
PY
python3 "$T/hot.py" "$MNT/3" "$CANISTERFS" snapshot create "$MNT" hot
is 1000 "$(sqlite3 "$MNT/3" "select count(*) from t where v like 'new%'")" "rows that were committed"
roll_back 3 hot
is ok "$(sqlite3 "$MNT/3" 'pragma integrity_check')" "the database after the rollback"
is 0 "$(sqlite3 "$MNT/3" "select count(*) from t where v like 'new%'")" "rows of what was not committed"
stop
sound
