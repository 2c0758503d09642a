# Shared by the programs of file transfers; POSIX only. What they say ends with `end`, set before.
say() { printf "%s$end" "$*"; }
no() { say no "$@"; exit 1; }
digest() {
    if command -v sha256sum >/dev/null 2>&1; then sha256sum
    elif command -v shasum >/dev/null 2>&1; then shasum -a 256
    elif command -v sha256 >/dev/null 2>&1; then sha256 -q
    else openssl dgst -sha256 -r
    fi | { read -r found rest; printf '%s' "$found"; }
}
size_of() { found=$(wc -c <"$1") && printf '%s' "$((found))"; }
home() { case $1 in '~'|'~/'*) printf '%s' "$HOME${1#?}" ;; *) printf '%s' "$1" ;; esac; }
[ "$(printf '' | digest)" = e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855 ] ||
    no digest there is no sha256sum, shasum, sha256 or openssl on the host
