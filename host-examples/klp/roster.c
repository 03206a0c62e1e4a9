/* SPDX-License-Identifier: Apache-2.0 */
#include "roster.h"

#include <jansson.h>
#include <kraty/lobby_pusher_load.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "complain.h"
#include "input.h"
#include "output.h"
#include "session.h"

static klp_roster_options options_of(const struct options *options)
{
    klp_roster_options of_roster = KLP_ROSTER_OPTIONS_INIT;

    of_roster.capacity = options->capacity;
    of_roster.fill_bots = options->fill_bots;
    of_roster.player_id_path = klp_cstr(options->player_id_path);
    of_roster.key_annotation = klp_cstr(options->key_annotation);
    of_roster.event_key = klp_cstr(options->event);
    return of_roster;
}

/* ---- telling it ---- */

/* New reference; NULL: out of memory. All but the metadata. */
static json_t *describe(const klp_roster *roster)
{
    json_t *players = json_array();
    bool is_fine = players;

    for (size_t i = 0; is_fine && i < roster->player_count; i++)
        is_fine = !json_array_append_new(players, json_stringn(roster->player_ids[i].data, roster->player_ids[i].size));
    if (!is_fine) {
        json_decref(players);
        return NULL;
    }
    json_t *whole = json_pack("{s:s%, s:o, s:I}", "key", roster->key.data, roster->key.size, "player_ids", players,
                              "capacity", (json_int_t)roster->capacity);
    if (whole && roster->fill_bots)
        is_fine = !json_object_set_new(whole, "fill_bots", json_boolean(roster->fill_bots == KLP_FILL_BOTS_YES));
    if (whole && roster->event_key.size)
        is_fine &= !json_object_set_new(whole, "event", json_stringn(roster->event_key.data, roster->event_key.size));
    if (is_fine)
        return whole;
    json_decref(whole);
    return NULL;
}

/* The caller's; NULL: out of memory. The metadata is put in as it is pushed: read and written again it might have other
 * digits. */
static char *write_roster(const klp_roster *roster)
{
    json_t *described = describe(roster);
    char *text = described ? json_dumps(described, JSON_COMPACT) : NULL, *line = NULL;

    json_decref(described);
    if (text && roster->metadata_json.size) {
        text[strlen(text) - 1] = '\0';
        if (asprintf(&line, "%s,\"metadata\":%s}", text, roster->metadata_json.data) < 0)
            line = NULL;
        free(text);
        return line;
    }
    return text;
}

static int tell(const klp_roster *roster)
{
    struct output output = {.signals = -1};
    char *line = write_roster(roster);
    bool is_told = line && output_line(&output, klp_cstr(line));

    if (!line)
        complain("out of memory");
    free(line);
    return is_told ? EXIT_APPLIED : EXIT_NOT_APPLIED;
}

int roster_tell(const struct options *options)
{
    klp_text_buffer why = {0};
    klp_roster_options of_roster = options_of(options);
    klp_roster *roster = NULL;
    klp_text document;
    int exit_status = EXIT_USAGE;

    const klp_api *klp = klp_load(NULL, &why);
    if (!klp) {
        complain("%s", why.data);
        return EXIT_USAGE;
    }
    if (!input_read(&document))
        return EXIT_USAGE;
    klp_status status =
        klp->parse_roster(klp_cstr(options->roster_format), document.data, document.size, &of_roster, &roster, &why);
    if (status)
        complain("%s", why.data);
    else
        exit_status = tell(roster);
    klp->free_roster(roster);
    input_clear(&document);
    return exit_status;
}

/* ---- pushing it ---- */

int roster_push(const struct options *options)
{
    klp_text_buffer why = {0};
    klp_roster_options of_roster = options_of(options);
    struct session session;
    klp_text document;
    int exit_status = EXIT_USAGE;

    of_roster.flags = options->is_durable ? KLP_PUSH_DURABLE : 0;
    if (!input_read(&document)) /* before the session, which keeps signals to itself */
        return EXIT_USAGE;
    if (session_open(&session, options)) {
        klp_status status = session.klp->push_document(session.pusher, klp_cstr(options->roster_format), document.data,
                                                       document.size, &of_roster, NULL, &why);
        exit_status = session_conclude(&session, status, why.data);
        session_close(&session);
    }
    input_clear(&document);
    return exit_status;
}
