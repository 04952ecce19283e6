# SPDX-License-Identifier: MIT
# cmake -DSOURCE=impl -DWORK=FOLDER -DCOMPILER=cc -P impl_alone.cmake: copies impl/ to a place where
# nothing else of this repository is, builds and installs it there, compiles its example against what
# was installed, and runs it. Ends with an error when any of this fails.
function(run)
  execute_process(COMMAND ${ARGN} COMMAND_ERROR_IS_FATAL ANY)
endfunction()

file(REMOVE_RECURSE ${WORK})
file(COPY ${SOURCE} DESTINATION ${WORK})
set(prefix ${WORK}/prefix)
run(${CMAKE_COMMAND} -G Ninja -S ${WORK}/impl -B ${WORK}/build -DCMAKE_C_COMPILER=${COMPILER}
    -DCMAKE_C_FLAGS=-Werror -DCMAKE_INSTALL_PREFIX=${prefix} -DRATE_LIMITERS_TESTS=OFF)
run(${CMAKE_COMMAND} --build ${WORK}/build)
run(${CMAKE_COMMAND} --install ${WORK}/build)

file(GLOB_RECURSE description ${prefix}/*.pc)
cmake_path(GET description PARENT_PATH folder)
set(ENV{PKG_CONFIG_PATH} ${folder})
set(example ${WORK}/elsewhere)
file(COPY ${WORK}/impl/examples/many_requests/ DESTINATION ${example})
file(REMOVE_RECURSE ${WORK}/impl)
run(sh -c "${COMPILER} -std=c11 -D_GNU_SOURCE -Wall -Wextra -Werror -o ${example}/many_requests \
${example}/many_requests.c $(pkg-config --cflags --libs rate_limiters)")
run(${example}/many_requests ${example}/limits.yaml)
