#!/bin/bash
# SPDX-License-Identifier: MIT
# Each golden image shows the memories of its manifest, byte for byte, read-only and not.
. "${0%/*}/../lib.sh"
requires jq

findings() {
	"$CANISTERFS" check "$IMG" 2>&1 | grep -v "^$IMG:" || true
}

for manifest in "$data"/*.json; do
	name=$(basename "$manifest" .json)
	[ "$(jq .manager "$manifest")" = true ] || continue
	golden "$name" "$T/good"
	cp "$T/good" "$IMG"
	want=$(jq -c '[.bucket_size_pages, [.memories[] | select(.pages > 0) | [.id, .pages]]]' \
		"$manifest")
	is "$want" "$("$CANISTERFS" info --json "$IMG" | jq -c \
		'[.bucket_pages, [.memories[] | [.id, .pages]]]')" "info of $name"
	jq -r '.memories[] | select(.pages > 0) | "\(.sha256)  \(.id)"' "$manifest" >"$T/sums"
	findings >"$T/before"
	for how in ro rw; do
		start -o $how
		is "$(jq -r '[.memories[] | select(.pages > 0) | .id | tostring] | sort[]' \
			"$manifest")" "$(ls "$MNT" | sort)" "files of $name"
		(cd "$MNT" && [ ! -s "$T/sums" ] || sha256sum --quiet -c "$T/sums") || fail "$name, mounted $how"
		is "$want" "$(jq -c '[.bucket_pages, [.memories[] | [.id, .pages]]]' \
			"$MNT/.canister/info.json")" "info.json of $name"
		stop
		[ $how = rw ] || is "$(jq -r .image_sha256 "$manifest")" \
			"$(sha256sum <"$IMG" | cut -d' ' -f1)" "$name after a mount for reading"
	done
	findings >"$T/after"
	! grep -q hole "$T/after" || fail "$name has holes: $(cat "$T/after")"
	is "" "$(grep -vxFf "$T/before" "$T/after" || true)" "what is new in $name"
	"$CANISTERFS" compare -j 1 "$T/good" "$IMG" >"$T/said" || fail "$name: $(cat "$T/said")"
done
