#!/bin/sh
# Activates this machine: exchanges its license for a hub API key. Needs only POSIX sh and curl.
#
#   activate.sh --url URL --license-file PATH --sink file:PATH [--id-file PATH] [--allow-open-folder]
#               [--allow-plain-http]
#   HUB_URL=URL LICENSE_FILE=PATH HUB_KEY_FILE=PATH [HUB_ID_FILE=PATH] [HUB_ALLOW_PLAIN_HTTP=1] activate.sh
#
# --id-file keeps the instance's id beside the key, for whoever sends reports.
# --allow-open-folder accepts a folder that others can write, for the sink and for the id.
# --allow-plain-http sends the license over http to another machine, where nobody can listen.
#
# Exit 0: the sink holds a hub key that the hub accepts.
# Exit 75: the hub gave no answer or failed; run the script again later.
# Exit 78: the hub refused, or the command was wrong; running the script again does not help.
#
# The script can be killed at any instant and run again. Where sha256sum and /dev/urandom exist, it makes
# the hub key itself, puts the key into SINK.pending, registers only the hash and then renames the file.
# So the hub never sees the key, a lost answer does no harm, and a hash that is sent twice counts once. No
# key is ever printed or an argument of a process. A file is taken over only if it is a regular file of the
# caller's own, in a folder of the caller's or root's that nobody else can write: so nobody else can have
# put it there, or a link in its place.
set -u
umask 077

ATTEMPTS=5
SECONDS_IN_ALL=120
LATER=75
REFUSED=78

say() { echo "activate.sh: $*" >&2; }
fail() { code=$1; shift; say "$*"; exit "$code"; }
usage() {
    say "usage: activate.sh --url URL --license-file PATH --sink file:PATH"
    fail $REFUSED "activate.sh --help explains it"
}
help() {
    cat <<END
Activates this machine: exchanges its license for a hub API key.

Usage: activate.sh --url URL --license-file PATH --sink file:PATH [OPTIONS]

  --url URL             the hub [env: HUB_URL]
  --license-file PATH   the file with the license key [env: LICENSE_FILE]
  --sink file:PATH      the file for the hub key, readable by its owner alone [env: HUB_KEY_FILE]
  --id-file PATH        the file for the instance's id [env: HUB_ID_FILE]
  --allow-open-folder   accept folders that others can write
  --allow-plain-http    send the license over http to another machine [env: HUB_ALLOW_PLAIN_HTTP=1]
  --help                this text

Exit 0: the sink holds a hub key that the hub accepts. Exit 75: run it again later. Exit 78: refused, or
the command is wrong. It can be killed at any instant and run again.
END
    exit 0
}

url=${HUB_URL:-}
license_file=${LICENSE_FILE:-}
sink=${HUB_KEY_FILE:-}
id_file=${HUB_ID_FILE:-}
allow_open_folder=
# Only a clear yes is one: 0 is not.
case ${HUB_ALLOW_PLAIN_HTTP:-} in 1 | true | yes | on) allow_plain_http=1 ;; *) allow_plain_http= ;; esac

while [ $# -gt 0 ]; do
    case $1 in
        --help | -h) help ;;
        --allow-open-folder) allow_open_folder=yes; shift; continue ;;
        --allow-plain-http) allow_plain_http=1; shift; continue ;;
    esac
    [ $# -ge 2 ] || usage
    case $1 in
        --url) url=$2 ;;
        --license-file) license_file=$2 ;;
        --id-file) id_file=$2 ;;
        --sink)
            case $2 in file:?*) sink=${2#file:} ;; *) usage ;; esac ;;
        *) usage ;;
    esac
    shift 2
