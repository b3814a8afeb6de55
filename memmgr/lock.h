/* SPDX-License-Identifier: MIT */
/*
 * Locks that are given back at the end of a scope:
 *
 *     auto_unlock pthread_mutex_t *held = lock(&thing->lock);
 *
 * A guard that starts as NULL can take its lock later, and one that is set to NULL keeps it.
 */
#ifndef CANISTERFS_LOCK_H
#define CANISTERFS_LOCK_H

#include <pthread.h>
#include <stddef.h>

static inline void cleanup_mutex(pthread_mutex_t **held)
{
	if (*held)
		pthread_mutex_unlock(*held);
}

static inline void cleanup_rwlock(pthread_rwlock_t **held)
{
	if (*held)
		pthread_rwlock_unlock(*held);
}

#define auto_unlock    __attribute__((cleanup(cleanup_mutex), unused))
#define auto_rw_unlock __attribute__((cleanup(cleanup_rwlock), unused))

static inline pthread_mutex_t *lock(pthread_mutex_t *m)
{
	pthread_mutex_lock(m);
	return m;
}

static inline pthread_rwlock_t *lock_shared(pthread_rwlock_t *l)
{
	pthread_rwlock_rdlock(l);
	return l;
}

static inline pthread_rwlock_t *lock_exclusive(pthread_rwlock_t *l)
{
	pthread_rwlock_wrlock(l);
	return l;
}

#endif
