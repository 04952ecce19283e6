// SPDX-License-Identifier: MIT
#include "tools/cli/suggest.h"

#include <criterion/criterion.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

static const char *const scenarios[] = {
    "sliding_window/check_then_add", "sliding_window/expiry_boundary", "memory_store/get_or_create",
    "token_bucket/refill",           "litmus/store_buffering",
};

static void expect(const char *given, const char *const *names, size_t count, const char *wanted)
{
    const char *got = treadle_suggest(given, names, count);
    if (wanted == NULL) {
        cr_expect_null(got, "\"%s\" gave \"%s\"", given, got);
    } else {
        cr_expect(got != NULL && strcmp(got, wanted) == 0, "\"%s\" gave \"%s\", not \"%s\"", given,
                  got ? got : "(nothing)", wanted);
    }
}

#define EXPECT(given, names, wanted) expect(given, names, COUNT(names), wanted)

Test(suggest, a_typing_error_of_each_kind)
{
    static const char *const names[] = {"list", "check", "replay", "shrink", "bench"};
    EXPECT("chek", names, "check");    /* deleted */
    EXPECT("cheeck", names, "check");  /* inserted */
    EXPECT("replaz", names, "replay"); /* replaced */
    EXPECT("lsit", names, "list");     /* swapped, which is one error and not two */
    EXPECT("check", names, "check");
    EXPECT("BENCH", names, "bench");
    EXPECT("Shirnk", names, "shrink");
}

Test(suggest, nothing_when_nothing_is_near)
{
    static const char *const names[] = {"random", "pct", "pos", "surw", "dfs", "dpor"};
    EXPECT("zebra", names, NULL);
    EXPECT("xyz", names, NULL);
    EXPECT("x", names, NULL);
    EXPECT("ppp", names, NULL); /* two of three letters wrong */
    EXPECT("rnadmo", names, "random");
    EXPECT("ranxyz", names, NULL); /* half of it wrong */
    EXPECT("dfp", names, "dfs");
    EXPECT("pc", names, "pct");
}

Test(suggest, the_part_after_the_slash)
{
    EXPECT("check_then_ad", scenarios, "sliding_window/check_then_add");
    EXPECT("chekc_then_add", scenarios, "sliding_window/check_then_add");
    EXPECT("get_or_craete", scenarios, "memory_store/get_or_create");
    EXPECT("refil", scenarios, "token_bucket/refill");
    EXPECT("REFILL", scenarios, "token_bucket/refill");
    EXPECT("slidng_window/check_then_add", scenarios, "sliding_window/check_then_add");
}

Test(suggest, a_substring)
{
    EXPECT("boundary", scenarios, "sliding_window/expiry_boundary");
    EXPECT("Buffer", scenarios, "litmus/store_buffering");
    EXPECT("bucket/re", scenarios, "token_bucket/refill");
    EXPECT("e", scenarios, NULL);
    EXPECT("or", scenarios, NULL);
}

Test(suggest, the_nearest_wins_and_then_the_first)
{
    static const char *const names[] = {"proposed-pipeline", "proposed", "fixed", "proposed"};
    EXPECT("proposed", names, "proposed");
    EXPECT("propose", names, "proposed");
    EXPECT("pipeline", names, "proposed-pipeline");
    cr_expect_eq(treadle_suggest("proposd", names, COUNT(names)), names[1]);
    static const char *const contained[] = {"a/check_then_add_more", "a/chuck", "a/check_then"};
    EXPECT("check", contained, "a/chuck");
    EXPECT("eck_t", contained, "a/check_then");
    static const char *const equal[] = {"aab", "aac"};
    EXPECT("aad", equal, "aab");
}

Test(suggest, empty_and_missing)
{
    static const char *const names[] = {"", NULL, "/", "a/", "redis"};
    EXPECT("redi", names, "redis");
    EXPECT("", names, NULL);
    EXPECT(NULL, names, NULL);
    EXPECT("/", names, "/");
    cr_expect_null(treadle_suggest("redis", names, 0));
    cr_expect_null(treadle_suggest("redis", NULL, 0));
}

Test(suggest, very_long_strings)
{
    static char longest[129];
    static char too_long[100001];
    memset(longest, 'a', sizeof longest - 1);
    memset(too_long, 'a', sizeof too_long - 1);
    const char *const names[] = {too_long, longest, "sliding_window/check_then_add"};
    EXPECT(longest, names, longest);
    EXPECT(too_long, names, NULL);
    EXPECT("aaaa", names, longest);
    longest[3] = 'b';
    cr_expect_eq(treadle_suggest(longest, names, COUNT(names)), longest);
}