done
[ -n "$url" ] && [ -n "$license_file" ] && [ -n "$sink" ] || usage
case $url in http://?* | https://?*) ;; *) fail $REFUSED "the URL must begin with http:// or https://" ;; esac
# The commands below would take a path that begins with a dash for an option.
case $sink in /*) ;; *) sink=./$sink ;; esac
case $license_file in /*) ;; *) license_file=./$license_file ;; esac
case $id_file in /* | '') ;; *) id_file=./$id_file ;; esac
host=${url#*://}
host=${host%%[/?#]*}
case $host in
    *@*) fail $REFUSED "the URL must not hold a user name or password" ;;
    '['*) host=${host%%]*}] ;;
    *) host=${host%%:*} ;;
esac
# A hub on this machine is asked directly, whatever proxy there is for others.
direct=
case $host in
    localhost | '[::1]') direct=yes ;;
    127.*) case $host in *[!0-9.]*) ;; *) direct=yes ;; esac ;;
esac
case $direct:$allow_plain_http:$url in
    ::http:*) fail $REFUSED "a key would travel unencrypted to $url: use https, or give --allow-plain-http" ;;
esac
command -v curl >/dev/null 2>&1 || fail $REFUSED "curl is not installed"

pending=$sink.pending
made=$sink.new.$$
answer=$sink.answer.$$
id_made=${id_file:+$id_file.new.$$}
trap 'rm -f "$made" "$answer" ${id_made:+"$id_made"}' EXIT
trap 'exit 75' HUP INT TERM

# is_key KEY PREFIX LEAST MOST: whether KEY is the prefix and LEAST to MOST lower-case hex digits.
is_key() {
    case $1 in "$2"*) ;; *) return 1 ;; esac
    digits=${1#"$2"}
    case $digits in *[!0-9a-f]*) return 1 ;; esac
    [ ${#digits} -ge "$3" ] && [ ${#digits} -le "$4" ]
}

bom=$(printf '\357\273\277')
tab=$(printf '\t')
cr=$(printf '\r')

# the_line PATH: reads the only line that is not blank into $line, whatever its end, and without the mark
# that some editors put before a text.
the_line() {
    line=
    lines=0
    [ -f "$1" ] && [ -r "$1" ] || return 1
    while IFS= read -r text || [ -n "$text" ]; do
        text=${text#"$bom"}
        while :; do
            case $text in
                ' '* | "$tab"* | "$cr"*) text=${text#?} ;;
                *' ' | *"$tab" | *"$cr") text=${text%?} ;;
                *) break ;;
            esac
        done
        [ -n "$text" ] || continue
        line=$text
        lines=$((lines + 1))
    done <"$1"
    [ $lines -eq 1 ]
}

# about PATH: sets $uid and $mode, in octal digits, of what the path names, without following a link.
# Both stay empty where neither stat nor ls is at hand.
about() {
    uid=
    mode=
    if said=$(stat -c '%u %a' "$1" 2>/dev/null); then
        uid=${said% *}
        mode=${said#* }
    elif said=$(ls -ldn "$1" 2>/dev/null); then
        case $said in
            ?????w* | ????????w*) mode=22 ;;
            ????------*) mode=00 ;;
            *) mode=44 ;;
        esac
        # shellcheck disable=SC2086 # into words
        set -- $said
        uid=$3
    fi
}

# check_folder PATH: refuses unless the folder of a file belongs to the caller or root, and nobody else can
# write it. In a sticky folder nobody takes a file away, but everybody can be there first.
check_folder() {
    folder=$(dirname "$1")
    [ -d "$folder" ] || fail $REFUSED "there is no folder $folder"
    [ -z "$allow_open_folder" ] || return 0
    about "$folder/."
    [ "$uid" = 0 ] || [ -O "$folder/." ] ||
        fail $REFUSED "the folder $folder belongs to another user; --allow-open-folder accepts it"
    case $mode in
        *[2367][0-7] | *[2367])
            fail $REFUSED "others can write to the folder $folder; --allow-open-folder accepts it" ;;
    esac
}

# check_file PATH: refuses what is there unless it is a regular file of the caller's own.
check_file() {
    [ ! -h "$1" ] || fail $REFUSED "$1 is a symbolic link"
    [ -e "$1" ] || return 0
    [ -f "$1" ] || fail $REFUSED "$1 is not a regular file"
    [ -O "$1" ] || fail $REFUSED "$1 belongs to another user"
}

# check_private PATH: refuses a file that others have access to.
check_private() {
    [ -f "$1" ] || return 0
    about "$1"
    case $mode in *00 | '') ;; *) fail $REFUSED "others have access to $1: chmod 600 it" ;; esac
}

is_hub_key_file() { the_line "$1" && is_key "$line" hk_ 24 64; }

# Removes files of runs that were killed. A file's name ends with the id of the process that uses it.
sweep() {
    for left in "$sink".new.* "$sink".answer.*; do
        [ ! -f "$left" ] || kill -0 "${left##*.}" 2>/dev/null || rm -f "$left"
    done
}

# Fails because a file cannot be written. A full disk may have room later, but a missing folder stays
# missing.
cannot_write() {
    folder=$(dirname "$sink")
    [ -d "$folder" ] && [ -w "$folder" ] || fail $REFUSED "cannot write beside the sink"
    fail $LATER "cannot write beside the sink: is the disk full?"
}

# flush PATH: writes the file to disk, so that a crash of the machine does not leave an empty file.
flush() { sync "$1" 2>/dev/null || sync 2>/dev/null || :; }

# fresh PATH: makes an empty file of our own; fails where somebody else is faster, whom -C does not follow.
fresh() { rm -f "$1" && (set -C && : >"$1") 2>/dev/null; }

can_hash() { command -v sha256sum >/dev/null 2>&1 && [ -r /dev/urandom ]; }

hash_of() { the_line "$1" && printf %s "$line" | sha256sum | cut -d ' ' -f 1; }

# Puts a new key into the pending file, completely or not at all. If another run was faster, this run
# uses that run's key, so both register the same hash.
make_pending() {
    fresh "$made" || return 1
    {
        printf hk_
        od -An -N16 -tx1 /dev/urandom | tr -d ' \n'
        echo
    } >"$made" || return 1
    is_hub_key_file "$made" || return 1
    flush "$made"
    ln "$made" "$pending" 2>/dev/null || is_hub_key_file "$pending" || mv -f "$made" "$pending" || return 1
    rm -f "$made"
}

# deliver PATH: atomically renames the file to the sink and flushes it.
deliver() {
    chmod 600 "$1" && flush "$1" && mv -f "$1" "$sink" ||
        fail $LATER "cannot write the sink; the key waits in $pending"
    flush "$(dirname "$sink")"
}

# keep_id: puts the instance's id, from the last answer, into its file.
keep_id() {
    [ -n "$id_file" ] || return 0
    id=$(member instance_id)
    [ -n "$id" ] || fail $LATER "the hub's answer holds no instance id"
    { fresh "$id_made" && echo "$id" >"$id_made" && flush "$id_made" && mv -f "$id_made" "$id_file"; } 2>/dev/null ||
        fail $LATER "cannot write $id_file"
}

# ask SECONDS CURL-ARGUMENTS…: sends a request, sets $status and writes the body to the answer file.
# curl reads secrets from its standard input and ignores .curlrc. Fails when there was no answer.
ask() {
    limit=$1
    shift
    if [ -n "$direct" ]; then set -- --noproxy '*' "$@"; fi
    status=$(curl -q -sS --connect-timeout 10 --max-time "$limit" -o "$answer" -w '%{http_code}' "$@")
    curl_said=$?
    case $curl_said in
        0) return 0 ;;
        23) cannot_write ;;
        1 | 2 | 3 | 4 | 26 | 27) fail $REFUSED "curl cannot do this (exit $curl_said)" ;;
        *) status=000; return 1 ;;
    esac
}

activate() {
    if [ -n "$hash" ]; then own=",\"hub_key_sha256\":\"$hash\""; else own=; fi
    ask "$1" -X POST -H 'Content-Type: application/json' --data @- \
        "${url%/}/api/v1/instances/activate" <<END
{"license_key":"$license"$own}
END
}

# Checks whether the hub accepts the key in the sink. Only used where no hash can be computed.
check_sink() {
    the_line "$sink"
    ask "$1" --config - "${url%/}/api/v1/instances/self" <<END
header = "X-Hub-Api-Key: $line"
END
}

# member NAME: prints a member of the answer whose value is a code or a key.
member() { sed -n "s/.*\"$1\" *: *\"\([a-z0-9_-]*\)\".*/\1/p" "$answer" | head -n 1; }

