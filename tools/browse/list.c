// SPDX-License-Identifier: MIT
/* See list.h. */
#include "tools/browse/list.h"

enum { WHEEL = 3 };

void list_place(struct list *l, int row, int rows)
{
	l->row = row;
	l->rows = MAX(rows, 1);
	if (l->at >= l->count)
		l->at = l->count ? l->count - 1 : 0;
	if (l->at < l->top)
		l->top = l->at;
	if (l->at >= l->top + (size_t)l->rows)
		l->top = l->at - (size_t)l->rows + 1;
	/* No blank rows at the end while there are rows above. */
	if (l->top + (size_t)l->rows > l->count)
		l->top = l->count > (size_t)l->rows ? l->count - (size_t)l->rows : 0;
}

static void move(struct list *l, bool down, size_t n)
{
	size_t last = l->count ? l->count - 1 : 0;

	if (down)
		l->at = MIN(l->at + n, last);
	else
		l->at -= MIN(n, l->at);
}

static void click(struct list *l, struct screen_key *key)
{
	size_t n = l->top + (size_t)(key->row - l->row);

	if (key->row < l->row || key->row >= l->row + l->rows || n >= l->count)
		return;
	if (n == l->at)
		key->code = SCREEN_ENTER;
	l->at = n;
}

bool list_key(struct list *l, struct screen_key *key)
{
	size_t page = (size_t)MAX(l->rows - 1, 1);

	switch (key->code) {
	case SCREEN_UP:
	case 'k':
		move(l, false, 1);
		return true;
	case SCREEN_DOWN:
	case 'j':
		move(l, true, 1);
		return true;
	case SCREEN_WHEEL_UP:
		move(l, false, WHEEL);
		return true;
	case SCREEN_WHEEL_DOWN:
		move(l, true, WHEEL);
		return true;
	case SCREEN_PAGE_UP:
		move(l, false, page);
		return true;
	case SCREEN_PAGE_DOWN:
	case ' ':
		move(l, true, page);
		return true;
	case SCREEN_HOME:
		l->at = 0;
		return true;
	case SCREEN_END:
		l->at = l->count ? l->count - 1 : 0;
		return true;
	case SCREEN_CLICK:
		click(l, key);
		return key->code == SCREEN_CLICK;
	default:
		return false;
	}
}
