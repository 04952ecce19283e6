# SPDX-License-Identifier: MIT
# `cmake --install`, and a Debian package by CPack: `cmake --build --preset engine --target package`.
# The program keeps its debug information: source places in reports and replays come from there.
set(generated ${PROJECT_BINARY_DIR}/generated)
set(pages ${generated}/treadle.1.gz ${generated}/treadle.bash ${generated}/_treadle
          ${generated}/treadle.fish)
add_custom_command(
  OUTPUT ${pages}
  COMMAND ${CMAKE_COMMAND} -E make_directory ${generated}
  COMMAND treadle manual > ${generated}/treadle.1
  COMMAND gzip -9nf ${generated}/treadle.1
  COMMAND treadle completion bash > ${generated}/treadle.bash
  COMMAND treadle completion zsh > ${generated}/_treadle
  COMMAND treadle completion fish > ${generated}/treadle.fish
  DEPENDS treadle
  VERBATIM)
add_custom_target(treadle_pages ALL DEPENDS ${pages})

install(TARGETS treadle RUNTIME DESTINATION bin)
install(TARGETS treadle_redis_clock LIBRARY DESTINATION lib/treadle)
install(FILES ${generated}/treadle.1.gz DESTINATION share/man/man1)
install(FILES ${generated}/treadle.bash DESTINATION share/bash-completion/completions RENAME treadle)
install(FILES ${generated}/_treadle DESTINATION share/zsh/vendor-completions)
install(FILES ${generated}/treadle.fish DESTINATION share/fish/vendor_completions.d)
install(DIRECTORY reports/schema scenarios/regressions DESTINATION share/treadle)
install(FILES README.md DESTINATION share/doc/treadle)

# What programs over other code are built from (tools/own/README.md): the sources of the harness, for
# their compiler, and where find_package() looks.
set(source_folder share/treadle/source)
install(DIRECTORY tools/engine tools/strategies tools/checkers tools/redis tools/explore tools/cli
                  tools/cmake tools/own
        DESTINATION ${source_folder}/tools
        FILES_MATCHING REGEX "[.]([chS]|syms|cmake|py)$" PATTERN tests EXCLUDE
                       PATTERN example EXCLUDE)
install(DIRECTORY reports/ DESTINATION ${source_folder}/reports
        FILES_MATCHING REGEX "[.]([chS]|css|js)$" PATTERN tests EXCLUDE PATTERN example EXCLUDE
                       PATTERN schema EXCLUDE)
install(FILES scenarios/scenario.c scenarios/scenario.h scenarios/claims.h scenarios/racy.h
        DESTINATION ${source_folder}/scenarios)
file(CONFIGURE OUTPUT ${generated}/treadle-config.cmake
     CONTENT "get_filename_component(here \${CMAKE_CURRENT_LIST_DIR} REALPATH)\ninclude(\${here}/../../../${source_folder}/tools/own/treadle-config.cmake)\n"
     @ONLY)
install(FILES ${generated}/treadle-config.cmake DESTINATION lib/cmake/treadle)
install(FILES tools/own/README.md DESTINATION share/doc/treadle RENAME own-code.md)
install(DIRECTORY tools/own/example/ DESTINATION share/doc/treadle/example
        PATTERN build EXCLUDE PATTERN regressions EXCLUDE)
install(FILES LICENSE DESTINATION share/doc/treadle RENAME copyright)

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME treadle)
set(CPACK_PACKAGE_CONTACT "The Treadle authors <treadle@localhost>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "finds, replays and explains interleaving bugs in C")
set(CPACK_DEBIAN_PACKAGE_DESCRIPTION
    "Runs ordinary C with threads, and clients of Redis, under a scheduler
that makes, records and repeats every decision; explores interleavings,
and says when there are no bugs left to find.")
set(CPACK_DEBIAN_PACKAGE_SECTION devel)
set(CPACK_DEBIAN_PACKAGE_RECOMMENDS "redis-server, gdb")
# For programs over other code.
set(CPACK_DEBIAN_PACKAGE_SUGGESTS
    "gcc | clang, cmake (>= 3.25), pkg-config, binutils, libhiredis-dev, libmd-dev, libjansson-dev, libxml2-dev, libsodium-dev, libxxhash-dev, libdw-dev, libyaml-dev")
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_STRIP_FILES OFF)
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS
    OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
include(CPack)

# The package as it would be unpacked elsewhere: whole, with dependencies, and running.
add_test(NAME package COMMAND tools/cli/tests/package_test.sh ${PROJECT_BINARY_DIR}
         WORKING_DIRECTORY ${PROJECT_SOURCE_DIR})
set_tests_properties(package PROPERTIES TIMEOUT 300)

# Somebody else's code under test, with what was installed.
add_test(NAME own COMMAND ${CMAKE_COMMAND} -DBUILD=${PROJECT_BINARY_DIR}
                          -DEXAMPLE=${PROJECT_SOURCE_DIR}/tools/own/example
                          "-DWORK=${PROJECT_BINARY_DIR}/own code" -DCOMPILER=${CMAKE_C_COMPILER}
                          -P ${PROJECT_SOURCE_DIR}/tools/own/own_test.cmake)
set_tests_properties(own PROPERTIES TIMEOUT 600 PROCESSORS 2)
