#!/bin/bash
# SPDX-License-Identifier: MIT
# browse: what a user sees, and which keys lead where, on a terminal of tmux.
. "$(dirname "$0")/lib.sh"
. "$here/../tmux.sh"
clean_up() { tmux_end; }

"$program" version --json | jq -e .libraries.ncursesw >/dev/null || {
    golden h_structs
    refused 1 "browse: this canisterfs was built without the browser (ncursesw)" browse h_structs.img
    exit 0
}
requires tmux

# ---- where there is no terminal

golden h_structs f_btree_unbounded e_btree_u64 m_hole_mid c_interleaved
refused 2 "browse: needs a terminal, for its keys and its picture (see 'canisterfs browse --help')" \
    browse h_structs.img
terminal=dumb show 150x10 "$program" browse h_structs.img
sees "exited with 2"
has "the terminal 'dumb' is not known here, or cannot move its cursor"
show 80x10 "$program" browse missing.img
sees "exited with 1"
has "canisterfs: missing.img: cannot open: No such file"
show 80x10 "$program" browse h_structs.img 77
sees "exited with 1"
has "there is no memory 77"

# ---- memories and records as other verbs tell of them

show 100x30 "$program" browse m_hole_mid.img
sees "12.1 MiB, 5 memories, slack 2.6 MiB, 1 hole"
has "12 buckets of 1 MiB"
has "^   2 *2.1 MiB *960 KiB"
keys o
sees "by size"
[ "$(grep -n '^   4 ' seen | cut -d: -f1)" -lt "$(grep -n '^   0 ' seen | cut -d: -f1)" ] || fail "no order: $(cat seen)"
keys m
sees "> map"
has "^12 buckets of 16 pages (1 MiB)"
has "1 hole: owned by nobody"
leaves
keys c
sees "> findings"
has "warning: bucket-hole"
keys q Q
sees "exited with 0"

cat >names.toml <<'END'
2 = { name = "users", kind = "btreemap", key = "utf8", value = "utf8" }
END
run 0 dump --names names.toml -v hex f_btree_unbounded.img users
jq -r 'select(.key | type == "string" and test("^[a-z ]+$")) | .key' out | head -n 40 | tail -n 1 >wanted
show 100x20 "$program" browse --names names.toml f_btree_unbounded.img
sees "^   2 users"
keys Enter
sees "^ f_btree_unbounded.img > 2 users"
has '^ "" *"empty key"'
keys Down Down Enter
sees "^JSON, "
has '日本 li'
leaves
keys g
sees "^go to key:"
types "$(cat wanted)"
keys Enter
sees "^ \"$(cat wanted)\""
keys g
sees "^go to key:"
types "zzzzz"
keys Enter
sees "the last one is chosen\|the next one is chosen"
keys K
sees "^codec of keys:"
types "nosuch"
keys Enter
sees "nosuch"
keys Q
sees "exited with 0"

# ---- a memory that holds nothing known; text that is an order to a terminal

printf 'x\033[31m\r\nred\302\2332J' >orders
run 0 create -b 1 orders.img
"$program" put orders.img 5 orders
mv orders.img "$(printf 'a\033[31mb.img')"
show 60x12 "$program" browse "$(printf 'a\033[31mb.img')" 5
sees 'a\\x1b\[31mb.img > 5'
has "no records: Enter shows its bytes"
keys Enter
sees '^0000  78 1b 5b 33'
keys Tab
sees '^text, '
has 'x\\x1b\[31m\\x0d'
has 'red\\xc2\\x9b2J'
keys Q
sees "exited with 0"

# ---- many records: only what is shown is read

