#!/bin/bash
# SPDX-License-Identifier: MIT
# An image without a manager is not mounted, and stays as it is: the message says why and what to do.
. "${0%/*}/../lib.sh"

for name in g_raw_btree j_raw_cbor; do
	golden $name
	sum=$(sha256sum <"$IMG")
	for how in rw ro; do
		rc=0
		"$CANISTERFS" mount -o $how "$IMG" "$MNT" 2>"$T/said.log" || rc=$?
		is 32 $rc "exit status"
		is 1 "$(wc -l <"$T/said.log")" "lines of the message"
		grep -q 'raw' "$T/said.log" || fail "$(cat "$T/said.log")"
		grep -q "'canisterfs [a-z]* *" "$T/said.log" || fail "does not say what to do: $(cat "$T/said.log")"
	done
	is "$sum" "$(sha256sum <"$IMG")" "$name afterwards"
done
