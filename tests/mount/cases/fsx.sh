#!/bin/bash
# SPDX-License-Identifier: MIT
# Random operations on three memories, against shadows; after each pass the next mount shows the same,
# in whole pages.
. "${0%/*}/../lib.sh"

choose_seed
count=$(rounds 300)
mkdir "$T/shadow"
for pages in 1 3; do
	rm -f "$IMG" "$T"/shadow/*
	create $pages
	for pass in 1 2 3; do
		start
		"$here/fsx.py" "$seed.$pages.$pass" "$count" "$MNT" "$T/shadow" 1 2 77
		stop
		sound
		truncate -s %$PAGE "$T"/shadow/*
		start -o ro
		for f in "$T"/shadow/*; do
			[ ! -s "$f" ] || cmp "$f" "$MNT/${f##*/}" || fail "seed $seed.$pages.$pass"
		done
		stop
	done
done
