/* SPDX-License-Identifier: Apache-2.0
 * From a matchmaker's document to a push. */
#ifndef KLP_PUSHER_DOCUMENTS_H
#define KLP_PUSHER_DOCUMENTS_H

#include "pusher/pusher.h"

/* See klp_api.parse_roster. */
klp_status document_parse(klp_text format, klp_text document, const klp_roster_options *options, klp_roster **roster,
                          klp_text_buffer *why);

/* See klp_api.push_document. */
klp_status pusher_push_document(klp_pusher *pusher, klp_text format, klp_text document,
                                const klp_roster_options *options, klp_ticket *ticket, klp_text_buffer *why);

#endif
