// SPDX-License-Identifier: MIT
#include "tools/engine/tests/footprint_subject.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

bool footprint_outcome;

static _Alignas(16) char text[32];
static char *block;
static pthread_mutex_t mutex;
static sem_t semaphore;
static pthread_cond_t condition;
static pthread_rwlock_t rwlock;
static pthread_spinlock_t spin;
static pthread_barrier_t barrier;
static pthread_key_t key;
static pthread_t child;

static struct tm shared_time;

static __thread char own[128];
static __thread volatile long own_number;
static __thread char *own_place;
static __thread time_t own_time;
static __thread struct tm own_parts;
static __thread char *own_block;

static void *nothing(void *unused)
{
    return unused;
}

void footprint_set_up(void)
{
    memcpy(text, "12.5 apples", 12);
    memcpy(text + 16, "0x!", 4);
    memcpy(text + 20, "1e+3e-infi!", 12);
    block = malloc(24);
    pthread_mutex_init(&mutex, NULL);
    sem_init(&semaphore, 0, 1);
    pthread_cond_init(&condition, NULL);
    pthread_rwlock_init(&rwlock, NULL);
    pthread_spin_init(&spin, 0);
    pthread_barrier_init(&barrier, NULL, 1);
    pthread_key_create(&key, NULL);
    pthread_create(&child, NULL, nothing, NULL);
    setenv("TREADLE_TEST_SET_UP", "x", 1); /* TZ has to be looked at again */
}

void does_nothing(void)
{
}

const char *footprint_text(void)
{
    return text;
}

/* ---- text: "12.5 apples" and its end, bytes 0 to 11; "0x!" from 16 on, "1e+3e-infi!" from 20 ----
 */

void reads_text(void)
{
    own_number = text[6];
}

void writes_text(void)
{
    text[6] = 'A';
}

void writes_behind_text(void)
{
    text[20] = 'x';
}

void writes_last_byte(void)
{
    text[11] = 'x';
}

void measures_text(void)
{
    own_number = (long)strlen(text);
}

void compares_text(void)
{
    own_number = strcmp(text, "12.5 apples");
}

void compares_text_first_byte(void)
{
    own_number = strcmp(text, "x");
}

void compares_memory(void)
{
    own_number = memcmp(text, own, 12);
}

void copies_text(void)
{
    strcpy(own, text);
}

void copies_over_text(void)
{
    own[0] = '\0';
    strcpy(own, "other words");
    strcpy(text, own);
}

/* What a compiler would rather expand where it stands. */

void copies_constant_over_text(void)
{
    strcpy(text, "constant");
}

void compares_text_with_constant(void)
{
    own_number = strcmp(text + 6, "ab") == 0;
}

void compares_start_with_constant(void)
{
    own_number = strncmp(text + 6, "ab", 2) == 0;
}

void compares_word_with_constant(void)
{
    own_number = memcmp(text + 4, "12345678", 8) == 0;
}

void duplicates_text(void)
{
    own_block = strdup(text);
    own_number = *own_block; /* or it is left out */
}

void duplicates_start_of_text(void)
{
    own_block = strndup(text, 4);
    own_number = *own_block;
}

void formats_text(void)
{
    snprintf(own, sizeof own, "%d %s", 1, text);
}

void formats_start_of_text(void)
{
    snprintf(own, sizeof own, "%.6s", text);
}

void formats_by_width(void)
{
    snprintf(own, sizeof own, "%*d %.*s", 5, 1, 7, text);
}

static void format(const char *how, ...) __attribute__((format(printf, 1, 2)));
static void format(const char *how, ...)
{
    va_list arguments;
    va_start(arguments, how);
    vsnprintf(own, sizeof own, how, arguments);
    va_end(arguments);
}

/* What stands before a string must not be mistaken for it. */
void formats_many(void)
{
    format("%%%5.2f%c%ld %-8lld%zu|%hhx %Lg %p %jd %td %+e%m %s", 1.5, 'x', 1L, 2LL, (size_t)3,
           (unsigned char)4, (long double)1.0, (void *)own, (intmax_t)1, (ptrdiff_t)2, 0.5, text);
}

void formats_over_text(void)
{
    snprintf(text, sizeof text, "%s", "some other words");
}

void reads_decimal(void)
{
    char *end;
    own_number = (long)strtod(text, &end) + *end;
}

void reads_integer(void)
{
    own_number = (long)strtoll(text, NULL, 10);
}

/* ---- calls of the C library, each of which sees or changes a part of the text -----------------
 */

