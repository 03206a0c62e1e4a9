/* SPDX-License-Identifier: Apache-2.0
 * Every document of the vectors gives the roster, or the refusal, that stands beside it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "roster_reading.h"

/* Whether everything in `wanted` is in `got`, too. */
static bool holds(const json_t *got, const json_t *wanted)
{
    const char *name;
    json_t *value;

    if (!json_is_object(wanted))
        return json_equal(got, wanted);
    json_object_foreach((json_t *)(uintptr_t)wanted, name, value)
    {
        if (!holds(json_object_get(got, name), value))
            return false;
    }
    return true;
}

static void assert_metadata(const klp_roster *roster, const json_t *wanted)
{
    json_t *got = roster->metadata_json.size ? json_loads(roster->metadata_json.data, JSON_REJECT_DUPLICATES, NULL)
                                             : json_object();

    assert_non_null(got);
    if (!holds(got, wanted))
        fail_msg("the metadata is %s", roster->metadata_json.data);
    json_decref(got);
}

static void assert_roster(const klp_roster *roster, const json_t *vector)
{
    const json_t *ids = json_object_get(vector, "player_ids");

    assert_string_equal(roster->key.data, json_string_value(json_object_get(vector, "key")));
    assert_int_equal(roster->player_count, json_array_size(ids));
    for (size_t i = 0; i < json_array_size(ids); i++)
        assert_string_equal(roster->player_ids[i].data, json_string_value(json_array_get(ids, i)));
    assert_int_equal(roster->capacity, json_integer_value(json_object_get(vector, "capacity")));
    if (json_object_get(vector, "metadata"))
        assert_metadata(roster, json_object_get(vector, "metadata"));
}

static void every_vector_is_read_as_it_says(void **state)
{
    json_t *vectors = vectors_load("rosters.json"), *vector;
    size_t i, refused = 0;

    (void)state;
    json_array_foreach(vectors_array(vectors, "cases"), i, vector)
    {
        const char *document = json_string_value(json_object_get(vector, "document"));
        const char *format = json_string_value(json_object_get(vector, "format"));
        const char *error = json_string_value(json_object_get(vector, "error_names"));
        klp_roster_options options = roster_options(vector);
        print_message("  %s: %s\n", format, json_string_value(json_object_get(vector, "name")));
        if (!error) {
            klp_roster *roster = roster_taken(format, document, &options);
            assert_roster(roster, vector);
            roster_api()->free_roster(roster);
            continue;
        }
        klp_text_buffer why = {0};
        klp_roster *roster;
        assert_int_not_equal(roster_parse_bytes(format, document, strlen(document), &options, &roster, &why), KLP_OK);
        assert_null(roster);
        if (!strstr(why.data, error))
            fail_msg("the reason is: %s", why.data);
        refused++;
    }
    assert_true(i > 20 && refused > 10);
    json_decref(vectors);
}

/* One name for each, in the vectors as in the header. */
static void every_format_has_a_vector(void **state)
{
    static const char *const formats[] = {KLP_FORMAT_FLEXMATCH_MATCHMAKER_DATA,
                                          KLP_FORMAT_FLEXMATCH_EVENT,
                                          KLP_FORMAT_PHOTON_WEBHOOK,
                                          KLP_FORMAT_STEAM_LOBBY,
                                          KLP_FORMAT_AGONES_GAMESERVER,
                                          KLP_FORMAT_OPEN_MATCH,
                                          KLP_FORMAT_PLAYFAB_MATCH,
                                          KLP_FORMAT_UNITY_MATCH,
                                          KLP_FORMAT_NAKAMA_MATCHED,
                                          KLP_FORMAT_PLAIN};
    json_t *vectors = vectors_load("rosters.json"), *vector;
    size_t i;

    (void)state;
    for (size_t format = 0; format < sizeof formats / sizeof *formats; format++) {
        size_t found = 0;
        json_array_foreach(vectors_array(vectors, "cases"), i, vector) found +=
            strcmp(json_string_value(json_object_get(vector, "format")), formats[format]) == 0;
        if (!found)
            fail_msg("%s has no vector", formats[format]);
    }
    json_decref(vectors);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_vector_is_read_as_it_says),
        cmocka_unit_test(every_format_has_a_vector),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
