#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Maps of 0 to 12 entries of every type of key, whose truth is known here: what canisterfs says and
does about them is right, or it refuses. A second reader, btree.py, judges what was written.

key_types.py PROGRAM ROUNDS SEED
"""
import base64
import json
import os
import random
import struct
import subprocess
import sys
import zlib

import btree

PROGRAM, rng = os.path.realpath(sys.argv[1]), random.Random(sys.argv[3])


# ---- types: codec, width (None: prefixed), bound, a value at random, its bytes, its order, its JSON

class Type:
    def __init__(self, spec, bound, fixed, pick, encode, order=lambda v: v, show=lambda v: v):
        self.spec, self.bound, self.fixed = spec, bound, fixed
        self.pick, self.encode, self.order, self.show = pick, encode, order, show


def some_bytes(least, most):
    """Often short, often of zeros, often alike."""
    n = rng.randint(least, most)
    return rng.choice([rng.randbytes(n), bytes(n), bytes([rng.randrange(3) for _ in range(n)])])


def exact(n):
    return n if abs(n) < 1 << 53 else str(n)


def number(bits, signed, little):
    def pick():
        n = rng.choice([0, rng.randrange(3), rng.getrandbits(bits), rng.getrandbits(bits // 2)])
        return n - (1 << bits) if signed and n >> (bits - 1) else n

    return Type('%s%d%s' % ('i' if signed else 'u', bits, 'le' if little else ''), bits // 8, True,
                pick, lambda n: n.to_bytes(bits // 8, 'little' if little else 'big', signed=signed),
                show=exact)


def fixed_bytes(n):
    return Type('bytes(%d)' % n, n, True, lambda: some_bytes(n, n), lambda b: b, show=bytes.hex)


def blob(n):
    return Type('blob(%d)' % n, n, False, lambda: some_bytes(0, n), lambda b: b, show=bytes.hex)


def principal_text(raw):
    text = base64.b32encode(struct.pack('>I', zlib.crc32(raw)) + raw).decode().lower().rstrip('=')
    return '-'.join(text[at:at + 5] for at in range(0, len(text), 5))


def some_text(most):
    return ''.join(rng.choice('\0aabz\u00e9') for _ in range(rng.randint(0, most)))


def utf8(text):
    return text.encode()


principal = Type('principal', 29, False, lambda: some_bytes(0, 29), lambda b: b,
                 lambda b: (len(b), b), principal_text)
text = Type('utf8', None, False, lambda: some_text(9), utf8, utf8)
boolean = Type('bool', 1, True, lambda: rng.random() < .5, lambda b: bytes([b]))


def width_of(n):
    return 1 if n <= 255 else 2 if n <= 65535 else 4


def pair(a, b):
    def encode(v):
        parts = [t.encode(x) for t, x in zip((a, b), v)]
        raw = b''.join(part.ljust(t.bound, b'\0') for t, part in zip((a, b), parts))
        return raw + b''.join(len(part).to_bytes(width_of(t.bound), 'big')
                              for t, part in zip((a, b), parts) if not t.fixed)

    return Type('tuple(%s,%s)' % (a.spec, b.spec),
                a.bound + b.bound + sum(0 if t.fixed else width_of(t.bound) for t in (a, b)),
                a.fixed and b.fixed, lambda: (a.pick(), b.pick()), encode,
                lambda v: (a.order(v[0]), b.order(v[1])), lambda v: [a.show(v[0]), b.show(v[1])])


def triple(a, b, c):
    members = (a, b, c)
    varies = not (a.fixed and b.fixed)

    def encode(v):
        parts = [t.encode(x) for t, x in zip(members, v)]
        raw = b''
        if varies:
            raw = bytes([width_of(len(parts[0])) - 1 << 2 | width_of(len(parts[1])) - 1])
        for t, part in zip(members[:2], parts):
            raw += (b'' if t.fixed else len(part).to_bytes(width_of(len(part)), 'big')) + part
        return raw + parts[2]

    bound = None
    if all(t.bound is not None for t in members):
        bound = sum(t.bound for t in members) + varies
        bound += sum(0 if t.fixed else width_of(t.bound) for t in (a, b))
    return Type('tuple(%s)' % ','.join(t.spec for t in members), bound,
                all(t.fixed for t in members), lambda: tuple(t.pick() for t in members), encode,
                lambda v: tuple(t.order(x) for t, x in zip(members, v)),
                lambda v: [t.show(x) for t, x in zip(members, v)])


def option(t):
    # A None of a fixed size cannot be stored in a map.
    return Type('option(%s)' % t.spec, None if t.bound is None else t.bound + 1, t.fixed,
                lambda: (t.pick(),) if t.fixed or rng.random() < .8 else None,
                lambda v: b'\0' if v is None else t.encode(v[0]) + b'\1',
                lambda v: () if v is None else (t.order(v[0]),),
                lambda v: None if v is None else [t.show(v[0])])


class Reversed:
    def __init__(self, order):
        self.order = order

    def __lt__(self, other):
        return other.order < self.order

    def __eq__(self, other):
        return other.order == self.order


def reverse(t):
    return Type('reverse(%s)' % t.spec, t.bound, t.fixed, t.pick, t.encode,
                lambda v: Reversed(t.order(v)), t.show)


def behind(name, n, order, t):
    return Type('%s(%s)' % (name, t.spec), None if t.bound is None else t.bound + n, False, t.pick,
                lambda v: len(t.encode(v)).to_bytes(n, order) + t.encode(v), t.order, t.show)


def cbor_head(n):
    return bytes([0x60 | n]) if n < 24 else bytes([0x78, n])


cbor_text = Type('cbor-text', None, False, lambda: some_text(14),
                 lambda s: cbor_head(len(s.encode())) + s.encode(), utf8)

u64, u16, u8, i64 = (number(64, 0, 0), number(16, 0, 0), number(8, 0, 0), number(64, 1, 0))
TYPES = [number(bits, signed, little) for bits in (8, 16, 32, 64, 128) for signed in (0, 1)
         for little in (0, 1)]
TYPES += [fixed_bytes(n) for n in range(1, 65)] + [blob(n) for n in (1, 4, 8, 29, 32, 64, 300)]
TYPES += [principal, text, boolean, cbor_text, option(u64), option(principal), option(text),
          option(i64), option(option(blob(4))), reverse(u64), reverse(principal), reverse(i64),
          behind('len8', 1, 'big', text), behind('len16be', 2, 'big', text),
          behind('len16le', 2, 'little', text), behind('len32be', 4, 'big', blob(9)),
          behind('len32le', 4, 'little', principal), pair(u64, principal), pair(principal, u64),
          pair(blob(8), u16), pair(u64, u8), pair(i64, u16), pair(blob(2), blob(300)),
          pair(principal, principal), pair(u8, pair(blob(3), i64)), reverse(pair(blob(4), u8)),
          triple(u8, u16, text), triple(text, u8, text), triple(blob(3), principal, u64),
          triple(u64, u8, i64), triple(u8, text, principal), option(pair(blob(3), u8))]


# ---- running canisterfs

def run(*words, lines=None):
    done = subprocess.run([PROGRAM, *words], capture_output=True,
                          input=''.join(json.dumps(line) + '\n' for line in lines or []).encode())
    if done.returncode < 0 or b'ERROR: ' in done.stderr:
        sys.exit('%s: %s' % (words, done.stderr.decode()))
    done.lines = []
    if words[0] in ('dump', 'diff'):
        done.lines = [json.loads(line) for line in done.stdout.splitlines()]
    return done


def content(image):
    return run('cat', image, '3').stdout


class Case:
    def __init__(self, t):
        self.t = t
        self.width = t.bound if t.fixed else None
        values, seen = [], set()
        for _ in range(rng.choice([0, 1, 1, 2, 3, rng.randint(0, 12), 12])):
            value = t.pick()
            if t.encode(value) not in seen:
                seen.add(t.encode(value))
                values.append(value)
        values.sort(key=t.order)
        self.value_bound = rng.choice([0, 8, 8, None])
        self.values = values
        self.records = [(t.encode(v), self.some_value()) for v in values]
        self.order = {t.encode(v): v for v in values}
        while True:
            self.new = t.pick()
            self.new_key = t.encode(self.new)
            if self.new_key not in seen or len(seen) > 1 and t.spec in ('bool',):
                break
            if t.fixed and t.bound == 1 and rng.random() < .01:
                break
        self.order[self.new_key] = self.new
        self.page = 1024
        if t.bound is not None and self.value_bound is not None:
            self.page = max(128, (191 + 11 * (t.bound + self.value_bound)) * 3 // 4)
        open('memory', 'wb').write(btree.version_2(self.records, self.page, self.width))
        run('put', 'a.img', '3', 'memory')
        with open('n.toml', 'w') as out:
            out.write('3 = { name = "map", kind = "btreemap", key = "%s" }\n' % t.spec)

    def some_value(self):
        if self.value_bound == 8:
            return some_bytes(8, 8)
        return some_bytes(0, 40) if self.value_bound is None else b''

    def rank(self, key):
        return self.t.order(self.order[key])

    def audit(self, want):
        """What lies in the image now is a sound map of these records in their true order."""
        got = btree.Map(content('a.img'), self.width, self.rank).records
        self.expect(got == sorted(want, key=lambda r: self.rank(r[0])), 'audit', got, want)

    def expect(self, good, what, *more):
        if not good:
            sys.exit('%s, %d entries %s: %s\n%s' % (self.t.spec, len(self.records), [
                (k.hex(), v.hex()) for k, v in self.records], what, '\n'.join(map(str, more))))

    def shown(self):
        return [{'key': self.t.show(v), 'value': value.hex()}
                for v, (_, value) in zip(self.values, self.records)]

    # With the type told, all is right.
    def told(self):
        done = run('check', '--names', 'n.toml', 'a.img')
        self.expect(done.returncode == 0 and done.stdout == b'a.img: clean\n', 'check told',
                    done.stdout, done.stderr)
        done = run('dump', '-k', self.t.spec, 'a.img', '3')
        self.expect(done.returncode == 0 and done.lines == self.shown(), 'dump told', done.stdout,
                    done.stderr, self.shown())
        value = self.some_value()
        line = {'key': self.t.show(self.new), 'value': value.hex()}
        done = run('load', '--merge', '-k', self.t.spec, 'a.img', '3', lines=[line])
        self.expect(done.returncode == 0, 'load told', line, done.stderr)
        want = dict(self.records)
        want[self.new_key] = value
        self.audit(list(want.items()))
        word = line['key'] if isinstance(line['key'], str) else json.dumps(line['key'])
        if '\0' not in word:
            done = run('dump', '-k', self.t.spec, '--get', word, 'a.img', '3')
            self.expect(done.lines == [line], 'get told', word, done.stdout, done.stderr)
            done = run('dump', '-k', self.t.spec, '--range', word + '..', 'a.img', '3')
            behind = sum(not self.rank(k) < self.t.order(self.new) for k in want)
            self.expect(len(done.lines) == behind, 'range told', word, done.stdout, behind)
        done = run('diff', '--records', '-k', self.t.spec, 'a.img', 'before.img', '3')
        self.expect(done.returncode == (want != dict(self.records)),
                    'diff told', done.stdout, done.stderr)
        done = run('load', '--delete', '-k', self.t.spec, 'a.img', '3', lines=[line])
        self.expect(done.returncode == 0, 'delete told', done.stderr)
        del want[self.new_key]
        self.audit(list(want.items()))

    # Without, it is right or refuses.
    def untold(self):
        done = run('check', 'a.img')
        self.expect(done.returncode == 0, 'check untold', done.stdout, done.stderr)
        want = [{'key': k.hex(), 'value': v.hex()} for k, v in self.records]
        done = run('dump', 'a.img', '3')
        self.expect(done.returncode == 1 or done.lines == want or b'a guess' in done.stderr,
                    'dump untold', done.stdout, done.stderr)
        done = run('info', '--json', 'a.img', '3')
        if done.returncode == 0:
            info = json.loads(done.stdout)
            self.expect(info['entries'] == len(self.records), 'info untold', info)
            self.expect(not info.get('key_width') or info['key_width_guessed'] or
                        info['key_width'] == ('prefixed' if self.width is None
                                              else str(self.width)), 'info untold', info)
        self.writes_untold('--merge', self.new_key, self.some_value())
        if self.records:
            key, value = rng.choice(self.records)
            self.writes_untold('--merge', key, bytes(reversed(value)))
            self.writes_untold('--delete', key, b'')

    def writes_untold(self, mode, key, value):
        before = content('a.img')
        done = run('load', mode, 'a.img', '3', lines=[{'key': key.hex(), 'value': value.hex()}])
        if done.returncode != 0:
            self.expect(content('a.img') == before, 'refused, but written')
            return
        want = dict(btree.Map(before, self.width, self.rank).records)
        if mode == '--merge':
            want[key] = value
        else:
            del want[key]
        self.audit(list(want.items()))
        if content('a.img') != before:
            done = run('diff', '--records', 'before.img', 'a.img', '3')
            self.expect(done.returncode in (1, 2) or want == dict(self.records),
                        'equal by a guess', done.stdout, done.stderr)


def main():
    # Each type once, of the many widths of plain bytes some; or as many at random.
    plain = [t for t in TYPES if t.spec.startswith('bytes')]
    types = [t for t in TYPES if t not in plain] + rng.sample(plain, 10)
    for i in range(int(sys.argv[2]) or len(types)):
        run('create', '-f', '-b', '1', 'a.img')
        case = Case(rng.choice(TYPES) if int(sys.argv[2]) else types[i])
        run('create', '-f', '-b', '1', 'before.img')
        run('put', 'before.img', '3', 'memory')
        case.untold()
        run('put', 'a.img', '3', 'memory')
        case.told()


main()
