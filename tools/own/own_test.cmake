# SPDX-License-Identifier: MIT
# cmake -DBUILD=FOLDER -DEXAMPLE=FOLDER -DWORK=FOLDER -DCOMPILER=cc -P own_test.cmake: installs what was
# built in BUILD somewhere else, builds the example against it as a stranger would, and runs its
# commands. Ends with an error when any of this fails.
function(run)
  execute_process(COMMAND ${ARGN} COMMAND_ERROR_IS_FATAL ANY OUTPUT_VARIABLE said)
  set(said "${said}" PARENT_SCOPE)
endfunction()

function(demand text)
  if(NOT said MATCHES "${text}")
    message(FATAL_ERROR "no \"${text}\" in:\n${said}")
  endif()
endfunction()

file(REMOVE_RECURSE ${WORK})
run(${CMAKE_COMMAND} --install ${BUILD} --prefix ${WORK}/prefix)
file(COPY ${EXAMPLE}/ DESTINATION ${WORK}/project PATTERN build EXCLUDE
                                                  PATTERN regressions EXCLUDE)
file(APPEND ${WORK}/project/visits.c "int visits_none;\nint visits_some = 1;\n")
# With what would get in the way if it reached the harness, or the steps that a subject goes through.
run(${CMAKE_COMMAND} -G Ninja -S ${WORK}/project -B ${WORK}/build -DCMAKE_C_COMPILER=${COMPILER}
    -DCMAKE_PREFIX_PATH=${WORK}/prefix -DCMAKE_C_VISIBILITY_PRESET=hidden
    -DCMAKE_INTERPROCEDURAL_OPTIMIZATION=ON
    "-DCMAKE_C_FLAGS=-fdata-sections -fcommon -Werror -Wmissing-prototypes")
run(${CMAKE_COMMAND} --build ${WORK}/build)

set(treadle ${WORK}/build/treadle)
run(${treadle} check --format json)
string(REGEX MATCH "tdl1[.][A-Za-z0-9_.-]+" token "${said}")
run(${treadle} check)
demand("naive +memory +sync +violated +as expected +conservation")
demand("fixed +memory +sync +holds +as expected +all interleavings .60 traces.")
demand("visits/counted +naive +redis +await +violated +as expected +lost-visit")
demand("2 of 2 workloads that a solution passes break a baseline")

# Its global variables are where they are put back from.
run(objdump -t ${WORK}/build/treadle_subject.o)
foreach(name visits_none visits_some)
  demand("treadle_subject_data[^\n]* ${name}\n")
endforeach()

# What it kept is replayed from then on.
file(WRITE ${WORK}/project/regressions/queue "breaks ${token}  whoever waited does not look again\n")
run(${treadle} check)
demand("1 of 1 kept schedules do what they should")
run(${treadle} replay ${token})
demand("queue.c:")
demand("The recorded verdict came about again")
run(${treadle} shrink ${token})
run(${treadle} report --output ${WORK}/report)
file(READ ${WORK}/report/index.html said)
demand("queue/put_and_take")
if(said MATCHES "rate-limiting")
  message(FATAL_ERROR "the report speaks of our own subjects")
endif()

# A row that lacks something is refused, by name.
set(source ${WORK}/project/visits_scenarios.c)
file(READ ${source} text)
string(REPLACE "    .thread = visit,\n" "" text "${text}")
file(WRITE ${source} "${text}")
run(${CMAKE_COMMAND} --build ${WORK}/build)
execute_process(COMMAND ${treadle} list RESULT_VARIABLE status ERROR_VARIABLE said)
demand("visits/counted. needs .setup, .thread and .check")
if(NOT status EQUAL 2)
  message(FATAL_ERROR "exit status ${status}")
endif()

# So are calls that the engine would not see.
set(lists ${WORK}/project/CMakeLists.txt)
file(READ ${lists} text)
string(REPLACE "SCENARIOS" "COMPILE_OPTIONS -O2 -D_FORTIFY_SOURCE=2 SCENARIOS" text "${text}")
file(WRITE ${lists} "${text}")
file(APPEND ${WORK}/project/visits.c "
#include <stdio.h>
char name[8];
void give_number(int given);
void give_number(int given)
{
    snprintf(name, sizeof name, \"%d\", given);
}
")
execute_process(COMMAND ${CMAKE_COMMAND} --build ${WORK}/build RESULT_VARIABLE status
                OUTPUT_VARIABLE said)
demand("treadle_subject: compile it without _FORTIFY_SOURCE, .* does with __snprintf_chk")
if(status EQUAL 0)
  message(FATAL_ERROR "built all the same")
endif()
message("own: as expected")
