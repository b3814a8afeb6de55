// SPDX-License-Identifier: MIT
/* Ways that lead on from wherever an image is shown. */
#include "tools/browse/views.h"

bool view_shared_key(struct browser *b, struct subject *image, int mm_id, int code)
{
	if (code == 'm')
		view_map_open(b, image, mm_id);
	else if (code == 'c')
		view_findings_open(b, image);
	else if (code == 's')
		view_points_open(b);
	else
		return false;
	return true;
}
