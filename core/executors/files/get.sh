# Gives one file out: says its size and SHA-256, is told from which byte on, prints it.
#
#   has SIZE DIGEST     -> get OFFSET DIGEST_OF_WHAT_IS_THERE | leave
#   from OFFSET, then the bytes
#
# A file that grows, such as a log, is given as it was when it was looked at.
# Set before: path.
[ -f "$path" ] || no missing "$path is not there"
[ -r "$path" ] || no read "$path cannot be read"
size=$(size_of "$path") || no read "$path cannot be read"
first() { head -c "$1" -- "$path"; }
say has "$size" "$(first "$size" | digest)"
read -r word offset had || exit 1
[ "$word" = get ] || exit 0
if [ "$offset" -gt 0 ] && [ "$(first "$offset" | digest)" != "$had" ]; then offset=0; fi
say from "$offset"
if [ "$offset" = 0 ]; then
    first "$size"
else
    tail -c "+$((offset + 1))" -- "$path" | head -c "$((size - offset))"
fi
