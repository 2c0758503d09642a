# Claims on the target: take one, or follow what is there. Composed by claims.py, which strips these
# comments and joins the lines with blanks: a line ends as its command does, and holds no
# single quote, backslash or exclamation mark, so that every login shell passes it on as it is.
#
# $1 token  $2 attempt  $3 run  $4 epoch  $5 spool or ""  $6 $7 bytes of out and err received already
#
# A claim is a folder:
#   pid       who watches over the work: process, boot, moment of its birth; or `void`: nobody ever will
#   out err   what the work printed              o e     the pipes that it prints into
#   exit      its status, and what is to be known about its output; dashes until then
#   ended     why the engine ends it             script outputs

exec 3<&0 </dev/null;
jd_k=$1 jd_d=${5:-$HOME/.jobdeck} jd_run=$3 jd_epoch=$4 jd_out=$6 jd_err=$7 jd_made= jd_own=;
jd=$jd_d/$2;
jd_say() { echo "jobdeck-$jd_k $*"; };
jd_no() { jd_say refuse "$*"; exit 0; };

# jd_c: the boot of this machine.
jd_boot() { read -r jd_c </proc/sys/kernel/random/boot_id || jd_c=-; } 2>/dev/null;

# jd_i jd_z: moment of birth and state of process $1; a number can come again, with another birth.
jd_born() {
jd_i=- jd_z=-;
if read -r jd_z </proc/$1/stat; then set -- ${jd_z##*") "}; jd_z=$1 jd_i=${20};
else jd_i=$(echo $(ps -o lstart= -p $1)); fi;
} 2>/dev/null;

# Whether the watcher lives; a zombie that nobody reaps does not.
jd_live() {
[ "$jd_b" = "$jd_c" ] && jd_born "$jd_p" && [ "$jd_i" = "$jd_s" ] &&
case $jd_z in Z | X) false ;; esac;
};

# Owners older than one that was seen are refused. A look leaves its epoch; names cannot be overwritten.
jd_fence() {
for jd_f in "$jd_d/fence-$jd_run-"*; do
[ -e "$jd_f" ] && [ "${jd_f##*-}" -gt "$jd_epoch" ] && jd_no fenced;
done;
};

# jd_made: the claim is ours, by an atomic mkdir. Without it, and without anybody else's: jd_why.
jd_take() {
mkdir -m 700 "$jd" 2>/dev/null && jd_made=1 || [ -d "$jd" ] ||
{ jd_why=$(mkdir -m 700 -p "$jd_d" 2>&1; mkdir -m 700 "$jd" 2>&1) && jd_made=1; } ||
[ -d "$jd" ] || jd_no $1 $jd_why;
};

# The bytes of the exit status are on the disk before anything starts: a full one does not lose it.
jd_prepare() {
jd_why=$({ true >"$jd/out" && true >"$jd/err" && echo -------------------- >"$jd/exit" &&
mkfifo "$jd/o" "$jd/e"; } 2>&1) || jd_unmake $jd_why;
};
jd_unmake() { rm -rf "$jd"; jd_no unclaimed "$@"; };

# Returns when the claim is ours and ready; otherwise follows whatever is there, to its end.
jd_claim() {
jd_fence; jd_take unclaimed;
[ "$jd_made" ] || { jd_look; exit; };
jd_prepare;
};

# Start nothing: follow what is there, or see to it that nothing starts. Older owners are shut out.
jd_visit() {
jd_fence;
{ [ -d "$jd_d" ] || mkdir -m 700 -p "$jd_d"; true >>"$jd_d/fence-$jd_run-$jd_epoch"; } 2>/dev/null;
jd_take blind;
[ "$jd_made" ] || { jd_look; exit; };
jd_void && jd_no absent; jd_no blind there is no room for a mark;
};
jd_void() { (set -C; echo void >"$jd/pid") 2>/dev/null; };

# Become the watcher $1 with arguments, in a session of its own where there is setsid.
# It stands in a pipeline, not behind an ampersand, which would leave the work deaf to INT.
jd_watch() {
command -v setsid >/dev/null && exec setsid /bin/sh -c "$@";
trap "" HUP; exec /bin/sh -c "$@";
};

