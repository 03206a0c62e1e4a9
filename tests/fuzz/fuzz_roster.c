/* SPDX-License-Identifier: Apache-2.0
 * Any bytes as a matchmaker's document. The first byte chooses the format.
 * For libFuzzer; with KLP_FUZZ_STANDALONE a program that runs the files it is given. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "roster/roster.h"
#include "json/check.h"
#include "json/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds, const char *what)
{
    if (holds)
        return;
    fprintf(stderr, "does not hold: %s\n", what);
    abort();
}

static void check_text(klp_text text)
{
    must(text.data && text.data[text.size] == '\0' && strlen(text.data) == text.size, "a text ends where it says");
    must(utf8_check(text.data, text.size, NULL), "a text is UTF-8");
}

static void check_roster(const klp_roster *roster)
{
    check_text(roster->key);
    check_text(roster->event_key);
    check_text(roster->metadata_json);
    must(roster->key.size > 0 && roster->key.size <= KLP_MAX_ID_BYTES, "a key can be pushed");
    must(roster->player_count > 0 && roster->player_count <= KLP_MAX_PLAYERS, "somebody plays");
    must(!roster->capacity || roster->capacity >= roster->player_count, "there is room for all");
    for (size_t i = 0; i < roster->player_count; i++) {
        check_text(roster->player_ids[i]);
        must(roster->player_ids[i].size > 0 && roster->player_ids[i].size <= KLP_MAX_ID_BYTES, "an id can be pushed");
        for (size_t j = 0; j < i && i < 64; j++)
            must(strcmp(roster->player_ids[i].data, roster->player_ids[j].data) != 0, "a player stands once");
    }
    if (roster->metadata_json.size)
        must(roster->metadata_json.data[0] == '{' &&
                 json_check(roster->metadata_json.data, roster->metadata_json.size, KLP_MAX_METADATA_BYTES,
                            KLP_MAX_METADATA_DEPTH, NULL, NULL),
             "metadata can be pushed");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
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
    static const klp_text attributes[] = {KLP_LIT("map"), KLP_LIT("mmr")};
    klp_roster_options options = KLP_ROSTER_OPTIONS_INIT;
    struct roster_refusal refusal;
    klp_roster *roster;

    if (size == 0)
        return 0;
    options.player_id_path = klp_cstr("search_fields.string_args.player_id");
    options.key_annotation = klp_cstr("match-id");
    options.attributes = attributes, options.attribute_count = 2;
    const struct format *format = format_named(klp_cstr(formats[data[0] % (sizeof formats / sizeof *formats)]));
    if (roster_read(format, (const char *)data + 1, size - 1, &options, &roster, &refusal)) {
        check_roster(roster);
    } else {
        must(!roster && refusal.fault != ROSTER_FINE && refusal.fault != ROSTER_BAD_OPTION,
             "what is refused has a fault");
        must(*refusal.sentence && utf8_check(refusal.sentence, strlen(refusal.sentence), NULL), "and a sentence");
    }
    roster_free(roster);
    return 0;
}

#ifdef KLP_FUZZ_STANDALONE
int main(int count, char **paths)
{
    static uint8_t bytes[JSON_MAX_BYTES + 1];
    for (int i = 1; i < count; i++) {
        FILE *file = fopen(paths[i], "rb");
        if (!file) {
            perror(paths[i]);
            return 1;
        }
        size_t size = fread(bytes, 1, sizeof bytes, file);
        fclose(file);
        LLVMFuzzerTestOneInput(bytes, size);
    }
    printf("%d files\n", count - 1);
    return 0;
}
#endif
