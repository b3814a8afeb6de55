#!/bin/bash
# SPDX-License-Identifier: MIT
# run: what it tells, when it passes, and that the image stays as it is.
. "${0%/*}/../../mount/lib.sh"
requires jq

export TMPDIR=$T/tmp
mkdir "$TMPDIR"
create 2
head -c 300000 /dev/urandom >"$T/a"
"$CANISTERFS" put "$IMG" 5 "$T/a"
before=$(sha256sum <"$IMG"; stat -c %y "$IMG")

# run WANT WORDS...: its exit status, and its JSON in $T/out.
run() {
	local want=$1 rc=0
	shift
	"$CANISTERFS" run "$IMG" --json "$@" >"$T/out" 2>"$T/said" || rc=$?
	is "$want" "$rc" "exit status of run $*: $(cat "$T/said")"
}
says() { is "$2" "$(jq -c "$1" "$T/out")" "$1"; }

run 0 -- sh -c 'echo told; printf y | dd of=$MNT/5 bs=1 seek=70000 conv=notrunc status=none; echo 1 >$MNT/1'
says '[.passed, .status, .second_status, .check_status]' '[true,0,null,null]'
says '[.memories[] | [.id, .pages]]' '[[1,1],[5,1]]'
is told "$(cat "$T/said")" "what the command said"
run 0 --twice -- sh -c 'echo same >$MNT/5'
says '[.second_status, .second_memories]' '[0,[]]'
run 1 --twice -- sh -c 'echo more >>$MNT/5'
says '[.passed, [.second_memories[] | [.id, .pages]]]' '[false,[[5,1]]]'
run 0 --check 'cmp -s $MNT/5 $MNT/6' -- sh -c 'cp $MNT/5 $MNT/6'
run 1 --check 'test -e $MNT/7' -- true
says .check_status 1
run 1 -- sh -c 'exit 3'
says '[.passed, .status]' '[false,3]'
run 1 -- "$T/nothing"
grep -q "cannot run $T/nothing: No such file" "$T/said" || fail "said: $(cat "$T/said")"
is "" "$(ls "$TMPDIR")" "what is left"
is "$before" "$(sha256sum <"$IMG"; stat -c %y "$IMG")" "the image"

run 0 --keep "$T/kept.qcow2" -- sh -c 'cp $MNT/5 $MNT/12'
run 1 --keep "$T/kept.qcow2" -- true
"$CANISTERFS" commit "$T/kept.qcow2"
"$CANISTERFS" cat "$IMG" 12 >"$T/got"
cmp -n 300000 "$T/got" "$T/a"
