#!/bin/sh
# Keeps how tools are used, and reports it to the hub. Needs only POSIX sh, awk and curl.
#
#   letsbe-report.sh call NAME MILLISECONDS [CODE]   note a call of a tool, and the code of its error
#   letsbe-report.sh count NAME NUMBER               note a named count, such as agents_online 3
#   letsbe-report.sh send                            report what was noted; from a timer
#
# Settings: LETSBE_URL (the hub), LETSBE_KEY_FILE (the hub key), LETSBE_ID_FILE (the instance's id, as
# activate.sh --id-file writes it), LETSBE_SPOOL (the folder for what was noted), LETSBE_ALLOW_PLAIN_HTTP=1
# (send the hub key over http to another machine, where nobody can listen).
#
# Exit 0: done. 75: run it again later, nothing is lost. 78: wrong usage, or the hub refuses the instance.
#
# What is noted counts exactly once, whenever the script is killed. A note is a file, complete or absent. It is
# moved into one batch; the batch's name holds the report's id and time for ever, and its report is written
# once. A batch is removed after the hub said that the report is on disk; one that is sent twice has the
# same id, and the hub counts it once. Names that the hub does not list are left out.
set -u
umask 077

LATER=75
REFUSED=78
# Notes in one report: a report is at most 1 MiB.
MOST=5000

say() { echo "letsbe-report.sh: $*" >&2; }
fail() { code=$1; shift; say "$*"; exit "$code"; }
usage() { fail $REFUSED "usage: letsbe-report.sh call NAME MILLISECONDS [CODE] | count NAME NUMBER | send"; }

spool=${LETSBE_SPOOL:-/var/lib/letsbe/spool}
url=${LETSBE_URL:-}
key_file=${LETSBE_KEY_FILE:-/etc/letsbe/hub.key}
id_file=${LETSBE_ID_FILE:-/etc/letsbe/instance.id}
case $spool in /*) ;; *) spool=./$spool ;; esac

is_number() { case $1 in '' | *[!0-9.]* | *.*.* | .* | *.) return 1 ;; esac; }
is_name() { case $1 in '' | *[!a-z0-9._-]*) return 1 ;; esac; }
is_code() { case $1 in '' | *[!A-Z0-9_]*) return 1 ;; esac; }
random_id() { cat /proc/sys/kernel/random/uuid 2>/dev/null || uuidgen; }

# note WORDS…: keeps a line as a file of its own. The time comes first in its name.
note() {
    mkdir -p "$spool/new" "$spool/part" || fail $LATER "cannot write to $spool"
    name=$(date +%s).$$.$(random_id)
    { echo "$*" >"$spool/part/$name" && mv "$spool/part/$name" "$spool/new/$name"; } ||
        fail $LATER "cannot write to $spool"
}

# Moves notes into batches, one for each hour, and closes them. A batch that a killed run left open is
# closed as it is: its notes are in no other one.
gather() {
    now=$(date +%s)
    moved=0
    for path in "$spool"/new/*; do
        [ -f "$path" ] || continue
        [ $moved -lt $MOST ] || break
        file=${path##*/}
        at=${file%%.*}
        case $at in '' | *[!0-9]*) rm -f "$path"; continue ;; esac
        hour=$((at / 3600))
        [ "${open:-}" = "$hour" ] || batch=$spool/batch.$hour.$(random_id)
        open=$hour
        mkdir -p "$batch" && mv "$path" "$batch/$file" || fail $LATER "cannot write to $spool"
        moved=$((moved + 1))
    done
    for path in "$spool"/batch.*; do
        [ -d "$path" ] || continue
        # An empty one was left before its first note came in.
        rmdir "$path" 2>/dev/null && continue
        rest=${path##*/batch.}
        hour=${rest%%.*}
        end=$((hour * 3600 + 3600))
        [ $end -le "$now" ] || end=$now
        [ $end -gt $((hour * 3600)) ] || end=$((hour * 3600 + 1))
        mv "$path" "$spool/ready.$((hour * 3600)).$end.${rest#*.}"
    done
}

