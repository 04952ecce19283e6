# SPDX-License-Identifier: MIT
# The build under the real ThreadSanitizer; tools/tsan/README.md says how it is put together.
if(NOT CMAKE_C_COMPILER_ID STREQUAL "Clang")
  message(FATAL_ERROR "The tsan build needs clang: cmake --preset tsan")
endif()
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
# Whoever calls the C library last thing must be known as its caller.
add_compile_options(-fno-optimize-sibling-calls)

# ---- names -----------------------------------------------------------------------------------

# What the compiler calls __tsan_… is treadle_hook_… in the engine, whose observer calls the runtime.
# Subjects announce their calls of functions to the runtime itself. Scenarios, whose accesses are no
# scheduling points, keep to the runtime for everything.
file(STRINGS ${PROJECT_SOURCE_DIR}/tools/engine/quiet.syms hook_names REGEX "^__tsan_")
list(TRANSFORM hook_names REPLACE "treadle_quiet_" "treadle_hook_")
set(subject_names ${hook_names})
list(FILTER subject_names EXCLUDE REGEX "^__tsan_(init|func_entry|func_exit) ")
function(write_names path)
  list(JOIN ARGN "\n" text)
  file(CONFIGURE OUTPUT ${path} CONTENT "${text}\n" @ONLY)
endfunction()
# ThreadSanitizer holds signals back until the next call that it intercepts: an endless loop makes
# none.
list(APPEND hook_names "sigaction __sigaction")
set(engine_names ${CMAKE_CURRENT_BINARY_DIR}/engine.syms)
write_names(${engine_names} ${hook_names})
set(TREADLE_HOOK_NAMES ${CMAKE_CURRENT_BINARY_DIR}/subject.syms)
write_names(${TREADLE_HOOK_NAMES} ${subject_names})
set(TREADLE_QUIET_NAMES "")
# Fibers share a thread's own storage, and ThreadSanitizer keeps its state there.
set(TREADLE_SUBJECT_FLAGS -femulated-tls)

include(tools/cmake/engine.cmake)

# ---- the harness, in a library, whose calls of the C library are not the subject's ---------------

set_source_files_properties(tools/engine/tls.c tools/checkers/races.c PROPERTIES HEADER_FILE_ONLY ON)
set_source_files_properties(tools/engine/fiber_switch.S PROPERTIES COMPILE_DEFINITIONS
                            treadle_fiber_switch=treadle_fiber_jump)
# Where ThreadSanitizer allows programs to map memory at an address of their choice.
set_source_files_properties(tools/engine/heap.c PROPERTIES COMPILE_DEFINITIONS
                            TREADLE_HEAP_HINT=0x4000000000)
add_library(treadle_tsan STATIC tools/tsan/emulated_tls.c tools/tsan/fibers.c
                                tools/tsan/observer.c tools/tsan/report.c)
target_link_libraries(treadle_tsan PUBLIC treadle_flags)

set(engine_archive ${CMAKE_CURRENT_BINARY_DIR}/engine_with_hooks.a)
add_custom_command(
  OUTPUT ${engine_archive}
  COMMAND ${TREADLE_OBJCOPY} --redefine-syms=${engine_names} $<TARGET_FILE:treadle_engine>
          ${engine_archive}
  DEPENDS treadle_engine ${engine_names}
  COMMENT "Engine: renaming what the compiler calls")

set(parts treadle_commands treadle_cli treadle_reports treadle_explore treadle_redis treadle_checkers treadle_tsan)
list(TRANSFORM parts REPLACE "(.+)" "$<TARGET_FILE:\\1>" OUTPUT_VARIABLE archives)
file(WRITE ${CMAKE_CURRENT_BINARY_DIR}/empty.c "")
add_library(treadle_harness SHARED $<TARGET_OBJECTS:treadle_scenarios> ${engine_archive}
                                   ${CMAKE_CURRENT_BINARY_DIR}/empty.c)
add_dependencies(treadle_harness ${parts})
set_target_properties(treadle_harness PROPERTIES LINK_DEPENDS "${engine_archive};${archives}")
target_link_libraries(
  treadle_harness PRIVATE -Wl,--whole-archive ${archives} ${engine_archive} -Wl,--no-whole-archive
                          PkgConfig::JANSSON PkgConfig::LIBXML PkgConfig::SODIUM PkgConfig::LIBDW
                          PkgConfig::HIREDIS PkgConfig::MD Threads::Threads m)

# ---- the program -------------------------------------------------------------------------------

add_executable(treadle tools/cli/main.c tools/tsan/executable.c)
target_compile_definitions(treadle PRIVATE TREADLE_VERSION="${TREADLE_VERSION}")
set_target_properties(treadle PROPERTIES ENABLE_EXPORTS ON)
list(REMOVE_ITEM TREADLE_SUBJECTS treadle_scenarios)
target_link_libraries(treadle PRIVATE treadle_flags ${TREADLE_SUBJECTS} treadle_harness)
target_link_options(treadle PRIVATE -fsanitize=thread)

