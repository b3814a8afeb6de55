// SPDX-License-Identifier: MIT
/*
 * See memories_hash.h. Reads what the store says may be data, and nothing else: the cost follows
 * the data, not the size.
 */
#include "tools/facts/memories_hash.h"

#include <openssl/evp.h>
#include <stdio.h>

#include "tools/out/progress.h"

enum { STEP_PAGES = 16 };

struct hashing {
	struct mm *mm;
	EVP_MD_CTX *sha;
	uint8_t *buf;
	struct progress progress;
	bool failed; /* of the library; told at the end */
};

static void add(struct hashing *h, const void *bytes, size_t len)
{
	h->failed |= EVP_DigestUpdate(h->sha, bytes, len) != 1;
}

static void add_pages(struct hashing *h, uint64_t first, size_t pages)
{
	for (size_t i = 0; i < pages; i++) {
		const uint8_t *page = h->buf + i * MM_PAGE_LEN;
		uint8_t head[9] = {'P'};

		if (is_zero(page, MM_PAGE_LEN))
			continue;
		put_le64(head + 1, first + i);
		add(h, head, sizeof(head));
		add(h, page, MM_PAGE_LEN);
	}
}

static int add_memory(struct hashing *h, unsigned mm_id, uint64_t pages, struct err *err)
{
	uint8_t head[10] = {'M', (uint8_t)mm_id};
	uint64_t page = 0;

	put_le64(head + 2, pages);
	add(h, head, sizeof(head));
	while (page < pages) {
		uint64_t start, end, n;
		int rc = mm_next_data(h->mm, mm_id, page * MM_PAGE_LEN, &start, &end, err);

		if (rc)
			return rc;
		progress_add(&h->progress, (start / MM_PAGE_LEN - page) * MM_PAGE_LEN);
		page = start / MM_PAGE_LEN;
		n = MIN(div_up(end, MM_PAGE_LEN) - page, (uint64_t)STEP_PAGES);
		if (n == 0)
			break;
		rc = mm_read(h->mm, mm_id, h->buf, n * MM_PAGE_LEN, page * MM_PAGE_LEN, err);
		if (rc)
			return rc;
		add_pages(h, page, n);
		progress_add(&h->progress, n * MM_PAGE_LEN);
		page += n;
	}
	return 0;
}

static int add_all(struct hashing *h, struct err *err)
{
	static const char prefix[] = "canisterfs memories 1";
	int rc = 0;

	h->failed = EVP_DigestInit_ex(h->sha, EVP_sha256(), NULL) != 1;
	add(h, prefix, sizeof(prefix) - 1);
	for (unsigned id = 0; !rc && id < MM_MAX_MEMORIES; id++) {
		struct mm_memory m;

		mm_memory(h->mm, id, &m);
		if (m.pages > 0)
			rc = add_memory(h, id, m.pages, err);
	}
	return rc;
}

static uint64_t data_len(struct mm *mm)
{
	uint64_t len = 0;

	for (unsigned id = 0; id < MM_MAX_MEMORIES; id++) {
		struct mm_memory m;

		mm_memory(mm, id, &m);
		len += m.pages * MM_PAGE_LEN;
	}
	return len;
}

int memories_hash(struct mm *mm, const char *doing, struct memories_hash *out, struct err *err)
{
	auto_free uint8_t *buf = malloc(STEP_PAGES * MM_PAGE_LEN);
	struct hashing h = {.mm = mm, .sha = EVP_MD_CTX_new(), .buf = buf};
	int rc;

	if (!buf || !h.sha) {
		EVP_MD_CTX_free(h.sha);
		return err_set(err, -ENOMEM, "no memory to hash with");
	}
	h.progress = progress_begin(doing, data_len(mm), false);
	rc = add_all(&h, err);
	progress_end(&h.progress);
	h.failed |= EVP_DigestFinal_ex(h.sha, out->bytes, NULL) != 1;
	EVP_MD_CTX_free(h.sha);
	if (!rc && h.failed)
		rc = err_set(err, -EIO, "SHA-256 failed in OpenSSL's libcrypto");
	for (size_t i = 0; i < MEMORIES_HASH_LEN; i++)
		snprintf(out->text + 2 * i, 3, "%02x", out->bytes[i]);
	return rc;
}

bool memories_hash_same(const struct memories_hash *a, const struct memories_hash *b)
{
	return memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}
