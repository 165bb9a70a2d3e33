# shellcheck shell=bash
# How programs that are missing are installed; sourced by `tests/run` and `benches/peers/run`,
# which bring `say` and `stop`.

readonly policy=/usr/sbin/policy-rc.d

# The first Python that can make a virtual environment; the one on the path need not be Debian's.
python_with_venv() {
  local python
  for python in python3 /usr/bin/python3; do
    if "$python" -c 'import ensurepip, venv' 2>/dev/null; then
      echo "$python"
      return
    fi
  done
  return 1
}

# Installs Debian packages, given as words, as root; no daemon of theirs starts.
install_by_apt() {
  say "installing by apt-get: $*"
  (
    # No daemon may start by itself: policy-rc.d forbids it, where nothing else does so yet.
    if [[ ! -e $policy ]]; then
      trap 'rm -f "$policy"' EXIT
      printf '#!/bin/sh\nexit 101\n' >"$policy"
      chmod 755 "$policy"
    fi
    # Debian's Postfix gets no configuration and never runs; its programs are what is wanted.
    echo 'postfix postfix/main_mailer_type select No configuration' | debconf-set-selections
    export DEBIAN_FRONTEND=noninteractive
    timeout 300 apt-get update -q &&
      timeout 600 apt-get install -q -y --no-remove --no-install-recommends "$@"
  ) </dev/null || stop "could not install: $*"
}