now() { date +%s; }

# Check the license and the place for the key before sending anything.
[ -r "$license_file" ] && [ -f "$license_file" ] ||
    fail $REFUSED "cannot read the license file $license_file"
the_line "$license_file" || fail $REFUSED "$license_file does not hold one license key and nothing else"
license=$line
is_key "$license" lb_inst_ 32 64 || fail $REFUSED "$license_file holds no license key"
check_folder "$sink"
for path in "$sink" "$pending"; do
    check_file "$path"
    check_private "$path"
done
if [ -n "$id_file" ]; then
    check_folder "$id_file"
    check_file "$id_file"
fi

sweep
mode=register
source=$pending
hash=
if can_hash; then
    if is_hub_key_file "$pending"; then
        :
    elif is_hub_key_file "$sink"; then
        source=$sink
    else
        rm -f "$pending"
        make_pending 2>/dev/null || cannot_write
    fi
    hash=$(hash_of "$source")
else
    if is_hub_key_file "$sink"; then mode=check; else mode=receive; fi
fi

fresh "$answer" || cannot_write
started=$(now)
attempt=0
pause=1
while [ $attempt -lt $ATTEMPTS ]; do
    left=$((SECONDS_IN_ALL - $(now) + started))
    [ $left -gt 1 ] || break
    [ $left -lt 20 ] || left=20
    attempt=$((attempt + 1))
    if [ $mode = check ]; then check_sink "$left"; else activate "$left"; fi

    case $mode:$status in
        register:200)
            if [ "$source" = "$pending" ]; then deliver "$pending"; fi
            keep_id
            say "activated"
            exit 0 ;;
        receive:200)
            key=$(member hub_api_key)
            is_key "$key" hk_ 24 64 || fail $LATER "the hub's answer holds no key"
            fresh "$made" || cannot_write
            cat >"$made" <<END
