#!/bin/sh
# rustc. It notes each start of its own, with the process and the arguments, beside the directory that it runs in. If the
# file `deaf` is there, it takes no source, and ends a second later.
echo "$$ $*" >> ../starts
if [ -e ../deaf ]; then
    exec <&-
    rm ../deaf
    sleep 1
    exit 1
fi
exec rustc "$@"
