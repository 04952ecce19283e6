// SPDX-License-Identifier: MIT
/* Compiled with -O1 -g, whatever the build: optimised enough to inline, with lines to find. */
#include "tools/cli/symbols.h"

#include <criterion/criterion.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define THIS_FILE "tools/cli/tests/symbols_test.c"

static uint64_t returned_to;
static int line_of_call;

/* Nothing after the call may be merged with it, or a tail call leaves no return address. */
static volatile int after;

__attribute__((noinline)) static void remember_caller(void)
{
    returned_to = (uint64_t)(uintptr_t)__builtin_return_address(0);
    after++;
}

__attribute__((noinline)) static void known_function(void)
{
    line_of_call = __LINE__ + 1;
    remember_caller();
    after++;
}

__attribute__((always_inline)) static inline void inlined_function(void)
{
    line_of_call = __LINE__ + 1;
    remember_caller();
    after++;
}

__attribute__((noinline)) static void function_around(void)
{
    after++;
    inlined_function();
    after++;
}

static jmp_buf back;

__attribute__((noinline, noreturn)) static void remember_and_leave(void)
{
    returned_to = (uint64_t)(uintptr_t)__builtin_return_address(0);
    longjmp(back, 1);
}

/* The call is its last instruction: the return address is in another function, or in none. */
__attribute__((noinline, noreturn)) static void never_returns(void)
{
    after++;
    line_of_call = __LINE__ + 1;
    remember_and_leave();
}

int treadle_test_table[10];                   /* .bss */
uint64_t treadle_test_numbers[3] = {1, 2, 3}; /* .data */
static const char constant[] = "constant";    /* .rodata */
/* Far beyond the last page of the file that is mapped. */
char treadle_test_vast[4 << 20];

/* As hand-written assembly has them: where it ends nobody knows. */
extern char treadle_test_sizeless[];
__asm__(".pushsection .data\n"
        ".type treadle_test_sizeless, @object\n"
        ".globl treadle_test_sizeless\n"
        "treadle_test_sizeless: .zero 64\n"
        ".popsection");

static uint64_t address_of(const volatile void *object)
{
    return (uint64_t)(uintptr_t)object;
}

static void expect_text(const char *got, const char *wanted)
{
    cr_expect_str_eq(got, wanted, "got \"%s\", not \"%s\"", got, wanted);
}

static void expect_place(uint64_t address, const char *function, int line)
{
    char wanted[256];
    snprintf(wanted, sizeof wanted, "%s " THIS_FILE ":%d", function, line);
    expect_text(treadle_symbolize(address), wanted);
}

Test(symbols, a_return_address)
{
    known_function();
    expect_place(returned_to, "known_function", line_of_call);
}

Test(symbols, an_inlined_function)
{
    function_around();
    expect_place(returned_to, "inlined_function", line_of_call);
}

Test(symbols, a_call_that_does_not_return)
{
    if (setjmp(back) == 0) {
        never_returns();
    }
    expect_place(returned_to, "never_returns", line_of_call);
}

Test(symbols, the_first_instruction)
{
    /* What is looked up is the byte before. */
    const char *text = treadle_symbolize(address_of((void *)(uintptr_t)known_function) + 1);
    cr_expect_eq(strstr(text, "known_function " THIS_FILE ":"), text, "got \"%s\"", text);
}

Test(symbols, a_function_without_debug_information)
{
    const char *text = treadle_symbolize(address_of((void *)(uintptr_t)getppid) + 1);
    cr_expect(strstr(text, "getppid") != NULL, "got \"%s\"", text);
}

Test(symbols, nonsense)
{
    int local = 0;
    int *heap = malloc(sizeof *heap);
    const uint64_t addresses[] = {
        0,
        1,
        2,
        4096,
        0x5555,
        UINT64_C(1) << 47,
        UINT64_MAX,
        UINT64_MAX - 1,
        address_of(&local),
        address_of(heap),
    };
    for (size_t i = 0; i < sizeof addresses / sizeof *addresses; i++) {
        expect_text(treadle_symbolize(addresses[i]), "");
        expect_text(treadle_symbolize_data(addresses[i]), "");
    }
    /* Code is no data, and data no code. */
    expect_text(treadle_symbolize(address_of(&treadle_test_numbers[1])), "");
    expect_text(treadle_symbolize_data(address_of((void *)(uintptr_t)known_function)), "");
    free(heap);
}

