# SPDX-License-Identifier: MIT
# find_package(treadle): for a program like `treadle` over code of your own. The harness is built with
# it, by your compiler. README.md beside this file begins at the beginning.
#
#   treadle_program(NAME SUBJECT SOURCE … SCENARIOS SOURCE …
#                   [INCLUDE_DIRECTORIES …] [COMPILE_DEFINITIONS …] [COMPILE_OPTIONS …]
#                   [LINK_LIBRARIES …])
#
# SUBJECT is the code under test: every access of it is instrumented, every call of pthreads, clocks,
# allocation, … redirected. It sees nothing of ours. SCENARIOS say what is tried and what must hold:
# they include <treadle.h>. The last four are for both, and as in CMake.
#
# Before find_package(), TREADLE_SUBJECT_DIR may say from where paths are shown, and
# TREADLE_REGRESSIONS_DIR where schedules are kept; by default the project's source folder, and
# `regressions` in it.
cmake_path(SET TREADLE_ROOT NORMALIZE ${CMAKE_CURRENT_LIST_DIR}/../..)
cmake_path(ABSOLUTE_PATH TREADLE_ROOT NORMALIZE)
string(REGEX REPLACE "/$" "" TREADLE_ROOT ${TREADLE_ROOT})
set(TREADLE_MODE engine)
set(TREADLE_HARNESS_PREFIX treadle:/) # of its files, in debug information
if(NOT DEFINED TREADLE_SUBJECT_DIR)
  set(TREADLE_SUBJECT_DIR ${PROJECT_SOURCE_DIR})
endif()
if(NOT DEFINED TREADLE_REGRESSIONS_DIR)
  set(TREADLE_REGRESSIONS_DIR ${TREADLE_SUBJECT_DIR}/regressions)
endif()
enable_language(C)
enable_language(ASM)
if(NOT CMAKE_C_COMPILER_ID MATCHES "^(GNU|Clang)$")
  set(treadle_FOUND FALSE)
  set(treadle_NOT_FOUND_MESSAGE "Treadle needs gcc or clang, not ${CMAKE_C_COMPILER_ID}.")
  return()
endif()

include(${TREADLE_ROOT}/tools/cmake/version.cmake)
include(${TREADLE_ROOT}/tools/cmake/subject.cmake)
if(NOT TARGET treadle_cli)
  # Whatever the project is built with, the harness is optimised, and its assertions stay on.
  add_library(treadle_flags INTERFACE)
  target_compile_definitions(treadle_flags INTERFACE _GNU_SOURCE)
  target_compile_options(treadle_flags INTERFACE -std=gnu11 -O2 -g -UNDEBUG
                         -ffile-prefix-map=${TREADLE_ROOT}/=${TREADLE_HARNESS_PREFIX})
  target_include_directories(treadle_flags INTERFACE ${TREADLE_ROOT})
  if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
    target_compile_options(treadle_flags INTERFACE -mpopcnt)
  endif()
  if(CMAKE_C_COMPILER_ID STREQUAL "Clang")
    target_compile_options(treadle_flags INTERFACE -gdwarf-aranges)
  endif()
  include(${TREADLE_ROOT}/tools/cmake/harness.cmake)
  target_compile_definitions(treadle_cli PRIVATE TREADLE_REGRESSIONS_MAY_BE_MISSING=1)
endif()

function(treadle_program name)
  set(both INCLUDE_DIRECTORIES COMPILE_DEFINITIONS COMPILE_OPTIONS LINK_LIBRARIES)
  cmake_parse_arguments(OWN "" "" "SUBJECT;SCENARIOS;${both}" ${ARGN})
  if(OWN_UNPARSED_ARGUMENTS OR NOT OWN_SCENARIOS)
    message(FATAL_ERROR "treadle_program(${name}): SCENARIOS must be given, and there is no argument "
                        "\"${OWN_UNPARSED_ARGUMENTS}\"")
  endif()
  set(parts ${name}_scenarios)
  treadle_subject(${name}_scenarios QUIET SOURCES ${OWN_SCENARIOS} LIBRARIES ${OWN_LINK_LIBRARIES})
  # Behind the project's own headers, whose names may be the same.
  target_compile_options(${name}_scenarios_objects PRIVATE "SHELL:-idirafter ${TREADLE_ROOT}")
  target_include_directories(${name}_scenarios_objects PRIVATE ${TREADLE_ROOT}/tools/own)
  if(OWN_SUBJECT)
    list(APPEND parts ${name}_subject)
    treadle_subject(${name}_subject INSTRUMENTED SOURCES ${OWN_SUBJECT}
                    LIBRARIES ${OWN_LINK_LIBRARIES})
  endif()
  foreach(part ${parts})
    target_include_directories(${part}_objects PRIVATE ${OWN_INCLUDE_DIRECTORIES})
    target_compile_definitions(${part}_objects PRIVATE ${OWN_COMPILE_DEFINITIONS})
    target_compile_options(${part}_objects PRIVATE ${OWN_COMPILE_OPTIONS})
  endforeach()
  add_executable(${name} ${TREADLE_ROOT}/tools/cli/main.c ${TREADLE_ROOT}/tools/own/commands.c
                         ${TREADLE_ROOT}/tools/own/registry.c ${TREADLE_ROOT}/tools/own/words.c
                         ${TREADLE_ROOT}/scenarios/scenario.c)
  target_compile_definitions(${name} PRIVATE TREADLE_VERSION="${TREADLE_VERSION}")
  target_link_libraries(${name} PRIVATE treadle_cli ${parts} treadle_cli)
endfunction()