# The names of one list of the catalogue, one a line.
listed() { { tr -d ' \n' <"$spool/catalogue"; echo; } | sed -n "s/.*\"$1\":\[\([^]]*\)\].*/\1/p" | tr -d '"' | tr , '\n'; }

# write_report FOLDER: writes the report of a batch, once.
write_report() {
    [ ! -f "$1/report.json" ] || return 0
    rest=${1##*/ready.}
    start=${rest%%.*}
    rest=${rest#*.}
    {
        listed tools | sed 's/^/tools /'
        listed codes | sed 's/^/codes /'
        listed counts | sed 's/^/counts /'
        echo notes
        cat "$1"/[0-9]*
    } | awk -v id="${rest#*.}" -v start="$start" -v end="${rest%%.*}" '
        function time(at,   days, second, era, day, year, month) {
            days = int(at / 86400); second = at % 86400
            days += 719468; era = int(days / 146097); day = days % 146097
            year = int((day - int(day / 1460) + int(day / 36524) - int(day / 146096)) / 365)
            day -= 365 * year + int(year / 4) - int(year / 100)
            month = int((5 * day + 2) / 153)
            day = day - int((153 * month + 2) / 5) + 1
            year += era * 400; month += (month < 10) ? 3 : -9
            if (month <= 2) year++
            return sprintf("%04d-%02d-%02dT%02d:%02d:%02dZ", year, month, day,
                int(second / 3600), int(second % 3600 / 60), second % 60)
        }
        $0 == "notes" { noted = 1; next }
        !noted { known[$1 " " $2] = 1; next }
        $1 == "call" && (("tools " $2) in known) {
            if (!($2 in calls)) tool[++tools] = $2
            calls[$2]++
            took[$2] = took[$2] (took[$2] == "" ? "" : ",") $3
            if ($4 != "" && (("codes " $4) in known)) {
                if (!(($2 " " $4) in errors)) codes[$2] = codes[$2] " " $4
                errors[$2 " " $4]++
            }
        }
        # Of what is there at a moment, the last number counts.
        $1 == "count" && (("counts " $2) in known) {
            if (!($2 in count)) name[++names] = $2
            count[$2] = $3
        }
        END {
            printf "{\"report_id\":\"%s\",\"window_start\":\"%s\",\"window_end\":\"%s\",\"tools\":[",
                id, time(start), time(end)
            for (i = 1; i <= tools; i++) {
                t = tool[i]
                printf "%s{\"name\":\"%s\",\"calls\":%d,\"errors\":{", (i > 1 ? "," : ""), t, calls[t]
                n = split(codes[t], each, " ")
                for (j = 1; j <= n; j++)
                    printf "%s\"%s\":%d", (j > 1 ? "," : ""), each[j], errors[t " " each[j]]
                printf "},\"durations_ms\":[%s]}", took[t]
            }
            printf "],\"counts\":{"
            for (i = 1; i <= names; i++)
                printf "%s\"%s\":%d", (i > 1 ? "," : ""), name[i], count[name[i]]
            print "}}"
        }' >"$1/report.tmp" && mv "$1/report.tmp" "$1/report.json"
}

# ask CURL-ARGUMENTS…: sends a request with the hub key, sets $status. The key is no argument of a process.
ask() {
    [ -z "$direct" ] || set -- --noproxy '*' "$@"
    status=$(printf 'header = "X-Hub-Api-Key: %s"\n' "$key" |
        curl -q -sS --config - --connect-timeout 10 --max-time 30 -w '%{http_code}' "$@") || status=000
}

# alone: fails while another run sends. What a killed run left is taken over.
alone() {
    echo $$ >"$spool/lock.$$"
    trap 'rm -f "$spool/lock.$$"; [ "$(cat "$spool/lock" 2>/dev/null)" != $$ ] || rm -f "$spool/lock"' EXIT
    trap 'exit 75' HUP INT TERM
    ln "$spool/lock.$$" "$spool/lock" 2>/dev/null && return 0
    other=$(cat "$spool/lock" 2>/dev/null)
    [ -z "$other" ] || ! kill -0 "$other" 2>/dev/null || fail $LATER "another run is sending"
    rm -f "$spool/lock"
    ln "$spool/lock.$$" "$spool/lock" 2>/dev/null || fail $LATER "another run is sending"
}

# look_at_url: refuses a URL over which the key may not travel. A hub on this machine is asked directly,
# whatever proxy there is for others.
look_at_url() {
    case $url in
        '') fail $REFUSED "LETSBE_URL is not set" ;;
        http://?* | https://?*) ;;
        *) fail $REFUSED "LETSBE_URL must begin with http:// or https://" ;;
    esac
    host=${url#*://}
    host=${host%%[/?#]*}
    case $host in
        *@*) fail $REFUSED "LETSBE_URL must not hold a user name or password" ;;
        '['*) host=${host%%]*}] ;;
        *) host=${host%%:*} ;;
    esac
    direct=
    case $host in
        localhost | '[::1]') direct=yes ;;
        127.*) case $host in *[!0-9.]*) ;; *) direct=yes ;; esac ;;
    esac
    # Only a clear yes is one: 0 is not.
    case ${LETSBE_ALLOW_PLAIN_HTTP:-} in 1 | true | yes | on) allowed=yes ;; *) allowed= ;; esac
    case $direct:$allowed:$url in
        ::http:*)
            fail $REFUSED "a key would travel unencrypted to $url: use https, or set LETSBE_ALLOW_PLAIN_HTTP=1" ;;
    esac
}

