# SPDX-License-Identifier: MIT
# The scenarios on real threads: the engine's functions that they call are those of native_engine.c.
pkg_check_modules(JANSSON REQUIRED IMPORTED_TARGET jansson)

# A program whose time may run faster: scaled_clock.c.
function(treadle_scaled_clock program)
  foreach(name clock_gettime nanosleep clock_nanosleep pthread_cond_timedwait sem_clockwait)
    target_link_options(${program} PRIVATE -Wl,--wrap=${name})
  endforeach()
endfunction()

# treadle_stress_program([SOURCES …] LIBRARIES …): treadle_stress with the subjects and models from
# there.
function(treadle_stress_program)
  cmake_parse_arguments(STRESS "" "" "SOURCES;LIBRARIES" ${ARGN})
  file(GLOB scenario_sources CONFIGURE_DEPENDS scenarios/*.c scenarios/litmus/*.c)
  list(REMOVE_ITEM scenario_sources ${PROJECT_SOURCE_DIR}/scenarios/claims.c)
  if(NOT TARGET treadle_redis_clock)
    add_library(treadle_redis_clock SHARED tools/redis/redis_clock.c)
    target_link_libraries(treadle_redis_clock PRIVATE treadle_flags)
  endif()
  add_executable(treadle_stress tools/stress/stress.c tools/stress/writers.c
                 tools/stress/text_writer.c tools/stress/json_writer.c
                 tools/stress/markdown_writer.c tools/stress/native_engine.c
                 tools/stress/native_redis.c tools/stress/scaled_clock.c
                 tools/redis/redis_server.c tools/redis/redis_directory.c ${scenario_sources}
                 tools/checkers/history.c tools/checkers/linearizability.c ${STRESS_SOURCES})
  add_dependencies(treadle_stress treadle_redis_clock)
  target_link_libraries(treadle_stress PRIVATE treadle_flags ${STRESS_LIBRARIES}
                                               PkgConfig::JANSSON)
  target_compile_definitions(
    treadle_stress PRIVATE TREADLE_REDIS_CLOCK_LIBRARY="$<TARGET_FILE:treadle_redis_clock>")
  treadle_scaled_clock(treadle_stress)
endfunction()
