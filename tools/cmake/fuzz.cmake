# SPDX-License-Identifier: MIT
# libFuzzer targets: one file in fuzz/, one program.
if(NOT CMAKE_C_COMPILER_ID STREQUAL "Clang")
  message(FATAL_ERROR "The fuzz build needs clang: cmake --preset fuzz")
endif()
pkg_check_modules(SODIUM REQUIRED IMPORTED_TARGET libsodium)
add_compile_options(-O1 -g -fsanitize=fuzzer-no-link,address,undefined
                    -fno-sanitize-recover=undefined -fno-omit-frame-pointer)

add_executable(token_fuzz fuzz/token_fuzz.c tools/explore/token.c tools/explore/cell.c)
target_link_libraries(token_fuzz PRIVATE treadle_flags PkgConfig::SODIUM PkgConfig::HIREDIS)
target_link_options(token_fuzz PRIVATE -fsanitize=fuzzer,address,undefined)