refused() { case $1 in 401 | 403) fail $REFUSED "the hub refuses this instance ($1)" ;; esac; }

send() {
    look_at_url
    key=$(tr -d ' \r\n' <"$key_file" 2>/dev/null) && [ -n "$key" ] || fail $LATER "cannot read $key_file"
    id=$(tr -d ' \r\n' <"$id_file" 2>/dev/null) && is_name "$id" || fail $LATER "cannot read $id_file"
    mkdir -p "$spool/new" "$spool/part" "$spool/rejected" || fail $LATER "cannot write to $spool"
    alone
    gather
    rm -rf "$spool"/done.*
    ask -o "$spool/catalogue.new" "${url%/}/api/v1/instances/self/catalogue"
    refused "$status"
    [ "$status" = 200 ] || fail $LATER "the hub gave no catalogue ($status)"
    mv -f "$spool/catalogue.new" "$spool/catalogue"
    for path in "$spool"/ready.*; do
        [ -d "$path" ] || continue
        write_report "$path" || fail $LATER "cannot write to $spool"
        ask -o /dev/null -X POST -H 'Content-Type: application/json' --data-binary @"$path/report.json" \
            "${url%/}/api/v1/instances/$id/telemetry"
        case $status in
            # Renamed first: removing takes more than one step.
            202) mv "$path" "$spool/done.${path##*/ready.}" && rm -rf "$spool"/done.* ;;
            400 | 409 | 413 | 415 | 422)
                say "the hub does not take ${path##*/} ($status): kept in $spool/rejected"
                mv "$path" "$spool/rejected/${path##*/}" ;;
            *) refused "$status"; fail $LATER "the hub did not take the reports ($status)" ;;
        esac
    done
}

case ${1:-} in
    call)
        [ $# -eq 3 ] || [ $# -eq 4 ] || usage
        is_name "$2" && is_number "$3" || usage
        [ $# -eq 3 ] || is_code "$4" || usage
        shift
        note call "$@" ;;
    count)
        [ $# -eq 3 ] && is_name "$2" || usage
        case $3 in "" | *[!0-9]*) usage ;; esac
        note count "$2" "$3" ;;
    send) [ $# -eq 1 ] || usage; send ;;
    --help | -h) sed -n '2,/^set/{/^set/!s/^# \{0,1\}//p;}' "$0" ;;
    *) usage ;;
esac
