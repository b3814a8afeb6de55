// SPDX-License-Identifier: MIT
/*
 * Knows whose snapshots these are: IMAGE.snap/.state says what the image was like when we last let
 * go of it. If it is not like that now, somebody else has changed it without keeping old bytes, and
 * the snapshots are stale.
 *
 *     off   0   8  "CFSNAPST"                            40   8  mtime of the image, seconds
 *           8   4  version, 1                            48   4  and nanoseconds
 *          12   4  CRC-32 of all that follows            52   4  zero
 *          16  16  the boot during which it was open     56   8  sequence number of the snapshot
 *          32   8  length of the image                           that a rollback brings back, or 0
 *                                                        64   4  1: open
 *
 * While it is open the time is the clock's, renewed at a write once a second: after a kill within
 * the same boot nothing is lost, since the kernel still has all that was written, and the image's
 * mtime must not be later than that. After a power cut the image may have been written to disk
 * while what was kept was not: then the snapshots are stale, unless a rollback was under way, which
 * syncs all it needs before it begins.
 */
#include "snapshot/live.h"
#include "snapshot/qcow2/state.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>

enum {
	STATE_FILE_LEN = 68,
	RENEW_NSEC = 1000000000,
	/* A write is noted at most RENEW_NSEC before it; clocks of file systems are coarse. */
	GRACE_NSEC = 2 * RENEW_NSEC,
};

static const char magic[8] = "CFSNAPST";

static void encode(const struct identity *id, uint8_t *buf)
{
	memset(buf, 0, STATE_FILE_LEN);
	memcpy(buf, magic, sizeof(magic));
	put_le32(buf + 8, 1);
	memcpy(buf + 16, id->boot, sizeof(id->boot));
	put_le64(buf + 32, id->image_len);
	put_le64(buf + 40, (uint64_t)id->sec);
	put_le32(buf + 48, id->nsec);
	put_le64(buf + 56, id->rollback_seq);
	put_le32(buf + 64, id->open);
	put_le32(buf + 12, crc32_of(0, buf + 16, STATE_FILE_LEN - 16));
}

static int decode(const uint8_t *buf, struct identity *id, struct err *err)
{
	if (memcmp(buf, magic, sizeof(magic)) != 0 || get_le32(buf + 8) != 1)
		return err_set(err, -EUCLEAN, "what it belongs to is not recorded");
	if (get_le32(buf + 12) != crc32_of(0, buf + 16, STATE_FILE_LEN - 16))
		return err_set(err, -EUCLEAN, "the record of what it belongs to is damaged");
	memcpy(id->boot, buf + 16, sizeof(id->boot));
	id->image_len = get_le64(buf + 32);
	id->sec = (int64_t)get_le64(buf + 40);
	id->nsec = get_le32(buf + 48);
	id->rollback_seq = get_le64(buf + 56);
	id->open = get_le32(buf + 64) != 0;
	return 0;
}

/* One write of less than a sector: it is there or it is not. */
static int store_state(struct snap_live *live, bool durable, struct err *err)
{
	uint8_t buf[STATE_FILE_LEN];
	int rc;

	if (live->state_fd < 0) {
		live->state_fd = openat(live->dir_fd, ".state", O_RDWR | O_CREAT | O_CLOEXEC, 0644);
		if (live->state_fd < 0)
			return err_sys(err, -errno, "cannot make '.state' in %s", live->dir_path);
	}
	encode(&live->state, buf);
	rc = pwrite_all(live->state_fd, buf, sizeof(buf), 0);
	if (!rc && durable && fdatasync(live->state_fd) < 0)
		rc = -errno;
	return rc ? err_sys(err, rc, "cannot write '.state' in %s", live->dir_path) : 0;
}

static int image_stat(struct snap_live *live, struct stat *st, struct err *err)
{
	if (stat(live->path, st) < 0)
		return err_sys(err, -errno, "cannot examine the image");
	return 0;
}

static int64_t nsec_of(int64_t sec, int64_t nsec)
{
	return sec * 1000000000 + nsec;
}

