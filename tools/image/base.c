// SPDX-License-Identifier: MIT
/*
 * See base.h. memmgr finds the managers; here is decided whether one of them is meant.
 */
#include "tools/image/base.h"

#include <inttypes.h>

#include "memmgr/structures/structures.h"
#include "tools/cmd/cmd.h"
#include "tools/image/mounted.h"
#include "tools/out/text.h"

static int recognise(struct store *whole, uint64_t len, struct ss_content *out, struct err *err)
{
	auto_store struct store *part = NULL;
	int rc = window_look(whole, 0, len, &part, err);

	return rc ? rc : ss_recognise(part, out, err);
}

/* The structure at the image's first byte reaches behind `front_len`: then what looks like a
 * manager there is part of it. */
static int reaches_behind(struct store *whole, uint64_t front_len, bool *reaches,
			  struct ss_content *what, struct err *err)
{
	struct ss_content front;
	int rc = recognise(whole, whole->len, what, err);

	if (!rc)
		rc = recognise(whole, front_len, &front, err);
	if (rc)
		return rc;
	*reaches = what->kind != SS_UNKNOWN && what->kind != SS_ZEROS &&
		   (front.kind != what->kind || what->payload_off + what->payload_len > front_len);
	return 0;
}

static int judge(const char *path, const struct mm_base *base, bool writable, bool reaches,
		 const struct ss_content *what, struct err *err)
{
	if (reaches && writable)
		return err_set(err, -EINVAL,
			       "a manager begins at page %" PRIu64
			       ", and the image as a whole is another structure (%s); --base-page "
			       "says which is meant",
			       base->page[0], what->text);
	if (base->found > 1 && writable)
		return err_set(err, -EINVAL,
			       "managers begin at page %" PRIu64 " and at page %" PRIu64
			       "; --base-page says which is meant",
			       base->page[0], base->page[1]);
	if (!path)
		return 0;
	if (reaches)
		cmd_error(path,
			  "note: what begins at page %" PRIu64
			  " looks like a manager; --base-page %" PRIu64 " reads it",
			  base->page[0], base->page[0]);
	else if (base->found > 1)
		cmd_error(path,
			  "note: managers begin at page %" PRIu64 " and at page %" PRIu64
			  "; this is about the first, and --base-page says which is meant",
			  base->page[0], base->page[1]);
	else
		cmd_error(path, "note: the manager begins at page %" PRIu64 "; before it lie %s",
			  base->page[0], text_plural(base->page[0], "page").s);
	return 0;
}

static int search(const char *path, struct store *whole, bool writable, uint64_t *base_len,
		  struct err *err)
{
	struct ss_content what;
	struct mm_base base;
	enum mm_kind kind;
	bool reaches;
	int rc = mm_probe(whole, &kind, err);

	if (rc || kind != MM_RAW)
		return rc;
	rc = mm_find_base(whole, &base, err);
	if (rc || base.found == 0)
		return rc;
	rc = reaches_behind(whole, base.page[0] * MM_PAGE_LEN, &reaches, &what, err);
	if (!rc)
		rc = judge(path, &base, writable, reaches, &what, err);
	if (!rc && !reaches)
		*base_len = base.page[0] * MM_PAGE_LEN;
	return rc;
}

int base_of(const char *path, struct store *whole, bool writable, uint64_t *base_len,
	    struct err *err)
{
	*base_len = 0;
	if (image_base_pages == CMD_UNSET)
		*base_len = mounted_base_pages(whole) * MM_PAGE_LEN;
	else
		*base_len = image_base_pages * MM_PAGE_LEN;
	if (image_base_pages != CMD_UNSET || *base_len > 0)
		return 0;
	return search(path, whole, writable, base_len, err);
}