/* Parts of texts are copied here, and meant. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wpragmas"
#pragma GCC diagnostic ignored "-Wunknown-warning-option"
#pragma GCC diagnostic ignored "-Wstringop-truncation"
#pragma GCC diagnostic ignored "-Wformat"
#pragma GCC diagnostic ignored "-Wformat-security"
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
#pragma GCC diagnostic ignored "-Wformat-extra-args"

#define CALL(name, expression)           \
    void name(void)                      \
    {                                    \
        own_number = (long)(expression); \
    }

CALL(measures_some, strnlen(text, 6))
CALL(measures_enough, strnlen(text, 20))
CALL(compares_without_case, strcasecmp(text, "12.5 APPLY"))
CALL(compares_some_without_case, strncasecmp(text, "12.5 APPLES", 8))
CALL(compares_some_bytes, bcmp(text, own, 7))

CALL(finds_byte, memchr(text, 'a', 20))
CALL(finds_no_byte, memchr(text, 'z', 8))
CALL(finds_byte_from_the_end, memrchr(text, 'e', 12))
CALL(finds_no_byte_from_the_end, memrchr(text, 'z', 8))
CALL(finds_certain_byte, rawmemchr(text, 'a'))
CALL(finds_bytes, memmem(text, 12, "5 a", 3))
CALL(finds_no_bytes, memmem(text, 8, "zz", 2))
CALL(finds_more_bytes, memmem(text, 2, "5 a", 3))
CALL(looks_for_bytes, memmem("words", 5, text, 3))
CALL(finds_letter, strchr(text, 'a'))
CALL(finds_no_letter, strchr(text, 'z'))
CALL(finds_letter_or_end, strchrnul(text, 'a'))
CALL(finds_end, strchrnul(text, 'z'))
CALL(finds_last_letter, strrchr(text, '1'))
CALL(finds_word, strstr(text, "5 a"))
CALL(finds_no_word, strstr(text, "5a"))
CALL(finds_word_without_case, strcasestr(text, "APP"))
CALL(looks_for_text, strstr("words", text))
CALL(finds_one_of, strpbrk(text, "ea"))
CALL(finds_none_of, strpbrk(text, "xyz"))
CALL(spans_digits, strspn(text, "0123456789."))
CALL(spans_up_to, strcspn(text, "ea"))
CALL(spans_nothing, strspn(text, own))
CALL(spans_letters_of_text, strspn("words", text))

CALL(zeroes, (bzero(text, 4), 0))
CALL(zeroes_explicitly, (explicit_bzero(text, 4), 0))
CALL(copies_bytes_to_their_end, mempcpy(own, text, 4) == own)
CALL(copies_bytes_over_the_start, mempcpy(text, "abcd", 3) == text)
CALL(copies_bytes_as_of_old, (bcopy(text, own, 4), 0))
CALL(copies_up_to, memccpy(own, text, 'a', 20) == own)
CALL(copies_up_to_over_the_start, memccpy(text, "abc", 'b', 20) == text)
CALL(copies_all, memccpy(own, text, 'z', 5) == own)
CALL(copies_some, strncpy(own, text, 7) == own)
CALL(copies_enough, strncpy(own, text, 20) == own)
CALL(copies_and_fills, strncpy(text, "ab", 6) == text)
CALL(copies_without_end, strncpy(text, "abcdef", 3) == text)
CALL(copies_to_the_end, stpcpy(own, text) == own)
CALL(copies_over_the_start, stpcpy(text, "ab") == text)
CALL(copies_some_to_the_end, stpncpy(own, text, 7) == own)
CALL(copies_some_over_the_start, stpncpy(text, "abcdef", 3) == text)
CALL(appends, strcat(text, "ab") == text)
CALL(appends_text, strcat(own, text) == own)
CALL(appends_some, strncat(text, "abcdef", 2) == text)
CALL(appends_some_text, strncat(own, text, 5) == own)
CALL(appends_enough_text, strncat(own, text, 20) == own)

CALL(takes_token, strtok_r(text, " ", &own_place))
CALL(takes_token_behind, strtok_r(text, "12", &own_place))
CALL(takes_last_token, strtok_r(text, "xyz", &own_place))
CALL(takes_token_hidden, strtok(text, " "))
CALL(keeps_place_in_text, (strtok_r(strcpy(own, "a b"), " ", (char **)(void *)(text + 16))))
CALL(goes_on_from_text, (strcpy(own, "b"), own_place = own, strsep(&own_place, text)))

void separates(void)
{
    own_place = text;
    own_number = (long)strsep(&own_place, " ");
}

CALL(reads_number, strtol(text, NULL, 10))
CALL(reads_unsigned, strtoul(text, NULL, 10))
CALL(reads_long_unsigned, strtoull(text, NULL, 10))
CALL(reads_number_simply, atoi(text))
CALL(reads_no_number, strtol(text + 4, NULL, 10))
CALL(reads_hexadecimal, strtol(text + 5, NULL, 16))
CALL(reads_prefix_alone, strtol(text + 16, NULL, 16))
CALL(reads_zero, strtol(text + 16, NULL, 10))
CALL(reads_in_no_base, strtol(text, NULL, 99))
CALL(reads_short_real, strtof(text, NULL))
CALL(reads_long_real, strtold(text, NULL))
CALL(reads_real_simply, atof(text))
CALL(reads_no_real, strtod(text + 4, NULL))
CALL(reads_exponent, strtod(text + 20, NULL))
CALL(reads_exponent_alone, strtod(text + 23, NULL))
CALL(reads_infinity, strtod(text + 25, NULL) < 0)
CALL(reads_real_prefix, strtod(text + 16, NULL))
CALL(keeps_end_in_text, strtol("7", (char **)(void *)(text + 16), 10))

CALL(scans, sscanf(text, "%ld", (long *)(void *)own))
CALL(scans_into, sscanf("7 abc", "%hd %s", (short *)(void *)text, text + 4))
CALL(scans_in_vain, sscanf("abc", "%d", (int *)(void *)text))
CALL(scans_past, sscanf("7 q", "%*d %c", text + 1))
CALL(scans_a_set, sscanf("ab,c", "%5[^],x],%n", text, (int *)(void *)(text + 8)))
CALL(scans_reals, sscanf("1 2", "%f%% %lf", (float *)(void *)text, (double *)(void *)(text + 8)))
CALL(scans_small, sscanf("1 2 3", "%hhu %hhd%% %d", (unsigned char *)text, (signed char *)text + 2,
                         (int *)(void *)own))
CALL(prints, sprintf(text, "%d", 7))
CALL(prints_constant, sprintf(text, "abc"))
CALL(prints_text, sprintf(own, "%.4s", text))
CALL(prints_binary_first, snprintf(own, sizeof own, "%b %.4s", 5U, text))
CALL(prints_as_text_says, snprintf(own, sizeof own, text))
CALL(scans_as_text_says, sscanf("12.5", text))

void scans_new_text(void)
{
    char **made = (char **)(void *)text;
    own_number = sscanf("ab", "%ms", made);
    free(*made);
}

static int by_byte(const void *one, const void *other)
{
    return *(const char *)one - *(const char *)other;
}

void sorts(void)
{
    qsort(text, 4, 1, by_byte);
}

void sorts_one(void)
{
    qsort(text, 1, 1, by_byte);
}

CALL(names_unknown_error, strerror_r(12345, text, sizeof text))
CALL(names_error_nowhere, strerror_r(12345, text, 0))
CALL(names_known_error, strerror_r(2, text, sizeof text))
CALL(says_year, strftime(text, sizeof text, "%Y", &own_parts))
CALL(says_too_much, strftime(text, 4, "%Y", &own_parts))
CALL(takes_time_in_text, gmtime_r((time_t *)(void *)text, &own_parts))

/* What is too large for the text, or hidden in the library. */

