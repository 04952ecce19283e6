# SPDX-License-Identifier: MIT
# The native build: the subjects on real threads, without the harness: their unit tests, and the
# stress program that the harness is compared with.
file(GLOB impl_sources CONFIGURE_DEPENDS impl/*.c impl/sliding_window/*.c impl/memory_store/*.c)
add_library(treadle_impl STATIC ${impl_sources})
target_link_libraries(treadle_impl PUBLIC treadle_flags PkgConfig::HIREDIS Threads::Threads m)

file(GLOB model_sources CONFIGURE_DEPENDS models/*.c)
add_library(treadle_models STATIC ${model_sources})
target_link_libraries(treadle_models PUBLIC treadle_flags m)

treadle_test(rate_limit_test SOURCES impl/tests/rate_limit_test.c LIBRARIES treadle_impl)
file(GLOB memory_store_tests CONFIGURE_DEPENDS impl/memory_store/tests/*.c)
treadle_test(memory_store_test SOURCES ${memory_store_tests} LIBRARIES treadle_impl)
file(GLOB sliding_window_tests CONFIGURE_DEPENDS impl/sliding_window/tests/*.c)
treadle_test(sliding_window_test SOURCES ${sliding_window_tests} LIBRARIES treadle_impl)
treadle_test(window_model_test SOURCES models/tests/window_model_test.c LIBRARIES treadle_models)

add_executable(treadle_stress tools/stress/stress.c)
target_link_libraries(treadle_stress PRIVATE treadle_impl)
add_test(NAME stress_fixed COMMAND treadle_stress fixed 20000)
