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
