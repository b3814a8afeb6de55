// SPDX-License-Identifier: MIT
/*
 * cat: one memory to stdout. Zeros that take no space in the image take none in a file that it is
 * redirected to either.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <sys/stat.h>

#include "tools/cmd/cmd.h"
#include "tools/image/image_open.h"
#include "tools/image/sides.h"
#include "tools/out/progress.h"
#include "tools/sandbox/sandbox.h"

enum {
	CHUNK_LEN = 1 << 20,
	ZEROS_LEN = 1 << 24, /* that many at once, so that progress shows */
};

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

/* What is written to, from its current position on. */
struct sink {
	int fd;
	bool sparse; /* a plain file that ends here: zeros can be skipped */
};

static struct sink sink_of(int fd)
{
	struct sink sink = {.fd = fd};
	struct stat st;
	int flags = fcntl(fd, F_GETFL);

	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && flags >= 0 && !(flags & O_APPEND))
		sink.sparse = lseek(fd, 0, SEEK_CUR) >= st.st_size;
	return sink;
}

static int put_bytes(const struct sink *sink, const uint8_t *buf, size_t len, struct err *err)
{
	while (len > 0) {
		ssize_t n = write(sink->fd, buf, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(err, -errno, "cannot write to standard output");
		buf += n;
		len -= (size_t)n;
	}
	return 0;
}

static int put_zeros(const struct sink *sink, uint64_t len, struct err *err)
{
	static const uint8_t zeros[CHUNK_LEN];
	int rc = 0;

	if (sink->sparse && lseek(sink->fd, (off_t)len, SEEK_CUR) < 0)
		return err_sys(err, -errno, "cannot write to standard output");
	for (uint64_t n; !sink->sparse && !rc && len > 0; len -= n) {
		n = MIN(len, CHUNK_LEN);
		rc = put_bytes(sink, zeros, n, err);
	}
	return rc;
}

/* Where the last bytes were skipped, the file ends there all the same. */
static int end_sink(const struct sink *sink, struct err *err)
{
	off_t end = sink->sparse ? lseek(sink->fd, 0, SEEK_CUR) : -1;

	if (end >= 0 && ftruncate(sink->fd, end) < 0)
		return err_sys(err, -errno, "cannot write to standard output");
	return 0;
}

static int put_range(struct mm *mm, unsigned mm_id, uint64_t off, uint64_t end,
		     const struct sink *sink, struct err *err)
{
	auto_progress struct progress progress =
		progress_begin("reading", end - off, isatty(sink->fd));
	auto_free uint8_t *buf = malloc(CHUNK_LEN);
	uint64_t data = off, data_end = off;
	int rc = 0;

	if (!buf)
		return err_set(err, -ENOMEM, "out of memory");
	while (!rc && off < end) {
		uint64_t n;

		if (off >= data_end)
			rc = mm_next_data(mm, mm_id, off, &data, &data_end, err);
		if (rc)
			break;
		n = MIN(off < data ? MIN(data - off, ZEROS_LEN) : MIN(data_end - off, CHUNK_LEN),
			end - off);
		if (off < data) {
			rc = put_zeros(sink, n, err);
		} else {
			rc = mm_read(mm, mm_id, buf, n, off, err);
			if (!rc)
				rc = put_bytes(sink, buf, n, err);
		}
		off += n;
		progress_add(&progress, n);
	}
	return rc ? rc : end_sink(sink, err);
}

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
	struct sink sink = sink_of(STDOUT_FILENO);
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
	return put_range(img.mm, (unsigned)args->id, off, off + len, &sink, err);
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
