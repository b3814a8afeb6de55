#!/bin/bash
# SPDX-License-Identifier: MIT
# A mount's files are the image's owner's, and closed to whoever the image is closed to, as are the
# scratch files; uid=, gid= and umask= say otherwise. What else a canister snapshot holds keeps its
# own rights.
. "${0%/*}/../lib.sh"

# narrow MODE UID GID: no file of the mount is open further, and all are of this owner.
narrow() {
	local allowed=$((0$1 & 0666)) mode uid gid path
	allowed=$((allowed | (allowed & 0444) >> 2))
	while read -r mode uid gid path; do
		[ $((0$mode & ~allowed)) = 0 ] || fail "an image of $1 shows $path with $mode"
		is "$2:$3" "$uid:$gid" "the owner of $path"
	done < <(find "$MNT" "$MNT/.canister" "$MNT/.canister/records/"* "$MNT/.snap" "$MNT/.snap/"* \
		-not -type l -printf '%m %U %G %p\n')
}

printf '1 = { name = "one" }\n' >"$T/names.toml"
for mode in 600 640 644 664 400; do
	rm -rf "$IMG"*
	golden f_btree_unbounded
	echo one | "$CANISTERFS" put "$IMG" 1
	chmod $mode "$IMG"
	start -o names="$T/names.toml"
	mkdir "$MNT/.snap/a"
	narrow $mode "$(id -u)" "$(id -g)"
	is "$mode" "$(stat -c %a "$MNT/1")" "the mode of a memory"
	[ -z "$(find "$IMG".* -perm /077 -not -type d)" ] || [ $mode != 600 ] || fail "$(ls -lR "$IMG".*)"
	stop
done

start -o uid=1234,gid=4321,umask=027,ro
narrow 750 1234 4321
is "440 1234 4321" "$(stat -c '%a %u %g' "$MNT/1")" "a memory with options"
stop
for bad in uid=x gid=-1 umask=888 umask=7777 uid=4294967295; do
	! "$CANISTERFS" mount -o $bad "$IMG" "$MNT" 2>"$T/said" || fail "took $bad"
	grep -q "$bad" "$T/said" || fail "said: $(cat "$T/said")"
done

if [ "$(id -u)" = 0 ]; then
	chmod 755 "$T"
	chown 1234:4321 "$IMG"
	chmod 640 "$IMG"
	start -o allow_other
	narrow 640 1234 4321
	! setpriv --reuid 65534 --regid 65534 --clear-groups cat "$MNT/1" >/dev/null 2>&1 ||
		fail "a stranger reads what the image does not show him"
	setpriv --reuid 1234 --regid 1 --clear-groups cat "$MNT/1" >/dev/null || fail "its owner does not"
	setpriv --reuid 65534 --regid 4321 --clear-groups cat "$MNT/1" >/dev/null || fail "its group does not"
	stop
fi

# A canister snapshot: the heap is another file than the stable memory.
mkdir "$T/canister"
mv "$IMG" "$T/canister/stable_memory.bin"
len=$(stat -c %s "$T/canister/stable_memory.bin")
printf '{"wasm_module_size": 0, "wasm_memory_size": 7, "stable_memory_size": %d}' "$len" \
	>"$T/canister/metadata.json"
echo secret >"$T/canister/wasm_memory.bin"
chmod 644 "$T/canister/"*
chmod 600 "$T/canister/wasm_memory.bin"
start_on "$T/canister" "$MNT" -o ro
is 400 "$(stat -c %a "$MNT/.canister/heap")" "the mode of a closed heap"
is 444 "$(stat -c %a "$MNT/.canister/metadata.json")" "the mode of open metadata"
stop
