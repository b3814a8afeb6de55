#!/bin/bash
# SPDX-License-Identifier: MIT
# load, put, check --repair and compact change a mounted image at one instant: whoever has a file
# open sees the new content, a load never undoes what was written meanwhile, and a load that is
# killed has changed nothing. An overlay file takes the same verbs.
. "${0%/*}/../../mount/lib.sh"
. "${0%/*}/../writer.sh"
requires jq python3

cat >"$T/names.toml" <<'EOF'
[3]
name = "users"
kind = "btreemap"
key = "u64be"
value = "utf8"
max_key = 8
max_value = "unbounded"
[4]
name = "counts"
kind = "btreemap"
key = "u64be"
value = "u64be"
[6]
name = "old"
state = "deprecated"
EOF
names=(--names "$T/names.toml")
load() { "$CANISTERFS" load "${names[@]}" --merge "$@"; }
dump() { "$CANISTERFS" dump "${names[@]}" "$@"; }

create 2
seq 3000 | jq -c '{key: ., value: "value \(.)"}' >"$T/lines"
load "$IMG" users "$T/lines" >/dev/null
start

# A reader and a mapping from before see the new records.
exec 7<"$MNT/3"
head -c 100000 <&7 >/dev/null
python3 - "$MNT/3" "$T" <<'EOF' &
import mmap, os, sys, time
with open(sys.argv[1]) as f:
    m = mmap.mmap(f.fileno(), 0, prot=mmap.PROT_READ)
    m[:]
    open(sys.argv[2] + "/mapped", "w").close()
    while not os.path.exists(sys.argv[2] + "/loaded"):
        time.sleep(0.01)
    open(sys.argv[2] + "/seen", "wb").write(m[:])
EOF
mapper=$!
until [ -e "$T/mapped" ]; do sleep 0.01; done
is "0 added, 1 changed, 0 removed, 0 as they were" \
	"$(echo '{"key": 5, "value": "another one"}' | load "$MNT" users)"
is "0 added, 0 changed, 0 removed, 3,000 as they were" "$(dump "$MNT" users | load "$MNT" users)"
touch "$T/loaded"
wait "$mapper"
is '{"key": 5, "value": "another one"}' "$(dump "$MNT" users | sed -n 5p)"
cat "$MNT/3" >"$T/now"
same "$T/seen" "$T/now"
python3 -c 'import os, sys; sys.stdout.buffer.write(os.pread(7, 1 << 30, 0))' >"$T/by-old-handle"
same "$T/by-old-handle" "$T/now"
exec 7<&-

# It grows, and a memory that there was not comes to be.
seq 5000 7000 | jq -c '{key: ., value: "value \(.)"}' | load "$MNT" users >/dev/null
is 5001 "$(dump "$MNT" users | wc -l)"
sed 's/"value \(.*\)"/\1/' "$T/lines" | load "$MNT" counts >/dev/null
is 3000 "$(dump "$MNT" counts | wc -l)"
is '' "$(ls -A "$MNT/.snap")" "the snapshots that were taken for it"

# A file gets exactly the content that is put.
head -c 100000 /dev/urandom >"$T/a"
exec 7<"$MNT/3"
"$CANISTERFS" put "$MNT" 9 "$T/a"
same "$T/a" "$MNT/9"
exec 7<&-
"$CANISTERFS" put "$MNT" 9 <"$T/lines"
same "$T/lines" "$MNT/9"
head -c 3000000 /dev/zero | "$CANISTERFS" put "$MNT" 9
is 3000000 "$(stat -c %s "$MNT/9")"
"$CANISTERFS" put "$MNT" 9 /dev/null
is 0 "$(stat -c %s "$MNT/9")"

# Many loads at once: none undoes another.
for i in 1 2 3 4; do
	seq $((10000 * i)) $((10000 * i + 4)) | while read -r n; do
		echo "{\"key\": $n, \"value\": \"by $i\"}" | load "$MNT" users >/dev/null ||
			echo "$n" >>"$T/failed"
	done &
	loaders+=($!)
done
wait "${loaders[@]}"
[ ! -e "$T/failed" ] || fail "not loaded: $(cat "$T/failed")"
is 20 "$(dump "$MNT" users | grep -c '"by [1-4]"')"

