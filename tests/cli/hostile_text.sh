#!/bin/bash
# SPDX-License-Identifier: MIT
# Text that others wrote runs no command, and costs neither the stack, nor memory without bound,
# nor time without bound, however deep, long, or slow it is.
. "$(dirname "$0")/lib.sh"

set +o pipefail # yes(1) ends by a signal
golden f_btree_unbounded h_structs
image=f_btree_unbounded.img

# bounded TEXT ARGUMENT...: fails with one line that has TEXT, in bounded memory.
bounded() {
    local text=$1 got=0
    shift
    (ulimit -v "${limit:-4000000}"; exec timeout 120 "$program" "$@") <"${from:-/dev/null}" >out 2>err || got=$?
    [ "$got" != 0 ] && [ "$got" -lt 124 ] || fail "$*: exited $got: $(head -c 300 err)"
    [ "$(wc -l <err)" = 1 ] || fail "$*: said $(head -c 300 err)"
    grep -qF -- "$text" err || fail "$*: said '$(head -c 300 err)', not '$text'"
}
# Sanitizers reserve address space that no limit can hold.
! grep -q __asan_init "$program" || limit=unlimited
repeat() { head -c "$((${#1} * $2))" < <(yes "$1" | tr -d '\n'); }

# What a names file runs, nothing runs without leave.
for member in key value; do
    printf '2 = { name = "users", %s = "exec:touch ran; echo 1" }\n' $member >names.toml
    for words in dump "load --merge" "diff --records $image"; do
        bounded --allow-exec $words --names names.toml $image users
        [ ! -e ran ] || fail "$words: ran a command"
    done
    run 0 info --names names.toml $image users
    run 0 check --names names.toml $image
    [ ! -e ran ] || fail "info or check ran a command"
    run 0 dump -n 1 --allow-exec --names names.toml $image users
    [ -e ran ] || fail "--allow-exec ran nothing"
    rm ran
done
run 0 dump -n 1 -v 'exec:echo 1' --names names.toml $image users

# TOML: a key of many parts, many brackets, a long line, a long file, a silent pipe, no file at all.
toml() { bounded "$1" info --names names.toml $image; }
{ repeat a. 50000; echo 'a = 1'; } >names.toml
toml "more than 32 dots"
{ printf '['; repeat a. 50000; echo 'a]'; } >names.toml
toml "more than 32 dots"
{ printf 'a = '; repeat '[' 50000; } >names.toml
toml "line 1"
{ printf 'a = '; repeat '[' 1000000; } >names.toml
toml "longer than 65536 bytes"
{ printf 'a = '; yes '[' | head -n 100000; } >names.toml
toml "line"
{ printf 'a = '; repeat '{a=' 15000; } >names.toml
toml "line 1"
yes '# nothing' | head -c 1048577 >names.toml
toml "longer than 1048576 bytes"
yes 'a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p.q.r.s.t.u.v.w.x.y.z = 1' | awk '{ print $0 NR }' |
    sed 's/ = 1\(.*\)/\1 = 1/' | head -c 1000000 | head -n -1 >names.toml
toml "'a' is not a memory id"
rm names.toml
mkfifo names.toml
toml "nobody has written"
rm names.toml
mkdir names.toml
toml "neither a plain file nor a pipe"
printf '2 = { name = "users" }\n' >good.toml
run 0 cat --names <(cat good.toml) $image users

# JSON: lines of records, metadata.json, lines of waste.
{ printf '{"key": '; repeat '[' 100000; } >deep
{ printf '{"key": '; repeat '[' 100000; repeat ']' 100000; printf ', "value": 1}'; } >deep_whole
{ printf '{"key": ['; repeat '1,' 8000000; printf '1]}'; } >many
{ printf '{"key": "'; head -c 270000000 /dev/zero | tr '\0' 6; } >long
for name in deep deep_whole; do
    from=$name bounded "nested more than" load --merge $image 2
    bounded "no line of" waste --merge $name
done
from=many bounded "values" load --merge $image 2
from=long bounded "longer than 256 MiB" load --merge $image 2
mkdir canister
cp h_structs.img canister/stable_memory.bin
cp deep_whole canister/metadata.json
bounded "nested more than" info canister
cp many canister/metadata.json
bounded "values" info canister
rm canister/metadata.json
mkfifo canister/metadata.json
bounded "metadata.json" info canister

# A .did file.
mkfifo pipe.did
bounded "nobody has written" dump -v candid:pipe.did $image 2
yes 'a ' | head -c 4000000 >words.did
bounded "more than 1048576 words" dump -v candid:words.did $image 2
bounded "neither a plain file" dump -v candid:/dev/zero $image 2
