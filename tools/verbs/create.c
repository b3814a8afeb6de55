// SPDX-License-Identifier: MIT
/*
 * create: an empty managed image. Its bucket size is the user's choice, made with both sides of it
 * in view, because nothing can change it in a running canister.
 */
#include "tools/cmd/cmd.h"
#include "tools/facts/bucket_size.h"
#include "tools/image/image_open.h"
#include "tools/out/text.h"

struct create_args {
	uint64_t bucket_pages;
	bool force;
	bool json;
	const char *image;
};

static const struct cmd_option options[] = {
	{"bucket-pages", 'b', CMD_NUMBER, WHERE(struct create_args, bucket_pages), "N",
	 "pages of 64 KiB in a bucket, 1 to 65535", 1, MM_MAX_BUCKET_PAGES, .required = true},
	{"force", 'f', CMD_FLAG, WHERE(struct create_args, force), NULL,
	 "replace IMAGE where it exists"},
	{"json", 0, CMD_FLAG, WHERE(struct create_args, json), NULL, "print one JSON document"},
	CMD_BASE_PAGE,
	{NULL},
};

static const struct cmd_operand operands[] = {
	{"IMAGE", CMD_FILE, WHERE(struct create_args, image)},
	{NULL},
};

static int create(const struct create_args *args, struct err *err)
{
	auto_image_new struct image_new new = IMAGE_NEW_NONE;
	int rc = image_new_open(args->image, args->force, NULL, &new, err);

	if (!rc)
		rc = mm_create(new.store, (uint32_t)args->bucket_pages, err);
	return rc ? rc : image_new_commit(&new, err);
}

static int report(const struct create_args *args)
{
	struct bucket_size size = bucket_size_of(args->bucket_pages);
	struct json doc;

	if (args->json) {
		doc = json_begin();
		fields_put(&doc, doc.root, bucket_size_fields, &size);
		return json_print(&doc);
	}
	text_print("%s: an empty image with buckets of %s (%s)\n", args->image,
		   text_plural(size.bucket_pages, "page").s, text_size(size.bucket_len).s);
	bucket_size_print(stdout, size.bucket_pages);
	return CMD_DONE;
}

static int cmd_create(const void *arguments)
{
	const struct create_args *args = arguments;
	struct err err = {""};
	int rc;

	if (args->bucket_pages == CMD_UNSET) {
		rc = cmd_usage(
			&verb_create,
			"--bucket-pages is missing, and no default would do: memory is given "
			"out in whole buckets, small ones waste little, large ones hold more, "
			"and a running canister can never change the size");
		bucket_size_table(stderr, "  ");
		return rc;
	}
	if (create(args, &err) != 0)
		return cmd_fail(args->image, &err);
	return report(args);
}

const struct verb verb_create = {
	.name = "create",
	.summary = "make an empty image",
	.text = "Makes a managed image without memories: one page of 64 KiB.\n"
		"\n"
		"Memory is given out in buckets of N pages. With small buckets little is wasted\n"
		"behind the end of each memory; but there are at most 32,768 buckets, so that\n"
		"large ones hold more. The canister's library takes 128 unless told otherwise.",
	.options = options,
	.operands = operands,
	.args_len = sizeof(struct create_args),
	.run = cmd_create,
};
