# SPDX-License-Identifier: MIT
# treadle_test(NAME SOURCES … [LIBRARIES …] [TIMEOUT S]): a Criterion program beside its module.
function(treadle_test name)
  cmake_parse_arguments(TEST "" "TIMEOUT" "SOURCES;LIBRARIES" ${ARGN})
  add_executable(${name} ${TEST_SOURCES})
  target_link_libraries(${name} PRIVATE treadle_flags ${TEST_LIBRARIES} PkgConfig::CRITERION)
  add_test(NAME ${name} COMMAND ${name})
  if(NOT TEST_TIMEOUT)
    set(TEST_TIMEOUT 120)
  endif()
  set_tests_properties(${name} PROPERTIES TIMEOUT ${TEST_TIMEOUT})
endfunction()
