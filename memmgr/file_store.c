// SPDX-License-Identifier: MIT
/*
 * Owns an open image on the host: a plain file, or a block device. Never looks at what the bytes
 * mean. The kernel orders reads and writes of one descriptor; the two flags that remember what the
 * host cannot do only ever change from false to true. sync_lock is held while the disk is waited
 * for: who syncs what another is already syncing must not return before it is there. data_lock
 * guards the range that is known to be data.
 *
 * A block device keeps its size: `len` is that size after opening, and whatever resize was last
 * asked for then. What a resize cuts off is made zero, so that it is zero when it comes back.
 */
#include "memmgr/store.h"

#include "memmgr/doubt.h"
#include "memmgr/lock.h"

#include <fcntl.h>
#include <inttypes.h>
#include <linux/fs.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/uio.h>

enum { CHUNK_LEN = 1 << 20 };

/* What the disk does not have yet. */
enum unsynced {
	UNSYNCED_NOTHING,
	UNSYNCED_TIME, /* when the last change was */
	UNSYNCED_DATA,
	UNSYNCED_ALL, /* also what fdatasync need not: a length that became smaller */
};

struct file_store {
	struct store s;
	int fd;
	uint64_t device_len; /* of a block device; 0: a plain file */
	atomic_bool no_punch;
	atomic_bool no_dsync;
	atomic_bool written; /* since it was opened */
	_Atomic enum unsynced unsynced;
	pthread_mutex_t sync_lock;
	pthread_mutex_t data_lock;
	uint64_t data_off, data_end; /* what the host said last; empty: nothing */
	struct doubt doubt;
};

static struct file_store *file_of(struct store *s)
{
	return (struct file_store *)s;
}

/* After the change: a sync that ends in between owes it nothing yet. */
static void note_change(struct file_store *fs, enum unsynced what)
{
	enum unsynced old = fs->unsynced;

	while (old < what && !atomic_compare_exchange_weak(&fs->unsynced, &old, what))
		;
}

/* Others know by its time that it was changed at all, if not when: after a power cut, too. */
static void note_write(struct file_store *fs)
{
	note_change(fs, atomic_exchange(&fs->written, true) ? UNSYNCED_DATA : UNSYNCED_ALL);
}

static int file_read_at(struct store *s, void *buf, size_t len, uint64_t off, struct err *err)
{
	int rc = pread_all(file_of(s)->fd, buf, len, off);

	if (rc < 0)
		return err_sys(err, rc, "cannot read %zu bytes at %" PRIu64, len, off);
	return 0;
}

/* -EOPNOTSUPP only before anything was written. */
static int write_dsync(int fd, const void *buf, size_t len, uint64_t off)
{
	while (len > 0) {
		struct iovec piece = {.iov_base = (void *)buf, .iov_len = len};
		ssize_t n = pwritev2(fd, &piece, 1, (off_t)off, RWF_DSYNC);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == ENOSYS ? -EOPNOTSUPP : -errno;
		if (n == 0)
			return -EIO;
		buf = (const char *)buf + n;
		len -= (size_t)n;
		off += (size_t)n;
	}
	return 0;
}

static int write_durable(struct file_store *fs, const void *buf, size_t len, uint64_t off)
{
	/* Where nothing can be punched, zeros are written: data like any other. */
	int rc = fs->no_dsync || fs->no_punch ? -EOPNOTSUPP : write_dsync(fs->fd, buf, len, off);

	if (rc != -EOPNOTSUPP)
		return rc;
	fs->no_dsync = fs->no_dsync || !fs->no_punch;
	rc = pwrite_all(fs->fd, buf, len, off);
	if (rc < 0)
		return rc;
	return fdatasync(fs->fd) < 0 ? -errno : 0;
}

static int file_write_at(struct store *s, const void *buf, size_t len, uint64_t off, unsigned flags,
			 struct err *err)
{
	struct file_store *fs = file_of(s);
	int rc = flags & STORE_DURABLE ? write_durable(fs, buf, len, off)
				       : pwrite_all(fs->fd, buf, len, off);

