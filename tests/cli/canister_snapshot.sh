#!/bin/bash
# SPDX-License-Identifier: MIT
# The directory of a canister snapshot is taken wherever an image is, and stays what it was but for
# the stable memory and the digits of its length.
. "$(dirname "$0")/lib.sh"

golden k_waste c_interleaved

# snapshot DIR IMAGE: as a download leaves it, with numbers that a JSON library would not keep.
snapshot() {
    mkdir "$1"
    cp "$2" "$1/stable_memory.bin"
    printf '\0asm\1\0\0\0' >"$1/wasm_module.bin"
    truncate -s 128K "$1/wasm_memory.bin"
    cat >"$1/metadata.json" <<EOF
{
  "source": {"taken_from_canister": null, "stable_memory_size": 1, "x": "\"stable_memory_size\": 2"},
  "taken_at_timestamp": 1760000000000000000,
  "globals": [{"f64": 1.50e+00}, {"v128": 340282366920938463463374607431768211455}, null],
  "wasm_module_size": 8,
  "wasm_memory_size": 131072,
  "stable_memory_size" :  $(stat -c %s "$2")  ,
  "certified_data": []
}
EOF
    # No newline behind it, as dfx writes it.
    truncate -s -1 "$1/metadata.json"
    cp "$1/metadata.json" "$1.before"
}

# metadata DIR BYTES: it says that length, which the file has, and every other byte is as before.
metadata() {
    sed "s/\(\"stable_memory_size\" :  \)[0-9]*/\1$2/" "$1.before" >want
    same want "$1/metadata.json"
    [ "$(stat -c %s "$1/stable_memory.bin")" = "$2" ] ||
        fail "$1 has $(stat -c %s "$1/stable_memory.bin") bytes, not $2"
    [ "$(find "$1" -mindepth 1 -maxdepth 1 ! -name .lock -printf '%f\n' | sort | tr '\n' ' ')" = \
        'metadata.json stable_memory.bin wasm_memory.bin wasm_module.bin ' ] || fail "$(ls -A "$1")"
}

snapshot snap c_interleaved.img
len=$(stat -c %s c_interleaved.img)
bucket=1048576

# Every verb that reads says of the directory what it says of the image.
for words in "info --json" "map --json" "advise --json" "check --json" "find --json -x 00ff"; do
    read -r verb rest <<<"$words"
    run 0 $verb $rest c_interleaved.img
    sed 's/c_interleaved.img/snap/g' out >want
    run 0 $verb $rest snap
    same want out
done
run 0 cat snap 4
[ "$(sha256sum <out)" = "$(jq -r '.memories[] | select(.id == 4).sha256' "$data/c_interleaved.json")  -" ] ||
    fail "memory 4 is another"
metadata snap "$len"
[ ! -e snap/.lock ] || fail "reading made a lock file"

# An edit in place, growing, shrinking.
head -c 100 /dev/urandom >text
run 0 put snap 3 text
metadata snap "$len"
head -c $((3 * bucket - 7)) /dev/urandom >text
run 0 put snap 9 text
metadata snap $((len + 3 * bucket))
grep -q -- '--skip-pre-upgrade' err || fail "nothing was said of the heap: $(cat err)"
run 0 cat -l "$(stat -c %s text)" snap 9
same text out
run 0 put snap 9 /dev/null
metadata snap "$len"
rm text

# Compact and rebucket.
snapshot waste k_waste.img
run 0 rebucket -f -b 1 waste waste
metadata waste 1572864
grep -q -- '--skip-pre-upgrade' err || fail "nothing was said of the heap: $(cat err)"
run 0 rebucket -f -b 128 waste waste
metadata waste "$(stat -c %s k_waste.img)"
refused 1 "waste: exists already" rebucket -b 1 k_waste.img waste
run 0 rebucket -f -b 1 k_waste.img waste
metadata waste 1572864
run 0 put waste 3 /dev/null
run 0 compact waste
[ ! -e waste/.undo ] || fail "an undo file in the directory"
# What is wrong with a length is found before anything is written: it cannot be told from a damaged
# or half-finished directory.
run 0 check waste

# A crash between the file and the number leaves the file too long; the next change mends that.
truncate -s +1M snap/stable_memory.bin
run 0 info --json snap
grep -q "note: stable_memory.bin has $((len + bucket)) bytes and metadata.json says $len: a change was interrupted" err ||
    fail "$(cat err)"
run 0 compact --no-undo snap
metadata snap "$(stat -c %s snap/stable_memory.bin)"

# Incomplete, locked, not one at all: refused, and left alone.
snapshot bad c_interleaved.img
refuse() {
    local words
    tar --exclude=.lock --sort=name --mtime=@0 -cf before.tar bad
    for words in "info bad" "put bad 3 snap.before" "compact bad" "rebucket -f -b 1 k_waste.img bad"; do
        run 1 $words
        grep -q "^canisterfs: bad: $1" err || fail "$words: $(cat err)"
    done
    tar --exclude=.lock --sort=name --mtime=@0 -cf after.tar bad
    same before.tar after.tar
}
touch bad/.download_progress.json
refuse "the download is not complete"
rm bad/.download_progress.json
sed -i 's/"stable_memory_size" :  [0-9]*/"stable_memory_size" :  12345/' bad/metadata.json
run 1 info bad
for text in '{' '[]' '{"wasm_module_size":1,"wasm_memory_size":2}' \
    '{"wasm_module_size":1,"wasm_memory_size":2,"stable_memory_size":-1}' \
    '{"wasm_module_size":1,"wasm_memory_size":2,"stable_memory_size":1.5}' \
    '{"wasm_module_size":1,"wasm_memory_size":2,"stable_memory_size":99999999999999999999}' \
    '{"wasm_module_size":1,"wasm_memory_size":2,"stable_memory_size":null}'; do
    printf %s "$text" >bad/metadata.json
    refuse "metadata.json"
done
cp bad.before bad/metadata.json
truncate -s -1 bad/stable_memory.bin
run 1 info bad
err_is "canisterfs: bad: stable_memory.bin has $((len - 1)) of $len bytes: the download is not complete"
cp c_interleaved.img bad/stable_memory.bin
(
    flock 9
    refuse "locked by an upload or a download, or in use by canisterfs"
) 9>bad/.lock
run 0 info bad
mkdir empty
refused 1 "empty: a directory where nothing is mounted, and without the metadata.json of a canister snapshot" info empty

# An upload that was begun before the change must not go on.
touch bad/.upload_progress.json
run 0 put bad 3 snap.before
grep -q 'note: an upload was begun before this change; do not resume it' err || fail "$(cat err)"
rm bad/.upload_progress.json

# A canister without stable memory may have no file for it.
sed -i 's/"stable_memory_size" :  [0-9]*/"stable_memory_size" :  0/' bad/metadata.json
rm bad/stable_memory.bin
run 0 info --json bad
json .kind '"empty"'
run 0 rebucket -f -b 16 c_interleaved.img bad
metadata bad "$len"
