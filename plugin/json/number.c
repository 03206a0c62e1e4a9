/* SPDX-License-Identifier: Apache-2.0 */
#include "json/number.h"

/* Beyond what any count of digits in a text could make up for. */
#define EXPONENT_LIMIT INT64_C(0x1000000000000)

static bool is_digit(char character)
{
    return character >= '0' && character <= '9';
}

/* value * 10^zeros + digit */
static bool append_digits(uint64_t *value, size_t zeros, uint64_t digit)
{
    if (*value == 0) {
        *value = digit;
        return true;
    }
    for (; zeros > 0; zeros--) {
        if (*value > UINT64_MAX / 10)
            return false;
        *value *= 10;
    }
    if (*value > UINT64_MAX - digit)
        return false;
    *value += digit;
    return true;
}

static int64_t read_exponent(const char *text, size_t size)
{
    size_t at = 0;
    bool is_negative = false;
    int64_t exponent = 0;
    if (at < size && (text[at] == '-' || text[at] == '+'))
        is_negative = text[at++] == '-';
    for (; at < size && exponent < EXPONENT_LIMIT; at++)
        exponent = exponent * 10 + (text[at] - '0');
    return is_negative ? -exponent : exponent;
}

/* The digits are taken as one number without its zeros at the end, times a power of ten. As it does not end in a
 * zero, a negative power leaves a fraction. */
bool json_number_read(const char *text, size_t size, bool *is_negative, uint64_t *magnitude)
{
    size_t at = 0;
    size_t zeros = 0; /* digits 0 since the last other one */
    int64_t power = 0;
    bool in_fraction = false;

    *magnitude = 0;
    *is_negative = size > 0 && text[0] == '-';
    if (*is_negative)
        at++;
    for (; at < size && (is_digit(text[at]) || text[at] == '.'); at++) {
        if (text[at] == '.') {
            in_fraction = true;
            continue;
        }
        if (in_fraction)
            power--;
        if (text[at] == '0') {
            zeros++;
            continue;
        }
        if (!append_digits(magnitude, zeros + 1, (uint64_t)(text[at] - '0')))
            return false;
        zeros = 0;
    }
    if (*magnitude == 0)
        return true;
    power += (int64_t)zeros;
    if (at < size)
        power += read_exponent(text + at + 1, size - at - 1);
    return power >= 0 && append_digits(magnitude, (size_t)power, 0);
}
