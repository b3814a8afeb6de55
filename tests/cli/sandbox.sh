#!/bin/bash
# SPDX-License-Identifier: MIT
# In the sandbox each verb that only reads says and answers what it does outside; each other verb
# is refused, and so is whatever would make a file or run a command.
. "$(dirname "$0")/lib.sh"

# The process that looks for leaks at the end needs what is given up.
export ASAN_OPTIONS=${ASAN_OPTIONS:-}:detect_leaks=0
export SOURCE_DATE_EPOCH=1700000000 # of the page of report
golden h_structs f_btree_unbounded
image=f_btree_unbounded.img
"$program" --sandbox info $image >out 2>err || ! grep -q "no sandbox" err || skip "$(cat err)"
run 0 checkpoint $image ckpt
run 0 checkpoint --base ckpt h_structs.img delta
mkdir canister
cp $image canister/stable_memory.bin
printf '{"wasm_module_size": 0, "wasm_memory_size": 0, "stable_memory_size": %d}' \
    "$(stat -c %s $image)" >canister/metadata.json
mkdir fleet
cp $image ckpt fleet
echo text >fleet/notes
printf '2 = { name = "users", key = "utf8", value = "exec:echo 1" }\n' >names.toml

reading=(
    "info $image" "info --json $image" "info $image 2" "info delta" "info canister" "map $image"
    "check $image" "check ckpt" "cat $image 2" "cat canister 2" "find --text empty $image"
    "browse $image" "compare $image h_structs.img" "compare ckpt $image" "dump $image 2" "dump -n 1 delta 3"
    "diff --records $image h_structs.img" "advise $image" "schema --names names.toml $image"
    "verify ckpt" "verify delta" "verify --json -j 4 delta" "waste fleet" "waste --json -j 4 fleet canister"
    "report -o - $image" "info missing" "cat $image 200" "info --help"
)
for words in "${reading[@]}"; do
    want=0 got=0
    "$program" $words >out 2>err || want=$?
    "$program" --sandbox $words >out.in 2>err.in || got=$?
    [ "$got" = "$want" ] || fail "$words: exited $got, not $want: $(cat err.in)"
    same out out.in
    same err err.in
done

# Each verb is one of those, or refused.
for verb in $("$program" --complete '' | grep -vx -e help -e '-.*'); do
    printf '%s\n' "${reading[@]}" | grep -q "^$verb " && continue
    got=0
    "$program" --sandbox "$verb" $image x y >out 2>err || got=$?
    [ "$got" != 0 ] || fail "$verb ran in the sandbox"
    grep -q -e "--sandbox is for verbs that write nothing" err || fail "$verb: $(cat err)"
done

before=$(sha256sum ./*.img ckpt; ls -A)
for words in "check --repair $image" "waste --html x.html $image" "report -o x.html $image" "dump -v exec:id $image 2" \
    "dump --allow-exec --names names.toml $image users" "check --undo ckpt $image"; do
    got=0
    "$program" --sandbox $words >out 2>err || got=$?
    [ "$got" != 0 ] || fail "$words: done"
    grep -q "Operation not permitted\|Permission denied" err || fail "$words: $(cat err)"
    rm -f out err
done
rm -f out err
[ "$before" = "$(sha256sum ./*.img ckpt; ls -A)" ] || { touch out err; [ "$before" = "$(sha256sum ./*.img ckpt; ls -A)" ]; } ||
    fail "something was written"
