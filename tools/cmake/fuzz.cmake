# SPDX-License-Identifier: MIT
# libFuzzer targets.
#
# Parsers run with AddressSanitizer and UndefinedBehaviorSanitizer. What runs under the engine does
# not: its subjects have the engine's heap, its own checks of every access, and their threads'
# storage swapped, which a sanitizer's run-time library would have to be told of.
#
# OSS-Fuzz and ClusterFuzzLite bring their own flags (.clusterfuzzlite/build.sh): then
# TREADLE_FUZZING_ENGINE is what they link with, and CMAKE_C_FLAGS has the sanitizers.
if(NOT CMAKE_C_COMPILER_ID STREQUAL "Clang")
  message(FATAL_ERROR "The fuzz build needs clang: cmake --preset fuzz")
endif()
include(tools/cmake/subject.cmake)
include(tools/cmake/ck.cmake)
pkg_check_modules(SODIUM REQUIRED IMPORTED_TARGET libsodium)
pkg_check_modules(MD REQUIRED IMPORTED_TARGET libmd)

set(TREADLE_FUZZING_ENGINE "" CACHE STRING "what targets are linked with; default: libFuzzer")
if(TREADLE_FUZZING_ENGINE)
  set(parser_flags)
  set(parser_link ${TREADLE_FUZZING_ENGINE})
  set(engine_link -fno-sanitize=all ${TREADLE_FUZZING_ENGINE})
else()
  set(parser_flags -O1 -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined
                   -fno-omit-frame-pointer)
  set(parser_link -fsanitize=fuzzer,address,undefined)
  set(engine_link -fsanitize=fuzzer)
endif()

# ---- parsers -------------------------------------------------------------------------------------

function(treadle_parser_fuzz name)
  add_executable(${name} fuzz/${name}.c ${ARGN})
  target_compile_options(${name} PRIVATE ${parser_flags})
  target_link_libraries(${name} PRIVATE treadle_flags PkgConfig::SODIUM PkgConfig::HIREDIS
                                        PkgConfig::YAML ${parser_link})
endfunction()

treadle_parser_fuzz(token_fuzz tools/explore/token.c tools/explore/cell.c)
treadle_parser_fuzz(config_fuzz impl/config/config.c)
treadle_parser_fuzz(resp_fuzz tools/redis/redis_resp.c)

# ---- interleavings -------------------------------------------------------------------------------

# Without the compiler's coverage: what the harness does is no news, and the subjects' counters would
# be accesses of theirs. What they cover is what they touch (fuzz/feedback.h).
add_compile_options(-fno-sanitize=all)
list(PREPEND TREADLE_TSAN_FLAGS -fno-sanitize=all)

file(GLOB harness_sources CONFIGURE_DEPENDS tools/engine/*.c tools/strategies/*.c
     tools/checkers/*.c tools/explore/*.c tools/redis/*.c)
list(REMOVE_ITEM harness_sources ${PROJECT_SOURCE_DIR}/tools/redis/redis_clock.c)
add_library(treadle_redis_clock SHARED tools/redis/redis_clock.c)
target_link_libraries(treadle_redis_clock PRIVATE treadle_flags)
add_library(treadle_harness STATIC ${harness_sources} tools/engine/fiber_switch.S)
target_compile_definitions(
  treadle_harness PRIVATE TREADLE_REDIS_CLOCK_LIBRARY="$<TARGET_FILE:treadle_redis_clock>")
add_dependencies(treadle_harness treadle_redis_clock)
target_link_libraries(treadle_harness PUBLIC treadle_flags PkgConfig::HIREDIS PkgConfig::MD
                                             PkgConfig::SODIUM Threads::Threads m)

file(GLOB impl_sources CONFIGURE_DEPENDS impl/*.c impl/*/*.c)
list(FILTER impl_sources EXCLUDE REGEX impl/tests/)
treadle_subject(treadle_ck INSTRUMENTED PRIMITIVES SOURCES ${TREADLE_CK_SOURCES})
treadle_subject(treadle_impl INSTRUMENTED SOURCES ${impl_sources})
file(GLOB litmus_sources CONFIGURE_DEPENDS scenarios/litmus/*.c)
treadle_subject(treadle_litmus INSTRUMENTED SOURCES ${litmus_sources})
set(tables scenarios/scenario.c scenarios/registry.c scenarios/claims.c scenarios/racy.c)
file(GLOB row_sources CONFIGURE_DEPENDS RELATIVE ${PROJECT_SOURCE_DIR} scenarios/*.c)
list(REMOVE_ITEM row_sources ${tables})
treadle_subject(treadle_scenario_rows QUIET SOURCES ${row_sources})
file(GLOB model_sources CONFIGURE_DEPENDS models/*.c)

add_executable(interleavings_fuzz fuzz/interleavings_fuzz.c fuzz/executing.c fuzz/feedback.c
                                  fuzz/mutate.c fuzz/workload.c ${tables} ${model_sources})
target_link_libraries(
  interleavings_fuzz PRIVATE treadle_harness treadle_ck treadle_impl treadle_litmus
                             treadle_scenario_rows treadle_harness ${engine_link})
# The target goes by its own name.
add_custom_command(
  TARGET interleavings_fuzz POST_BUILD
  COMMAND sh -c "mkdir -p targets && rm -f targets/*-*_fuzz && \
./interleavings_fuzz --targets | while read -r target; do \
ln interleavings_fuzz targets/\${target}_fuzz; done"
  VERBATIM
  COMMENT "Interleavings: a name for each component, variant and backend")

# ---- random programs -----------------------------------------------------------------------------

treadle_subject(treadle_programs INSTRUMENTED SOURCES tools/strategies/tests/instructions.c)
add_executable(programs_fuzz fuzz/programs_fuzz.c tools/strategies/tests/agreement.c
                             tools/strategies/tests/programs.c tools/strategies/tests/tracer.c
                             tools/strategies/dpor.c tools/strategies/dpor_loans.c
                             tools/strategies/dpor_reversal.c tools/strategies/order.c
                             tools/strategies/wakeup.c tools/strategies/step.c
                             tools/strategies/locations.c)
# Once more, with coverage: new programs are those that lead the search to new places.
target_compile_options(programs_fuzz PRIVATE -fsanitize=fuzzer-no-link)
target_link_libraries(programs_fuzz PRIVATE treadle_harness treadle_programs treadle_harness
                                            ${engine_link})
# ---- tests ---------------------------------------------------------------------------------------

foreach(name seeds parsers solutions baselines feedback blind_feedback tokens oss_fuzz)
  add_test(NAME fuzz_${name} COMMAND ${PROJECT_SOURCE_DIR}/fuzz/tests/fuzz_test ${name})
  set_tests_properties(fuzz_${name} PROPERTIES ENVIRONMENT "FUZZ_BUILD=${CMAKE_BINARY_DIR}"
                                               TIMEOUT 300 SKIP_RETURN_CODE 77)
endforeach()