cat >many.toml <<'END'
3 = { name = "many", kind = "btreemap", key = "u64be", value = "utf8", max_key = 8, max_value = 64 }
END
seq 0 99999 | awk '{ printf "{\"key\": %d, \"value\": \"number %d\"}\n", $1 * 3, $1 }' >lines
run 0 create -b 16 many.img
"$program" load --names many.toml --merge many.img many <lines >/dev/null
shows_many() {
    show 80x20 "$program" browse --names many.toml many.img many
    sees '^ 0  *"number 0"'
}
# What the process has read of all files until now.
bytes_read() {
    local pid
    pid=$(on_tmux list-panes -F '#{pane_pid}')
    sed -n 's/^rchar: //p' "/proc/$(cat "/proc/$pid/task/$pid/children" | tr -d ' ')/io"
}
shows_many
before=$(bytes_read)
keys End
sees '^ 299997  *"number 99999"'
keys Up
keys g
sees "^go to key:"
types 150001
keys Enter
sees "no such key: the next one is chosen"
has '^ 150003  *"number 50001"'
has '^ 150000  *"number 50000"' # and some before it
keys PageUp PageUp PageUp
sees '^ 149[0-9]*  *"number 49[0-9]*"'
keys PageDown
read=$(($(bytes_read) - before))
[ $read -lt 1000000 ] || fail "$read bytes were read of $(stat -c %s many.img)"
keys Home
sees '^ 0  *"number 0"'
keys /
sees "^find:"
types "NUMBER 77777"
keys Enter
sees '^ 233331  *"number 77777"'
keys n
sees "'NUMBER 77777' does not come from here on"
keys Home
sees '^ 0  *"number 0"'
keys i
sees "> facts"
has "100,000 entries"
leaves
keys Q
sees "exited with 0"

# The order of records is the same on the way up and on the way down.
shows_many
for _ in 1 2 3 4 5 6 7; do keys PageDown; done
keys g
sees "^go to key:"
types 3000
keys Enter
sees '^ 3000  *"number 1000"'
for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15; do keys Up; done
sees '^ 2955 '
sees '^ 2997 '
awk '/"number/ { if (n && $1 != n + 3) exit 1; n = $1; rows++ } END { exit rows < 10 }' seen ||
    fail "records are missing: $(cat seen)"

# ---- long work tells how far it is, and ends by a key

show 80x20 "$program" browse --names many.toml --key u64be \
    --value "exec:sh -c 'while read l; do sleep 0.2; echo 1; done'" many.img many
sees '^ 0 '
keys /
sees "^find:"
types nowhere
keys Enter
sees "^ searching, .*Esc stops"
keys Escape
sees "^stopped"
keys Q
sees "exited with 0"

# ---- damage: what can be shown is, and the rest says why

cp many.img damaged.img
half=$(($(stat -c %s damaged.img) / 2))
head -c 100000 /dev/zero | tr '\0' '\377' | dd of=damaged.img bs=1 seek=$half conv=notrunc status=none
show 80x20 "$program" browse --names many.toml damaged.img many
sees '^ 0  *"number 0"'
keys /
sees "^find:"
types nowhere
keys Enter
sees "node"
keys End
sees '^ 299997  *"number 99999"'
leaves
keys c
sees "error: "
keys Enter
sees '^ 0  *"number 0"'
keys Q
sees "exited with 0"
head -c $half many.img >cut.img
show 80x20 "$program" browse --names many.toml cut.img
sees "^   3 "
keys Enter
sees "lies behind the end of the image"
keys x
sees "^000000  42 54 52"
leaves
keys m
sees "> map"
keys Q
sees "exited with 0"
cp many.img header.img
printf '\377\377' | dd of=header.img bs=1 seek=4 conv=notrunc status=none
show 80x20 "$program" browse header.img
sees "^ header.img"
keys Enter
sees "x bytes"
keys x
sees "^hex, "
keys Q
sees "exited with 0"

# ---- any size of terminal

