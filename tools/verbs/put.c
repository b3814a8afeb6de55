// SPDX-License-Identifier: MIT
/*
 * put: replaces one memory by a file or by what comes through a pipe. Atomic: whatever happens, the
 * memory has its old or its new content.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <sys/stat.h>

#include "tools/cmd/cmd.h"
#include "tools/image/image_open.h"
#include "tools/out/progress.h"
#include "tools/out/spool.h"

struct put_args {
	const char *image;
	struct names *names;
	uint64_t id;
	const char *file;
};

static const struct cmd_option options[] = {
	CMD_NAMES_FILE(struct put_args, names),
	CMD_BASE_PAGE,
	{NULL},
};

static const struct cmd_operand operands[] = {
	{"IMAGE", CMD_FILE, WHERE(struct put_args, image)},
	{"ID", CMD_ID_WRITE, WHERE(struct put_args, id)},
	{"FILE", CMD_FILE, WHERE(struct put_args, file), .optional = true},
	{NULL},
};

/* What the memory will hold: `len` bytes of a file that can be read in any order. */
struct content {
	int fd;
	uint64_t start, len;
	struct progress progress;
};

/* Takes over `fd`. */
static int content_from_fd(int fd, uint64_t max_len, struct content *out, struct err *err)
{
	auto_close int own = fd;
	struct stat st;
	off_t at;

	if (fstat(fd, &st) < 0)
		return err_sys(err, -errno, "cannot examine the new content");
	if (S_ISDIR(st.st_mode))
		return err_sys(err, -EISDIR, "cannot read the new content");
	at = S_ISREG(st.st_mode) ? lseek(fd, 0, SEEK_CUR) : -1;
	/* A pipe does not tell its length beforehand. */
	if (at < 0) {
		*out = (struct content){.fd = -1};
		return spool_all(fd, max_len, &out->fd, &out->len, err);
	}
	*out = (struct content){.fd = steal_fd(&own),
				.start = (uint64_t)at,
				.len = (uint64_t)MAX(st.st_size - at, 0)};
	return 0;
}

static int source(void *ctx, void *buf, size_t len, uint64_t off, size_t *got, struct err *err)
{
	struct content *content = ctx;
	int rc;

	*got = MIN(len, content->len - MIN(off, content->len));
	rc = pread_all(content->fd, buf, *got, content->start + off);
	if (rc)
		return err_sys(err, rc, "cannot read the new content at %" PRIu64, off);
	progress_add(&content->progress, *got);
	return 0;
}

/* The most bytes that the image's memories can hold. Also refuses early what is no image. */
static int cap_of(const char *path, uint64_t *len, struct err *err)
{
	auto_image struct image img = {NULL, NULL};
	struct mm_stat st;
	int rc = image_open(path, false, &img, err);

	if (rc)
		return rc;
	mm_stat(img.mm, &st);
	*len = st.cap_pages * MM_PAGE_LEN;
	return 0;
}

static int replace(const struct put_args *args, struct content *content, struct err *err)
{
	auto_image struct image img = {NULL, NULL};
	const struct mm_content new = {(unsigned)args->id, content->len, source, content};
	int rc = image_open_install(args->image, &img, err);

	if (!rc)
		rc = image_set_scratch_aside(&img, args->image, err);
	if (rc)
		return rc;
	content->progress = progress_begin("writing", content->len, false);
	rc = image_install(&img, &new, 1, false, err);
	progress_end(&content->progress);
	return rc;
}

static int cmd_put(const void *arguments)
{
	const struct put_args *args = arguments;
	struct content content = {.fd = -1};
	struct err err = {""};
	uint64_t max_len;
	int fd, rc;

	if (cap_of(args->image, &max_len, &err) != 0)
		return cmd_fail(args->image, &err);
	fd = args->file ? open(args->file, O_RDONLY | O_CLOEXEC) : dup(STDIN_FILENO);
	if (fd < 0) {
		cmd_error(args->file ? args->file : "standard input", "cannot open: %s",
			  strerror(errno));
		return CMD_FAILED;
	}
	/* Nothing is locked while a pipe is read: it may come from the same image. */
	rc = content_from_fd(fd, max_len, &content, &err);
	if (rc)
		return cmd_fail(args->file ? args->file : "standard input", &err);
	rc = replace(args, &content, &err);
	close(content.fd);
	return rc ? cmd_fail(args->image, &err) : CMD_DONE;
}

const struct verb verb_put = {
	.name = "put",
	.summary = "replace one memory by a file or standard input",
	.text = "Memory ID holds the content of FILE, or of standard input, from then on, filled up\n"
		"with zeros to a whole page. Until all is on disk it holds what it held: there must\n"
		"be room for both. Empty content removes the memory.\n"
		"\n"
		"IMAGE may be an overlay, or a directory where an image is mounted: then the mount\n"
		"changes the memory, at one instant, and a file that is open there shows it.",
	.options = options,
	.operands = operands,
	.args_len = sizeof(struct put_args),
	.run = cmd_put,
};
