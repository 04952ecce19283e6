# SPDX-License-Identifier: MIT
# treadle_subject(NAME [INSTRUMENTED | QUIET] [PRIMITIVES] SOURCES … [LIBRARIES …]): compiles ordinary C, then takes three
# steps that the sources need not know of:
#   INSTRUMENTED  every access becomes a call of __tsan_*, which the engine defines;
#   QUIET         likewise, but of functions that add it to footprints and do nothing else
#                 (tools/engine/quiet.syms is the whole list): for scenarios;
#   redirect      calls of pthreads, clocks, allocation, … become calls of the engine's models
#                 (tools/engine/redirect.syms is the whole list);
#   data          global variables move to a section of their own, which the engine puts back to its
#                 initial state before every execution.
# The result is one object file: link the target NAME. LIBRARIES are what it is compiled for and linked with, by default
# TREADLE_SUBJECT_LIBRARIES. PRIMITIVES says that this is a library of
# lock-free primitives, whose plain accesses are meant as volatile ones: that is what they become
# (tools/engine/primitives.syms).
set(TREADLE_TSAN_FLAGS -O1 -g)
# Steps that are to come need the usual sections, and machine code, whatever a project asks for.
list(APPEND TREADLE_TSAN_FLAGS -fno-data-sections -fno-common -fno-lto)
# What the compiler expands in line after it has instrumented nobody would see.
foreach(name strcpy stpcpy strncpy stpncpy strcat strncat memcmp strcmp strncmp strstr sprintf snprintf)
  list(APPEND TREADLE_TSAN_FLAGS -fno-builtin-${name})
endforeach()
if(CMAKE_C_COMPILER_ID STREQUAL "Clang")
  list(APPEND TREADLE_TSAN_FLAGS -gdwarf-aranges)
  set(TREADLE_PASS_OPTIONS -tsan-instrument-read-before-write=1 -tsan-distinguish-volatile=1)
  set(TREADLE_QUIET_PASS_OPTIONS -tsan-instrument-func-entry-exit=0)
else()
  # gcc expands block functions of constant size after it has instrumented: nobody would see them.
  list(APPEND TREADLE_TSAN_FLAGS "SHELL:--param tsan-distinguish-volatile=1" -fno-builtin-memcpy
       -fno-builtin-memmove -fno-builtin-memset -fno-builtin-mempcpy -fno-builtin-bcopy
       -fno-builtin-bzero)
endif()

# How the compiler's calls of __tsan_* are renamed, in scenarios and in subjects: lists for objcopy;
# empty where they keep their names. The tsan build has others.
if(NOT DEFINED TREADLE_QUIET_NAMES)
  set(TREADLE_QUIET_NAMES ${TREADLE_ROOT}/tools/engine/quiet.syms)
endif()

# Nobody asks a scenario where it is, and its accesses need not be those that were written.
if(CMAKE_C_COMPILER_ID STREQUAL "Clang")
  set(TREADLE_QUIET_FLAGS -O2)
  if(TREADLE_QUIET_NAMES)
    list(APPEND TREADLE_QUIET_FLAGS "SHELL:-mllvm -tsan-instrument-func-entry-exit=0")
  endif()
else()
  # Without the false alarm at pthread_cleanup_push()'s own variables.
  set(TREADLE_QUIET_FLAGS -O2 "SHELL:--param tsan-instrument-func-entry-exit=0" -Wno-clobbered)
endif()

# Has the compiler insert the calls of __tsan_*. In the asan build that is done beside its checks, by
# asan-subject.
function(treadle_insert_hooks objects quiet)
  set(launcher ${TREADLE_ROOT}/tools/cmake/asan-subject)
  set(passes ${TREADLE_PASS_OPTIONS})
  set(level O1)
  if(quiet)
    list(APPEND passes ${TREADLE_QUIET_PASS_OPTIONS})
    set(level O2)
  endif()
  if(TREADLE_MODE STREQUAL "asan")
    set_target_properties(${objects} PROPERTIES C_COMPILER_LAUNCHER
                                                "${launcher};${TREADLE_OPT};${level};${passes};--")
    get_target_property(sources ${objects} SOURCES)
    set_property(SOURCE ${sources} APPEND PROPERTY OBJECT_DEPENDS ${launcher})
  else()
    list(TRANSFORM passes PREPEND "SHELL:-mllvm ")
    target_compile_options(${objects} PRIVATE -fsanitize=thread ${passes})
  endif()
endfunction()

