# SPDX-License-Identifier: MIT
# The asan build: the engine build under AddressSanitizer, LeakSanitizer and UndefinedBehaviorSanitizer,
# harness and subjects alike. tools/engine/sanitizer.h says what the engine does for them, and
# asan-subject how subjects get both their hooks and their checks.
if(NOT CMAKE_C_COMPILER_ID STREQUAL "Clang")
  message(FATAL_ERROR "The asan build needs clang: cmake --preset asan")
endif()
string(REGEX MATCH "^[0-9]+" TREADLE_CLANG_MAJOR ${CMAKE_C_COMPILER_VERSION})
find_program(TREADLE_OPT NAMES opt-${TREADLE_CLANG_MAJOR} REQUIRED) # package llvm-14

# The sanitizers' own thread-local state would be swapped with the fibers' if it were linked into the
# executable: hence the shared runtime.
execute_process(COMMAND ${CMAKE_C_COMPILER} -print-runtime-dir OUTPUT_VARIABLE TREADLE_RUNTIME_DIR
                OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
set(TREADLE_ASAN_FLAGS -fsanitize=address,undefined -fno-sanitize-recover=all
    -fno-omit-frame-pointer)
add_compile_definitions(TREADLE_ASAN=1)
add_compile_options(${TREADLE_ASAN_FLAGS})
add_link_options(-fsanitize=address,undefined -shared-libsan -Wl,-rpath,${TREADLE_RUNTIME_DIR})

# Bugs that only this build sees.
set(TREADLE_MODE_LITMUS_SOURCES scenarios/litmus/sanitizers/planted.c)

include(tools/cmake/engine.cmake)

# This one is loaded into redis-server.
set_target_properties(treadle_redis_clock PROPERTIES COMPILE_OPTIONS "" LINK_OPTIONS "")

# ---- tests: besides those of the engine build ----------------------------------------------------

# The build can still see. With a detector switched off the same bugs must go unreported, and the
# check of them fail: poisoned memory (heap, ended stacks), leaks, the surroundings of globals, and
# the announcements of fibers (a library that leaves them out takes the place of the engine's).
set(planted check --backend memory --granularity sync)
add_test(NAME planted_bugs_are_reported COMMAND treadle ${planted} litmus/@\(planted|leak|held_block|jump\))
foreach(bug use_after_free heap_overflow dead_stack)
  add_test(NAME planted_${bug}_is_reported COMMAND treadle ${planted} --variant naive litmus/${bug})
  set_tests_properties(planted_${bug}_is_reported PROPERTIES PASS_REGULAR_EXPRESSION
                                                             "as expected .*AddressSanitizer: ")
  add_test(NAME blind_to_${bug} COMMAND treadle ${planted} --variant naive litmus/${bug})
  set_tests_properties(blind_to_${bug} PROPERTIES ENVIRONMENT "ASAN_OPTIONS=allow_user_poisoning=0"
                                                  FAIL_REGULAR_EXPRESSION "AddressSanitizer: ")
endforeach()
add_test(NAME blind_to_leaks COMMAND treadle ${planted} --variant naive litmus/leak)
add_test(NAME blind_to_globals COMMAND treadle ${planted} --variant global-overflow litmus/planted)
set_tests_properties(blind_to_leaks PROPERTIES ENVIRONMENT "ASAN_OPTIONS=detect_leaks=0" WILL_FAIL ON)
set_tests_properties(blind_to_globals PROPERTIES ENVIRONMENT "ASAN_OPTIONS=report_globals=0"
                                                 WILL_FAIL ON)

add_executable(treadle_unannounced tools/cli/main.c tools/engine/tests/unannounced.c)
target_compile_definitions(treadle_unannounced PRIVATE TREADLE_VERSION="${TREADLE_VERSION}")
target_link_libraries(treadle_unannounced PRIVATE treadle_commands ${TREADLE_SUBJECTS} treadle_cli
                                                  treadle_commands treadle_cli)
add_test(NAME blind_to_fibers COMMAND treadle_unannounced ${planted} litmus/jump)
set_tests_properties(blind_to_fibers PROPERTIES WILL_FAIL ON)

# Criterion keeps some memory of its own.
get_property(tests DIRECTORY PROPERTY TESTS)
list(FILTER tests INCLUDE REGEX "_test$")
set(suppressions "LSAN_OPTIONS=suppressions=${PROJECT_SOURCE_DIR}/tools/cmake/lsan.supp")
set_tests_properties(${tests} PROPERTIES ENVIRONMENT "${suppressions}")
# These try what the engine finds by itself: ASan must leave it to that.
set_tests_properties(memory_test races_test PROPERTIES ENVIRONMENT
                     "${suppressions};ASAN_OPTIONS=allow_user_poisoning=0")
# Millions of executions, or programs around this one: the other builds run them. Here every scenario
# runs some executions.
add_test(NAME check_scenarios COMMAND treadle check --strategy mixed --executions 400)
set_tests_properties(check_scenarios PROPERTIES TIMEOUT 900)
set_tests_properties(
  dpor_test dpor_cells_test liveness_test check_everything check_races check_races_memory cli_test
  gdb completion package own PROPERTIES DISABLED ON)
