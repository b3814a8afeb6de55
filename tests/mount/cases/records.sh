#!/bin/bash
# SPDX-License-Identifier: MIT
# .canister/records shows the records of each golden structure, and nothing else: what dump says.
. "${0%/*}/../lib.sh"
requires jq python3

seen=0
for manifest in "$data"/*.json; do
	name=$(basename "$manifest" .json)
	ids=$(jq -r 'select(.manager) | .structures[]? | .mem // .index_mem' "$manifest" | sort)
	[ -n "$ids" ] || continue
	golden "$name"
	start -o ro
	records=$MNT/.canister/records
	for id in $ids; do
		[ -d "$records/$id" ] || fail "$name: $id is not there"
		"$CANISTERFS" dump "$IMG" "$id" 2>/dev/null >"$T/dump"
		is "$(wc -l <"$T/dump")" "$(python3 "${0%/*}/../records.py" "$records/$id" <"$T/dump")" \
			"records of $name $id"
		seen=$((seen + 1))
	done
	# what else is listed is a payload that no manifest counts as a structure
	for dir in "$records"/*; do
		[ -e "$dir" ] || continue # none at all
		id=${dir##*/}
		"$CANISTERFS" dump "$IMG" "$id" 2>/dev/null >"$T/dump" || fail "$name: $id has no records"
	done
	stop
done
[ $seen = 14 ] || fail "$seen structures"
golden i_upgrade
"$CANISTERFS" dump "$IMG" 0 >"$T/dump"
start
python3 "${0%/*}/../records.py" "$MNT/.canister/records/0" <"$T/dump" >"$T/count"
is 1 "$(cat "$T/count")" "payloads"
probe "EACCES EPERM EPERM EPERM" open "$MNT/.canister/records/0/value" O_RDWR \
	: mkdir "$MNT/.canister/records/0/dir" : unlink "$MNT/.canister/records/0/value" \
	: truncate "$MNT/.canister/records/0/value" 0
stop
