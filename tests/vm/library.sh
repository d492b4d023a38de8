# What fetch, boot and run share; sourced, never run. Callers have set -eu.
# shellcheck shell=sh disable=SC2034 # its variables are for those who source it

vm_dir=$(cd "$(dirname "$0")" && pwd)
checkout=$(cd "$vm_dir/../.." && pwd)
cache=${SLABREC_TEST_CACHE:-${HOME:-/root}/.cache/slabrec-tests}

complain()
{
	echo "${0##*/}: $*" >&2
}

die()
{
	complain "$*"
	exit 1
}

# A skip is a failure where the VM tests are required.
skip()
{
	if [ "${SLABREC_REQUIRE_VM:-0}" = 1 ]; then
		die "$* (a failure because SLABREC_REQUIRE_VM=1)"
	fi
	echo "SKIP: $*"
	exit 77
}

# The script's opening comment, from its second line on.
usage()
{
	sed -n '2,/^set/s/^# \{0,1\}//p' "$0" >&2
	exit 2
}

# Those that run boots.
kernel_keys()
{
	sed 's/#.*//' "$vm_dir/kernels" | awk '$2 == "amd64" { print $1 }'
}

# $1: key.
kernel_flavour()
{
	sed 's/#.*//' "$vm_dir/kernels" | awk -v key="$1" '$1 == key { print $2 }'
}

# The columns of a kernel behind its flavour: headers, versions, suites.
kernel_columns()
{
	sed 's/#.*//' "$vm_dir/kernels" | awk -v key="$1" '$1 == key { $1 = $2 = ""; print }'
}

has_headers()
{
	[ "$(kernel_columns "$1" | awk '{ print $1 }')" = yes ]
}
