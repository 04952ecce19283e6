// SPDX-License-Identifier: MIT
/* The token parser: never trusts its input, and what it accepts it spells the same way again. The
 * first byte chooses: raw text, or a schedule that is encoded, damaged in one place and read back.
 */
#include <assert.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "tools/explore/token.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void decode_text(const char *text)
{
    treadle_schedule schedule;
    char error[256] = "";
    if (treadle_token_decode(text, &schedule, error, sizeof error) != TREADLE_TOKEN_OK) {
        assert(error[0] != '\0' && schedule.decisions == NULL && schedule.checks == NULL);
        return;
    }
    char *again = treadle_token_encode(&schedule);
    assert(again != NULL && strstr(text, again) != NULL);
    free(again);
    treadle_schedule_free(&schedule);
}

/* Bytes to a schedule that can be encoded. */
static void fill(treadle_schedule *schedule, const uint8_t *data, size_t size)
{
    memset(schedule, 0, sizeof *schedule);
    memcpy(schedule->cell.scenario, "litmus/counter", 15);
    memcpy(schedule->cell.variant, "naive", 6);
    schedule->cell.granularity = (treadle_granularity)(1 + size % 3);
    schedule->cell.parameter_count = (uint32_t)(size % (TREADLE_PARAMETERS_MAX + 1));
    for (uint32_t i = 0; i < schedule->cell.parameter_count; i++) {
        memcpy(&schedule->cell.parameters[i], data, size < 8 ? size : 8);
    }
    schedule->trace_hash = size * UINT64_C(0x9e3779b97f4a7c15);
    schedule->check_count = (uint32_t)(size % 7);
    schedule->check_stride = 1;
    schedule->checks = calloc(schedule->check_count + 1, 1);
    schedule->decision_count = (uint32_t)size;
    schedule->decisions = calloc(size + 1, sizeof *schedule->decisions);
    assert(schedule->checks != NULL && schedule->decisions != NULL);
    for (size_t i = 0; i < size; i++) {
        schedule->decisions[i] = (uint16_t)(data[i] & 3 ? 0 : data[i] >> 2);
    }
}

static void round_trip(const uint8_t *data, size_t size)
{
    treadle_schedule schedule;
    treadle_schedule back;
    char error[256];
    fill(&schedule, data, size);
    char *text = treadle_token_encode(&schedule);
    assert(text != NULL);
    assert(treadle_token_decode(text, &back, error, sizeof error) == TREADLE_TOKEN_OK);
    assert(back.decision_count == schedule.decision_count &&
           memcmp(back.decisions, schedule.decisions, size * sizeof *back.decisions) == 0);
    treadle_schedule_free(&back);
    if (size > 2) {
        const size_t at = (size_t)(data[0] | data[1] << 8) % strlen(text);
        const char was = text[at];
        text[at] = (char)(data[2] % 94 + 33);
        if (text[at] != was) {
            assert(treadle_token_decode(text, &back, error, sizeof error) != TREADLE_TOKEN_OK);
        }
    }
    free(text);
    treadle_schedule_free(&schedule);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    if (data[0] & 1) {
        round_trip(data + 1, size - 1);
        return 0;
    }
    char *text = malloc(size);
    assert(text != NULL);
    memcpy(text, data + 1, size - 1);
    text[size - 1] = '\0';
    decode_text(text);
    free(text);
    return 0;
}
