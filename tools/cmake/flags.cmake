# SPDX-License-Identifier: MIT
# What every source of ours is compiled with, whoever builds it.
add_library(treadle_flags INTERFACE)
target_compile_definitions(treadle_flags INTERFACE _GNU_SOURCE)
target_include_directories(treadle_flags INTERFACE ${TREADLE_ROOT})
if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
  # Counting enabled threads is one instruction on every x86-64 since 2008.
  target_compile_options(treadle_flags INTERFACE -mpopcnt)
endif()
if(CMAKE_C_COMPILER_ID STREQUAL "Clang")
  # Without it libdw cannot find the unit of an address.
  target_compile_options(treadle_flags INTERFACE -gdwarf-aranges)
endif()
