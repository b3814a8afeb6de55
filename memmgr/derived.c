// SPDX-License-Identifier: MIT
/*
 * Owns the rule that what is made from an image is open to nobody to whom the image is closed. The
 * umask is the place for the rule: no file that this process makes can miss it. Only ever takes
 * bits away.
 */
#include <pthread.h>
#include <sys/stat.h>

#include "memmgr/util.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static mode_t closed; /* what derived_from has taken away so far. lock */

/* Of group and others. The group of what is made may be another than the image's, and then its
 * members are others to the image. A directory that cannot be listed need not be entered. */
static mode_t closed_by(const struct stat *image)
{
	mode_t open = image->st_mode & 0066;

	if (image->st_gid != getegid())
		open &= 0006 | (open & 0006) << 3;
	return 0077 & ~(open | (open & 0044) >> 2);
}

void derived_from(const struct stat *image)
{
	mode_t more = closed_by(image);

	pthread_mutex_lock(&lock);
	if (more & ~closed) {
		closed |= more;
		umask(umask(0077) | closed);
	}
	pthread_mutex_unlock(&lock);
}

mode_t derived_mode(mode_t mode)
{
	pthread_mutex_lock(&lock);
	mode &= ~closed;
	pthread_mutex_unlock(&lock);
	return mode;
}
