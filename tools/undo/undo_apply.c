// SPDX-License-Identifier: MIT
/*
 * Reads undo files and puts back what they hold. See undo.h. Everything is checked before the first
 * byte is written. One thread.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <sys/stat.h>

#include "tools/undo/undo.h"
#include "tools/undo/undo_format.h"

void undo_make_head(uint8_t head[UNDO_HEAD_LEN], uint64_t before_len, uint64_t complete_len,
		    const uint8_t image_id[MM_ID_LEN])
{
	memset(head, 0, UNDO_HEAD_LEN);
	memcpy(head, UNDO_MAGIC, 8);
	put_le64(head + 16, before_len);
	put_le64(head + 24, complete_len);
	memcpy(head + 32, image_id, MM_ID_LEN);
	put_le32(head + 8, crc32_of(0, head, UNDO_HEAD_LEN));
}

void undo_seal(uint8_t *record, uint32_t kind, uint64_t off, uint32_t len, size_t payload)
{
	put_le32(record, 0);
	put_le32(record + 4, kind);
	put_le64(record + 8, off);
	put_le32(record + 16, len);
	put_le32(record, crc32_of(0, record, UNDO_RECORD_LEN + payload));
}

bool undo_is_sealed(uint8_t *record, size_t payload)
{
	uint32_t crc = get_le32(record);

	put_le32(record, 0);
	return crc == crc32_of(0, record, UNDO_RECORD_LEN + payload);
}

int undo_read_block(struct store *image, uint8_t *buf, uint64_t off, uint32_t len, struct err *err)
{
	size_t have = off < image->len ? MIN(len, image->len - off) : 0;

	memset(buf + have, 0, len - have);
	return have ? store_read(image, buf, have, off, err) : 0;
}

int undo_block_crc(struct store *image, uint8_t *buf, uint64_t off, uint32_t len, uint32_t *crc,
		   struct err *err)
{
	int rc = undo_read_block(image, buf, off, len, err);

	*crc = rc ? 0 : crc32_of(0, buf, len);
	return rc;
}

struct block {
	uint64_t off;
	uint64_t payload_off; /* in the undo file; 0: zeros */
	uint32_t len;
	uint32_t crc; /* before */
};

struct undo_file {
	int fd;
	uint64_t len, at; /* of the file */
	uint64_t before_len;
	uint64_t complete_len; /* 0: the change was stopped on its way */
	uint8_t image_id[MM_ID_LEN];
	struct block *block;
	uint32_t count, room;
	bool complete; /* an end was found */
	uint64_t after_len;
	uint8_t *after_crcs; /* 4 bytes a block */
	uint8_t *buf;        /* a record of a block */
};

static void cleanup_undo_file(struct undo_file *f)
{
	cleanup_close(&f->fd);
	free(f->block);
	free(f->after_crcs);
	free(f->buf);
}

static int read_head(struct undo_file *f, const char *path, struct err *err)
{
	uint8_t head[UNDO_HEAD_LEN], good[UNDO_HEAD_LEN];
	struct stat st;
	int rc;

	f->fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (f->fd < 0 || fstat(f->fd, &st) < 0)
		return err_sys(err, -errno, "cannot open the undo file %s", path);
	f->len = (uint64_t)st.st_size;
	rc = f->len < sizeof(head) ? 0 : pread_all(f->fd, head, sizeof(head), 0);
	if (rc)
		return err_sys(err, rc, "cannot read the undo file %s", path);
	if (f->len < sizeof(head) || memcmp(head, UNDO_MAGIC, 8) != 0)
		return err_set(err, -EINVAL, "%s is no undo file", path);
	f->before_len = get_le64(head + 16);
	f->complete_len = get_le64(head + 24);
	memcpy(f->image_id, head + 32, MM_ID_LEN);
	undo_make_head(good, f->before_len, f->complete_len, f->image_id);
	if (memcmp(head, good, sizeof(head)) != 0 || (f->complete_len && f->complete_len != f->len))
		return err_set(err, -EUCLEAN, "the undo file %s is damaged, or not all of it",
			       path);
	f->at = sizeof(head);
	return 0;
}

static int add_block(struct undo_file *f, const struct block *b, struct err *err)
{
	struct block *grown = f->block;

	if (f->count == f->room) {
		f->room = f->room ? 2 * f->room : 64;
		grown = reallocarray(grown, f->room, sizeof(*grown));
	}
	if (!grown)
		return err_set(err, -ENOMEM, "out of memory");
	f->block = grown;
	grown[f->count++] = *b;
	return 0;
}

static int read_block(struct undo_file *f, uint32_t kind, uint64_t off, uint32_t len, bool *torn,
		      struct err *err)
{
	size_t payload = kind == UNDO_BLOCK ? len : 0;
	struct block b = {.off = off, .len = len};
	uint8_t *bytes = f->buf + UNDO_RECORD_LEN;
	int rc;

	*torn = len == 0 || len > UNDO_BLOCK_LEN || off % UNDO_BLOCK_LEN || off >= f->before_len ||
		len > f->before_len - off || payload > f->len - f->at - UNDO_RECORD_LEN;
	if (*torn)
		return 0;
	rc = pread_all(f->fd, f->buf, UNDO_RECORD_LEN + payload, f->at);
	if (rc)
		return err_sys(err, rc, "cannot read the undo file");
	*torn = !undo_is_sealed(f->buf, payload);
	if (*torn)
		return 0;
	if (payload)
		b.payload_off = f->at + UNDO_RECORD_LEN;
	else
		memset(bytes, 0, len);
	b.crc = crc32_of(0, bytes, len);
	f->at += UNDO_RECORD_LEN + payload;
	return add_block(f, &b, err);
}

