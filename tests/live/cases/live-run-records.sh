#!/bin/bash
# SPDX-License-Identifier: MIT
# run: records can be migrated inside by script, and are counted; what is refused inside is told
# loudly; --pre and several --check; and --files, without a mount, answers the same.
. "${0%/*}/../../mount/lib.sh"
requires jq

export TMPDIR=$T/tmp
mkdir "$TMPDIR"
cat >"$T/names.toml" <<'EOF'
[3]
name = "users"
kind = "btreemap"
key = "u64be"
value = "utf8"
max_key = 8
max_value = "unbounded"
EOF
names=(--names "$T/names.toml")
create 2
seq 1000 | jq -c '{key: ., value: "value \(.)"}' >"$T/lines"
"$CANISTERFS" load --merge "${names[@]}" "$IMG" users "$T/lines" >/dev/null
head -c 300000 /dev/urandom >"$T/a"
"$CANISTERFS" put "$IMG" 5 "$T/a"
before=$(sha256sum <"$IMG"; stat -c %y "$IMG")
export CANISTERFS T

# run WANT WORDS...: its exit status, and its JSON in $T/out.
run() {
	local want=$1 rc=0
	shift
	"$CANISTERFS" run "$IMG" --json "${names[@]}" "$@" >"$T/out" 2>"$T/said" || rc=$?
	is "$want" "$rc" "exit status of run $*: $(cat "$T/said")"
}
says() { is "$2" "$(jq -c "$1" "$T/out")" "$1"; }

cat >"$T/migrate.sh" <<'EOF'
set -e
v="--names $T/names.toml $MNT users"
"$CANISTERFS" dump $v | jq -c 'select(.key % 2 == 0) | .value = "even"' | "$CANISTERFS" load --merge $v
seq 2001 2 2009 | jq -c '{key: ., value: "new"}' | "$CANISTERFS" load --merge $v
echo '{"key": 1}' | "$CANISTERFS" load --delete $v
EOF
run 0 --twice -- sh "$T/migrate.sh"
says '[.memories[] | [.id, .name, .structure, .added, .removed, .changed]]' '[[3,"users","btree",5,1,500]]'
says '[.passed, .second_memories, .refused]' '[true,[],[]]'
"$CANISTERFS" run "${names[@]}" "$IMG" -- sh "$T/migrate.sh" >"$T/out" 2>/dev/null
grep -Eq '^ +3 +users +[0-9]+ +btree +5 +1 +500$' "$T/out" || fail "said: $(cat "$T/out")"

# A script that looks at no exit code.
run 1 -- sh -c 'echo "{\"key\": \"no number\"}" | "$CANISTERFS" load --merge --names "$T/names.toml" "$MNT" 3; true'
says '[.passed, .status, .memories]' '[false,0,[]]'
says '.refused | length' 1
jq -e '.refused[0] | test("^canisterfs load .* 3$")' "$T/out" >/dev/null || fail "said: $(cat "$T/out")"
run 1 -- sh -c '"$CANISTERFS" compact "$T/nothing" || echo never mind'
says '.refused | length' 1
run 0 -- sh -c '"$CANISTERFS" cat "$MNT" 99 || echo is not there'
says .refused '[]'

for how in mount files; do
	mode=()
	[ $how = mount ] || mode=(--files)
	run 0 "${mode[@]}" -- sh -c 'printf y | dd of=$MNT/5 bs=1 seek=70000 conv=notrunc status=none; echo 1 >$MNT/1'
	says '[.memories[] | [.id, .pages]]' '[[1,1],[5,1]]'
	run 0 "${mode[@]}" --twice -- sh -c 'echo same >$MNT/5'
	says '[.second_status, .second_memories]' '[0,[]]'
	run 1 "${mode[@]}" --twice -- sh -c 'echo more >>$MNT/5'
	says '[.passed, [.second_memories[] | [.id, .pages]]]' '[false,[[5,1]]]'
	run 0 "${mode[@]}" --pre 'echo 1 >$MNT/9; rm $MNT/5' -- sh -c 'test -e $MNT/9; echo 1 >$MNT/8'
	says '[.pre_status, [.memories[] | [.id, .pages]]]' '[0,[[8,1]]]'
	run 1 "${mode[@]}" --pre 'exit 7' -- sh -c 'echo never >"$T/never"'
	says '[.passed, .pre_status, .status, .memories]' '[false,7,null,[]]'
	[ ! -e "$T/never" ] || fail "the command was run all the same"
	run 1 "${mode[@]}" --check true --check 'exit 5' --check 'exit 6' -- true
	says '[.check_status, [.checks[] | .status]]' '[5,[0,5,6]]'
	run 0 "${mode[@]}" --check 'cmp -s $MNT/5 $MNT/6' --check true -- sh -c 'cp $MNT/5 $MNT/6'
	says '[.check_status, [.checks[] | .status]]' '[0,[0,0]]'
	run 1 "${mode[@]}" -- sh -c 'exit 3'
	says '[.passed, .status]' '[false,3]'
	run 1 "${mode[@]}" -- "$T/nothing"
	grep -q "cannot run $T/nothing: No such file" "$T/said" || fail "said: $(cat "$T/said")"
	run 0 "${mode[@]}" -- sh -c 'rm $MNT/3'
	says '[.memories[] | [.id, .structure, .added, .removed, .changed]]' '[[3,"btree",0,1000,0]]'
	cp "$IMG" "$T/other"
	"$CANISTERFS" run "$T/other" "${mode[@]}" --keep "$T/kept.qcow2" -- sh -c 'cp $MNT/5 $MNT/12' >/dev/null
	! "$CANISTERFS" run "$T/other" "${mode[@]}" --keep "$T/kept.qcow2" -- true 2>/dev/null ||
		fail "the overlay was replaced"
	"$CANISTERFS" commit "$T/kept.qcow2"
	"$CANISTERFS" cat "$T/other" 12 >"$T/got"
	cmp -n 300000 "$T/got" "$T/a"
	is "" "$(ls "$TMPDIR")" "what is left"
	is "$before" "$(sha256sum <"$IMG"; stat -c %y "$IMG")" "the image"
done