shows_many
on_tmux resize-window -x 40 -y 12
sees "? keys"
sees '^ 18  *"number 6"'
[ "$(wc -L <seen)" -le 40 ] || fail "broader than 40: $(cat seen)"
[ "$(grep -c '"number' seen)" = 7 ] || fail "$(cat seen)"
for size in "20 5" "8 2" "3 1" "1 1"; do
    on_tmux resize-window -x "${size% *}" -y "${size#* }"
    keys Down m Up Down q Tab Tab Tab
done
on_tmux resize-window -x 100 -y 30
keys Home
sees '^ 0  *"number 0"'
sees '^ 72  *"number 24"'
keys C-l
sees '^ 0  *"number 0"'
keys Q
sees "exited with 0"
show 40x12 "$program" browse m_hole_mid.img
sees "^   4 .*unknown"
for key in m c s '?'; do
    keys "$key"
    sees "> \|^ *map\|^ *findings\|^ *points\|^ *keys"
    screen >seen
    [ "$(wc -L <seen)" -le 40 ] || fail "broader than 40: $(cat seen)"
    leaves
done

# ---- colours, and none

map_of() {
    show 80x20 "$@" "$program" browse m_hole_mid.img
    sees "o order"
    keys m
    sees "1 hole: owned by nobody"
    on_tmux capture-pane -pe >coloured
}
map_of env
grep -q $'\033\\[.*48;5;' coloured || fail "no colours: $(cat -v coloured)"
map_of env NO_COLOR=1
! grep -Eq $'\033\\[[0-9;]*(3[0-8]|4[0-8])' coloured || fail "coloured: $(cat -v coloured)"
has "==.*=="
terminal=vt100 map_of env
! grep -Eq $'\033\\[[0-9;]*(3[0-8]|4[0-8])' coloured || fail "coloured: $(cat -v coloured)"
has "==.*=="
show 80x20 env LC_ALL=C "$program" browse m_hole_mid.img
sees "o order"

# ---- the mouse: a click chooses, one on what is chosen opens, the wheel moves

terminal=xterm-256color show 80x20 "$program" browse c_interleaved.img
sees "o order"
row=$(grep -n '^   3 ' seen | cut -d: -f1)
click() { types $'\033[<0;5;'"$1"M$'\033[<0;5;'"$1"m; }
click "$row"
keys Enter
sees "> 3"
leaves
click "$row"
sees "> 3"
leaves
types $'\033[<64;5;5M'
keys Enter
sees "> 0"
keys Q
sees "exited with 0"

# ---- points in time, and every kind of image

cp many.img lively.img
run 0 snapshot create lively.img before
echo '{"key": 3, "value": "changed"}' | "$program" load --names many.toml --merge lively.img many >/dev/null
run 0 checkpoint many.img many.qcow2
run 0 checkpoint --base many.qcow2 lively.img delta.qcow2
before=$(sha256sum lively.img lively.img.snap/*)
show 80x20 "$program" browse --names many.toml --beside many.qcow2 lively.img many
sees '^ 3  *"changed"'
keys s
sees "> points in time"
has "before: snapshot, 20.*; 1 page differs"
has "^ .*before *many.qcow2"
has "^   3 many  *[0-9]*  *1  *1$"
keys Enter
sees "> before"
keys Enter
sees '^ 3  *"number 1"'
leaves
leaves
keys Right
sees "many.qcow2: beside, "
keys a
sees "image or checkpoint:"
types nosuch.img
keys Enter
sees "cannot open"
keys a
sees "image or checkpoint:"
types many.img
keys Enter
sees "many.img: beside, .*; 1 page differs"
keys Q
sees "exited with 0"
[ "$before" = "$(sha256sum lively.img lively.img.snap/*)" ] || fail "something was written"
show 80x20 "$program" browse delta.qcow2
sees "^   3 "
keys s
sees "many.qcow2: base, .*; 1 page differs"
keys Q
sees "exited with 0"
show 80x20 "$program" browse --beside missing.img many.img
sees "exited with 1"
has "beside missing.img: cannot open"
mkdir canister
cp many.img canister/stable_memory.bin
printf '{"wasm_module_size": 0, "wasm_memory_size": 0, "stable_memory_size": %d}' \
    "$(stat -c %s many.img)" >canister/metadata.json
show 80x20 "$program" browse --names many.toml canister many
sees '^ 3  *"number 1"'

# ---- in the sandbox nothing more is opened, and the image is shown all the same

export ASAN_OPTIONS=${ASAN_OPTIONS:-}:detect_leaks=0
if "$program" --sandbox info many.img >out 2>err || ! grep -q "no sandbox" err; then
    show 80x20 "$program" --sandbox browse --names many.toml many.img many
    sees '^ 3  *"number 1"'
    keys End
    sees '^ 299997 '
    keys q m
    sees "> map"
    keys Q
    sees "exited with 0"
fi
