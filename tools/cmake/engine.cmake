# SPDX-License-Identifier: MIT
include(tools/cmake/subject.cmake)

file(GLOB TREADLE_ENGINE_SOURCES CONFIGURE_DEPENDS tools/engine/*.c tools/strategies/*.c)
add_library(treadle_engine STATIC ${TREADLE_ENGINE_SOURCES} tools/engine/fiber_switch.S)
target_link_libraries(treadle_engine PUBLIC treadle_flags PRIVATE Threads::Threads)

treadle_subject(treadle_engine_test_subject INSTRUMENTED SOURCES tools/engine/tests/subject.c)
