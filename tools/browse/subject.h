/* SPDX-License-Identifier: MIT */
/*
 * An image that is looked at: the one that the user named, or one of another time beside it. As
 * long as a view shows it, it is open.
 */
#ifndef CANISTERFS_BROWSE_SUBJECT_H
#define CANISTERFS_BROWSE_SUBJECT_H

#include "tools/image/image_open.h"

struct subject {
	char *label;
	struct store *store; /* of a task; over `under` */
	struct store *under; /* as it was opened: borrowed from `store` */
	enum mm_kind kind;
	struct err why; /* it is of this kind; or a managed one cannot be opened */
	struct mm *mm;  /* NULL: raw, empty, or too damaged to have memories */
	unsigned users;
};

/* Whatever a verb can read. */
int MUST_CHECK subject_open(const char *path, struct subject **out, struct err *err);
/* Takes the store, also when this fails. */
int MUST_CHECK subject_of_store(struct store *store, const char *label, struct subject **out,
				struct err *err);
struct subject *subject_hold(struct subject *s);
/* The last one closes it. Accepts NULL. */
void subject_drop(struct subject *s);

#endif
