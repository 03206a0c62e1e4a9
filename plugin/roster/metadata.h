/* SPDX-License-Identifier: Apache-2.0
 * What is kept of a document beside its players. */
#ifndef KLP_ROSTER_METADATA_H
#define KLP_ROSTER_METADATA_H

#include "roster/document.h"
#include "roster/players.h"
#include "json/write.h"

struct metadata {
    const struct format *format;
    const struct document *document;
    const struct players *players;
    const klp_text *attributes; /* the only ones that are kept, by their names */
    size_t attribute_count;
};

/* Writes {"configuration", …, "teams"?: {player: team}, "properties"?: {name: value}, "attributes"?: {player: {name:
 * value}}}, on one line. False: there is nothing to keep, and nothing is written. */
bool metadata_write(const struct metadata *metadata, struct json_writer *writer);

#endif
