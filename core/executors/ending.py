"""Ending the processes of a work, and looking whether they are gone.

The text runs on the same host, as the same user as the work. It finds the work's
process group, its session and its descendants, asks them to end, waits, kills what
is left, and looks again. Zombies do not count: in a container nobody may be there
to reap them. A process that has left all three (a daemon) means to outlive the work.
"""

from __future__ import annotations

from core.executors.framing import mark_text

GONE = b"gone\n"

# PID and TENTHS (of a second of grace) are filled in.
_LOOKING = """\
processes() {
    if [ -r "/proc/$$/stat" ]; then
        for stat in /proc/[0-9]*/stat; do
            { read -r line <"$stat"; } 2>/dev/null && echo "${line%% *} ${line##*\\) }"
        done
    else
        ps -A -o pid= -o stat= -o ppid= -o pgid=
    fi
}
place_of() {
    group=$1 session=$1
    while read -r id state parent its_group its_session rest; do
        [ "$id" = "$1" ] && group=$its_group session=$its_session
    done <<END
$(processes)
END
}
look() {
    grown=yes
    while [ "$grown" ]; do
        grown= left=
        while read -r id state parent its_group its_session rest; do
            case $state in Z* | X*) continue ;; esac
            case " $its_group $its_session " in
                *" $group "* | *" $session "*) ;;
                *) case $seen in *" $parent "* | *" $id "*) ;; *) continue ;; esac ;;
            esac
            left="$left $id"
            case $seen in *" $id "*) ;; *) seen="$seen$id " grown=yes ;; esac
        done <<END
$(processes)
END
    done
}
tell() {
    look
    kill "-$1" "-$group" $left 2>/dev/null
}
# Hundredths of a second; a look takes long where there are many processes, so rounds are no clock.
moment() {
    if { read -r now rest </proc/uptime; } 2>/dev/null; then now=${now%%.*}${now##*.}
    else now=$(date +%s)00; fi
}
wait_for_end() {
    moment
    until=$((now + $1 * 10))
    while look && [ "$left" ] && moment && [ "$now" -lt "$until" ]; do
        sleep 0.1 2>/dev/null || sleep 1
    done
    [ -z "$left" ]
}
seen=" PID "
"""

_PLACE = """\
place_of $$
own_group=$group
place_of PID
# A server that puts every session into its own group: that group is not the work's.
[ "$group" = "$own_group" ] && group=PID session=PID
"""

# The watcher leads a session of its own. Where there is no setsid it leads nothing, and shares
# group and session with whoever follows it: then its descendants are all there is to go by.
_PLACE_OF_WATCHER = "group=PID session=PID\n"

_ENDING = """\
tell TERM
wait_for_end TENTHS || { tell KILL; wait_for_end 20; }
"""

_FOLDER = """\
for folder in "${TMPDIR:-/tmp}" /var/tmp "$HOME"; do rm -rf "$folder/FOLDER"; done
"""

_VERDICT = """\
if [ "$left" ]; then echo $left; else echo gone; fi
"""


def ending_text(pid: int, grace_s: float, token: str) -> str:
    """The command line that ends the work whose wrapper is `pid`, and prints `gone` or its pids.

    `grace_s`: between asking and killing. `token`: of the work, for the folder it may leave.
    """
    folder = _FOLDER.replace("FOLDER", mark_text(token))
    return _filled(f"{_LOOKING}{_PLACE}{_ENDING}{folder}{_VERDICT}", pid, grace_s)


def ending_text_of_claim(pid: int, grace_s: float, folder: str, word: str) -> str:
    """The same for work under a claim, whose watcher is `pid`.

    `folder`: the claim's, as a word for a shell. `word`: why it is ended; the claim says so to
    whoever looks later.
    """
    note = f"{{ echo {word} >{folder}/ended; }} 2>/dev/null\n"
    return note + _filled(f"{_LOOKING}{_PLACE_OF_WATCHER}{_ENDING}{_VERDICT}", pid, grace_s)


def _filled(text: str, pid: int, grace_s: float) -> str:
    return text.replace("PID", str(pid)).replace("TENTHS", str(round(grace_s * 10)))