	note_write(fs);
	doubt_written(&fs->doubt, off, len, rc == 0 && flags & STORE_DURABLE);
	if (rc < 0)
		return err_sys(err, rc, "cannot write %zu bytes at %" PRIu64, len, off);
	return 0;
}

static int file_copy_at(struct store *s, const struct store_host *from, size_t len, uint64_t off,
			struct err *err)
{
	struct file_store *fs = file_of(s);
	loff_t in = (loff_t)from->off, out = (loff_t)off;
	ssize_t n = 1;

	for (size_t left = len; left > 0 && n > 0; left -= (size_t)n) {
		do
			n = copy_file_range(from->fd, &in, fs->fd, &out, left, 0);
		while (n < 0 && errno == EINTR);
	}
	note_write(fs);
	doubt_written(&fs->doubt, off, len, false);
	if (n > 0)
		return 0;
	if (n < 0 && (errno == ENOSPC || errno == EDQUOT || errno == EFBIG || errno == EIO))
		return err_sys(err, -errno, "cannot copy %zu bytes to %" PRIu64, len, off);
	return -EOPNOTSUPP;
}

/* A tmpfs goes through all pages of a range of data to find its end, and is asked at each bucket.
 */
static bool is_known_data(struct file_store *fs, uint64_t off, uint64_t *start, uint64_t *end)
{
	auto_unlock pthread_mutex_t *held = lock(&fs->data_lock);

	*start = off;
	*end = fs->data_end;
	return fs->data_off <= off && off < fs->data_end;
}

static void know_data(struct file_store *fs, uint64_t start, uint64_t end)
{
	auto_unlock pthread_mutex_t *held = lock(&fs->data_lock);

	fs->data_off = start;
	fs->data_end = end;
}

/* Where the host cannot tell (a block device, an old network file system), all may be data. */
static int ask_data(struct file_store *fs, uint64_t off, uint64_t *start, uint64_t *end)
{
	off_t at = lseek(fs->fd, (off_t)off, SEEK_DATA);

	*start = off;
	*end = fs->s.len;
	if (at < 0 && errno == ENXIO) {
		*start = fs->s.len;
		return 0;
	}
	if (at < 0)
		return errno == EINVAL || errno == EOPNOTSUPP ? 0 : -errno;
	*start = MIN((uint64_t)at, fs->s.len);
	at = lseek(fs->fd, at, SEEK_HOLE);
	if (at < 0)
		return errno == ENXIO ? 0 : -errno;
	*end = MIN((uint64_t)at, fs->s.len);
	return 0;
}

static int next_data(struct file_store *fs, uint64_t off, uint64_t *start, uint64_t *end)
{
	int rc;

	if (is_known_data(fs, off, start, end))
		return 0;
	rc = ask_data(fs, off, start, end);
	if (!rc && *start < *end)
		know_data(fs, *start, *end);
	return rc;
}

static int file_next_data(struct store *s, uint64_t off, uint64_t *start, uint64_t *end,
			  struct err *err)
{
	int rc = next_data(file_of(s), off, start, end);

	if (rc < 0)
		return err_sys(err, rc, "cannot look for data at %" PRIu64, off);
	return 0;
}

/* For hosts that cannot punch: reads first, since most of what is zeroed is zero already and a
 * write would take up space for it. */
static int write_zeros(struct file_store *fs, uint64_t off, uint64_t len)
{
	auto_free uint8_t *buf = malloc(CHUNK_LEN);
	int rc = 0;

	if (!buf)
		return -ENOMEM;
	for (size_t n; len > 0 && rc == 0; off += n, len -= n) {
		n = MIN(len, CHUNK_LEN);
		rc = pread_all(fs->fd, buf, n, off);
		if (rc < 0 || is_zero(buf, n))
			continue;
		memset(buf, 0, n);
		rc = pwrite_all(fs->fd, buf, n, off);
	}
	return rc;
}

