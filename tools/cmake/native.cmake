# SPDX-License-Identifier: MIT
# The native build: the subjects on real threads, without the harness: their unit tests, and the
# stress program that the harness is compared with.
file(GLOB impl_sources CONFIGURE_DEPENDS impl/*.c impl/*/*.c)
list(FILTER impl_sources EXCLUDE REGEX impl/tests/)
add_library(treadle_impl STATIC ${impl_sources})
target_link_libraries(treadle_impl PUBLIC treadle_flags PkgConfig::HIREDIS PkgConfig::YAML
                                          PkgConfig::CK Threads::Threads m)

file(GLOB model_sources CONFIGURE_DEPENDS models/*.c)
add_library(treadle_models STATIC ${model_sources})
target_link_libraries(treadle_models PUBLIC treadle_flags m)

# A folder impl/COMPONENT/tests is one program; a file models/tests/NAME_test.c is one.
treadle_test(rate_limit_test SOURCES impl/tests/rate_limit_test.c LIBRARIES treadle_impl)
treadle_test(name_table_test SOURCES impl/tests/name_table_test.c LIBRARIES treadle_impl)
file(GLOB test_folders CONFIGURE_DEPENDS impl/*/tests)
foreach(folder ${test_folders})
  cmake_path(GET folder PARENT_PATH component)
  cmake_path(GET component FILENAME component)
  file(GLOB component_tests CONFIGURE_DEPENDS ${folder}/*.c)
  treadle_test(${component}_test SOURCES ${component_tests} impl/tests/redis_fixture.c
               LIBRARIES treadle_impl)
endforeach()
file(GLOB model_tests CONFIGURE_DEPENDS models/tests/*_test.c)
foreach(file ${model_tests})
  cmake_path(GET file STEM name)
  treadle_test(${name} SOURCES ${file} LIBRARIES treadle_models)
endforeach()

include(tools/cmake/stress.cmake)
treadle_stress_program(LIBRARIES treadle_impl treadle_models)
treadle_test(scaled_clock_test SOURCES tools/stress/tests/scaled_clock_test.c
                                        tools/stress/scaled_clock.c
             LIBRARIES Threads::Threads)
treadle_scaled_clock(scaled_clock_test)
foreach(variant fixed lockfree)
  add_test(NAME stress_${variant} COMMAND treadle_stress --variant ${variant} --rounds 5000 --time 2
                                          @\(memory_store|semaphore\)/*)
endforeach()
add_test(NAME stress_redis COMMAND treadle_stress --variant fixed --rounds 500 --time 5
                                   @\(sliding_window/check_then_add|combined/processes\))
add_test(NAME stress_faster_time COMMAND treadle_stress --rounds 20 --time 5 combined/bucket_refuses)
set_tests_properties(
  stress_faster_time
  PROPERTIES PASS_REGULAR_EXPRESSION "20 broken  first 1 .starvation.*time 1000 times as fast")
# What cannot be tried is said.
add_test(NAME stress_left_out COMMAND treadle_stress sliding_window/cut_anywhere)
set_tests_properties(stress_left_out PROPERTIES PASS_REGULAR_EXPRESSION
                                                "cut_anywhere .*left out: what fails")

add_test(NAME stress_enough COMMAND treadle_stress --enough 7 --time 5 --format markdown
                                    combined/reconfigure)
set_tests_properties(
  stress_enough
  PROPERTIES PASS_REGULAR_EXPRESSION
             "\\| .combined/reconfigure. \\| memory \\| naive \\| 7 \\| 7 \\| 1000000 \\| 1 \\| – \\|")

# What cannot be done in time ends early, and what `fixed` does not pass either is no finding.
add_test(NAME stress_pace COMMAND treadle_stress --rounds 1000000000000 --enough 1000000000000
                                  --time 100 memory_store/check_then_add)
set_tests_properties(stress_pace PROPERTIES TIMEOUT 60 PASS_REGULAR_EXPRESSION
                                            " rounds +[0-9]+ broken")
add_test(NAME stress_control COMMAND treadle_stress --rounds 200 --time 5 combined/slot_deadline)
set_tests_properties(stress_control PROPERTIES PASS_REGULAR_EXPRESSION
                                               "slot_deadline .*left out: fixed breaks here, too")

add_test(NAME stress_lost_server COMMAND tools/stress/tests/lost_server_test.sh
                                         $<TARGET_FILE:treadle_stress>
         WORKING_DIRECTORY ${PROJECT_SOURCE_DIR})
set_tests_properties(stress_lost_server PROPERTIES TIMEOUT 60)

# lockfree against fixed under contention. The test is that it runs and that every limiter does what
# it is asked; times are not judged.
add_executable(treadle_contention tools/bench/native/contention.c)
target_link_libraries(treadle_contention PRIVATE treadle_impl PkgConfig::JANSSON)
add_test(NAME contention COMMAND treadle_contention --scale 20 --repetitions 2 --format json)
set_tests_properties(contention PROPERTIES TIMEOUT 60 PASS_REGULAR_EXPRESSION
                                           "\"name\":\"lockfree/metrics/store\"")

# impl/ by itself, as a stranger would use it: copied, built, installed; its example built against
# what was installed.
add_test(NAME impl_alone COMMAND ${CMAKE_COMMAND} -DSOURCE=${PROJECT_SOURCE_DIR}/impl
                                 -DWORK=${CMAKE_CURRENT_BINARY_DIR}/impl_alone
                                 -DCOMPILER=${CMAKE_C_COMPILER}
                                 -P ${PROJECT_SOURCE_DIR}/tools/cmake/impl_alone.cmake)
set_tests_properties(impl_alone PROPERTIES TIMEOUT 300 PASS_REGULAR_EXPRESSION
                                           "openai: [0-9]+ in its window, limit 20")
