#!/bin/bash
# SPDX-License-Identifier: MIT
# kill -9 of the daemon under a database: the next mount finds the journal, and every transaction
# that was committed, and none that was not.
. "${0%/*}/../lib.sh"

cleanup_fn umount -lq "$MNT"
expect_scratch '3-(journal|wal|shm)'
create 2
cat >"$T/load.py" <<'PY'
import sqlite3, sys
db = sqlite3.connect(sys.argv[1], isolation_level=None)
db.execute(f"pragma journal_mode={sys.argv[2]}")
db.execute("create table if not exists t(id integer primary key, n int, x blob)")
n = db.execute("select coalesce(max(n), 0) from t").fetchone()[0]
while True:
    n += 1
    db.execute("begin")
    db.executemany("insert into t(n, x) values(?, randomblob(?))", [(n, 3000 + n)] * 20)
    db.execute("delete from t where n < ?", (n - 10,))
    db.execute("commit")
    print(n, flush=True)
PY
choose_seed
RANDOM=$seed
for round in $(seq "$(rounds 10)"); do
	mode=$([ $((round % 2)) = 0 ] && echo wal || echo delete)
	start
	: >"$T/committed"
	python3 "$T/load.py" "$MNT/3" "$mode" >"$T/committed" 2>"$T/load.err" &
	load=$!
	# From the first transactions on, and at another moment of the next one each time.
	commits=$((RANDOM % 12 + 3))
	until [ "$(wc -l <"$T/committed")" -ge $commits ]; do
		kill -0 "$load" 2>/dev/null || fail "the load ended: $(cat "$T/load.err")"
		sleep 0.01
	done
	sleep 0.00$((RANDOM % 10))
	kill -KILL "${daemon_of[$MNT]}"
	wait "${daemon_of[$MNT]}" 2>/dev/null || true
	unset "daemon_of[$MNT]"
	wait "$load" 2>/dev/null || true
	umount -lq "$MNT"
	committed=$(tail -n 1 "$T/committed")
	start
	is ok "$(sqlite3 "$MNT/3" 'pragma integrity_check')" "database, round $round"
	found=$(sqlite3 "$MNT/3" 'select max(n) || " " || count(*) from t')
	last=${found% *}
	[ "$last" = "$committed" ] || [ "$last" = $((committed + 1)) ] ||
		fail "committed $committed, found $last, round $round"
	is $(((last > 11 ? 11 : last) * 20)) "${found#* }" "rows, round $round"
	sqlite3 "$MNT/3" 'pragma journal_mode=delete' >/dev/null
	stop
	sound
done
echo "$committed transactions"