static int zero_data(struct file_store *fs, uint64_t off, uint64_t len)
{
	while (!fs->no_punch) {
		if (fallocate(fs->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)off,
			      (off_t)len) == 0)
			return 0;
		/* EINVAL: a device, and a range that is not whole sectors. */
		if (errno == EOPNOTSUPP || errno == ENOSYS)
			fs->no_punch = true;
		else if (errno == EINVAL && fs->device_len > 0)
			break;
		else if (errno != EINTR)
			return -errno;
	}
	return write_zeros(fs, off, len);
}

static int zero_range(struct file_store *fs, uint64_t off, uint64_t len)
{
	uint64_t last = off + len;

	while (off < last) {
		uint64_t start, end;
		int rc = next_data(fs, off, &start, &end);

		if (rc < 0)
			return rc;
		end = MIN(end, last);
		if (start >= end)
			return 0;
		rc = zero_data(fs, start, end - start);
		if (rc < 0)
			return rc;
		off = end;
	}
	return 0;
}

static int file_zero_at(struct store *s, uint64_t off, uint64_t len, struct err *err)
{
	int rc = zero_range(file_of(s), off, len);

	know_data(file_of(s), 0, 0);
	note_change(file_of(s), UNSYNCED_ALL);
	doubt_written(&file_of(s)->doubt, off, len, false);
	if (rc < 0)
		return err_sys(err, rc, "cannot zero %" PRIu64 " bytes at %" PRIu64, len, off);
	return 0;
}

static int device_resize(struct file_store *fs, uint64_t len, struct err *err)
{
	if (len > fs->device_len)
		return err_set(err, -ENOSPC,
			       "the block device holds %" PRIu64 " bytes, not %" PRIu64,
			       fs->device_len, len);
	if (len < fs->s.len) {
		int rc = zero_range(fs, len, fs->s.len - len);

		if (rc < 0)
			return err_sys(err, rc, "cannot zero the device behind %" PRIu64, len);
	}
	fs->s.len = len;
	return 0;
}

static int file_resize(struct store *s, uint64_t len, struct err *err)
{
	struct file_store *fs = file_of(s);
	int rc;

	note_change(fs, UNSYNCED_ALL);
	know_data(fs, 0, 0);
	if (fs->device_len > 0)
		return device_resize(fs, len, err);
	if (len > INT64_MAX)
		return err_set(err, -EFBIG, "no file can have %" PRIu64 " bytes", len);
	do
		rc = ftruncate(fs->fd, (off_t)len) < 0 ? -errno : 0;
	while (rc == -EINTR);
	if (rc < 0)
		return err_sys(err, rc, "cannot change the length from %" PRIu64 " to %" PRIu64,
			       s->len, len);
	doubt_cut(&fs->doubt, len);
	s->len = len;
	return 0;
}

static int sync_file(struct file_store *fs, bool data_only, struct err *err)
{
	enum unsynced what, left = UNSYNCED_NOTHING;
	int rc = 0;

	pthread_mutex_lock(&fs->sync_lock);
	what = atomic_exchange(&fs->unsynced, UNSYNCED_NOTHING);
	if (data_only && what <= UNSYNCED_DATA)
		left = MIN(what, UNSYNCED_TIME);
	doubt_sync_begins(&fs->doubt);
	if (what > left)
		rc = left ? fdatasync(fs->fd) : fsync(fs->fd);
	if (rc < 0) {
		rc = -errno;
		left = what;
	}
	note_change(fs, left);
	rc = doubt_sync_ended(&fs->doubt, rc, err);
	pthread_mutex_unlock(&fs->sync_lock);
	return rc;
}

static int file_sync(struct store *s, struct err *err)
{
	return sync_file(file_of(s), false, err);
}

static int file_sync_data(struct store *s, struct err *err)
{
	return sync_file(file_of(s), true, err);
}

static void file_host_at(struct store *s, uint64_t off, struct store_host *out)
{
	*out = (struct store_host){.fd = file_of(s)->fd, .off = off, .len = s->len - off};
}

