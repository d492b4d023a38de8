#!/bin/sh
# contrib/fleet/slabrec-push, as its timer runs it, against an HTTP server on loopback: what arrives is opened by "go tool pprof" and says
# what the trace says; a server that is not there, is busy or refuses loses no profile.
set -u
. "$(dirname "$0")/library.sh"
need_recording
need_command make curl go base64

root=$scratch/root
run make -C "$checkout" install DESTDIR="$root" PREFIX=/usr B="${BUILD:-build}"
status_is 0 "make install"
push=$root/usr/share/slabrec/fleet/slabrec-push
PATH=$root/usr/bin:$PATH
mkdir engine spool
"$checkout/tests/e2e/engine" "$scratch/engine" secret-token &
started="$started $!"
wait_for 20 test -s engine/port || fail "the server does not begin"
echo secret-token > token

pipes=$(workload pipes)
comm=$(basename "$pipes")

# pushed SETTING=VALUE...: a run of it; its trace stays, so that what it pushed can be compared.
pushed()
{
	: > "$hold"
	rm -f "$hold" kept.slab
	run env PATH="$scratch/bin:$PATH" SLABREC_PUSH_URL="http://127.0.0.1:$(cat engine/port)/" SLABREC_PUSH_CACHES=kmalloc-cg-1k SLABREC_PUSH_SECONDS=2 \
		SLABREC_PUSH_SPOOL="$scratch/spool" SLABREC_PUSH_TOKEN_FILE="$scratch/token" SLABREC_PUSH_TRIES=1 "$@" "$push"
}
# slabrec with its trace kept, while 300 pipes are kept and 1000 come and go, so that a slow machine has them in it too.
mkdir bin
cat > bin/slabrec << END
#!/bin/sh
"$root/usr/bin/slabrec" "\$@" "$pipes" 300 1000 "$hold" || exit
for last; do :; done
cp "\$last" "$scratch/kept.slab"
END
chmod 755 bin/slabrec

# of FIELD N: what the server has noted of profile N.
of()
{
	python3 -c 'import json, sys; o = json.load(open(sys.argv[2])); print(eval("o" + sys.argv[1]))' "$1" "engine/$2.json"
}

# top N SAMPLE: what pprof sums up of that sample type at the pipes' function and below.
top()
{
	go tool pprof -sample_index="$2" -focus=alloc_pipe_info -raw "engine/$1.pb.gz" > raw 2> err
	go tool pprof -top -cum -unit=count -sample_index="$2" -focus=alloc_pipe_info "engine/$1.pb.gz" 2> err |
		awk '$NF == "alloc_pipe_info" { print $4 }'
}

for engine in pyroscope parca; do
	rm -f engine/[0-9]* engine/requests
	number=$(($(find engine -name '*.pb.gz' | wc -l) + 1))
	test $engine = pyroscope || number=2
	pushed SLABREC_PUSH_ENGINE=$engine SLABREC_PUSH_LABELS=env=test,zone=a SLABREC_PUSH_TENANT=me
	status_is 0 "$engine"
	same "$engine: silent" "" "$(cat out err)"
	same "$engine: one request" 200 "$(xargs < engine/requests)"
	same "$engine: labels" "memory slabrec $(uname -n) $(uname -r) test a" \
		"$(of '["labels"]["__name__"] + " " + o["labels"]["service_name"] + " " + o["labels"]["host"] + " " + o["labels"]["kernel"] + " " + o["labels"]["env"] + " " + o["labels"]["zone"]' $number)"
	same "$engine: tenant" me "$(of '["tenant"]' $number)"
	live=$("$slabreport" -q -f json -o - kept.slab | python3 -c 'import json, sys; print(sum(s["live"] for s in json.load(sys.stdin)["sites"] if "alloc_pipe_info" in s["stack"]))')
	check "$engine: the trace has the pipes ($live)" test "$live" -ge 300
	same "$engine: go tool pprof: live objects are the trace's" "$live" "$(top $number inuse_objects)"
	check "$engine: go tool pprof: allocations" test "$(top $number alloc_objects)" -ge 1300
	go tool pprof -tags "engine/$number.pb.gz" > tags 2> err
	for tag in host kernel cache class; do
		says "^ *$tag:" "$engine: every sample has its $tag" tags
	done
	says "$comm" "$engine: and the task's name" tags
	same "$engine: the bytes are those of slabreport" "$("$slabreport" -q -f pprof --redact none -o - kept.slab | sha256sum | cut -c1-64)" \
		"$(sha256sum < "engine/$number.pb.gz" | cut -c1-64)"
	same "$engine: nothing waits" "" "$(ls spool)"
done
check "the token is in no file of it" sh -c "! grep -rq secret-token '$scratch/spool'"

# Busy at first: asked again.
rm -f engine/requests
echo 503 > engine/answers
pushed SLABREC_PUSH_TRIES=2
status_is 0 "a server that is busy at first"
same "a server that is busy at first: asked again" "503 200" "$(xargs < engine/requests)"

# Not there, or it refuses: the profile waits and goes with the next one, before it.
pushed SLABREC_PUSH_URL=http://127.0.0.1:9
status_is 1 "a server that is not there"
says "stays and is tried again with the next one" "a server that is not there: said"
rm -f engine/requests
echo wrong > wrong-token
pushed SLABREC_PUSH_TOKEN_FILE="$scratch/wrong-token"
status_is 1 "a wrong token"
says "401" "a wrong token: said"
same "a wrong token: asked once" 401 "$(xargs < engine/requests)"
same "both wait" 2 "$(find spool -name '*.json' | wc -l)"
before=$(find engine -name '*.pb.gz' | wc -l)
pushed SLABREC_PUSH_SECONDS=1
status_is 0 "a server that is back"
same "all have arrived" 3 "$(($(find engine -name '*.pb.gz' | wc -l) - before))"
same "nothing waits any more" "" "$(ls spool)"
pushed SLABREC_PUSH_URL=http://127.0.0.1:9 SLABREC_PUSH_KEEP=0 SLABREC_PUSH_SECONDS=1
says "more than 0 profiles wait" "the spool is bounded"
same "and is empty then" "" "$(ls spool)"

# ---- settings ----
refused_as()
{
	words=$1
	shift
	run env SLABREC_PUSH_URL=http://127.0.0.1:9 SLABREC_PUSH_CACHES=filp SLABREC_PUSH_SPOOL="$scratch/spool" "$@" "$push"
	same "$*: status" 64 "$status"
	says "$words" "$*: said"
}
refused_as "SLABREC_PUSH_ENGINE x: pyroscope or parca" SLABREC_PUSH_ENGINE=x
refused_as "SLABREC_PUSH_CACHES: which" SLABREC_PUSH_CACHES=
refused_as "only letters" 'SLABREC_PUSH_LABELS=a="b'
refused_as "cannot be read" SLABREC_PUSH_TOKEN_FILE=/no/such/token
if command -v systemd-analyze > /dev/null; then
	for unit in service timer; do
		sed "s,ExecStart=/usr,ExecStart=$root/usr,;/^Documentation/d" "$root/usr/lib/systemd/system/slabrec-push.$unit" > "slabrec-push.$unit"
	done
	run systemd-analyze verify ./slabrec-push.service ./slabrec-push.timer
	same "the units are right" "0 " "$status $(cat err)"
else
	echo "SKIP: the units: there is no systemd-analyze"
fi
finish
