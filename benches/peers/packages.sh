# shellcheck shell=bash disable=SC2154  # `home` and `clients` are those of `run`
# Installs what the peers are made of; sourced by `run`. What is there already is left alone.

# shellcheck source=tests/packages.sh
source tests/packages.sh

install_packages() {
  install_debian_packages
  if is_selected celery || is_selected rq; then install_python_packages; fi
  if is_selected bullmq; then install_node_packages; fi
}

# The Debian packages of the programs that are missing, as words.
missing_packages() {
  command -v smtp-sink >/dev/null && command -v postfix >/dev/null || echo postfix
  needs_redis && { command -v redis-server >/dev/null || echo redis-server; }
  python_with_venv >/dev/null || echo python3 python3-venv
  is_selected bullmq && { command -v npm >/dev/null || echo nodejs npm; }
  command -v setsid >/dev/null || echo util-linux
}

needs_redis() { is_selected celery || is_selected rq || is_selected bullmq; }

install_debian_packages() {
  local missing
  missing=$(missing_packages | xargs)
  [[ -n $missing ]] || return 0
  command -v apt-get >/dev/null || stop "missing: what Debian calls $missing; install it by hand"
  [[ $EUID -eq 0 ]] || stop "missing packages: $missing; run this once as root, or install them by hand"
  # shellcheck disable=SC2086  # a list of words
  install_by_apt $missing
}

install_python_packages() {
  local python requirements=$clients/requirements.txt
  if cmp -s "$requirements" "$home/venv/installed.txt"; then return; fi
  say "installing into $home/venv by pip: $(grep -oE '^(celery|rq|redis)==.*' "$requirements" | xargs)"
  python=$(python_with_venv) || stop 'no Python with the venv module was found'
  "$python" -m venv --clear "$home/venv"
  timeout 300 "$home/venv/bin/python" -m pip install --quiet --disable-pip-version-check \
    --requirement "$requirements" </dev/null || stop "could not install $requirements"
  # Written last, so that an environment that is half made is made anew.
  cp "$requirements" "$home/venv/installed.txt"
}

# Node looks for packages beside the program, so the programs are copied to the packages.
install_node_packages() {
  mkdir -p "$home/node"
  cp "$clients"/*.js "$home/node"
  if cmp -s "$clients/package-lock.json" "$home/node/installed.json"; then return; fi
  say "installing into $home/node by npm: $(grep -oE '"(bullmq|nodemailer)": "[^"]*"' "$clients/package.json" | tr -d '":' | xargs)"
  cp "$clients/package.json" "$clients/package-lock.json" "$home/node"
  (cd "$home/node" && timeout 300 npm ci --ignore-scripts --no-audit --no-fund --loglevel=error) </dev/null ||
    stop "could not install $clients/package-lock.json"
  cp "$clients/package-lock.json" "$home/node/installed.json"
}
