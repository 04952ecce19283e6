# SPDX-License-Identifier: MIT
# Concurrency Kit's own code, fetched by tools/packages: Debian's library has it without instrumentation.
set(TREADLE_CK_SOURCES ${PROJECT_SOURCE_DIR}/build/ck/src/ck_ht.c
    ${PROJECT_SOURCE_DIR}/build/ck/src/ck_epoch.c)
foreach(source ${TREADLE_CK_SOURCES})
  if(NOT EXISTS ${source})
    message(FATAL_ERROR "${source} is missing: run tools/packages")
  endif()
endforeach()
set_source_files_properties(${TREADLE_CK_SOURCES} PROPERTIES COMPILE_OPTIONS "-Wno-error;-w")