# After it: its first line says that it holds the claim. Without one nothing has started, and
# what is in the place of `pid` decides.
jd_first() {
jd_own=1; jd_probe;
read -r jd_x || {
(set -C; true >"$jd/pid") 2>/dev/null;
[ -s "$jd/pid" ] || jd_unmake there is no room for the id of a process;
};
jd_look;
};

# GNU tail hears of output at once and ends with a process; others are no help.
jd_probe() { jd_gnu=; tail --pid=$$ -s 0.03 -c +1 /dev/null 2>/dev/null && jd_gnu=1; };

jd_nap() { sleep $1 || sleep 1; } 2>/dev/null;

# A claim whose watcher does not come was cut short: it is made void, and whoever comes first holds it.
jd_look() {
jd_n=0;
until read -r jd_p jd_b jd_s <"$jd/pid"; do
jd_n=$((jd_n+1));
[ $jd_n -lt 50 ] || {
jd_void && jd_no absent;
[ $jd_n -lt 100 ] || jd_no broken;
};
jd_nap 0.1;
done 2>/dev/null;
[ "$jd_p" = void ] && jd_no absent;
jd_boot; jd_w=;
{ read -r jd_w <"$jd/ended"; } 2>/dev/null;
jd_a=; jd_live && jd_a=1;
if [ "$jd_a" ]; then jd_say start $jd_p $jd_w; else jd_say start -; fi;
jd_say start >&2;
jd_follow; jd_end;
};

# Both streams from where they were left to where they end, after the watcher is gone.
# What keeps its place is the descriptor: nobody counts bytes here.
jd_follow() {
if [ "$jd_a" ] && { [ "$jd_own" ] || jd_probe; [ "$jd_gnu" ]; }; then
[ "$jd_own" ] || { (while jd_live; do jd_nap 0.2; done) & jd_p=$! ; };
tail -s 0.03 --pid=$jd_p -c +$((jd_err+1)) -f "$jd/err" >&2 2>/dev/null &
jd_t=$! ;
tail -s 0.03 --pid=$jd_p -c +$((jd_out+1)) -f "$jd/out" 2>/dev/null;
wait $jd_t;
else
exec 4<"$jd/out" 5<"$jd/err";
tail -c +$((jd_out+1)) <&4; tail -c +$((jd_err+1)) <&5 >&2;
jd_n=0;
while jd_live; do
jd_n=$((jd_n+1)); if [ $jd_n -lt 20 ]; then jd_nap 0.1; else jd_nap 0.5; fi;
cat <&4; cat <&5 >&2;
done;
cat <&4; cat <&5 >&2;
fi;
};

# How it ended; then the claim waits for the line that says that this is on record.
jd_end() {
jd_r= jd_h= jd_w=;
{ read -r jd_r jd_h <"$jd/exit"; read -r jd_w <"$jd/ended"; } 2>/dev/null;
case $jd_r in
"" | -*)
if [ "$jd_b" = "$jd_c" ]; then jd_say gone killed $jd_w; else jd_say gone rebooted $jd_w; fi ;;
*)
jd_n=-; [ -f "$jd/outputs" ] && jd_n=$(($(wc -c <"$jd/outputs")));
jd_say exit $jd_r $jd_n $jd_h $jd_w;
[ $jd_n = - ] || [ $jd_n -gt LIMIT ] || cat "$jd/outputs" ;;
esac;
jd_say end >&2;
while read -r jd_x <&3; do
[ "$jd_x" = recorded ] && { exec >/dev/null 2>&1; rm -rf "$jd"; jd_sweep; break; };
done;
};

# What nobody fetched in 7 days: claims whose work is over, and fences. Nothing that is not ours.
jd_sweep() {
set -- "$jd_d"/*; [ -e "$1" ] && cd "$jd_d" || return;
for jd_f in $(find . -name . -o -prune -mtime +6 -print); do
case $jd_f in
./fence-*) rm -f "$jd_f" ;;
*)
read -r jd_p jd_b jd_s <"$jd_f/pid" || continue;
[ "$jd_p" = void ] || [ -p "$jd_f/o" ] || continue;
jd_live || rm -rf "$jd_f" ;;
esac;
done;
};
