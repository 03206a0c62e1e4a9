/* SPDX-License-Identifier: Apache-2.0
 *
 * What a row of the fault matrix is proved with: a sandbox, a push, and the row of the table that is measured. All is
 * measured first, and asserted then, so that a test that fails leaves what it saw; with cmocka. */
#ifndef FAULT_BENCH_H
#define FAULT_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fault_server.h"
#include "fault_table.h"
#include "guest.h"
#include "rig.h"

#define FAULT_KEY "match-7" /* of the lobby that is pushed */

struct fault_bench {
    struct rig *rig;             /* no pusher yet */
    struct fault_row *row;       /* empty yet */
    klp_config config;           /* the sandbox, four attempts with waits of 20, 40 and 80 ms, time enough for each */
    klp_lobby lobby;             /* of FAULT_KEY */
    struct fault_server *server; /* NULL until fault_open_server() */
    const void *given;           /* the test's own … */
    void (*prove)(struct fault_bench *bench);
    char url[128]; /* of fault_point_at() */
};

/* A row: a test of its own. */
struct fault_test {
    const char *sentence; /* its name */
    const char *fault;    /* as the table has it */
    void (*prove)(struct fault_bench *bench);
    const void *given;
};

#define FAULT_TEST(test, about)                                                                                        \
    {                                                                                                                  \
        .sentence = #test, .fault = (about), .prove = (test)                                                           \
    }

/* The rows by what is at fault, a file each. A list ends with a row without a sentence. */
extern const struct fault_test fault_connection_tests[], fault_script_tests[], fault_reply_tests[],
    fault_refusal_tests[], fault_stress_tests[], fault_tls_tests[], fault_clock_tests[];

/* Of the TLS tests; made before them. */
extern struct guest_certificates fault_certificates;

/* ---- for the tests ---- */

/* What a push is to end in. */
struct fault_verdict {
    int32_t outcome;
    bool replayed;
    const char *code; /* NULL: no error */
    int http_status;
    unsigned attempts, sends;
};

/* Those where each attempt is one send. */
#define FAULT_APPLIED(attempts)                                                                                        \
    {                                                                                                                  \
        KLP_APPLIED, false, NULL, 201, attempts, attempts                                                              \
    }
#define FAULT_REPLAYED(attempts)                                                                                       \
    {                                                                                                                  \
        KLP_APPLIED, true, NULL, 200, attempts, attempts                                                               \
    }
#define FAULT_POSSIBLY(code, status, attempts)                                                                         \
    {                                                                                                                  \
        KLP_POSSIBLY_APPLIED, false, code, status, attempts, attempts                                                  \
    }
#define FAULT_REFUSED(code, status)                                                                                    \
    {                                                                                                                  \
        KLP_NOT_APPLIED, false, code, status, 1, 1                                                                     \
    }

/* Rules of the sandbox. */
#define FAULT_ONCE(action)   "{\"match\":{\"op\":\"push\"},\"action\":{" action "}}"
#define FAULT_ALWAYS(action) "{\"match\":{\"op\":\"push\"},\"times\":-1,\"action\":{" action "}}"

/* A reply that tells of a lobby. */
#define FAULT_LOBBY_JSON "{\"data\":{\"id\":\"lob_1\",\"status\":\"active\",\"capacity\":8,\"participantCount\":2}}"

void fault_point_at(struct fault_bench *bench, const char *scheme, const char *host, unsigned port);

/* One of the bench's own, in the sandbox's place if its scheme is given. It ends with the test. */
void fault_open_server(struct fault_bench *bench, const char *scheme, enum fault_manner manner,
                       const struct fault_reply *replies, size_t count);
void fault_close_server(struct fault_bench *bench);

/* Opens the pusher, pushes the lobby, waits for the verdict. */
const klp_event *fault_push(struct fault_bench *bench);

/* How many requests the sandbox saw and what it has of FAULT_KEY; or the bench's server, which keeps no lobbies. What a
 * pusher gave up may be on its way still: that much is waited for, and no more than that may be there. */
void fault_assert_effect(struct fault_bench *bench, size_t lobbies, size_t arrivals);
void fault_assert_arrivals(struct fault_bench *bench, size_t arrivals);

void fault_assert_verdict(const klp_event *event, const struct fault_verdict *expected);

/* "at_us" or "answered_us" of the sandbox's log. */
double fault_time_ms(json_t *log, size_t i, const char *name);

/* ---- for cmocka ---- */

/* The initial state is the struct fault_test. */
int fault_set_up(void **state);
int fault_tear_down(void **state);
void fault_prove(void **state);

#endif
