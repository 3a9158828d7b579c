#!/bin/sh
# rustc. It notes each start of its own, with the process and the arguments, beside the directory that it runs in.
echo "$$ $*" >> ../starts
exec rustc "$@"
