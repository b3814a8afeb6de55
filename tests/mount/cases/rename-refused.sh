#!/bin/bash
# SPDX-License-Identifier: MIT
# Renames that cannot be, and what they leave: nothing changed.
. "${0%/*}/../lib.sh"

expect_scratch s
create 1
start
printf five >"$MNT/5"
printf six >"$MNT/6"
printf scratch >"$MNT/s"
probe "EEXIST EEXIST EEXIST" rename "$MNT/5" "$MNT/6" NOREPLACE \
	: rename "$MNT/s" "$MNT/5" NOREPLACE : rename "$MNT/5" "$MNT/s" NOREPLACE
probe "ENOENT ENOENT" rename "$MNT/7" "$MNT/8" - : rename "$MNT/nothing" "$MNT/5" -
probe "EISDIR EPERM" rename "$MNT/5" "$MNT/.canister" - : rename "$MNT/5" "$MNT/.canister/new" -
probe "EPERM" rename "$MNT/.canister/stable" "$MNT/5" -
probe "EXDEV" rename "$MNT/5" "$T/out" -
probe "EINVAL" rename "$MNT/5" "$MNT/new" WHITEOUT
is "five six scratch" "$(cat "$MNT/5") $(cat "$MNT/6") $(cat "$MNT/s")"
is "5 6 s" "$(ls "$MNT" | paste -sd' ')" "files"
stop
sound