CALL(takes_apart, gmtime_r(&own_time, &shared_time))
CALL(puts_together, mktime(&shared_time))
CALL(says_time, asctime_r(&shared_time, own))
CALL(takes_apart_hidden, gmtime(&own_time))
CALL(takes_apart_locally_hidden, localtime(&own_time))
CALL(says_own_time_hidden, asctime(&own_parts))
CALL(says_local_time_hidden, ctime(&own_time))
CALL(says_local_time, ctime_r(&own_time, own))
CALL(takes_apart_locally, localtime_r(&own_time, &own_parts))
CALL(puts_together_own, mktime(&own_parts))
CALL(says_zone, strftime(own, sizeof own, "%Z", &own_parts))
CALL(takes_own_token_hidden, strtok(strcpy(own, "a b"), " "))
CALL(takes_own_token, strtok_r(strcpy(own, "a b"), " ", &own_place))

#pragma GCC diagnostic pop

/* ---- the environment ---------------------------------------------------------------------------
 */

CALL(reads_environment, getenv("TREADLE_TEST_KEPT"))
CALL(reads_name_in_text, getenv(text))
CALL(sets_value_in_text, setenv("TREADLE_TEST_KEPT", text, 1))
CALL(puts_into_environment, putenv(strcpy(own, "TREADLE_TEST_KEPT=put")))
CALL(takes_out_of_environment, unsetenv("TREADLE_TEST_KEPT"))
CALL(sets_zone, setenv("TZ", "HERE-5", 1))
CALL(looks_at_zone, (tzset(), 0))

static bool is_kept(const char *value)
{
    return value != NULL && strcmp(value, "kept") == 0;
}

