// SPDX-License-Identifier: MIT
/*
 * Owns how a qcow2 file of ours that will be written to begins: four clusters, nothing in them but
 * tables. Never opens what it names as the backing file.
 */
#include <fcntl.h>
#include <inttypes.h>

#include "snapshot/qcow2/qcow2_write.h"
#include "snapshot/snapshot.h"

static int fill_header(const struct snap_new *what, struct qcow2_header *h, struct err *err)
{
	*h = (struct qcow2_header){
		.version = 3,
		.cluster_bits = CKPT_CLUSTER_BITS,
		.len = div_up(what->len, QCOW2_SECTOR_LEN) * QCOW2_SECTOR_LEN,
		.l1_off = WRITER_L1,
		.l1_entries = WRITER_TABLE_ENTRIES,
		.refcount_off = WRITER_REFCOUNT_TABLE,
		.refcount_clusters = 1,
		.refcount_order = 4,
		.state = {.len = STATE_LEN},
	};
	if (what->len > WRITER_MAX_LEN)
		return err_set(err, -EFBIG,
			       "a qcow2 file of ours holds at most %" PRIu64 " bytes, not %" PRIu64,
			       WRITER_MAX_LEN, what->len);
	return qcow2_header_name(h, what->backing, what->backing_format, err);
}

static int fill_state(const struct snap_new *what, struct state *st, struct err *err)
{
	*st = (struct state){.len = what->len, .synced_end = WRITER_FIRST_FREE};
	if (what->record_len > STATE_RECORD_MAX)
		return err_set(err, -EINVAL, "a record has at most %d bytes, not %zu",
			       STATE_RECORD_MAX, what->record_len);
	st->record_len = (uint32_t)what->record_len;
	if (what->record_len > 0)
		memcpy(st->record, what->record, what->record_len);
	return 0;
}

/* Bytes 0 to WRITER_FIRST_FREE of the file. */
static int fill_clusters(const struct snap_new *what, uint8_t *buf, struct err *err)
{
	struct qcow2_header h;
	struct state st;
	uint8_t state[STATE_LEN];
	int rc = fill_header(what, &h, err);

	if (rc == 0)
		rc = fill_state(what, &st, err);
	if (rc < 0)
		return rc;
	state_encode(&st, state);
	rc = qcow2_header_encode(&h, NULL, state, buf, WRITER_HEADER_LEN);
	if (rc < 0)
		return err_sys(err, rc, "cannot name the backing file");
	put_be64(buf + WRITER_REFCOUNT_TABLE, WRITER_FIRST_BLOCK);
	for (int i = 0; i < WRITER_FIRST_FREE / WRITER_CLUSTER_LEN; i++)
		put_be16(buf + WRITER_FIRST_BLOCK + i * 2, 1);
	return 0;
}

int snap_create_unsynced(const char *path, const struct snap_new *what, struct err *err)
{
	auto_free uint8_t *buf = calloc(1, WRITER_FIRST_FREE);
	auto_close int fd = -1;
	int rc = buf ? fill_clusters(what, buf, err) : err_sys(err, -ENOMEM, "cannot create");

	if (rc < 0)
		return rc;
	fd = open(path, O_CREAT | O_TRUNC | O_RDWR | O_CLOEXEC, 0666);
	if (fd < 0)
		return err_sys(err, -errno, "cannot create");
	rc = pwrite_all(fd, buf, WRITER_FIRST_FREE, 0);
	return rc < 0 ? err_sys(err, rc, "cannot write %d bytes", WRITER_FIRST_FREE) : 0;
}

int snap_create(const char *path, bool force, const struct snap_new *what, struct err *err)
{
	auto_free uint8_t *buf = calloc(1, WRITER_FIRST_FREE);
	auto_new_file struct new_file nf = NEW_FILE_NONE;
	int rc;

	if (!buf)
		return err_sys(err, -ENOMEM, "cannot create");
	rc = fill_clusters(what, buf, err);
	if (rc == 0)
		rc = new_file_open(&nf, path, force, err);
	if (rc < 0)
		return rc;
	rc = pwrite_all(nf.fd, buf, WRITER_FIRST_FREE, 0);
	if (rc < 0)
		return err_sys(err, rc, "cannot write %d bytes", WRITER_FIRST_FREE);
	return new_file_commit(&nf, err);
}
