// SPDX-License-Identifier: MIT
/*
 * Writes the image that checkpoints are measured with, the same bytes each time: 1 GiB with
 * 127-page buckets of B-tree nodes, CBOR records and noise, 547 MiB together, and of nothing.
 * usage: bench_image FILE
 */
#include <fcntl.h>
#include <stdio.h>

#include "memmgr/util.h"

enum { PAGE = 65536, PAGES = 16384, BUCKET_PAGES = 127, NODE_LEN = 1024 };

static uint64_t random_state = UINT64_C(88172645463325252);

static uint64_t next_random(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state * UINT64_C(0x2545f4914f6cdd1d);
}

/* An account: a growing key, a principal, a balance, a time. */
static uint8_t *put_entry(uint8_t *to, uint64_t key)
{
	put_be64(to, key);
	to[8] = 29;
	for (int i = 0; i < 10; i++)
		to[9 + i] = (uint8_t)next_random();
	to[36] = 1;
	to[37] = 2;
	put_le32(to + 38, (uint32_t)(next_random() % 1000000));
	put_le64(to + 46, UINT64_C(1700000000000000000) + key * 1000003);
	put_le32(to + 54, 1);
	return to + 62;
}

static void fill_btree(uint8_t *page)
{
	static uint64_t key;

	for (uint8_t *node = page; node < page + PAGE; node += NODE_LEN) {
		unsigned count = 5 + (unsigned)(next_random() % 7);
		uint8_t *to = node + 16;

		memset(node, 0, NODE_LEN);
		memcpy(node, "BTN\1", 4);
		node[5] = (uint8_t)count;
		for (unsigned i = 0; i < count; i++) {
			key += 1 + next_random() % 9;
			to = put_entry(to, key);
		}
	}
}

static uint8_t *put_text(uint8_t *to)
{
	static const char *const words[] = {
		"balance", "owner",     "transfer", "created",  "memo",    "amount",  "fee",
		"account", "principal", "ledger",   "block",    "index",   "token",   "symbol",
		"pending", "spender",   "expires",  "approved", "profile", "message", "channel",
	};
	const char *word = words[next_random() % ARRAY_LEN(words)];
	size_t len = strlen(word);

	*to = (uint8_t)(0x60 + len);
	memcpy(to + 1, word, len);
	return to + 1 + len;
}

/* Maps of six: a name, then a number, a text or bytes. */
static void fill_cbor(uint8_t *page)
{
	uint8_t *to = page;

	memset(page, 0, PAGE);
	while (to < page + PAGE - 256) {
		*to++ = 0xa6;
		for (int i = 0; i < 6; i++) {
			to = put_text(to);
			if (i % 3 == 0) {
				*to = 0x1a;
				put_be32(to + 1, (uint32_t)(next_random() % 100000));
				to += 5;
			} else if (i % 3 == 1) {
				to = put_text(to);
			} else {
				*to = 0x48;
				put_be64(to + 1, next_random());
				to += 9;
			}
		}
	}
}

static void fill_noise(uint8_t *page)
{
	for (int i = 0; i < PAGE; i += 8)
		put_le64(page + i, next_random());
}

/* The same kind for a whole bucket. False: nothing. */
static bool fill(uint64_t bucket, uint8_t *page)
{
	uint64_t kind = (bucket * UINT64_C(2654435761) >> 8) % 80;

	if (kind < 19)
		fill_btree(page);
	else if (kind < 34)
		fill_cbor(page);
	else if (kind < 42)
		fill_noise(page);
	return kind < 42;
}

int main(int argc, char **argv)
{
	static uint8_t page[PAGE];
	auto_close int fd = -1;

	if (argc != 2) {
		fprintf(stderr, "usage: %s FILE\n", argv[0]);
		return 2;
	}
	fd = open(argv[1], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	if (fd < 0 || ftruncate(fd, (off_t)PAGES * PAGE) < 0) {
		perror(argv[1]);
		return 1;
	}
	for (uint64_t i = 0; i < PAGES; i++)
		if (fill(i / BUCKET_PAGES, page) && pwrite_all(fd, page, PAGE, i * PAGE) < 0) {
			fprintf(stderr, "%s: cannot write\n", argv[1]);
			return 1;
		}
	return 0;
}
