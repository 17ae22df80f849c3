#!/bin/sh
# In place of `initdb -D DATA OPTION…`: makes the first data with these options, and copies it.
set -e
data=$2
shift 2
programs=$(dirname "$0")
first=$programs/../clusters/$(id -u)-$(echo "$@" | cksum | tr ' ' -)
if [ ! -e "$first" ]; then
    "$programs/initdb-itself" -D "$first.$$" "$@" >&2
    mv -T "$first.$$" "$first" 2>/dev/null || rm -r "$first.$$" # another process was faster
fi
exec cp -R "$first" "$data"
