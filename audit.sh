#!/bin/sh
# What `make audit` runs: the versions in the lock files against the known vulnerabilities.
#
# Exit code 0: no known vulnerability; 1: there are some; 75: no source of advisories answers, and nothing was checked.
# OSV_URL names another server of the OSV interface than https://api.osv.dev.
set -u
cd "$(dirname "$0")"
AUDIT="${AUDIT:-.venv/audit/bin/pip-audit}"
NODE_LOCK=tests/policy/second_evaluator
PIP_AUDIT="$AUDIT --disable-pip --progress-spinner off --timeout 10 ${OSV_URL:+--osv-url $OSV_URL}"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# A mirror of an index may answer without any advisory: a source counts if it knows those of a version that has some.
printf 'urllib3==1.26.4\n' > "$work/known.txt"
source=
for candidate in pypi osv; do
    if $PIP_AUDIT -s "$candidate" --no-deps -r "$work/known.txt" > "$work/known.out" 2>&1; then continue; fi
    if grep -q 'urllib3 *1\.26\.4 ' "$work/known.out"; then source=$candidate && break; fi
done

code=0
if [ -z "$source" ]; then
    echo "Python: not checked. Neither PyPI nor ${OSV_URL:-https://api.osv.dev} answers with advisories from here."
    code=75
else
    for lock in requirements*.lock; do
        echo "$lock, advisories of $source:"
        $PIP_AUDIT -s "$source" --require-hashes -r "$lock" || code=1
    done
fi

if ! command -v npm > /dev/null; then
    echo "$NODE_LOCK/package-lock.json: not checked. npm is not installed."
elif npm audit --package-lock-only --prefix "$NODE_LOCK" > "$work/npm.out" 2>&1; then
    echo "$NODE_LOCK/package-lock.json: no known vulnerability."
elif grep -q 'severity' "$work/npm.out"; then
    cat "$work/npm.out"
    code=1
else
    echo "$NODE_LOCK/package-lock.json: not checked. npm's registry does not answer with advisories from here."
    [ "$code" = 1 ] || code=75
fi
exit "$code"
