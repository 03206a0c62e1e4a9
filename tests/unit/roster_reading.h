/* SPDX-License-Identifier: Apache-2.0
 * Documents of tests/vectors/rosters.json, and others, through the ABI. Include behind cmocka.h. */
#ifndef KLP_TESTS_ROSTER_READING_H
#define KLP_TESTS_ROSTER_READING_H

#include <stdlib.h>
#include <string.h>

#include "kraty/lobby_pusher.h"
#include "vectors.h"
#include "json/check.h"
#include "json/utf8.h"

static inline const klp_api *roster_api(void)
{
    uint32_t abi = KLP_ABI;
    return klp_get_api(&abi);
}

/* Of a vector; its texts are the vector's. */
static inline klp_roster_options roster_options(json_t *vector)
{
    json_t *given = json_object_get(vector, "options");
    klp_roster_options options = KLP_ROSTER_OPTIONS_INIT;

    options.capacity = (uint32_t)json_integer_value(json_object_get(given, "capacity"));
    options.player_id_path = klp_cstr(json_string_value(json_object_get(given, "player_id_path")));
    options.key_annotation = klp_cstr(json_string_value(json_object_get(given, "key_annotation")));
    return options;
}

/* The bytes end where the text does, for the sanitizers to guard. */
static inline klp_status roster_parse_bytes(const char *format, const char *bytes, size_t size,
                                            const klp_roster_options *options, klp_roster **roster,
                                            klp_text_buffer *why)
{
    char *copy = malloc(size ? size : 1);

    assert_non_null(copy);
    memcpy(copy, bytes, size);
    klp_status status = roster_api()->parse_roster(klp_cstr(format), copy, size, options, roster, why);
    free(copy);
    return status;
}

static inline void assert_text_out(klp_text text)
{
    assert_non_null(text.data);
    assert_int_equal(text.data[text.size], '\0');
    assert_int_equal(strlen(text.data), text.size);
    assert_true(utf8_check(text.data, text.size, NULL));
}

/* That it can be pushed as it is. */
static inline void assert_is_whole(const klp_roster *roster)
{
    assert_int_equal(roster->struct_size, sizeof *roster);
    assert_text_out(roster->key);
    assert_in_range(roster->key.size, 1, KLP_MAX_ID_BYTES);
    assert_text_out(roster->event_key);
    assert_in_range(roster->player_count, 1, KLP_MAX_PLAYERS);
    assert_true(!roster->capacity || roster->capacity >= roster->player_count);
    for (size_t i = 0; i < roster->player_count; i++) {
        assert_text_out(roster->player_ids[i]);
        assert_in_range(roster->player_ids[i].size, 1, KLP_MAX_ID_BYTES);
        for (size_t j = 0; j < i && roster->player_count < 100; j++)
            assert_string_not_equal(roster->player_ids[i].data, roster->player_ids[j].data);
    }
    assert_text_out(roster->metadata_json);
    if (roster->metadata_json.size) {
        assert_int_equal(roster->metadata_json.data[0], '{');
        assert_true(json_check(roster->metadata_json.data, roster->metadata_json.size, KLP_MAX_METADATA_BYTES,
                               KLP_MAX_METADATA_DEPTH, NULL, NULL));
        assert_null(strchr(roster->metadata_json.data, '\n'));
    }
}

/* The caller's, to free_roster(). */
static inline klp_roster *roster_taken(const char *format, const char *document, const klp_roster_options *options)
{
    klp_text_buffer why = {0};
    klp_roster *roster = NULL;
    klp_status status = roster_parse_bytes(format, document, strlen(document), options, &roster, &why);

    if (status)
        fail_msg("%s: %s: %s", format, roster_api()->status_text(status), why.data);
    assert_non_null(roster);
    assert_string_equal(why.data, "");
    assert_is_whole(roster);
    return roster;
}

static inline void roster_refused_bytes(const char *format, const char *document, size_t size,
                                        const klp_roster_options *options, klp_status status, const char *sentence)
{
    klp_text_buffer why = {0};
    klp_roster *roster = (klp_roster *)1;
    klp_status got = roster_parse_bytes(format, document, size, options, &roster, &why);

    assert_null(roster);
    if (got != status || strcmp(why.data, sentence) != 0)
        fail_msg("%s: %s: %s", format, roster_api()->status_text(got), why.data);
}

#define roster_refused(format, document, options, status, sentence)                                                    \
    roster_refused_bytes(format, document, strlen(document), options, status, sentence)

#endif
