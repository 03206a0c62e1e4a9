/* SPDX-License-Identifier: Apache-2.0 */
#include "kraty/push_body.h"

size_t push_body_write(struct json_writer *writer, const klp_lobby *lobby, klp_text idempotency_key)
{
    json_open(writer, '{');
    json_name(writer, "key");
    json_put_string(writer, lobby->key.data, lobby->key.size);
    json_name(writer, "externalPlayerIds");
    json_open(writer, '[');
    for (size_t i = 0; i < lobby->player_count; i++)
        json_put_string(writer, lobby->player_ids[i].data, lobby->player_ids[i].size);
    json_close(writer, ']');
    if (lobby->capacity > 0) {
        json_name(writer, "capacity");
        json_put_unsigned(writer, lobby->capacity);
    }
    if (lobby->fill_bots != KLP_FILL_BOTS_DEFAULT) {
        json_name(writer, "fillBots");
        json_put_bool(writer, lobby->fill_bots == KLP_FILL_BOTS_YES);
    }
    if (lobby->metadata_json.size > 0) {
        json_name(writer, "metadata");
        json_put_raw(writer, lobby->metadata_json.data, lobby->metadata_json.size);
    }
    json_name(writer, "idempotencyKey");
    size_t idempotency_key_at = writer->size + 1; /* behind its quote */
    json_put_string(writer, idempotency_key.data, idempotency_key.size);
    json_close(writer, '}');
    return idempotency_key_at;
}