$key
END
            deliver "$made"
            keep_id
            say "activated"
            exit 0 ;;
        check:200)
            case $(member effective_status) in
                active) keep_id; say "activated already"; exit 0 ;;
                *) fail $REFUSED "refused: $(member effective_status)" ;;
            esac ;;
        check:401 | register:409)
            # The key has ended, for example by a rotation: get a new one.
            [ "$(member code)" = hub_key_invalid ] || [ "$(member code)" = key_conflict ] ||
                fail $REFUSED "refused: $status $(member code)"
            if [ $mode = check ]; then mode=receive; continue; fi
            [ -n "${replaced:-}" ] && fail $REFUSED "refused: $(member code)"
            replaced=yes
            rm -f "$pending"
            make_pending 2>/dev/null || cannot_write
            source=$pending
            hash=$(hash_of "$pending")
            continue ;;
        *:000) say "attempt $attempt: no answer" ;;
        *:408 | *:429 | *:5??) say "attempt $attempt: the hub answered $status" ;;
        *) fail $REFUSED "refused: $status $(member code)" ;;
    esac

    [ $attempt -lt $ATTEMPTS ] || break
    left=$((SECONDS_IN_ALL - $(now) + started))
    [ $pause -lt $left ] || break
    sleep $pause
    pause=$((pause * 2))
done
fail $LATER "the hub gave no answer in $attempt attempts; run it again later"
