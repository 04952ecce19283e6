# SPDX-License-Identifier: MIT
# The engine build: our runtime under instrumented subjects, and the command line on top.
include(tools/cmake/subject.cmake)
include(tools/cmake/ck.cmake)
include(tools/cmake/harness.cmake)

# The commands, and those among them that are about our own subjects. (The tables of a program over
# other code: tools/own/.)
file(GLOB command_sources CONFIGURE_DEPENDS tools/bench/*.c)
add_library(treadle_commands STATIC ${command_sources} tools/cli/commands.c tools/cli/claims.c
                                    tools/cli/health.c tools/cli/regressions_folder.c)
target_compile_definitions(treadle_commands PRIVATE TREADLE_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
target_link_libraries(treadle_commands PUBLIC treadle_cli PRIVATE PkgConfig::JANSSON m)

# ---- subjects and scenarios ----------------------------------------------------------------------

file(GLOB impl_sources CONFIGURE_DEPENDS impl/*.c impl/*/*.c)
list(FILTER impl_sources EXCLUDE REGEX impl/tests/)
treadle_subject(treadle_ck INSTRUMENTED PRIMITIVES SOURCES ${TREADLE_CK_SOURCES})
treadle_subject(treadle_impl INSTRUMENTED SOURCES ${impl_sources})
file(GLOB litmus_sources CONFIGURE_DEPENDS scenarios/litmus/*.c)
list(APPEND litmus_sources ${TREADLE_MODE_LITMUS_SOURCES})
treadle_subject(treadle_litmus INSTRUMENTED SOURCES ${litmus_sources})
# Scenarios call what subjects call, but their own accesses are no scheduling points: they are in
# footprints only.
file(GLOB row_sources CONFIGURE_DEPENDS scenarios/*.c)
list(REMOVE_ITEM row_sources ${PROJECT_SOURCE_DIR}/scenarios/scenario.c
     ${PROJECT_SOURCE_DIR}/scenarios/registry.c ${PROJECT_SOURCE_DIR}/scenarios/claims.c
     ${PROJECT_SOURCE_DIR}/scenarios/racy.c)
treadle_subject(treadle_scenario_rows QUIET SOURCES ${row_sources})

file(GLOB model_sources CONFIGURE_DEPENDS models/*.c)
add_library(treadle_scenarios OBJECT scenarios/scenario.c scenarios/registry.c
                                     scenarios/claims.c scenarios/racy.c ${model_sources})
target_link_libraries(treadle_scenarios PUBLIC treadle_flags treadle_checkers treadle_engine)

set(TREADLE_SUBJECTS treadle_ck treadle_impl treadle_litmus treadle_scenario_rows treadle_scenarios)

# The rest is for the builds that have it all; tsan.cmake puts what there is so far together in another
# way.
if(NOT TREADLE_MODE MATCHES "^(engine|asan)$")
  return()
endif()

# ---- the program -------------------------------------------------------------------------------

add_executable(treadle tools/cli/main.c)
target_compile_definitions(treadle PRIVATE TREADLE_VERSION="${TREADLE_VERSION}")
# Commands and what they share need each other.
target_link_libraries(treadle PRIVATE treadle_commands ${TREADLE_SUBJECTS} treadle_cli treadle_commands
                                      treadle_cli)

# Compiled here for the checks of the compiler and of tools/lint only; linked where they belong (tools/own).
add_library(treadle_own OBJECT tools/own/commands.c tools/own/registry.c tools/own/word_tables.c
                               tools/own/regressions_folder.c)
target_compile_definitions(treadle_own PRIVATE TREADLE_REGRESSIONS_DIR="regressions")
target_link_libraries(treadle_own PRIVATE treadle_flags PkgConfig::HIREDIS)

# The whole matrix: every row as expected, every baseline broken.
add_test(NAME check_everything COMMAND treadle check)
set_tests_properties(check_everything PROPERTIES TIMEOUT 900 PROCESSORS 2)

# Data races: found in the variants that are stated to be racy (scenarios/racy.c), and in no other, at
# the granularity of each row and at the finest.
add_test(NAME check_races COMMAND treadle check --races only --backend memory)
add_test(NAME check_races_memory COMMAND treadle check --races only --backend memory --granularity memory)
set_tests_properties(check_races check_races_memory PROPERTIES TIMEOUT 900 PROCESSORS 2)

# ---- tests -------------------------------------------------------------------------------------

treadle_subject(treadle_engine_test_subject INSTRUMENTED SOURCES tools/engine/tests/subject.c)
treadle_test(engine_test SOURCES tools/engine/tests/engine_test.c tools/engine/tests/explore.c
             LIBRARIES treadle_engine treadle_engine_test_subject treadle_engine)

treadle_subject(treadle_memory_test_subject INSTRUMENTED SOURCES tools/engine/tests/memory_subject.c)
treadle_test(memory_test SOURCES tools/engine/tests/memory_test.c tools/engine/tests/explore.c
             LIBRARIES treadle_engine treadle_memory_test_subject treadle_engine)

treadle_subject(treadle_liveness_test_subject INSTRUMENTED
                SOURCES tools/engine/tests/liveness_subject.c)
treadle_test(liveness_test SOURCES tools/engine/tests/liveness_test.c tools/engine/tests/explore.c
             LIBRARIES treadle_engine treadle_liveness_test_subject treadle_engine)

treadle_subject(treadle_footprint_test_subject INSTRUMENTED
                SOURCES tools/engine/tests/footprint_subject.c)
treadle_subject(treadle_quiet_test_subject QUIET SOURCES tools/engine/tests/quiet_subject.c)
treadle_test(footprint_test SOURCES tools/engine/tests/footprint_test.c
             LIBRARIES treadle_engine treadle_footprint_test_subject treadle_quiet_test_subject
                       treadle_engine)

# The same of a subject whose project optimises more and asks for _FORTIFY_SOURCE.
treadle_subject(treadle_footprint_optimised_subject INSTRUMENTED
                SOURCES tools/engine/tests/footprint_subject.c)
target_compile_definitions(treadle_footprint_optimised_subject_objects PRIVATE _FORTIFY_SOURCE=2)
target_compile_options(treadle_footprint_optimised_subject_objects PRIVATE -O2)
treadle_test(footprint_optimised_test SOURCES tools/engine/tests/footprint_test.c
             LIBRARIES treadle_engine treadle_footprint_optimised_subject treadle_quiet_test_subject
                       treadle_engine)

# The same with the portable switch, which no machine of ours would use: it takes the place of the
# library's.
treadle_test(engine_ucontext_test SOURCES tools/engine/tests/engine_test.c
             tools/engine/tests/explore.c tools/engine/fiber.c
             LIBRARIES treadle_engine treadle_engine_test_subject treadle_engine)
target_compile_definitions(engine_ucontext_test PRIVATE TREADLE_UCONTEXT=1)

treadle_subject(treadle_strategies_test_subject INSTRUMENTED SOURCES
                tools/strategies/tests/subject.c)
treadle_test(strategies_test SOURCES tools/strategies/tests/strategies_test.c
             LIBRARIES treadle_engine treadle_strategies_test_subject treadle_engine)
treadle_subject(treadle_dpor_test_subject INSTRUMENTED
                SOURCES tools/strategies/tests/instructions.c)
treadle_test(dpor_test SOURCES tools/strategies/tests/dpor_test.c tools/strategies/tests/lending.c
                               tools/strategies/tests/programs.c tools/strategies/tests/tracer.c
             LIBRARIES treadle_engine treadle_dpor_test_subject treadle_engine TIMEOUT 300)

treadle_test(step_test SOURCES tools/strategies/tests/step_test.c
             tools/strategies/step.c tools/strategies/locations.c)

treadle_test(fuzz_strategy_test SOURCES tools/strategies/tests/fuzz_strategy_test.c
             tools/strategies/tests/programs.c
             LIBRARIES treadle_engine treadle_dpor_test_subject treadle_engine)

treadle_test(linearizability_test SOURCES tools/checkers/tests/linearizability_test.c
             LIBRARIES treadle_checkers treadle_engine)

treadle_test(serial_test SOURCES tools/checkers/tests/serial_test.c tools/engine/tests/explore.c
             LIBRARIES treadle_checkers treadle_engine)

if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
  # Atomics of two words are instructions, not calls of a library that nobody instruments.
  set_source_files_properties(tools/checkers/tests/races_subject.c PROPERTIES COMPILE_OPTIONS -mcx16)
endif()
treadle_subject(treadle_races_test_subject INSTRUMENTED
                SOURCES tools/checkers/tests/races_subject.c)
treadle_test(races_test SOURCES tools/checkers/tests/races_test.c tools/engine/tests/explore.c
             LIBRARIES treadle_checkers treadle_engine treadle_races_test_subject treadle_engine)

# The wire seam is tested against a stub of the engine.
foreach(name resp wire url commands script server clock seam touches)
  treadle_test(redis_${name}_test
               SOURCES tools/redis/tests/${name}_test.c tools/redis/tests/engine_stub.c
                       $<TARGET_OBJECTS:treadle_redis_objects>
               LIBRARIES PkgConfig::HIREDIS PkgConfig::MD)
  target_compile_definitions(
    redis_${name}_test PRIVATE TREADLE_REDIS_CLOCK_LIBRARY="$<TARGET_FILE:treadle_redis_clock>")
endforeach()

# The ledger's writers and the consistency report are tested through their commands.
set(writer_sources ${report_sources})
list(FILTER writer_sources EXCLUDE REGEX "/ledger_|/consistency/")
treadle_test(writers_test
             SOURCES reports/tests/writers_test.c ${writer_sources} scenarios/scenario.c
                     tools/engine/op.c tools/engine/trace.c
             LIBRARIES PkgConfig::JANSSON PkgConfig::LIBXML)
target_compile_definitions(writers_test PRIVATE TREADLE_SOURCE_DIR="${PROJECT_SOURCE_DIR}"
                                                TREADLE_HARNESS_PREFIX="${TREADLE_HARNESS_PREFIX}")

# The page of a report that a test made up.
add_executable(page_of reports/consistency/tests/page_of.c)
target_link_libraries(page_of PRIVATE treadle_reports ${TREADLE_SUBJECTS} treadle_reports
                                      PkgConfig::JANSSON)

treadle_test(consistency_test SOURCES reports/consistency/tests/consistency_test.c
             LIBRARIES treadle_reports ${TREADLE_SUBJECTS} treadle_reports PkgConfig::JANSSON)
add_test(NAME report_test COMMAND python3 reports/tests/report_test.py $<TARGET_FILE:treadle>
                                  $<TARGET_FILE:page_of> . WORKING_DIRECTORY ${PROJECT_SOURCE_DIR})
set_tests_properties(report_test PROPERTIES TIMEOUT 300)
if(CMAKE_C_COMPILER_ID STREQUAL "GNU")
  add_test(NAME page_test COMMAND ${PROJECT_SOURCE_DIR}/reports/tests/browser/run)
  set_tests_properties(
    page_test
    PROPERTIES TIMEOUT 300 ENVIRONMENT
               "TREADLE_PAGE_OF=$<TARGET_FILE:page_of>;TREADLE_EXAMPLE=${PROJECT_SOURCE_DIR}/reports/example")
endif()

set(explore_libraries treadle_explore ${TREADLE_SUBJECTS} treadle_explore)
treadle_test(token_test SOURCES tools/explore/tests/token_test.c LIBRARIES ${explore_libraries})
treadle_test(ledger_test SOURCES tools/explore/tests/ledger_test.c LIBRARIES ${explore_libraries})
treadle_test(explore_test SOURCES tools/explore/tests/explore_test.c
             LIBRARIES ${explore_libraries})
treadle_test(explorer_test SOURCES tools/explore/tests/explorer_test.c
             LIBRARIES ${explore_libraries})
treadle_test(dpor_cells_test SOURCES tools/explore/tests/dpor_cells_test.c
             tools/strategies/tests/tracer.c LIBRARIES ${explore_libraries})
treadle_test(cli_test SOURCES tools/cli/tests/cli_test.c tools/cli/tests/run.c
             LIBRARIES ${explore_libraries} TIMEOUT 300)
target_compile_definitions(cli_test PRIVATE TREADLE_SOURCE_DIR="${PROJECT_SOURCE_DIR}"
                                            TREADLE_BINARY="$<TARGET_FILE:treadle>")
add_dependencies(cli_test treadle)
treadle_test(health_test
             SOURCES tools/cli/tests/health_test.c tools/cli/tests/run.c
                     impl/tests/redis_fixture.c
             LIBRARIES PkgConfig::JANSSON PkgConfig::HIREDIS Threads::Threads m)
target_compile_definitions(health_test PRIVATE TREADLE_BINARY="$<TARGET_FILE:treadle>")
add_dependencies(health_test treadle)
foreach(name suggest progress symbols places)
  treadle_test(${name}_test SOURCES tools/cli/tests/${name}_test.c LIBRARIES treadle_cli)
  target_compile_definitions(${name}_test PRIVATE TREADLE_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
endforeach()
target_compile_options(symbols_test PRIVATE -O1 -g)
target_compile_options(places_test PRIVATE -O1 -g)

# Files of every format against their schemas: the golden ones, and what the program writes.
find_program(PYTHON python3 PATHS /usr/bin NO_DEFAULT_PATH REQUIRED) # Debian's, with its modules
set(validate ${PROJECT_SOURCE_DIR}/reports/tests/validate.py)
file(GLOB golden RELATIVE ${PROJECT_SOURCE_DIR} CONFIGURE_DEPENDS reports/tests/golden/*)
foreach(kind_and_files "check=results.jsonl" "replay=/trace_.*json$" "sarif=results.sarif"
        "junit=results.junit.xml" "perfetto=perfetto.json$" "dot=[.]dot$")
  string(REGEX MATCH "^[a-z]+" kind ${kind_and_files})
  string(REGEX REPLACE "^[a-z]+=" "" pattern ${kind_and_files})
  set(files ${golden})
  list(FILTER files INCLUDE REGEX "${pattern}")
  add_test(NAME golden_${kind} COMMAND ${PYTHON} ${validate} ${kind} ${files}
           WORKING_DIRECTORY ${PROJECT_SOURCE_DIR})
endforeach()
add_test(NAME formats COMMAND ${PYTHON} tools/cli/tests/formats_test.py
         $<TARGET_FILE:treadle> ${validate} WORKING_DIRECTORY ${PROJECT_SOURCE_DIR})
set_tests_properties(formats PROPERTIES TIMEOUT 300)
add_test(NAME gdb COMMAND ${PYTHON} tools/cli/tests/gdb_test.py $<TARGET_FILE:treadle>
         WORKING_DIRECTORY ${PROJECT_SOURCE_DIR})
set_tests_properties(gdb PROPERTIES TIMEOUT 300)
add_test(NAME completion COMMAND ${PYTHON} tools/cli/tests/completion_test.py $<TARGET_FILE:treadle>
         WORKING_DIRECTORY ${PROJECT_SOURCE_DIR})

include(tools/cmake/install.cmake)