static int read_end(struct undo_file *f, uint64_t after_len, uint32_t count, bool *torn,
		    struct err *err)
{
	size_t payload = 4 * (size_t)f->count;
	uint8_t *record;
	int rc;

	*torn = count != f->count || payload != f->len - f->at - UNDO_RECORD_LEN;
	if (*torn)
		return 0;
	record = f->after_crcs = malloc(UNDO_RECORD_LEN + payload);
	if (!record)
		return err_set(err, -ENOMEM, "out of memory");
	rc = pread_all(f->fd, record, UNDO_RECORD_LEN + payload, f->at);
	if (rc)
		return err_sys(err, rc, "cannot read the undo file");
	*torn = !undo_is_sealed(record, payload);
	f->complete = !*torn;
	f->after_len = after_len;
	f->at = f->len;
	return 0;
}

static int read_records(struct undo_file *f, struct err *err)
{
	bool torn = false;

	f->buf = malloc(UNDO_RECORD_LEN + UNDO_BLOCK_LEN);
	if (!f->buf)
		return err_set(err, -ENOMEM, "out of memory");
	while (!torn && !f->complete && f->len - f->at >= UNDO_RECORD_LEN) {
		uint8_t head[UNDO_RECORD_LEN];
		int rc = pread_all(f->fd, head, sizeof(head), f->at);
		uint32_t kind = get_le32(head + 4);

		if (rc)
			return err_sys(err, rc, "cannot read the undo file");
		if (kind == UNDO_END)
			rc = read_end(f, get_le64(head + 8), get_le32(head + 16), &torn, err);
		else if (kind == UNDO_BLOCK || kind == UNDO_ZERO)
			rc = read_block(f, kind, get_le64(head + 8), get_le32(head + 16), &torn,
					err);
		else
			torn = true;
		if (rc)
			return rc;
	}
	if (f->complete_len && !f->complete)
		return err_set(err, -EUCLEAN, "the undo file is damaged at byte %" PRIu64, f->at);
	return 0;
}

/* Each block is as it was before the change or as it was after: nobody wrote there since. */
static int check_unchanged(struct undo_file *f, struct store *image, struct err *err)
{
	if (f->complete && image->len != f->after_len && image->len != f->before_len)
		return err_set(err, -EUCLEAN,
			       "the undo file is of an image of %" PRIu64 " bytes, not %" PRIu64
			       ": it was changed since, or is another",
			       f->after_len, image->len);
	for (uint32_t i = 0; f->complete && i < f->count; i++) {
		const struct block *b = &f->block[i];
		uint32_t crc;
		int rc = undo_block_crc(image, f->buf, b->off, b->len, &crc, err);

		if (rc)
			return rc;
		if (crc != b->crc &&
		    crc != get_le32(f->after_crcs + UNDO_RECORD_LEN + 4 * (size_t)i))
			return err_set(err, -EUCLEAN,
				       "the image was changed since at byte %" PRIu64
				       ", or the undo file is of another",
				       b->off);
	}
	return 0;
}

static int restore_block(struct undo_file *f, struct store *image, const struct block *b,
			 struct err *err)
{
	int rc;

	if (!b->payload_off)
		return store_zero(image, b->off, b->len, err);
	rc = pread_all(f->fd, f->buf, b->len, b->payload_off);
	if (rc)
		return err_sys(err, rc, "cannot read the undo file");
	return store_write(image, f->buf, b->len, b->off, 0, err);
}

/* The manager's page last: before, it tells of what is not all back. */
static int restore(struct undo_file *f, struct store *image, struct err *err)
{
	int rc = image->len < f->before_len ? store_resize(image, f->before_len, err) : 0;

	for (int first_page = 0; !rc && first_page <= 1; first_page++) {
		for (uint32_t i = 0; !rc && i < f->count; i++)
			if ((f->block[i].off == 0) == first_page)
				rc = restore_block(f, image, &f->block[i], err);
		/* Where the first sync fails, bytes of page 0 may be what is in doubt: they are
		 * written next, and the last sync decides. */
		if (!rc && store_sync(image, err) && first_page)
			rc = -EIO;
	}
	if (!rc && image->len > f->before_len)
		rc = store_resize(image, f->before_len, err);
	return rc ? rc : store_sync(image, err);
}

/* Without an end the file does not say what the image was like afterwards. */
static int check_id(const struct undo_file *f, const uint8_t image_id[MM_ID_LEN], struct err *err)
{
	if (f->complete || memcmp(f->image_id, image_id, MM_ID_LEN) == 0)
		return 0;
	return err_set(err, -EUCLEAN,
		       "the undo file is of a change that was stopped on its way, and of another "
		       "image, or of this one before it was opened again");
}

int undo_apply(struct store *image, const uint8_t image_id[MM_ID_LEN], const char *path,
	       struct err *err)
{
	__attribute__((cleanup(cleanup_undo_file))) struct undo_file f = {.fd = -1};
	int rc = read_head(&f, path, err);

	if (!rc)
		rc = read_records(&f, err);
	if (!rc)
		rc = check_id(&f, image_id, err);
	if (!rc)
		rc = check_unchanged(&f, image, err);
	return rc ? rc : restore(&f, image, err);
}
