# SPDX-License-Identifier: MIT
# The harness, layer by layer: what every program of ours is made of, whatever it has under test.
#
# TREADLE_ROOT is this source tree; TREADLE_SUBJECT_DIR that of the code under test: paths in it are
# shown from there, and its revision is part of reports. TREADLE_HARNESS_PREFIX is what paths of the
# harness begin with then; nobody asks for those. TREADLE_COMPILED_WITH is told in reports.
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
pkg_check_modules(HIREDIS REQUIRED IMPORTED_TARGET hiredis)
pkg_check_modules(YAML REQUIRED IMPORTED_TARGET yaml-0.1)
pkg_check_modules(MD REQUIRED IMPORTED_TARGET libmd)
pkg_check_modules(JANSSON REQUIRED IMPORTED_TARGET jansson)
pkg_check_modules(LIBXML REQUIRED IMPORTED_TARGET libxml-2.0)
pkg_check_modules(SODIUM REQUIRED IMPORTED_TARGET libsodium)
pkg_check_modules(LIBDW REQUIRED IMPORTED_TARGET libdw)

file(GLOB engine_sources CONFIGURE_DEPENDS ${TREADLE_ROOT}/tools/engine/*.c
     ${TREADLE_ROOT}/tools/strategies/*.c)
add_library(treadle_engine STATIC ${engine_sources} ${TREADLE_ROOT}/tools/engine/fiber_switch.S)
target_link_libraries(treadle_engine PUBLIC treadle_flags PRIVATE Threads::Threads m)
if(CMAKE_C_COMPILER_ID STREQUAL "GNU")
  # The inner loop spans several files: inlining across them is worth a third of its time.
  target_compile_options(treadle_engine PRIVATE -O3 -flto=auto -fno-fat-lto-objects)
  target_link_options(treadle_engine INTERFACE -flto=auto)
endif()

file(GLOB checker_sources CONFIGURE_DEPENDS ${TREADLE_ROOT}/tools/checkers/*.c)
add_library(treadle_checkers STATIC ${checker_sources})
target_link_libraries(treadle_checkers PUBLIC treadle_flags treadle_engine)
if(CMAKE_C_COMPILER_ID STREQUAL "GNU")
  target_compile_options(treadle_checkers PRIVATE -O3 -flto=auto -fno-fat-lto-objects)
endif()

add_library(treadle_redis_clock SHARED ${TREADLE_ROOT}/tools/redis/redis_clock.c)
target_link_libraries(treadle_redis_clock PRIVATE treadle_flags)

file(GLOB redis_sources CONFIGURE_DEPENDS ${TREADLE_ROOT}/tools/redis/*.c)
list(REMOVE_ITEM redis_sources ${TREADLE_ROOT}/tools/redis/redis_clock.c)
add_library(treadle_redis_objects OBJECT ${redis_sources})
target_compile_definitions(
  treadle_redis_objects PRIVATE TREADLE_REDIS_CLOCK_LIBRARY="$<TARGET_FILE:treadle_redis_clock>")
target_link_libraries(treadle_redis_objects PUBLIC treadle_flags PkgConfig::HIREDIS PkgConfig::MD)
add_dependencies(treadle_redis_objects treadle_redis_clock)
add_library(treadle_redis STATIC $<TARGET_OBJECTS:treadle_redis_objects>)
target_link_libraries(treadle_redis PUBLIC treadle_flags treadle_engine PkgConfig::HIREDIS
                                           PkgConfig::MD)

file(GLOB explore_sources CONFIGURE_DEPENDS ${TREADLE_ROOT}/tools/explore/*.c)
add_library(treadle_explore STATIC ${explore_sources})
target_link_libraries(treadle_explore PUBLIC treadle_flags treadle_engine treadle_checkers treadle_redis
                                             PRIVATE PkgConfig::SODIUM m)

set(page_folder ${TREADLE_ROOT}/reports/consistency)
file(GLOB report_sources CONFIGURE_DEPENDS ${TREADLE_ROOT}/reports/*.c ${page_folder}/*.c)
set(page_assets ${page_folder}/page_assets.S)
set_source_files_properties(${page_assets} PROPERTIES COMPILE_OPTIONS "-I${page_folder}"
                            OBJECT_DEPENDS "${page_folder}/page.css;${page_folder}/page.js")
add_library(treadle_reports STATIC ${report_sources} ${page_assets})
target_compile_definitions(treadle_reports
                           PRIVATE TREADLE_HARNESS_PREFIX="${TREADLE_HARNESS_PREFIX}")
target_link_libraries(treadle_reports PUBLIC treadle_flags treadle_explore
                                             PRIVATE PkgConfig::JANSSON PkgConfig::LIBXML
                                                     PkgConfig::SODIUM PkgConfig::YAML
                                                     PkgConfig::HIREDIS)

# Without main(), the table of commands and the kept schedules, which programs differ in.
file(GLOB cli_sources CONFIGURE_DEPENDS ${TREADLE_ROOT}/tools/cli/*.c)
list(FILTER cli_sources EXCLUDE REGEX "/(main|commands|claims|health|regressions_folder)[.]c$")
set(gdb_script ${TREADLE_ROOT}/tools/cli/gdb_script.S)
add_library(treadle_cli STATIC ${cli_sources} ${gdb_script})
set_source_files_properties(${gdb_script} PROPERTIES COMPILE_OPTIONS -Wa,-I,${TREADLE_ROOT}
                            OBJECT_DEPENDS ${TREADLE_ROOT}/tools/cli/treadle_gdb.py)
target_compile_definitions(
  treadle_cli
  PRIVATE TREADLE_SOURCE_DIR="${TREADLE_SUBJECT_DIR}"
          TREADLE_VERSION="${TREADLE_VERSION}"
          TREADLE_FLAGS="${TREADLE_COMPILED_WITH}, subjects -O1 -g -fsanitize=thread")
target_link_libraries(treadle_cli PUBLIC treadle_reports PRIVATE PkgConfig::JANSSON
                                                                 PkgConfig::LIBDW m)
