// SPDX-License-Identifier: MIT
/* The layout inside: every number a varint (LEB128, shortest form), every name a length and bytes.
 *
 *   scenario variant backend granularity parameter_count parameter… property
 *   trace_hash event_count check_stride check_count check…
 *   decision_count (zeros value)… checksum
 *
 * Decisions are mostly zeros: a run of zeros and the value that ends it, until all are said; zeros
 * at the end are a run without a value. Parameters are zigzag-coded. The checksum is the low half
 * of XXH3 over all bytes before it, little-endian. Whatever decodes must encode to the same text,
 * which refuses every other spelling. */
#include "tools/explore/token.h"

#include <ctype.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "tools/engine/engine.h"

static const char PREFIX[] = "tdl1.";
enum {
    PREFIX_LENGTH = sizeof PREFIX - 1,
    CHECKSUM_BYTES = 4,
    VARINT_BYTES_MAX = 10,
    BASE64 = sodium_base64_VARIANT_URLSAFE_NO_PADDING,
};

/* ---- writing --------------------------------------------------------------------------------- */

typedef struct writer {
    uint8_t *bytes;
    size_t count;
} writer;

static void put_number(writer *self, uint64_t value)
{
    while (value >= 0x80) {
        self->bytes[self->count++] = (uint8_t)(value | 0x80);
        value >>= 7;
    }
    self->bytes[self->count++] = (uint8_t)value;
}

static void put_name(writer *self, const char *name)
{
    const size_t length = strlen(name);
    put_number(self, length);
    memcpy(self->bytes + self->count, name, length);
    self->count += length;
}

static void put_decisions(writer *self, const treadle_schedule *schedule)
{
    put_number(self, schedule->decision_count);
    uint32_t zeros = 0;
    for (uint32_t i = 0; i < schedule->decision_count; i++) {
        if (schedule->decisions[i] == 0) {
            zeros++;
            continue;
        }
        put_number(self, zeros);
        put_number(self, schedule->decisions[i]);
        zeros = 0;
    }
    if (zeros > 0) {
        put_number(self, zeros);
    }
}

static void put_checksum(writer *self)
{
    const uint32_t sum = (uint32_t)XXH3_64bits(self->bytes, self->count);
    for (int i = 0; i < CHECKSUM_BYTES; i++) {
        self->bytes[self->count++] = (uint8_t)(sum >> (8 * i));
    }
}

static size_t bytes_max(const treadle_schedule *schedule)
{
    const size_t numbers = 32 + TREADLE_PARAMETERS_MAX;
    return sizeof schedule->cell + sizeof schedule->property + numbers * VARINT_BYTES_MAX +
           schedule->check_count + (size_t)schedule->decision_count * 8;
}

char *treadle_token_encode(const treadle_schedule *schedule)
{
    const treadle_cell *cell = &schedule->cell;
    writer self = {.bytes = malloc(bytes_max(schedule))};
    if (self.bytes == NULL) {
        return NULL;
    }
    put_name(&self, cell->scenario);
    put_name(&self, cell->variant);
    put_number(&self, cell->backend);
    put_number(&self, cell->granularity);
    put_number(&self, cell->parameter_count);
    for (uint32_t i = 0; i < cell->parameter_count; i++) {
        const uint64_t value = (uint64_t)cell->parameters[i];
        put_number(&self, value << 1 ^ (value >> 63 ? UINT64_MAX : 0));
    }
    put_name(&self, schedule->property);
    put_number(&self, schedule->trace_hash);
    put_number(&self, schedule->event_count);
    put_number(&self, schedule->check_stride);
    put_number(&self, schedule->check_count);
    memcpy(self.bytes + self.count, schedule->checks, schedule->check_count);
    self.count += schedule->check_count;
    put_decisions(&self, schedule);
    put_checksum(&self);
    const size_t room = sodium_base64_encoded_len(self.count, BASE64);
    char *text = malloc(PREFIX_LENGTH + room);
    if (text != NULL) {
        memcpy(text, PREFIX, PREFIX_LENGTH);
        sodium_bin2base64(text + PREFIX_LENGTH, room, self.bytes, self.count, BASE64);
    }
    free(self.bytes);
    return text;
}

