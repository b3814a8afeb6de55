#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Holds a page against what all pages promise, and looks for texts in it.

    html_page.py PAGE TEXT...

It is well-formed XML, has no script and nothing from elsewhere, and its policy allows its own style sheet and
nothing else. Each TEXT stands in what a reader sees or can point at, blanks not counted.
"""
import base64
import hashlib
import re
import sys
import xml.etree.ElementTree as xml

TAGS = set("""html head meta title style body main header h1 h2 h3 p b i code span div section footer ul li table
    tbody tr th td svg g rect line text defs pattern""".split())


def words(element, out):
    out.append(element.get("title", ""))
    out.append(element.text or "")
    for child in element:
        words(child, out)
        out.append(child.tail or "")
    return out


def main():
    page, wanted = sys.argv[1], sys.argv[2:]
    with open(page, encoding="utf-8", newline="") as f:
        text = f.read()
    root = xml.fromstring(text.replace("<!DOCTYPE html>", "", 1))
    policy = root.find("head/meta[@http-equiv='Content-Security-Policy']").get("content")
    style = re.search(r"<style>(.*?)</style>", text, re.S)[1]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert policy == f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'", policy
    assert list(root)[0][1].get("http-equiv"), "something stands before the policy"
    for element in root.iter():
        assert element.tag in TAGS, element.tag
        for name, value in element.items():
            assert name not in ("src", "href", "style", "action") and not name.startswith("on"), (element.tag, name)
            assert name == "title" or "url(" not in value or value == "url(#hatch)", (name, value)
    assert text.count("<style") == 1 and "@import" not in style and "url(" not in style
    assert "prefers-color-scheme: dark" in style and "@media print" in style
    seen = "".join("".join(words(root.find("body"), [])).split())
    for want in wanted:
        assert "".join(want.split()) in seen, f"{page} lacks {want!r}"


main()