/* As the test has made it; then it is made over. */
void finds_environment_as_it_was(void)
{
    footprint_outcome = is_kept(getenv("TREADLE_TEST_KEPT")) && getenv("TREADLE_TEST_NEW") == NULL;
    setenv("TREADLE_TEST_KEPT", "lost", 1);
    for (int i = 0; i < 3; i++) {
        char name[] = "TREADLE_TEST_NEW0";
        setenv("TREADLE_TEST_NEW", name, 1);
        name[sizeof name - 2] = (char)('0' + i);
        setenv(name, "new", 1);
    }
    unsetenv("PATH");
}

void clears_environment(void)
{
    finds_environment_as_it_was();
    clearenv();
}

static bool is_utc(void)
{
    const time_t time = 0;
    struct tm parts;
    return localtime_r(&time, &parts) != NULL && parts.tm_gmtoff == 0;
}

/* Likewise. localtime_r() need not look at TZ again, and does not. */
void finds_zone_as_it_was(void)
{
    footprint_outcome = is_utc();
    setenv("TZ", "HERE-5", 1);
    tzset();
    footprint_outcome &= !is_utc();
}

static bool failed_as_invalid(bool failed)
{
    const int error = errno;
    errno = 0;
    return failed && error == EINVAL;
}

/* The header says that there has to be a name. */
static int (*volatile take_out)(const char *) = unsetenv;

void fails_as_the_library_does(void)
{
    const time_t never = INT64_MAX;
    errno = 0;
    footprint_outcome = failed_as_invalid(ctime(&never) == NULL);
    footprint_outcome &= failed_as_invalid(take_out(NULL) == -1);
}

/* ---- blocks ------------------------------------------------------------------------------------
 */

void grows_block(void)
{
    block = realloc(block, 100);
}

void writes_block(void)
{
    block[1] = 1;
}

/* Volatile: or the compiler, who knows malloc and free, leaves both out. */
static void *(*volatile allocate)(size_t) = malloc;

/* The last step, which begins with a volatile read, takes a block that was in use before. */
void frees_and_reuses(void)
{
    free(allocate(40));
    own_block = allocate(40);
}

/* ---- objects -----------------------------------------------------------------------------------
 */

void inits_mutex(void)
{
    pthread_mutex_init(&mutex, NULL);
}

void destroys_mutex(void)
{
    pthread_mutex_destroy(&mutex);
}

void locks_mutex(void)
{
    pthread_mutex_lock(&mutex);
    pthread_mutex_unlock(&mutex);
}

void tries_mutex(void)
{
    if (pthread_mutex_trylock(&mutex) == 0) {
        pthread_mutex_unlock(&mutex);
    }
}

void inits_semaphore(void)
{
    sem_init(&semaphore, 0, 1);
}

void destroys_semaphore(void)
{
    sem_init(&semaphore, 0, 1); /* or posts on what is destroyed would be a misuse */
    sem_destroy(&semaphore);
    sem_init(&semaphore, 0, 1);
}

void posts_semaphore(void)
{
    sem_post(&semaphore);
}

void inits_condition(void)
{
    pthread_cond_init(&condition, NULL);
}

void destroys_condition(void)
{
    pthread_cond_destroy(&condition);
}

void signals_condition(void)
{
    pthread_cond_signal(&condition);
}

void inits_rwlock(void)
{
    pthread_rwlock_init(&rwlock, NULL);
}

void destroys_rwlock(void)
{
    pthread_rwlock_destroy(&rwlock);
}

void reads_under_rwlock(void)
{
    pthread_rwlock_rdlock(&rwlock);
    pthread_rwlock_unlock(&rwlock);
}

void inits_spin(void)
{
    pthread_spin_init(&spin, 0);
}

void destroys_spin(void)
{
    pthread_spin_destroy(&spin);
}

void takes_spin(void)
{
    pthread_spin_lock(&spin);
    pthread_spin_unlock(&spin);
}

void inits_barrier(void)
{
    pthread_barrier_init(&barrier, NULL, 1);
}

void destroys_barrier(void)
{
    pthread_barrier_destroy(&barrier);
    pthread_barrier_init(&barrier, NULL, 1);
}

void passes_barrier(void)
{
    pthread_barrier_wait(&barrier);
}

/* ---- keys and threads --------------------------------------------------------------------------
 */

void makes_key(void)
{
    pthread_key_t made;
    pthread_key_create(&made, NULL);
}

void deletes_key(void)
{
    pthread_key_delete(key);
}

void sets_key(void)
{
    pthread_setspecific(key, own);
}

void gets_key(void)
{
    own_number = pthread_getspecific(key) != NULL;
}

void detaches_thread(void)
{
    pthread_detach(child);
}

void joins_thread(void)
{
    pthread_join(child, NULL);
}

/* ---- what the engine shares --------------------------------------------------------------------
 */

void reads_clock(void)
{
    own_number = time(NULL);
}

void sleeps(void)
{
    nanosleep(&(struct timespec){.tv_sec = 1}, NULL);
}

void draws(void)
{
    own_number = random();
}
