#!/bin/bash
# SPDX-License-Identifier: MIT
# The growth that the library went through gives the library's image, byte for byte.
. "${0%/*}/../lib.sh"
requires jq

for name in c_interleaved d_ragged e_btree_u64 f_btree_unbounded h_structs i_upgrade k_waste l_sqlite; do
	manifest=$data/$name.json
	[ "$(jq '.growth | length' "$manifest")" -gt 0 ] || continue
	rm -f "$IMG"
	create "$(jq .bucket_size_pages "$manifest")"
	golden "$name" "$T/golden"
	start
	mkdir -p "$T/from"
	start_on "$T/golden" "$T/from" -o ro
	while read -r id pages; do
		truncate -s "+$((pages * PAGE))" "$MNT/$id"
	done < <(jq -r '.growth[] | "\(.[0]) \(.[1])"' "$manifest")
	for file in "$T"/from/*; do
		[ -e "$file" ] || continue # none at all
		dd if="$file" of="$MNT/${file##*/}" bs=1M conv=notrunc status=none
	done
	stop "$T/from"
	stop
	cmp "$IMG" "$T/golden"
done
