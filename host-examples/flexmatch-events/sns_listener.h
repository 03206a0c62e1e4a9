/* SPDX-License-Identifier: Apache-2.0
 *
 * Takes the POSTs of an SNS subscription, on loopback, within the poll loop of its host: no thread, nothing that waits.
 * One thread. */
#ifndef SNS_LISTENER_H
#define SNS_LISTENER_H

#include <stddef.h>

struct sns_listener;

/* One whole message. Returns the HTTP status that it is answered with: SNS sends again what was answered with 5xx, or
 * not at all, and gives up on what was with 4xx. */
typedef unsigned (*sns_message_handler)(const char *body, size_t size);

/* `address` is 127.0.0.1:PORT, or :0 for a free one, which sns_listener_port() then says. NULL: *why says why. */
struct sns_listener *sns_listener_open(const char *address, sns_message_handler on_message, const char **why);
unsigned sns_listener_port(const struct sns_listener *listener);

/* For poll(): readable, or sns_listener_timeout_ms() over (-1: never), means that sns_listener_run() has work. */
int sns_listener_descriptor(const struct sns_listener *listener);
int sns_listener_timeout_ms(const struct sns_listener *listener);
void sns_listener_run(struct sns_listener *listener);

/* Messages that were not answered come again, to the next process. NULL is legal. */
void sns_listener_close(struct sns_listener *listener);

#endif