Test(symbols, globals)
{
    static int local_static[4];
    const char *bytes = (const char *)treadle_test_table;
    expect_text(treadle_symbolize_data(address_of(treadle_test_table)), "treadle_test_table");
    expect_text(treadle_symbolize_data(address_of(&treadle_test_table[6])),
                "treadle_test_table+24");
    expect_text(treadle_symbolize_data(address_of(bytes + 39)), "treadle_test_table+39");
    expect_text(treadle_symbolize_data(address_of(&treadle_test_numbers[2])),
                "treadle_test_numbers+16");
    expect_text(treadle_symbolize_data(address_of(&constant[3])), "constant+3");
    expect_text(treadle_symbolize_data(address_of(&treadle_test_sizeless[40])), "");
    local_static[after & 1] = 1;
    const char *text = treadle_symbolize_data(address_of(&local_static[2]));
    cr_expect(strstr(text, "local_static+8") != NULL, "got \"%s\"", text);
}

Test(symbols, memory_with_no_file_behind_it)
{
    treadle_test_vast[after & 1] = 1;
    expect_text(treadle_symbolize_data(address_of(&treadle_test_vast[(4 << 20) - 1])),
                "treadle_test_vast+4194303");
    char *end = (char *)sbrk(0);
    expect_text(treadle_symbolize_data(address_of(end)), "");
    /* A mapping of nobody's, wherever the kernel puts it. */
    char *page = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    expect_text(treadle_symbolize_data(address_of(page)), "");
    expect_text(treadle_symbolize(address_of(page)), "");
    munmap(page, 4096);
}

Test(symbols, answers_stay)
{
    known_function();
    const char *code = treadle_symbolize(returned_to);
    const char *data = treadle_symbolize_data(address_of(&treadle_test_table[6]));
    char *copy = strdup(code);
    /* So many that the tables grow. */
    for (uint64_t i = 0; i < 10000; i++) {
        treadle_symbolize(i);
        treadle_symbolize_data(i);
    }
    cr_expect_eq(treadle_symbolize(returned_to), code);
    cr_expect_eq(treadle_symbolize_data(address_of(&treadle_test_table[6])), data);
    expect_text(code, copy);
    expect_text(data, "treadle_test_table+24");
    free(copy);
}

/* Looks up the caller of known_function() in a child. */
static void expect_in_child(void)
{
    known_function();
    const pid_t child = fork();
    cr_assert_geq(child, 0);
    if (child == 0) {
        char wanted[256];
        snprintf(wanted, sizeof wanted, "known_function " THIS_FILE ":%d", line_of_call);
        _exit(strcmp(treadle_symbolize(returned_to), wanted) != 0 ||
              strcmp(treadle_symbolize_data(address_of(&treadle_test_table[1])),
                     "treadle_test_table+4") != 0);
    }
    int status = -1;
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_expect(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

Test(symbols, in_a_child_that_opens_them_itself)
{
    expect_in_child();
}

Test(symbols, in_a_child_of_one_that_has_them_open)
{
    /* Open, but with nothing read: the child has to. */
    expect_text(treadle_symbolize(1), "");
    expect_in_child();
}

Test(symbols, addresses_of_a_child)
{
    int ends[2];
    cr_assert_eq(pipe(ends), 0);
    const pid_t child = fork();
    cr_assert_geq(child, 0);
    if (child == 0) {
        known_function();
        const ssize_t written = write(ends[1], &returned_to, sizeof returned_to);
        _exit(written != sizeof returned_to);
    }
    uint64_t address = 0;
    cr_assert_eq(read(ends[0], &address, sizeof address), (ssize_t)sizeof address);
    cr_assert_eq(waitpid(child, NULL, 0), child);
    known_function();
    expect_place(address, "known_function", line_of_call);
    close(ends[0]);
    close(ends[1]);
}
