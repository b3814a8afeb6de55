#!/bin/bash
# SPDX-License-Identifier: MIT
# An overlay that says "my commit has begun", or that names a file elsewhere or of another owner,
# makes commit write to nothing; the refusal names the file, and --trust-backing takes it.
. "${0%/*}/../../mount/lib.sh"

create 1
echo old | "$CANISTERFS" put "$IMG" 1
start -o overlay="$T/o.qcow2"
echo new >"$MNT/1"
stop
cp "$T/o.qcow2" "$T/kept"
before=$(sha256sum <"$IMG")

# refuses TEXT
refuses() {
	! "$CANISTERFS" commit "$T/o.qcow2" 2>"$T/said" || fail "committed"
	grep -qF -- "$1" "$T/said" || fail "said: $(cat "$T/said")"
	is "$before" "$(sha256sum <"$IMG")" "the base"
	[ -e "$T/o.qcow2" ] || fail "the overlay is gone"
}

at=$(grep -abo -m1 CFover "$T/o.qcow2" | head -n 1 | cut -d: -f1)
printf '\1' | dd of="$T/o.qcow2" bs=1 seek=$((at + 32)) conv=notrunc status=none
refuses "its commit has begun, and not on $IMG"
if [ "$(id -u)" = 0 ]; then
	cp "$T/kept" "$T/o.qcow2"
	chown 65534 "$T/o.qcow2"
	refuses "$IMG belongs to user 0, and the file that names it to user 65534"
fi
rm "$T/o.qcow2"
mkdir "$T/far"
start_on "$IMG" "$MNT" -o overlay="$T/far/p.qcow2"
echo far >"$MNT/1"
stop
! "$CANISTERFS" commit "$T/far/p.qcow2" 2>"$T/said" || fail "committed"
grep -qF "$IMG lies outside of the directory" "$T/said" || fail "said: $(cat "$T/said")"
is "$before" "$(sha256sum <"$IMG")" "the base"
"$CANISTERFS" commit --trust-backing "$T/far/p.qcow2"
is far "$("$CANISTERFS" cat -l 3 "$IMG" 1)" "what was committed"
