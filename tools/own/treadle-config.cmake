# SPDX-License-Identifier: MIT
# find_package(treadle): for a program like `treadle` over code of your own. The harness is built with
# it, by your compiler. README.md beside this file begins at the beginning.
#
#   treadle_program(NAME SUBJECT SOURCE … SCENARIOS SOURCE … [REGRESSIONS FOLDER]
#                   [INCLUDE_DIRECTORIES …] [COMPILE_DEFINITIONS …] [COMPILE_OPTIONS …]
#                   [LINK_LIBRARIES …])
#
# SUBJECT is the code under test: every access of it is instrumented, every call of pthreads, clocks,
# allocation, … redirected. It sees nothing of ours. SCENARIOS say what is tried and what must hold:
# they include <treadle.h>. REGRESSIONS is where schedules are kept, by default `regressions` in the
# project's source folder. The last four are for subject and scenarios, and as in CMake. What the
# program prints calls it `treadle`; NAME may be that, or anything but treadle_….
#
# Paths are shown from TREADLE_SUBJECT_DIR, by default the source folder of the project that finds
# the package first.
get_filename_component(TREADLE_ROOT ${CMAKE_CURRENT_LIST_DIR}/../.. REALPATH)
set(TREADLE_MODE engine)
set(TREADLE_HARNESS_PREFIX treadle:/) # of its files, in debug information
set(TREADLE_COMPILED_WITH "-O2 -g")
if(NOT DEFINED TREADLE_SUBJECT_DIR)
  set(TREADLE_SUBJECT_DIR ${PROJECT_SOURCE_DIR})
endif()
enable_language(C)
enable_language(ASM)
if(NOT CMAKE_C_COMPILER_ID MATCHES "^(GNU|Clang)$")
  set(treadle_FOUND FALSE)
  set(treadle_NOT_FOUND_MESSAGE "Treadle needs gcc or clang, not ${CMAKE_C_COMPILER_ID}.")
  return()
endif()
find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)
pkg_check_modules(HIREDIS REQUIRED IMPORTED_TARGET hiredis)

include(${TREADLE_ROOT}/tools/cmake/version.cmake)
include(${TREADLE_ROOT}/tools/cmake/subject.cmake)
if(NOT TARGET treadle_cli)
  block()
    # Whatever the project is built with, this is how the harness is, and its warnings are not the
    # project's. libhiredis has to see its functions.
    set(CMAKE_C_STANDARD 11)
    set(CMAKE_C_STANDARD_REQUIRED ON)
    set(CMAKE_C_EXTENSIONS ON)
    include(${TREADLE_ROOT}/tools/cmake/flags.cmake)
    target_compile_options(
      treadle_flags INTERFACE -O2 -g -UNDEBUG -w -fvisibility=default
                              -ffile-prefix-map=${TREADLE_ROOT}/=${TREADLE_HARNESS_PREFIX})
    include(${TREADLE_ROOT}/tools/cmake/harness.cmake)
  endblock()
endif()

function(treadle_program name)
  set(both INCLUDE_DIRECTORIES COMPILE_DEFINITIONS COMPILE_OPTIONS LINK_LIBRARIES)
  cmake_parse_arguments(OWN "" "REGRESSIONS" "SUBJECT;SCENARIOS;${both}" ${ARGN})
  if(OWN_UNPARSED_ARGUMENTS OR NOT OWN_SCENARIOS)
    message(FATAL_ERROR "treadle_program(${name}): SCENARIOS must be given, and there is no argument "
                        "\"${OWN_UNPARSED_ARGUMENTS}\"")
  endif()
  if(NOT DEFINED OWN_REGRESSIONS)
    set(OWN_REGRESSIONS regressions)
  endif()
  cmake_path(ABSOLUTE_PATH OWN_REGRESSIONS BASE_DIRECTORY ${PROJECT_SOURCE_DIR})
  set(parts ${name}_scenarios)
  treadle_subject(${name}_scenarios QUIET SOURCES ${OWN_SCENARIOS}
                  LIBRARIES ${OWN_LINK_LIBRARIES} PkgConfig::HIREDIS)
  # Behind the project's own headers, whose names may be the same.
  target_compile_options(${name}_scenarios_objects PRIVATE -idirafter${TREADLE_ROOT})
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
  set(own ${TREADLE_ROOT}/tools/own)
  add_executable(${name} ${TREADLE_ROOT}/tools/cli/main.c ${TREADLE_ROOT}/scenarios/scenario.c
                         ${own}/commands.c ${own}/registry.c ${own}/regressions_folder.c
                         ${own}/word_tables.c)
  target_compile_definitions(${name} PRIVATE TREADLE_VERSION="${TREADLE_VERSION}"
                                             TREADLE_REGRESSIONS_DIR="${OWN_REGRESSIONS}")
  set_target_properties(${name} PROPERTIES C_STANDARD 11)
  if(CMAKE_C_STANDARD MATCHES "^(90|99)$")
    set_target_properties(${name}_scenarios_objects PROPERTIES C_STANDARD 11)
  endif()
  target_link_libraries(${name} PRIVATE treadle_cli ${parts} treadle_cli)
endfunction()