static int judge(struct snap_live *live, const struct stat *st, struct err *why)
{
	const struct identity *id = &live->state;
	int64_t mtime = nsec_of(st->st_mtim.tv_sec, st->st_mtim.tv_nsec);
	uint8_t boot[16];

	if (id->rollback_seq > 0)
		return 0;
	state_boot(boot);
	if (id->open && (is_zero(boot, sizeof(boot)) || memcmp(boot, id->boot, sizeof(boot)) != 0))
		return err_set(why, -ESTALE,
			       "power was lost while the image was changed, and with it perhaps "
			       "what had been kept");
	if (id->open && mtime <= nsec_of(id->sec, id->nsec) + GRACE_NSEC)
		return 0;
	if (!id->open && live->image->len == id->image_len && mtime == nsec_of(id->sec, id->nsec))
		return 0;
	return err_set(why, -ESTALE, "the image was changed by something else since");
}

int identity_refuse_broken_off(const struct identity *id, struct err *err)
{
	if (id->rollback_seq == 0)
		return 0;
	return err_set(err, -EUCLEAN,
		       "a rollback was broken off, and goes on when the image is opened for "
		       "writing, as by 'check --repair'");
}

int identity_check_whole(const char *path, struct err *err)
{
	auto_free char *image = realpath(path, NULL), *state = NULL;
	auto_close int fd = -1;
	uint8_t buf[STATE_FILE_LEN];
	struct identity id;

	if (!image || asprintf(&state, "%s.snap/.state", image) < 0)
		return 0;
	fd = open(state, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || pread_all(fd, buf, sizeof(buf), 0) || decode(buf, &id, NULL))
		return 0;
	return identity_refuse_broken_off(&id, err);
}

int identity_check(struct snap_live *live, bool *fits, struct err *why)
{
	uint8_t buf[STATE_FILE_LEN];
	struct stat st;
	int rc;

	*fits = false;
	live->state_fd =
		openat(live->dir_fd, ".state", (live->s.writable ? O_RDWR : O_RDONLY) | O_CLOEXEC);
	if (live->state_fd < 0 && errno != ENOENT)
		return err_sys(why, -errno, "cannot open '.state' in %s", live->dir_path);
	rc = live->state_fd < 0 ? -EIO : pread_all(live->state_fd, buf, sizeof(buf), 0);
	if (rc == -EIO) {
		err_set(why, rc, "what it belongs to is not recorded");
		return 0;
	}
	if (rc)
		return err_sys(why, rc, "cannot read '.state' in %s", live->dir_path);
	rc = image_stat(live, &st, why);
	if (rc)
		return rc;
	*fits = decode(buf, &live->state, why) == 0 && judge(live, &st, why) == 0;
	return 0;
}

static int mark(struct snap_live *live, int64_t now, bool first, struct err *err)
{
	int rc = 0;

	pthread_mutex_lock(&live->state_lock);
	if (!live->marked || !first) {
		live->state.open = true;
		live->state.sec = now / 1000000000;
		live->state.nsec = (uint32_t)(now % 1000000000);
		state_boot(live->state.boot);
		rc = store_state(live, first, err);
	}
	if (!rc)
		live->marked = true;
	pthread_mutex_unlock(&live->state_lock);
	return rc;
}

int identity_mark(struct snap_live *live, struct err *err)
{
	struct timespec ts;
	int64_t now, last;

	clock_gettime(CLOCK_REALTIME_COARSE, &ts);
	now = nsec_of(ts.tv_sec, ts.tv_nsec);
	last = live->marked_nsec;
	if (live->marked && now - last < RENEW_NSEC && now >= last)
		return 0;
	if (!live->marked) {
		int rc = mark(live, now, true, err);

		if (!rc)
			live->marked_nsec = now;
		return rc;
	}
	/* One of those that come at once renews it. */
	return atomic_compare_exchange_strong(&live->marked_nsec, &last, now)
		       ? mark(live, now, false, err)
		       : 0;
}

int identity_settle(struct snap_live *live, struct err *err)
{
	struct stat st;
	int rc = image_stat(live, &st, err);

	if (rc)
		return rc;
	pthread_mutex_lock(&live->state_lock);
	live->state.open = false;
	live->state.image_len = live->s.len;
	live->state.sec = st.st_mtim.tv_sec;
	live->state.nsec = (uint32_t)st.st_mtim.tv_nsec;
	rc = store_state(live, true, err);
	if (!rc)
		live->marked = false;
	pthread_mutex_unlock(&live->state_lock);
	return rc;
}

int identity_set_rollback(struct snap_live *live, uint64_t seq, struct err *err)
{
	int rc;

	pthread_mutex_lock(&live->state_lock);
	live->state.rollback_seq = seq;
	rc = store_state(live, true, err);
	pthread_mutex_unlock(&live->state_lock);
	return rc;
}