# ---- the same scenarios on real threads ------------------------------------------------------

# Everything instrumented, the harness too. What Concurrency Kit does is meant as volatile, and
# volatile accesses are ordered: see volatile.c.
list(APPEND TREADLE_THREADS_FLAGS -O1 -g -fsanitize=thread
     "SHELL:-mllvm -tsan-distinguish-volatile=1")
add_library(treadle_threads_ck STATIC ${TREADLE_CK_SOURCES})
target_compile_options(treadle_threads_ck PRIVATE ${TREADLE_THREADS_FLAGS})
target_compile_definitions(treadle_threads_ck PRIVATE _GNU_SOURCE CK_USE_CC_BUILTINS=1)
add_custom_command(
  TARGET treadle_threads_ck POST_BUILD
  COMMAND ${TREADLE_OBJCOPY} --redefine-syms=${PROJECT_SOURCE_DIR}/tools/engine/primitives.syms
          $<TARGET_FILE:treadle_threads_ck>)
include(tools/cmake/stress.cmake)
treadle_stress_program(SOURCES ${impl_sources} ${model_sources} tools/tsan/volatile.c
                       LIBRARIES treadle_threads_ck PkgConfig::HIREDIS PkgConfig::YAML
                                 Threads::Threads m)
target_compile_options(treadle_stress PRIVATE ${TREADLE_THREADS_FLAGS})
target_compile_definitions(treadle_stress PRIVATE CK_USE_CC_BUILTINS=1)
target_link_options(treadle_stress PRIVATE -fsanitize=thread)

# ---- tests -------------------------------------------------------------------------------------

set(TREADLE_ENGINE_PROGRAM ${PROJECT_SOURCE_DIR}/build/engine/treadle
    CACHE FILEPATH "treadle of the engine build, whose race detector is compared with this one")
# All cells in memory: those that are stated to be racy are reported (scenarios/racy.c), no other is,
# and the project's own detector says the same.
add_test(NAME tsan_agrees COMMAND ${PROJECT_SOURCE_DIR}/tools/tsan/compare ${TREADLE_ENGINE_PROGRAM}
                                  $<TARGET_FILE:treadle>)
add_test(NAME tsan_compare_fails COMMAND ${PROJECT_SOURCE_DIR}/tools/tsan/tests/compare_fails
                                         ${PROJECT_SOURCE_DIR}/tools/tsan/compare)
# A planted race is reported, with both stacks, and its token shows it again.
add_test(NAME tsan_planted COMMAND ${PROJECT_SOURCE_DIR}/tools/tsan/tests/planted
                                   $<TARGET_FILE:treadle>)
add_test(NAME tsan_redis COMMAND treadle check --races only --backend redis --executions 5
                                 @\(sliding_window|redis_bucket\)/*)
# A harness that has gone blind fails: nothing is as expected where there should be races.
foreach(mutant synchronised-switches no-accesses)
  add_test(NAME tsan_blind_${mutant} COMMAND treadle check --races only --backend memory
                                             --executions 20 memory_store/*)
  set_tests_properties(
    tsan_blind_${mutant} PROPERTIES ENVIRONMENT TREADLE_TSAN_MUTANT=${mutant}
                                    PASS_REGULAR_EXPRESSION "naive [^\n]*NOT EXPECTED"
                                    FAIL_REGULAR_EXPRESSION "violated +as expected")
endforeach()

# On real threads the variants that we stand behind are silent, but for what is racy by design
# (scenarios/racy.c) and for cancelled threads, whose clean-up ThreadSanitizer does not follow; and
# one that is not is reported. Whether the workload breaks, with time as slow as here, says nothing.
foreach(variant fixed lockfree)
  add_test(NAME tsan_threads_${variant}
           COMMAND treadle_stress --variant ${variant} --rounds 30 --time 1
                   !\(*cancel*|rollout/metrics_reader|rollout/semaphore_in_flight\))
  set_tests_properties(
    tsan_threads_${variant} PROPERTIES PASS_REGULAR_EXPRESSION "first_use +memory +${variant} +[1-9]"
                                       FAIL_REGULAR_EXPRESSION "ThreadSanitizer")
endforeach()
add_test(NAME tsan_threads_planted COMMAND treadle_stress --rounds 200 --time 5
                                           memory_store/first_use)
set_tests_properties(tsan_threads_planted PROPERTIES PASS_REGULAR_EXPRESSION
                                                     "WARNING: ThreadSanitizer: data race")
get_property(tsan_tests DIRECTORY PROPERTY TESTS)
set_tests_properties(${tsan_tests} PROPERTIES TIMEOUT 600)
