# Says which plain files a pattern stands for: size, mode, name below the folder, whole path,
# then one dot; a zero byte ends each. Links in folders are not followed.
#
# Set before: pattern.
pattern=$(home "$pattern")
# Only wildcards are to be seen in it, no blanks.
IFS=
set -- $pattern
unset IFS
count=0
for top; do
    name=${top%/} name=${name##*/}
    if [ -f "$top" ]; then
        count=$((count + 1)); full=$top; top=${full%/*}; [ "$top" ] || top=/
        printf '%s\0%s\0%s\0%s\0' "$(size_of "$full")" \
            "$({ stat -Lc %a -- "$full" || stat -Lf %Lp "$full" || echo 600; } 2>/dev/null)" "$name" "$full"
    elif [ -d "$top" ]; then
        count=$((count + 1)); top=${top%/}
        (cd -- "${top:-/}" && find . -type f -exec sh -c '
            name=$1 top=$2; shift 2
            for file; do
                found=$(wc -c <"$file") 2>/dev/null || continue
                right=$({ stat -c %a -- "$file" || stat -f %Lp "$file"; } 2>/dev/null)
                printf "%s\0%s\0%s\0%s\0" "$((found))" "${right:-600}" "$name${file#.}" "$top${file#.}"
            done' sh "$name" "$top" {} +) || no folder "$top cannot be read"
    fi
done
[ "$count" -gt 0 ] || no missing "$pattern is not there"
say .