# _FORTIFY_SOURCE puts functions of other names in place of those that are redirected. Who asks for it
# behind our options is told. (nm, the object, the subject's name)
string(CONCAT TREADLE_LOOK_FOR_FORTIFIED
  [=[names=$("$0" -u "$1" | sed -n 's/^ *U \(__.*_chk\)$/\1/p' | paste -s -d ' ' -) && ]=]
  [=[test -z "$names" || (echo "$2: compile it without _FORTIFY_SOURCE, ]=]
  [=[or nobody sees what it does with $names" >&2 && false)]=])

# GNU binutils whatever the compiler: llvm-objcopy cannot do both to .bss at once.
find_program(TREADLE_LD NAMES ld.bfd ld REQUIRED)
find_program(TREADLE_OBJCOPY NAMES objcopy REQUIRED)

function(treadle_subject name)
  cmake_parse_arguments(SUBJECT "INSTRUMENTED;QUIET;PRIMITIVES" "" "SOURCES;LIBRARIES" ${ARGN})
  if(NOT DEFINED SUBJECT_LIBRARIES)
    set(SUBJECT_LIBRARIES ${TREADLE_SUBJECT_LIBRARIES})
  endif()
  add_library(${name}_objects OBJECT ${SUBJECT_SOURCES})
  set_target_properties(${name}_objects PROPERTIES INTERPROCEDURAL_OPTIMIZATION OFF)
  target_link_libraries(${name}_objects PRIVATE ${SUBJECT_LIBRARIES})
  # Concurrency Kit's inline assembly is invisible to instrumentation; its builtins are not.
  target_compile_definitions(${name}_objects PRIVATE CK_USE_CC_BUILTINS=1)
  target_compile_options(${name}_objects PRIVATE -U_FORTIFY_SOURCE)
  if(SUBJECT_INSTRUMENTED OR SUBJECT_QUIET)
    target_compile_options(${name}_objects PRIVATE ${TREADLE_TSAN_FLAGS} ${TREADLE_SUBJECT_FLAGS})
  endif()
  if(SUBJECT_QUIET)
    target_compile_options(${name}_objects PRIVATE ${TREADLE_QUIET_FLAGS})
  endif()
  if(SUBJECT_INSTRUMENTED OR SUBJECT_QUIET)
    treadle_insert_hooks(${name}_objects "${SUBJECT_QUIET}")
  endif()
  set(redirect ${TREADLE_ROOT}/tools/engine/redirect.syms)
  set(merged ${CMAKE_CURRENT_BINARY_DIR}/${name}.merged.o)
  set(object ${CMAKE_CURRENT_BINARY_DIR}/${name}.o)
  set(data treadle_subject_data)
  set(primitives)
  if(SUBJECT_PRIMITIVES)
    set(primitives_syms ${TREADLE_ROOT}/tools/engine/primitives.syms)
    set(primitives COMMAND ${TREADLE_OBJCOPY} --redefine-syms=${primitives_syms} ${merged})
  endif()
  set(names)
  if(SUBJECT_QUIET)
    set(names ${TREADLE_QUIET_NAMES})
  elseif(SUBJECT_INSTRUMENTED)
    set(names ${TREADLE_HOOK_NAMES})
  endif()
  set(rename)
  if(names)
    # Before the redirection: both lists of a scenario have memcpy and its kin.
    set(rename COMMAND ${TREADLE_OBJCOPY} --redefine-syms=${names} ${merged})
  endif()
  if(SUBJECT_PRIMITIVES AND NOT names)
    # Likewise, one that is missing in that list would not be a scheduling point at `sync`.
    add_test(NAME ${name}_is_volatile
             COMMAND sh -c "! ${CMAKE_NM} -u '${object}' | grep -E '__tsan_(unaligned_)?(read|write)'")
  endif()
  if(SUBJECT_QUIET AND names AND PROJECT_SOURCE_DIR STREQUAL TREADLE_ROOT)
    # A name that is missing there would be a scheduling point, silently.
    add_test(NAME ${name}_is_quiet COMMAND sh -c "! ${CMAKE_NM} -u '${object}' | grep __tsan_")
  endif()
  add_custom_command(
    OUTPUT ${object}
    COMMAND ${TREADLE_LD} -r -o ${merged} $<TARGET_OBJECTS:${name}_objects>
    ${primitives}
    ${rename}
    COMMAND sh -c ${TREADLE_LOOK_FOR_FORTIFIED} ${CMAKE_NM} ${merged} ${name}
    COMMAND ${TREADLE_OBJCOPY} --redefine-syms=${redirect}
            --set-section-flags .bss=alloc,load,contents,data
            --rename-section .bss=${data},alloc,load,contents,data
            --rename-section .data=${data} --rename-section .data.rel=${data}
            --rename-section .data.rel.local=${data} ${merged} ${object}
    DEPENDS ${name}_objects $<TARGET_OBJECTS:${name}_objects> ${redirect} ${names}
            ${primitives_syms}
    COMMAND_EXPAND_LISTS VERBATIM
    COMMENT "Subject ${name}: redirecting calls, renaming data")
  add_custom_target(${name}_build DEPENDS ${object})
  add_library(${name} INTERFACE)
  add_dependencies(${name} ${name}_build)
  target_sources(${name} INTERFACE ${object})
  set_source_files_properties(${object} PROPERTIES EXTERNAL_OBJECT TRUE GENERATED TRUE)
  target_link_libraries(${name} INTERFACE ${SUBJECT_LIBRARIES} Threads::Threads)
endfunction()
