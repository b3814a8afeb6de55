// SPDX-License-Identifier: MIT
/*
 * Owns the proof that each byte of a bundle is the one that was written. Opening has proven the
 * tables; here come the chunks, and the whole. Uses nothing that the bundle's lock guards.
 */
#include <stdio.h>

#include "snapshot/beside/bundle_parts.h"

struct proof {
	const struct bundle *b;
	const struct bundle_watch *watch;
	struct sha *sha; /* over the bundle's bytes, in their order */
	struct unpack unpack;
	struct entry_reader reader;
	size_t told; /* the last file that was found damaged, plus 1 */
	bool found;
};

static void report(struct proof *p, const char *name, const char *text)
{
	p->found = true;
	if (p->watch->found)
		p->watch->found(p->watch->ctx, name, text);
}

static int step(struct proof *p, uint64_t len, struct err *err)
{
	if (p->watch->step && p->watch->step(p->watch->ctx, len) != 0)
		return err_set(err, -ECANCELED, "interrupted");
	return 0;
}

/* One chunk; of each file the first damage is told. */
static int prove_chunk(struct proof *p, const struct bundle_entry *e, struct err *err)
{
	size_t of = p->reader.of;
	const struct bundle_file *f = &p->b->of[of];
	struct err why = {""};
	int rc = unpack_chunk(&p->unpack, p->b, f, e, &why);

	if (rc < 0 && rc != -EUCLEAN)
		return err_set(err, rc, "%s", why.text);
	sha_add(p->sha, p->unpack.packed, e->len);
	if (rc < 0 && p->told != of + 1) {
		p->told = of + 1;
		report(p, f->file->name, why.text);
	}
	return step(p, e->len, err);
}

static int prove_chunks(struct proof *p, struct err *err)
{
	struct bundle_entry e;
	int rc;

	entry_reader_begin(&p->reader, p->b, NULL);
	while ((rc = entry_reader_next(&p->reader, &e, err)) > 0) {
		rc = prove_chunk(p, &e, err);
		if (rc < 0)
			break;
	}
	return rc;
}

/* Bytes of the bundle that are no chunk's. */
static int add_range(struct proof *p, uint64_t off, uint64_t end, struct err *err)
{
	int rc = 0;

	for (size_t n; off < end && rc == 0; off += n) {
		n = MIN(BUNDLE_CHUNK_LEN, end - off);
		rc = bundle_read(p->b, p->unpack.packed, n, off, err);
		if (rc < 0)
			return rc;
		sha_add(p->sha, p->unpack.packed, n);
		rc = step(p, n, err);
	}
	return rc;
}

static int prove_whole(struct proof *p, struct err *err)
{
	uint8_t is[SHA_LEN];
	char want[SHA_TEXT_LEN], have[SHA_TEXT_LEN];
	struct err text;
	int rc = sha_end(p->sha, is);

	if (rc < 0)
		return err_sys(err, rc, "cannot hash");
	if (p->found || memcmp(is, p->b->footer.hash, SHA_LEN) == 0)
		return 0;
	err_set(&text, 0, "the checksum of the side files is %s, and was %s when they were written",
		sha_text(is, have), sha_text(p->b->footer.hash, want));
	report(p, NULL, text.text);
	return 0;
}

static int prove(struct proof *p, struct err *err)
{
	const struct bundle *b = p->b;
	uint64_t end = b->len - BUNDLE_FOOTER_LEN + BUNDLE_HASH_OFF;
	int rc;

	sha_begin(p->sha);
	rc = add_range(p, 0, BUNDLE_HEAD_LEN, err);
	if (rc == 0)
		rc = prove_chunks(p, err);
	if (rc == 0)
		rc = add_range(p, b->footer.table_off, end, err);
	return rc < 0 ? rc : prove_whole(p, err);
}

int bundle_verify(const struct bundle *b, const struct bundle_watch *watch, struct err *err)
{
	auto_free struct proof *p = calloc(1, sizeof(*p));
	int rc;

	if (!p)
		return err_sys(err, -ENOMEM, "cannot check");
	p->b = b;
	p->watch = watch;
	rc = unpack_open(&p->unpack);
	if (rc == 0)
		rc = sha_new(&p->sha);
	rc = rc < 0 ? err_sys(err, rc, "cannot check") : prove(p, err);
	sha_free(p->sha);
	unpack_close(&p->unpack);
	return rc;
}
