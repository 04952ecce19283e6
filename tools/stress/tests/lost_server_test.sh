#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A server that dies is no finding, and not to be tried again: lost_server_test.sh TREADLE_STRESS
set -uo pipefail

"$1" --variant fixed --rounds 100000000 --time 40 sliding_window/check_then_add &
stress=$!

# Its own server, whose parent it is.
server=
for _ in $(seq 200); do
    for child in $(cat "/proc/$stress/task/$stress/children"); do
        [[ $(cat "/proc/$child/comm" 2>/dev/null) == redis-server ]] && server=$child
    done
    [[ -n $server ]] && break
    sleep 0.05
done
if [[ -z $server ]]; then
    echo "no redis-server was started"
    kill "$stress"
    exit 1
fi
sleep 0.5
kill -KILL "$server"
wait "$stress"
status=$?
echo "status $status"
[[ $status == 3 ]]