static void file_close(struct store *s)
{
	close(file_of(s)->fd);
	pthread_mutex_destroy(&file_of(s)->sync_lock);
	pthread_mutex_destroy(&file_of(s)->data_lock);
	doubt_end(&file_of(s)->doubt);
	free(s);
}

#define FILE_OPS(NAME)                                                                             \
	{                                                                                          \
		.name = NAME, .read_at = file_read_at, .write_at = file_write_at,                  \
		.copy_at = file_copy_at, .zero_at = file_zero_at, .resize = file_resize,           \
		.sync = file_sync, .sync_data = file_sync_data, .next_data = file_next_data,       \
		.host_at = file_host_at, .close = file_close,                                      \
	}

static const struct store_ops file_ops = FILE_OPS("file");
static const struct store_ops device_ops = FILE_OPS("block device");

/* Belongs to the open file, not to the process: it survives the daemon's fork, and a second
 * opening by the same process conflicts like anyone else's. */
static int lock_whole(int fd, bool writable, struct err *err)
{
	struct flock whole = {.l_type = writable ? F_WRLCK : F_RDLCK, .l_whence = SEEK_SET};

	if (fcntl(fd, F_OFD_SETLK, &whole) == 0)
		return 0;
	if (errno == EAGAIN || errno == EACCES)
		return err_set(err, -EWOULDBLOCK, "in use (mounted or open elsewhere)");
	return err_sys(err, -errno, "cannot lock");
}

/* After the lock is held: before, the length may still change. */
static int measure(struct file_store *fs, struct err *err)
{
	struct stat st;

	if (fstat(fs->fd, &st) < 0)
		return err_sys(err, -errno, "cannot examine");
	derived_from(&st);
	if (S_ISREG(st.st_mode)) {
		fs->s.len = (uint64_t)st.st_size;
		return 0;
	}
	if (!S_ISBLK(st.st_mode))
		return err_set(err, -EINVAL, "neither a plain file nor a block device");
	if (ioctl(fs->fd, BLKGETSIZE64, &fs->device_len) < 0)
		return err_sys(err, -errno, "cannot tell the size of the block device");
	fs->s.len = fs->device_len;
	fs->s.ops = &device_ops;
	return fs->device_len > 0 ? 0 : err_set(err, -ENXIO, "the block device has no medium");
}

int file_store_from_fd(int fd, bool writable, struct store **out, struct err *err)
{
	auto_close int own = fd;
	auto_free struct file_store *fs = calloc(1, sizeof(*fs));
	int rc;

	if (!fs)
		return err_sys(err, -ENOMEM, "cannot open");
	fs->s = (struct store){.ops = &file_ops, .writable = writable};
	fs->fd = fd;
	/* Whoever had it open before may have synced nothing. */
	fs->unsynced = UNSYNCED_ALL;
	pthread_mutex_init(&fs->sync_lock, NULL);
	pthread_mutex_init(&fs->data_lock, NULL);
	doubt_init(&fs->doubt);
	rc = lock_whole(fd, writable, err);
	if (rc == 0)
		rc = measure(fs, err);
	if (rc < 0)
		return rc;
	steal_fd(&own);
	*out = &fs->s;
	fs = NULL;
	return 0;
}

int file_store_open(const char *path, bool writable, struct store **out, struct err *err)
{
	/* O_NONBLOCK: a FIFO is to be refused, not waited for. */
	int flags = (writable ? O_RDWR : O_RDONLY) | O_CLOEXEC | O_NONBLOCK;
	struct stat st;
	int fd;

	/* For a block device O_EXCL alone means: not while it is mounted, or part of another. */
	if (writable && stat(path, &st) == 0 && S_ISBLK(st.st_mode))
		flags |= O_EXCL;
	fd = open(path, flags);
	if (fd < 0 && errno == EBUSY)
		return err_set(err, -EWOULDBLOCK, "in use (mounted or open elsewhere)");
	if (fd < 0)
		return err_sys(err, -errno, "cannot open");
	return file_store_from_fd(fd, writable, out, err);
}
