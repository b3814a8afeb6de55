#!/bin/bash
# SPDX-License-Identifier: MIT
# A database in a memory, with every journal mode; each next mount finds what was committed.
. "${0%/*}/../lib.sh"
requires sqlite3

golden l_sqlite
rows=0
# Newer shells refuse the journal mode off until they are told.
trusting=(-cmd '.output /dev/null' -cmd '.dbconfig defensive off' -cmd '.output stdout')
for mode in delete truncate persist memory wal off; do
	start
	is $mode "$(sqlite3 "${trusting[@]}" "$MNT/3" "pragma journal_mode=$mode")" "journal mode"
	sqlite3 -bail "$MNT/3" <<-SQL
		create table if not exists t(id integer primary key, mode text, x blob);
		begin; insert into t(mode, x) select '$mode', randomblob(1000)
			from (with recursive n(i) as (select 1 union all select i + 1 from n
			where i < 500) select i from n); commit;
		begin; delete from t; rollback;
		delete from t where id % 10 = 0;
		update t set mode = '$mode!' where id % 10 = 1;
	SQL
	rows=$(sqlite3 "$MNT/3" 'select count(*), sum(length(x)) from t')
	sqlite3 "$MNT/3" 'pragma journal_mode=delete' >/dev/null
	stop
	start -o ro
	is ok "$(sqlite3 "$MNT/3" 'pragma integrity_check')" "database after $mode"
	is "$rows" "$(sqlite3 "$MNT/3" 'select count(*), sum(length(x)) from t')" "rows after $mode"
	stop
	sound
done
start
# vacuum shrinks the file; two connections see each other's rows
sqlite3 "$MNT/3" 'delete from t where id > 100; vacuum; pragma journal_mode=wal' >/dev/null
python3 - "$MNT/3" <<'PY'
import sqlite3, sys
a, b = (sqlite3.connect(sys.argv[1], isolation_level=None) for _ in "ab")
a.execute("pragma mmap_size=1000000")
n = a.execute("select count(*) from t").fetchone()[0]
for i in range(50):
    (a if i % 2 else b).execute("insert into t(mode) values('both')")
assert [c.execute("select count(*) from t").fetchone()[0] for c in (a, b)] == [n + 50] * 2
PY
stop
start
is ok "$(sqlite3 "$MNT/3" 'pragma integrity_check')" "database after all"
stop
sound
