#!/bin/sh
# `make demo`: from nothing to connectomes on this machine, each command as a person would type it.
set -eu

HOME_OF_DEMO=${OPSCTL_HOME:?}
PATH="$PWD/.venv/bin:$PATH"
export OPSCTL_HOME PATH

show() {
    printf '\n\033[1m$ %s\033[0m\n' "$*" | if [ -t 1 ]; then cat; else sed 's/\x1b\[[0-9]*m//g'; fi
}

step() {
    show "$@"
    "$@"
}

# Whatever happens, nothing stays behind running.
trap '[ -z "${SAMPLE:-}" ] || kill "$SAMPLE" 2>/dev/null || true; opsctl down --force --yes >/dev/null 2>&1 || true' EXIT
trap 'exit 130' INT TERM

rm -rf "$HOME_OF_DEMO/sample" "$HOME_OF_DEMO/connectomes"
mkdir -p "$HOME_OF_DEMO"
chmod 700 "$HOME_OF_DEMO"

# Neither needs the other: the sample is written while Terraform waits for the platform.
show opsctl sample "$HOME_OF_DEMO/sample" '&'
opsctl sample "$HOME_OF_DEMO/sample" >"$HOME_OF_DEMO/sample.log" 2>&1 &
SAMPLE=$!
# Terraform waits 55 s for the rule that removes unfinished uploads; the demo's bucket can do without it.
step opsctl up --local --yes --set unfinished_upload_days=0
show wait
CODE=0
wait "$SAMPLE" || CODE=$?
SAMPLE=
cat "$HOME_OF_DEMO/sample.log"
[ "$CODE" = 0 ] || exit "$CODE"
step opsctl upload "$HOME_OF_DEMO/sample" --name HNU1
step opsctl run HNU1 --sp native --yes
step opsctl logs --follow
step opsctl results "$HOME_OF_DEMO/connectomes/csa"
step opsctl run HNU1 --sp native --model csd --yes --follow
step opsctl status
step opsctl results "$HOME_OF_DEMO/connectomes/csd"
step opsctl down --yes
trap - EXIT

printf '\nThe connectomes are in %s\n' "$HOME_OF_DEMO/connectomes"
