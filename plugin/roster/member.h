/* SPDX-License-Identifier: Apache-2.0
 * Members of objects, as the makers of documents name them. */
#ifndef KLP_ROSTER_MEMBER_H
#define KLP_ROSTER_MEMBER_H

#include "kraty/lobby_pusher.h"
#include "json/read.h"

/* As json_member(), with a name that may be any text. */
int member_named(const struct json_document *document, int object, klp_text name);

/* The member of that name or else, as gateways rewrite proto names, of one that is the same in camel case:
 * search_fields finds searchFields. */
int member_like(const struct json_document *document, int object, klp_text name);

/* The value at a path of names with dots between, as "CreateOptions.MaxPlayers"; "" is `from` itself. A name may end in
 * "[0]": the first element of that array. JSON_NONE when it is not there, or null. */
int member_at(const struct json_document *document, int from, const char *path);

/* Takes the first name off a path, with the dot behind it. */
klp_text member_take_name(klp_text *path);

#endif
