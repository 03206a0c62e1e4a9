/* SPDX-License-Identifier: Apache-2.0 */
#include "pusher/fingerprint.h"

#include <openssl/evp.h>
#include <string.h>

void fingerprint_of_body(klp_text body, uint32_t key_offset, uint32_t key_bytes, unsigned char fingerprint[32])
{
    size_t behind = (size_t)key_offset + key_bytes;
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    unsigned int size = 32;

    if (!context || EVP_DigestInit_ex(context, EVP_sha256(), NULL) != 1 ||
        EVP_DigestUpdate(context, body.data, key_offset) != 1 ||
        EVP_DigestUpdate(context, body.data + behind, body.size - behind) != 1 ||
        EVP_DigestFinal_ex(context, fingerprint, &size) != 1)
        memset(fingerprint, 0, 32);
    EVP_MD_CTX_free(context);
}