/* ---- reading --------------------------------------------------------------------------------- */

typedef struct reader {
    const uint8_t *bytes;
    size_t count;
    size_t at;
    bool ended; /* wanted more than there is */
    bool wrong; /* said something that no token says */
} reader;

static uint64_t get_number(reader *self, uint64_t max)
{
    uint64_t value = 0;
    for (uint32_t shift = 0; shift < 64; shift += 7) {
        if (self->at >= self->count) {
            self->ended = true;
            return 0;
        }
        const uint8_t byte = self->bytes[self->at++];
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            self->wrong |= value > max;
            return value > max ? 0 : value;
        }
    }
    self->wrong = true;
    return 0;
}

/* A name of printable ASCII that fits, terminated. */
static void get_name(reader *self, char *name, size_t size)
{
    const size_t length = (size_t)get_number(self, size - 1);
    if (self->ended || self->wrong || length > self->count - self->at) {
        self->ended |= !self->wrong;
        name[0] = '\0';
        return;
    }
    memcpy(name, self->bytes + self->at, length);
    name[length] = '\0';
    self->at += length;
    for (size_t i = 0; i < length; i++) {
        self->wrong |= name[i] <= ' ' || name[i] > '~';
    }
}

static void get_cell(reader *self, treadle_cell *cell)
{
    get_name(self, cell->scenario, sizeof cell->scenario);
    get_name(self, cell->variant, sizeof cell->variant);
    cell->backend = (treadle_backend)get_number(self, TREADLE_BACKEND_COUNT - 1);
    cell->granularity = (treadle_granularity)get_number(self, TREADLE_GRANULARITY_MEMORY);
    self->wrong |= !self->ended && cell->granularity == TREADLE_GRANULARITY_NONE;
    cell->parameter_count = (uint32_t)get_number(self, TREADLE_PARAMETERS_MAX);
    for (uint32_t i = 0; i < cell->parameter_count; i++) {
        const uint64_t zigzag = get_number(self, UINT64_MAX);
        cell->parameters[i] = (int64_t)(zigzag >> 1 ^ (zigzag & 1 ? UINT64_MAX : 0));
    }
}

/* False when out of memory. */
static bool get_checks(reader *self, treadle_schedule *schedule)
{
    schedule->trace_hash = get_number(self, UINT64_MAX);
    schedule->event_count = (uint32_t)get_number(self, UINT32_MAX);
    schedule->check_stride = (uint32_t)get_number(self, UINT32_MAX);
    schedule->check_count = (uint32_t)get_number(self, TREADLE_TRACE_EVENTS_MAX);
    if (self->ended || self->wrong || schedule->check_count > self->count - self->at) {
        self->ended |= !self->wrong;
        schedule->check_count = 0;
        return true;
    }
    schedule->checks = malloc(schedule->check_count + 1);
    if (schedule->checks == NULL) {
        return false;
    }
    memcpy(schedule->checks, self->bytes + self->at, schedule->check_count);
    self->at += schedule->check_count;
    return true;
}

static bool get_decisions(reader *self, treadle_schedule *schedule)
{
    const uint32_t count = (uint32_t)get_number(self, TREADLE_DECISIONS_MAX);
    if (self->ended || self->wrong) {
        return true;
    }
    schedule->decisions = calloc(count + 1, sizeof *schedule->decisions);
    if (schedule->decisions == NULL) {
        return false;
    }
    schedule->decision_count = count;
    uint32_t at = 0;
    while (at < count && !self->ended && !self->wrong) {
        at += (uint32_t)get_number(self, count - at);
        if (at < count) {
            schedule->decisions[at++] = (uint16_t)get_number(self, UINT16_MAX);
        }
    }
    return true;
}