# Where somebody writes to the memory all the time, either the load is refused or both changes hold.
"$CANISTERFS" check --repair "$MNT" "${names[@]}" >/dev/null || [ $? = 1 ]
start_writer
"$CANISTERFS" put "$MNT" 12 "$T/a"
echo '{"key": 77, "value": "beside a writer"}' | load "$MNT" users >/dev/null
"$CANISTERFS" compact --no-undo "$MNT" >/dev/null
stop_writer
cmp -n 100000 "$T/a" "$MNT/12"
one_instant "$MNT"

# What the names say is not written is not.
! echo x | "$CANISTERFS" put "${names[@]}" "$MNT" old 2>"$T/err" || fail "written"

# Repair and compaction have a way back.
rm "$MNT/4"
"$CANISTERFS" check "$MNT" "${names[@]}" >/dev/null && fail "there is no hole"
rc=0
"$CANISTERFS" check --repair "$MNT" "${names[@]}" >"$T/out" || rc=$?
is 1 $rc "exit status"
grep -q "repaired, and snapshot 'before-repair\(-[0-9]*\)\?' is the way back" "$T/out" ||
	fail "said: $(cat "$T/out")"
"$CANISTERFS" check "$MNT" "${names[@]}" >/dev/null
sum=$(dump "$MNT" users | sha256sum)
rm "$MNT/12"
"$CANISTERFS" compact --json "$MNT" >"$T/out"
is before-compact "$(jq -r .snapshot "$T/out")"
"$CANISTERFS" snapshot rollback "$MNT" before-compact
is "$sum" "$(dump "$MNT" users | sha256sum)"
"$CANISTERFS" snapshot remove "$MNT" before-compact
"$CANISTERFS" snapshot list "$MNT" --json | jq -r '.snapshots[].name' | while read -r name; do
	"$CANISTERFS" snapshot remove "$MNT" "$name"
done
stop
sound "$IMG"
is "$sum" "$(dump "$IMG" users | sha256sum)"

# Killed at any moment, the memory has its old or its new content.
start
for ((i = 0; i < 8; i++)); do
	jq -c ".value = \"round $i \" + .value" "$T/lines" >"$T/round"
	# Not the function, whose subshell alone would be killed.
	"$CANISTERFS" load "${names[@]}" --merge "$MNT" users "$T/round" >/dev/null &
	loader=$!
	for ((k = 0; k < i * 3; k++)); do sed -n 1p "$MNT/.canister/info.json" >/dev/null; done
	kill -KILL "$loader" 2>/dev/null || true
	wait "$loader" 2>/dev/null || true
	got=$(dump "$MNT" users | sed -n 1,3000p | jq -r '.value | split("value")[0]' | sort -u | wc -l)
	[ "$got" -le 3 ] || fail "round $i: $got kinds of values"
done
"$CANISTERFS" check "$MNT" "${names[@]}" >/dev/null || [ $? = 4 ]
stop
start -o ro
! load "$MNT" users "$T/lines" 2>"$T/err" || fail "a read-only mount was changed"
is "canisterfs: $MNT: the image is mounted read-only" "$(cat "$T/err")"
stop

# An overlay file: the image stays as it is.
sum=$(sha256sum <"$IMG")
start -o overlay="$T/over"
echo 1 >"$MNT/33"
stop
echo '{"key": 5, "value": "in the overlay"}' | load "$T/over" users >/dev/null
"$CANISTERFS" put "$T/over" 9 "$T/a"
"$CANISTERFS" compact "$T/over" >/dev/null
"$CANISTERFS" check --repair "$T/over" >/dev/null
is '{"key": 5, "value": "in the overlay"}' "$(dump "$T/over" users | sed -n 5p)"
is "$sum" "$(sha256sum <"$IMG")" "the image"
"$CANISTERFS" checkpoint "$IMG" "$T/ckpt" >/dev/null
! load "$T/ckpt" users "$T/lines" 2>"$T/err" || fail "a checkpoint was changed"
"$CANISTERFS" commit "$T/over"
is '{"key": 5, "value": "in the overlay"}' "$(dump "$IMG" users | sed -n 5p)"
