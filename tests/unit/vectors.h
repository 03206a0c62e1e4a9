/* SPDX-License-Identifier: Apache-2.0
 * Reads the files of tests/vectors, with a JSON reader that is not ours. Include behind cmocka.h. */
#ifndef KLP_TESTS_VECTORS_H
#define KLP_TESTS_VECTORS_H

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

/* The caller's, to json_decref(). KLP_VECTORS names another folder. */
static inline json_t *vectors_load(const char *file)
{
    const char *folder = getenv("KLP_VECTORS");
    char path[4096];
    json_error_t error;
    snprintf(path, sizeof path, "%s/%s", folder ? folder : "tests/vectors", file);
    json_t *vectors = json_load_file(path, 0, &error);
    if (!vectors)
        fail_msg("%s: %s", path, error.text);
    return vectors;
}

/* An array that is there and is not empty: a test over it cannot pass by having nothing to do. */
static inline json_t *vectors_array(json_t *vectors, const char *name)
{
    json_t *array = json_object_get(vectors, name);
    assert_true(json_array_size(array) > 0);
    return array;
}

#endif
