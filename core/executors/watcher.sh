# Watches over one work: holds the claim, runs the work, keeps what it prints and how it ends.
# Written as claim.sh is, whose jd_boot and jd_born stand before it.
#
# $1 the claim's folder  $2 program of the work, for sh -c  $3... its name and arguments

jd=$1; shift; jd_boot; jd_born $$;
set -C; echo "$$ $jd_c $jd_i" >"$jd/pid" || exit;

# The work prints into pipes, as it would without a claim: a file would be emptied by whoever opens
# /dev/stderr anew. tee goes on reading when the disk is full, so that the work does not fall with it.
(trap "" HUP INT TERM; exec tee -a "$jd/out" <"$jd/o" >/dev/null) & jd_o=$! ;
(trap "" HUP INT TERM; exec tee -a "$jd/err" <"$jd/e" >/dev/null) & jd_e=$! ;
echo; exec >/dev/null;

# Asked to end, it waits for the work; traps do not reach into the work. The subshell keeps the
# words of this shell, about how its child died, out of the work's output.
trap : INT TERM;
(exec /bin/sh -c "$@") >>"$jd/o" 2>>"$jd/e";

# ksh counts deaths by a signal from 256, everybody else from 128.
jd_r=$?; [ $jd_r -lt 256 ] || jd_r=$((jd_r-128));
echo $jd_r 1<>"$jd/exit";

# What was left in the background may hold the pipes.
jd_n=0 jd_h=;
while kill -0 $jd_o || kill -0 $jd_e; do
[ $jd_n -lt 50 ] || { jd_h=held; kill -9 $jd_o $jd_e; break; };
if [ $jd_n = 0 ]; then sleep 0.01; else sleep 0.1; fi || { sleep 1; jd_n=$((jd_n+9)); };
jd_n=$((jd_n+1));
done;
wait $jd_o && wait $jd_e || jd_h=${jd_h:-cut};
[ "$jd_h" ] && echo $jd_r $jd_h 1<>"$jd/exit";
