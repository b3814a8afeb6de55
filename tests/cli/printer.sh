#!/bin/bash
# SPDX-License-Identifier: MIT
# No name, whoever gave it, is an order to the terminal or a line of its own, whichever verb tells
# of it: the same verb with a plain name prints as many lines, and none has a control character.
. "$(dirname "$0")/lib.sh"

golden h_structs m_hole_mid
evil=$'x\e[31m\n\r\x7f\xc2\x9b2J\xe2\x80\xae'
plain=xxxxxxxx

# What tells of an image N, of a checkpoint N.ckpt, of a snapshot N, or makes a file N.*.
words=(
    "info N" "info N 3" "info N.ckpt" "info N.delta" "info missing-N" "map N" "map N 3" "check N"
    "check --repair N" "check missing-N" "find --hex 00ff N" "find --hex 123456789abcdef0 N"
    "advise N" "compare N N" "compare N other" "compare other N" "diff --records N N"
    "cat N 200" "put N 3 missing-N" "extract N 3 N.raw" "adopt -m 1 -b 2 -l 65536 other N.img"
    "rebucket -b 2 N N.new" "compact N" "compact --dry-run N" "compact N N.compact"
    "create -b 2 N.empty" "checkpoint N N.qcow2" "checkpoint --base N.ckpt N N.two"
    "restore N.ckpt N.back" "verify N.ckpt" "verify N.delta" "verify N" "verify N.cut"
    "snapshot list N.snapped" "snapshot diff N.snapped N" "snapshot remove N.snapped missing-N"
    "snapshot rollback N.snapped N" "waste N" "waste --summary N N.ckpt missing-N" "report -o N.html N missing-N" "report -o N.html N" "discard N"
    "commit N" "schema --names names.toml N" "dump N 3" "load --merge N 3" "umount N" "N" "help N"
    "info --names N.toml N" "info --key N N" "run N true" "mount N missing-N" "check --undo N N"
)

# prints DIRECTORY NAME: what each of them prints, a file each.
prints() {
    local dir=$1 name=$2 i
    mkdir "$dir" && cd "$dir"
    cp ../h_structs.img "$name"
    cp ../m_hole_mid.img other
    "$program" checkpoint "$name" "$name.ckpt" >/dev/null
    "$program" checkpoint --base "$name.ckpt" other "$name.delta" >/dev/null
    head -c 3000 "$name.ckpt" >"$name.cut"
    cp "$name" "$name.snapped"
    "$program" snapshot create "$name.snapped" s
    mv "$name.snapped.snap/s.qcow2" "$name.snapped.snap/$name.qcow2"
    echo '3 = { name = "a" }' >names.toml
    printf '3 = { name = "%s" }\n' 'x\u001b[31m' >"$name.toml"
    for i in "${!words[@]}"; do
        local line=()
        read -ra line <<<"${words[$i]}"
        "$program" "${line[@]//N/$name}" >"../$dir.out.$i" 2>&1 </dev/null || true
    done
    cd ..
}

prints bad "$evil"
prints good "$plain"
for i in "${!words[@]}"; do
    [ -s "bad.out.$i" ] || [ ! -s "good.out.$i" ] || fail "${words[$i]}: says nothing of such a name"
    is=$(wc -l <"bad.out.$i") want=$(wc -l <"good.out.$i")
    [ "$is" = "$want" ] || fail "${words[$i]}: $is lines, not $want: $(cat -v "bad.out.$i")"
    ! LC_ALL=C grep -q $'[\x01-\x09\x0b-\x1f\x7f]' "bad.out.$i" || fail "${words[$i]}: $(cat -v "bad.out.$i")"
    ! LC_ALL=C grep -q -e $'\xc2\x9b' -e $'\xe2\x80\xae' "bad.out.$i" || fail "${words[$i]}: $(cat -v "bad.out.$i")"
done

# The same for what lies in a memory: as text, as JSON, and in a document.
order=$'a\x7fb\xc2\x85c\xc2\x9b2Jd\xe2\x80\xae\xe2\x81\xa6e'
"$program" create -b 1 orders >/dev/null
printf '3 = { name = "x", kind = "btreemap", key = "utf8", value = "json", max_key = 99, max_value = 99 }\n' >orders.toml
printf '{"key": "%s", "value": ["%s"]}\n' "$order" "$order" |
    "$program" load --merge -k utf8 -v json --names orders.toml orders 3 >/dev/null
cp orders orders.old
printf '{"key": "%s", "value": ["%s", 2]}\n' "$order" "$order" |
    "$program" load --merge -k utf8 -v json orders 3 >/dev/null
cp orders "$order"
for line in "dump -k utf8 -v json orders 3" "diff --records -k utf8 -v json orders.old orders" "waste --json $order"; do
    read -ra line <<<"$line"
    "$program" "${line[@]}" >said 2>&1 || true
    ! LC_ALL=C grep -q -e $'\x7f' -e $'\xc2[\x80-\x9f]' -e $'\xe2\x80\xae' -e $'\xe2\x81\xa6' said || fail "${line[*]}: $(cat -v said)"
    grep -qF 'a\u007fb\u0085c\u009b2Jd\u202e\u2066e' said || fail "${line[*]}: $(cat -v said)"
done
"$program" dump -k utf8 -v json orders 3 >said
"$program" load --replace --dry-run -k utf8 -v json orders 3 <said | grep -q "0 changed, 0 removed, 1 as" || fail "what is dumped is not what is there"

grep -l . bad.out.* | wc -l | grep -q '^[4-9]' || fail "hardly anything was said"
grep -q "cannot be called" "bad.out.$((${#words[@]} - 5))" || fail "took a memory's name with a control character"
