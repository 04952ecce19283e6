// SPDX-License-Identifier: MIT
#include "../rate_limit.h"
#include "../request_id.h"

#include <criterion/criterion.h>
#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static void refuses(long long rpm, double window_s, const char *word)
{
    char error[128] = "";
    struct rate_limits limits = {.rpm = rpm, .window_s = window_s};
    cr_assert_not(rate_limits_validate(&limits, error, sizeof error), "%lld per %g s", rpm,
                  window_s);
    cr_assert_not_null(strstr(error, word), "\"%s\" does not say %s", error, word);
    cr_assert_null(strchr(error, '\n'));
}

Test(rate_limits, nonsense_is_refused_with_the_field_named)
{
    refuses(0, 60, "rpm");
    refuses(-5, 60, "rpm");
    refuses(RATE_LIMITS_RPM_MAX + 1, 60, "rpm");
    refuses(10, 0, "window_s");
    refuses(10, -60, "window_s");
    refuses(10, 1e-9, "window_s");
    refuses(10, NAN, "window_s");
    refuses(10, INFINITY, "window_s");
    refuses(10, -INFINITY, "window_s");
    refuses(10, 1e300, "window_s");
}

Test(rate_limits, sense_is_accepted)
{
    char error[128] = "";
    struct rate_limits smallest = {.rpm = 1, .window_s = 1e-6};
    struct rate_limits largest = {.rpm = RATE_LIMITS_RPM_MAX,
                                  .window_s = (double)RATE_LIMITS_WINDOW_US_MAX / 1e6};
    cr_assert(rate_limits_validate(&smallest, error, sizeof error));
    cr_assert(rate_limits_validate(&largest, error, sizeof error));
    cr_assert_str_empty(error);
    cr_assert_eq(rate_limits_window_us(&smallest), 1);
    cr_assert_eq(rate_limits_window_us(&largest), RATE_LIMITS_WINDOW_US_MAX);
    cr_assert_eq(rate_limits_window_us(&(struct rate_limits){1, 1.5}), 1500000);
    cr_assert_eq(rate_limits_window_us(&(struct rate_limits){1, 0.1}), 100000);
}

Test(rate_decision, has_names)
{
    cr_assert_str_eq(rate_decision_name(RATE_ADMITTED), "admitted");
    cr_assert_str_eq(rate_decision_name(RATE_REFUSED), "refused");
    cr_assert_str_eq(rate_decision_name(RATE_ERROR), "error");
}

Test(request_id, is_a_version_4_uuid)
{
    static const char form[] = "xxxxxxxx-xxxx-4xxx-vxxx-xxxxxxxxxxxx";
    srandom(1);
    for (int round = 0; round < 10000; round++) {
        char id[REQUEST_ID_SIZE];
        request_id_generate(id);
        cr_assert_eq(strlen(id), sizeof form - 1);
        for (size_t i = 0; i < sizeof form - 1; i++) {
            bool good = form[i] == 'x'   ? isxdigit((unsigned char)id[i]) != 0
                        : form[i] == 'v' ? strchr("89ab", id[i]) != NULL
                                         : id[i] == form[i];
            cr_assert(good, "%s", id);
        }
    }
}

Test(request_id, uses_every_random_bit)
{
    char id[REQUEST_ID_SIZE];
    bool seen[REQUEST_ID_SIZE][16] = {{false}};
    srandom(1);
    for (int round = 0; round < 2000; round++) {
        request_id_generate(id);
        for (size_t i = 0; i < REQUEST_ID_SIZE - 1; i++) {
            if (id[i] != '-') {
                char digit[2] = {id[i], '\0'};
                seen[i][strtoul(digit, NULL, 16)] = true;
            }
        }
    }
    for (size_t i = 0; i < REQUEST_ID_SIZE - 1; i++) {
        int distinct = 0;
        for (int digit = 0; digit < 16; digit++) {
            distinct += seen[i][digit];
        }
        int expected = id[i] == '-' ? 0 : i == 14 ? 1 : i == 19 ? 4 : 16;
        cr_assert_eq(distinct, expected, "position %zu takes %d values", i, distinct);
    }
}

Test(request_id, follows_the_seed)
{
    char first[REQUEST_ID_SIZE];
    char second[REQUEST_ID_SIZE];
    srandom(42);
    request_id_generate(first);
    request_id_generate(second);
    cr_assert_str_neq(first, second);
    srandom(42);
    request_id_generate(second);
    cr_assert_str_eq(first, second);
}