static treadle_token_status refuse(treadle_schedule *schedule, treadle_token_status status,
                                   char *error, size_t error_size, const char *why)
{
    treadle_schedule_free(schedule);
    snprintf(error, error_size, "%s", why);
    return status;
}

static treadle_token_status parse(const uint8_t *bytes, size_t count, treadle_schedule *schedule,
                                  char *error, size_t error_size)
{
    reader self = {.bytes = bytes, .count = count};
    get_cell(&self, &schedule->cell);
    get_name(&self, schedule->property, sizeof schedule->property);
    if (!get_checks(&self, schedule) || !get_decisions(&self, schedule)) {
        return refuse(schedule, TREADLE_TOKEN_NO_MEMORY, error, error_size, "out of memory");
    }
    const size_t left = self.count - self.at;
    uint32_t sum = (uint32_t)XXH3_64bits(bytes, self.at);
    for (size_t i = 0; i < CHECKSUM_BYTES && i < left; i++) {
        self.wrong |= bytes[self.at + i] != (uint8_t)sum;
        sum >>= 8;
    }
    if (!self.wrong && (self.ended || left < CHECKSUM_BYTES)) {
        return refuse(schedule, TREADLE_TOKEN_TRUNCATED, error, error_size,
                      "the token ends too early: part of it was not copied");
    }
    if (self.wrong || left > CHECKSUM_BYTES) {
        return refuse(schedule, TREADLE_TOKEN_DAMAGED, error, error_size,
                      "the token is damaged: its checksum does not fit; copy it again as one word");
    }
    return TREADLE_TOKEN_OK;
}

/* Whether encoding gives the text back: one schedule has one spelling. */
static bool canonical(const treadle_schedule *schedule, const char *text, size_t length)
{
    char *again = treadle_token_encode(schedule);
    const bool same = again != NULL && strlen(again) == length && memcmp(again, text, length) == 0;
    free(again);
    return same;
}

treadle_token_status treadle_token_decode(const char *text, treadle_schedule *schedule, char *error,
                                          size_t error_size)
{
    memset(schedule, 0, sizeof *schedule);
    while (isspace((unsigned char)*text)) {
        text++;
    }
    size_t length = strlen(text);
    while (length > 0 && isspace((unsigned char)text[length - 1])) {
        length--;
    }
    if (length < PREFIX_LENGTH || memcmp(text, PREFIX, PREFIX_LENGTH) != 0) {
        const bool version =
            length > 4 && memcmp(text, "tdl", 3) == 0 && isdigit((unsigned char)text[3]);
        return refuse(schedule, TREADLE_TOKEN_FOREIGN, error, error_size,
                      version ? "a token of another version of treadle: this one reads \"tdl1.\""
                              : "not a treadle token: one starts with \"tdl1.\"");
    }
    const size_t room = (length - PREFIX_LENGTH) / 4 * 3 + 4;
    uint8_t *bytes = malloc(room);
    if (bytes == NULL) {
        return refuse(schedule, TREADLE_TOKEN_NO_MEMORY, error, error_size, "out of memory");
    }
    size_t count = 0;
    treadle_token_status status;
    const char *encoded = text + PREFIX_LENGTH;
    const size_t encoded_length = length - PREFIX_LENGTH;
    if (encoded_length % 4 == 1) {
        status = refuse(schedule, TREADLE_TOKEN_TRUNCATED, error, error_size,
                        "the token ends too early: part of it was not copied");
    } else if (sodium_base642bin(bytes, room, encoded, encoded_length, NULL, &count, NULL,
                                 BASE64) != 0) {
        status = refuse(schedule, TREADLE_TOKEN_DAMAGED, error, error_size,
                        "the token has a character that no token has; copy it again as one word");
    } else {
        status = parse(bytes, count, schedule, error, error_size);
    }
    free(bytes);
    if (status == TREADLE_TOKEN_OK && !canonical(schedule, text, length)) {
        status = refuse(schedule, TREADLE_TOKEN_DAMAGED, error, error_size,
                        "the token is damaged: no schedule is spelled like this");
    }
    return status;
}
