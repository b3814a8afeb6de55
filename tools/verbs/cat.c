// SPDX-License-Identifier: MIT
/*
 * cat: one memory to stdout. Zeros that take no space in the image take none in a file that it is
 * redirected to either.
 */
#include <inttypes.h>

#include "memmgr/structures/structures.h"
#include "tools/cmd/cmd.h"
#include "tools/image/image_open.h"
#include "tools/image/sides.h"
#include "tools/out/sink.h"
#include "tools/sandbox/sandbox.h"

struct cat_args {
	uint64_t offset, length;
	bool force;
	const char *image;
	struct names *names;
	uint64_t id;
};

static const struct cmd_option options[] = {
	{"offset", 'o', CMD_SIZE, WHERE(struct cat_args, offset), "BYTES",
	 "begin there; K, M, G, T count in powers of 1024"},
	{"length", 'l', CMD_SIZE, WHERE(struct cat_args, length), "BYTES", "end after so many"},
	{"force", 'f', CMD_FLAG, WHERE(struct cat_args, force), NULL,
	 "also half of a database, whose journal lies beside the image"},
	CMD_NAMES_FILE(struct cat_args, names),
	CMD_BASE_PAGE,
	CMD_TRUST_BACKING,
	{NULL},
};

static const struct cmd_operand operands[] = {
	{"IMAGE", CMD_FILE, WHERE(struct cat_args, image)},
	{"ID", CMD_ID, WHERE(struct cat_args, id)},
	{NULL},
};

/* Whoever gets a database without its journal cannot make it whole. */
static int refuse_half(const struct cat_args *args, const struct image *img, struct err *err)
{
	auto_sides struct sides sides = SIDES_NONE;
	const struct side_file *half;
	int rc = args->force ? 0 : sides_open(img->store, img->bond, &sides, err);

	if (rc || !sides.files)
		return rc;
	half = side_files_other_half(sides.files, (unsigned)args->id);
	if (!half)
		return 0;
	return err_set(err, -EBUSY,
		       "memory %" PRIu64
		       " is half of a database: the other half is in scratch file "
		       "'%s', and a mount shows both; --force writes the memory alone",
		       args->id, half->name);
}

static int cat(const struct cat_args *args, struct err *err)
{
	auto_image struct image img = {NULL, NULL};
	auto_store struct store *memory = NULL;
	uint64_t off = args->offset == CMD_UNSET ? 0 : args->offset;
	struct mm_memory m;
	uint64_t len;
	int rc = image_open(args->image, false, &img, err);

	if (!rc)
		rc = sandbox_inputs_open(err);
	if (!rc)
		rc = image_find(img.mm, (unsigned)args->id, &m, err);
	if (!rc)
		rc = refuse_half(args, &img, err);
	if (rc)
		return rc;
	len = m.pages * MM_PAGE_LEN;
	if (off > len)
		return err_set(err, -EINVAL,
			       "memory %" PRIu64 " has %" PRIu64 " bytes, and none at %" PRIu64,
			       args->id, len, off);
	len = MIN(len - off, args->length);
	rc = ss_memory_store(img.mm, (unsigned)args->id, false, &memory, err);
	return rc ? rc : sink_put(memory, off, off + len, err);
}

static int cmd_cat(const void *arguments)
{
	const struct cat_args *args = arguments;
	struct err err = {""};
	int rc = cat(args, &err);

	/* A reader that has seen enough needs no message. */
	if (rc == -EPIPE)
		return CMD_FAILED;
	return rc ? cmd_fail(args->image, &err) : CMD_DONE;
}

const struct verb verb_cat = {
	.name = "cat",
	.summary = "write one memory to standard output",
	.text = "Writes memory ID, or a part of it, to standard output: whole pages, as the image\n"
		"has them. Where that is a file, zeros are left out as holes. A memory that is half of\n"
		"a database, since its hot journal lies beside the image, is refused without --force.",
	.options = options,
	.operands = operands,
	.args_len = sizeof(struct cat_args),
	.run = cmd_cat,
	.reads = true,
};
