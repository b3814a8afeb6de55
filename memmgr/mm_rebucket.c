// SPDX-License-Identifier: MIT
/*
 * The same memories in buckets of another size, in a new image. The source is only read; the new
 * image is made by the calls that every caller has, so that it is what they make. No locks but
 * those calls', and the pin under which the sizes of all memories are read at once.
 */
#include "memmgr/image.h"

void mm_sizing(struct mm *mm, uint32_t bucket_pages, struct mm_sizing *out)
{
	uint64_t bucket_len = (uint64_t)bucket_pages * MM_PAGE_LEN;
	uint64_t data_len = 0;
	auto_mm_pin struct mm *held = NULL;

	mm_pin(mm);
	held = mm;
	*out = (struct mm_sizing){
		.bucket_pages = bucket_pages,
		.cap_pages = (uint64_t)bucket_pages * MM_MAX_BUCKETS,
	};
	for (unsigned id = 0; id < MM_MAX_MEMORIES; id++) {
		out->buckets += div_up(mm->lay.pages[id], bucket_pages);
		data_len += mm->lay.pages[id] * MM_PAGE_LEN;
	}
	out->image_len = MM_PAGE_LEN + out->buckets * bucket_len;
	out->slack_len = out->buckets * bucket_len - data_len;
	out->fits = out->buckets <= MM_MAX_BUCKETS;
}

struct copy {
	struct mm *from, *to;
	uint8_t *buf;
	size_t buf_len;
	mm_progress_fn *progress;
	void *ctx;
};

static void report(const struct copy *c, uint64_t bytes)
{
	if (c->progress)
		c->progress(c->ctx, bytes);
}

static int copy_run(const struct copy *c, unsigned mm_id, uint64_t off, uint64_t end,
		    struct err *err)
{
	while (off < end) {
		size_t len = (size_t)MIN((uint64_t)c->buf_len, end - off);
		int rc = mm_read(c->from, mm_id, c->buf, len, off, err);

		if (!rc && !is_zero(c->buf, len))
			rc = mm_write(c->to, mm_id, c->buf, len, off, err);
		if (rc)
			return rc;
		report(c, len);
		off += len;
	}
	return 0;
}

static int copy_memory(const struct copy *c, unsigned mm_id, struct err *err)
{
	struct mm_memory m;
	uint64_t size_len;
	int rc;

	mm_memory(c->from, mm_id, &m);
	size_len = m.pages * MM_PAGE_LEN;
	rc = mm_grow(c->to, mm_id, m.pages, err);
	for (uint64_t off = 0; !rc && off < size_len;) {
		uint64_t start, end;

		rc = mm_next_data(c->from, mm_id, off, &start, &end, err);
		if (rc)
			return rc;
		report(c, start - off);
		rc = copy_run(c, mm_id, start, end, err);
		off = end;
	}
	return rc;
}

static int check_fits(struct mm *from, uint32_t bucket_pages, struct err *err)
{
	struct mm_sizing size;

	mm_sizing(from, bucket_pages, &size);
	if (size.fits)
		return 0;
	return err_set(err, -EFBIG,
		       "the memories need %llu buckets of %u pages, and there can be no more than "
		       "%u: at that size an image holds %llu pages",
		       (unsigned long long)size.buckets, bucket_pages, MM_MAX_BUCKETS,
		       (unsigned long long)size.cap_pages);
}

int mm_rebucket(struct mm *from, struct store *to, uint32_t bucket_pages, mm_progress_fn *progress,
		void *ctx, struct err *err)
{
	enum { STEP_LEN = 1 << 20 };
	auto_free uint8_t *buf = malloc(STEP_LEN);
	auto_mm struct mm *made = NULL;
	struct copy c = {.from = from, .buf = buf, .buf_len = STEP_LEN, progress, ctx};
	int rc;

	if (!buf)
		return err_set(err, -ENOMEM, "no memory to copy with");
	if (bucket_pages < 1 || bucket_pages > MM_MAX_BUCKET_PAGES)
		return err_set(err, -EINVAL, "a bucket of %u pages; 1 to %u are possible",
			       bucket_pages, MM_MAX_BUCKET_PAGES);
	rc = check_fits(from, bucket_pages, err);
	if (!rc)
		rc = mm_create(to, bucket_pages, err);
	if (!rc)
		rc = mm_open(to, &made, err);
	c.to = made;
	for (unsigned id = 0; !rc && id < MM_MAX_MEMORIES; id++)
		rc = copy_memory(&c, id, err);
	return rc ? rc : mm_sync(made, err);
}
