/* SPDX-License-Identifier: Apache-2.0
 * What the readers of a script's parts have in common: tables of members, and a place to name in a refusal. */
#ifndef KLP_STUB_SCRIPT_READER_H
#define KLP_STUB_SCRIPT_READER_H

#include "stub/script.h"
#include "json/read.h"

struct script_reader {
    struct json_document document;
    struct script *script;
    char *texts_end;      /* where the next text goes; there is room for all that the document can have */
    klp_text_buffer *why; /* the first refusal is the one told */
    klp_status status;    /* of it; KLP_OK: none yet */
    const char *part;     /* "rules", "events", …: where the reader is … */
    size_t index;         /* … in which one of them … */
    const char *sub;      /* … and in which object of that, or NULL */
};

/* Refuses the member (NULL: the whole), with what is wrong with it. */
void script_refuse(struct script_reader *reader, const char *member, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

struct script_member {
    const char *name;
    void (*take)(struct script_reader *reader, const char *name, int value, void *into);
};

/* Hands every member of an object to the one who takes it; refuses what is no object, and members of another name. */
void script_take_members(struct script_reader *reader, int object, const struct script_member *members, size_t count,
                         void *into);

/* Values of the kind that is meant; what is not of it is refused, and comes out as nothing. */
klp_text script_text(struct script_reader *reader, const char *member, int value); /* not empty */
klp_text script_any_text(struct script_reader *reader, const char *member, int value);
klp_text script_raw(struct script_reader *reader, int value); /* JSON, as it stands there */
uint64_t script_number(struct script_reader *reader, const char *member, int value, uint64_t least, uint64_t most);
bool script_bool(struct script_reader *reader, const char *member, int value);
bool script_text_is(const struct script_reader *reader, int value, const char *text);

/* script_rule.c */
void script_take_rule(struct script_reader *reader, int value, struct rule *rule);

#endif
