# Takes one file in: says what is there, is told from which byte on, reads it, puts it in place.
#
#   have EXISTS DIGEST PART_BYTES PART_DIGEST   -> put OFFSET, then the bytes | same | leave | show
#   content SIZE, then the bytes | done created|replaced|unchanged | no WORD why
#
# Set before: folder, path (below it), temp, want (SHA-256), size, mode, owner, made (mode of
# the file here), makes (folders), check (only: nothing is written).
none() { [ ! "$check" ] || { say have - - 0 -; exit 0; }; }
folder=$(home "$folder")
[ -d "$folder" ] || [ ! "$makes" ] || none
why=$([ ! "$makes" ] || mkdir -p -- "$folder" 2>&1) || no folder "$why"
cd -- "$folder" 2>/dev/null || no folder "$folder cannot be entered, or is not there"
here=$(pwd -P)
here=${here%/}
# Each part is entered by itself, and looked at from inside: no link leads out of the folder.
while :; do
    case $path in */*) ;; *) break ;; esac
    part=${path%%/*} path=${path#*/}
    [ ! -L "./$part" ] || no link "$here/$part is a link, which is not followed"
    if [ ! -d "./$part" ]; then
        [ "$makes" ] || no folder "$here/$part is not there"
        none
        why=$(mkdir -- "./$part" 2>&1) || [ -d "./$part" ] || no folder "$why"
    fi
    cd -- "./$part" 2>/dev/null || no folder "$here/$part cannot be entered"
    here=$here/$part
    [ "$(pwd -P)" = "$here" ] || no link "$here is a link, which is not followed"
done
[ ! -d "./$path" ] || no kind "$here/$path is a folder (write a / at its end)"
exists=- had=-
if [ -e "./$path" ] || [ -L "./$path" ]; then
    [ -f "./$path" ] || [ -L "./$path" ] || no kind "$here/$path is no plain file"
    exists=yes
    if [ -f "./$path" ] && [ ! -L "./$path" ] && [ "$(size_of "./$path")" = "$size" ]; then
        had=$(digest <"./$path") || had=-
    fi
fi
[ "$check" ] || [ ! -L "./$temp" ] || rm -f -- "./$temp"
part=0 part_had=-
if [ -f "./$temp" ] && part=$(size_of "./$temp") && [ "$part" -gt 0 ]; then
    part_had=$(digest <"./$temp") || part_had=-
fi
say have "$exists" "${had:--}" "${part:-0}" "${part_had:--}"

set_owner() { [ ! "$owner" ] || why=$(chown -h -- "$owner" "$1" 2>&1) || no owner "$why"; }
set_mode() { [ ! "$mode" ] || why=$(chmod -- "$mode" "$1" 2>&1) || no mode "$why"; }
ask
case $word in
    same)
        set_owner "./$path"; set_mode "./$path"
        say done unchanged; exit 0 ;;
    show)
        shown=$(size_of "./$path")
        say content "$shown"
        head -c "$shown" <"./$path"; exit 0 ;;
    put) ;;
    *) exit 0 ;;
esac
if [ "$offset" = 0 ]; then
    rm -f -- "./$temp"
    # What nobody came back for in a week.
    find ./.jobdeck-*.part -prune -type f -mtime +7 -exec rm -f -- {} + 2>/dev/null
    why=$( (umask 077; set -C; : >"./$temp") 2>&1) || no write "$why"
fi
# Where the disk took no more, what it took is given back. After a cut, `cat` ends well.
why=$(cat 2>&1 >>"./$temp") || { rm -f -- "./$temp"; no write "$why"; }
[ "$(size_of "./$temp")" = "$size" ] || no short "$(size_of "./$temp")"
if [ "$(digest <"./$temp")" != "$want" ]; then
    rm -f -- "./$temp"
    no damaged
fi
if [ "$exists" = yes ]; then
    [ "$mode" ] || mode=$({ stat -Lc %a -- "./$path" || stat -Lf %Lp "./$path"; } 2>/dev/null)
    was=$({ stat -Lc %u:%g -- "./$path" || stat -Lf %u:%g "./$path"; } 2>/dev/null)
    [ "$owner" ] || chown -h -- "$was" "./$temp" 2>/dev/null
fi
[ "$mode" ] || mode=$(printf '%o' "$((0$made & ~0$(umask)))")
# The owner comes first: a change of owner takes the set-user-ID bit off.
set_owner "./$temp"; set_mode "./$temp"
sync "./$temp" 2>/dev/null || sync
if ! why=$(mv -fT -- "./$temp" "./$path" 2>&1); then
    [ ! -d "./$path" ] || no kind "$here/$path is a folder"
    why=$(mv -f -- "./$temp" "./$path" 2>&1) || no write "$why"
fi
sync . 2>/dev/null
if [ "$exists" = yes ]; then say done replaced; else say done created; fi
