/* SPDX-License-Identifier: Apache-2.0
 * Two sandboxes for a group of tests, one of them with TLS, each of which finds them empty; with cmocka. */
#ifndef GUEST_GROUP_H
#define GUEST_GROUP_H

#include "guest.h"
#include "sandbox_client.h"

static struct guest_certificates certificates;
static struct sandbox_client *plain, *secure;

static inline int start_group(void **state)
{
    guest_setup(state);
    guest_make_certificates(&certificates);
    plain = sandbox_start(NULL);
    secure = sandbox_start(
        (const char *[]){"--tls-cert", certificates.good, "--tls-key", certificates.good_key, "--threads", "2", NULL});
    return 0;
}

static inline int stop_group(void **state)
{
    (void)state;
    sandbox_stop(plain);
    sandbox_stop(secure);
    guest_remove_certificates(&certificates);
    return 0;
}

static inline int forget_everything(void **state)
{
    (void)state;
    sandbox_reset(plain);
    sandbox_reset(secure);
    return 0;
}

#endif
