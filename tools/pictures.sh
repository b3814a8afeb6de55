#!/bin/bash
# SPDX-License-Identifier: MIT
# Makes the pictures of README.md from what canisterfs prints of an image that is the same each time.
#
#     tools/pictures.sh [DIRECTORY]     into docs/pictures unless told
#
# CANISTERFS is the program, build/canisterfs unless told. tests/cli/pictures.sh holds the pictures
# that are there against new ones.
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
program=$(realpath "${CANISTERFS:-$root/build/canisterfs}")
mkdir -p "${1:-$root/docs/pictures}"
out=$(cd "${1:-$root/docs/pictures}" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

# A canister of a shop. Its memories have grown in turns, so that their buckets lie mixed.
for name in h_structs l_sqlite e_btree_u64 f_btree_unbounded i_upgrade; do
    gzip -dc "$root/tests/data/$name.img.gz" >"$name"
done
"$program" create --bucket-pages 2 shop.img >grown
"$program" cat h_structs 0 | "$program" put shop.img 0
for grown in 131072 262144 1048576; do
    while read -r image from to; do
        "$program" cat "$image" "$from" >memory
        head -c "$grown" memory | "$program" put shop.img "$to"
    done <<'END'
l_sqlite 3 120
e_btree_u64 0 5
f_btree_unbounded 2 7
i_upgrade 0 9
END
done
"$program" cat h_structs 8 | "$program" put shop.img 10
cat >names.toml <<'END'
0 = { name = "config" }
5 = { name = "users" }
7 = { name = "sessions" }
9 = { name = "archive" }
10 = { name = "audit" }
120 = { name = "orders.sqlite" }
END
SOURCE_DATE_EPOCH=0 "$program" report --names names.toml shop.img -o page.html

# The two large pictures of the page, one below the other, with the page's own style sheet.
python3 - page.html "$out/report.svg" <<'END'
import re
import sys

page = open(sys.argv[1], encoding="utf-8").read()
style = re.search(r"<style>(.*?)</style>", page, re.S)[1]
hatch = re.search(r"<defs>.*?</defs>", page, re.S)[0]
pictures = re.findall(r'<svg class="picture wide" viewBox="0 0 (\d+) (\d+)"[^>]*>(.*?)</svg>', page, re.S)
heading = "font-family=\"system-ui, 'Segoe UI', Roboto, 'DejaVu Sans', sans-serif\""
assert len(pictures) == 2, len(pictures)

body, y = [], 28
for title, (width, height, content) in zip(["Bucket map", "What fills it"], pictures):
    body.append(f'<text class="title" x="24" y="{y + 12}">{title}</text>')
    body.append(f'<g transform="translate(24 {y + 26})">{content}</g>')
    y += 26 + int(height) + 26
words = "canisterfs report --names names.toml shop.img -o page.html"
with open(sys.argv[2], "w", encoding="utf-8") as f:
    f.write(f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 768 {y + 22}" {heading} role="img">\n'
            f"<title>Two pictures of the page that canisterfs report makes</title>\n"
            f"<style>{style}svg .title {{ font-size: 16px; font-weight: 700; fill: var(--ink); }}\n"
            f"svg .from {{ font-size: 12px; fill: var(--soft); font-family: ui-monospace, monospace; }}\n"
            f"svg .card {{ fill: var(--card); stroke: var(--line); }}</style>\n<g class=\"hatch\">{hatch}</g>\n"
            f'<rect class="card" x="0.5" y="0.5" width="767" height="{y + 21}" rx="11"/>\n'
            f'<g class="picture">{"".join(body)}</g>\n'
            f'<text class="from" x="24" y="{y + 4}">{words}</text>\n'
            f'<text class="from" x="744" y="{y + 4}" text-anchor="end">hatched: slack</text>\n</svg>\n')
END
echo "$out/report.svg"
