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

# Unpacks Debian packages into a new folder that is a whole machine for the programs in /usr/sbin
# of them, as root: with all libraries, which are installed for that where they are missing.
unpack_by_apt() {
  local folder=$1 libraries package programs library
  shift
  mkdir -p "$folder/packages"
  (
    cd "$folder/packages"
    # As the user who owns the folder; the list of packages may be an old one, or missing.
    readonly fetch=(timeout 300 apt-get download -q -o APT::Sandbox::User=root "$@")
    "${fetch[@]}" || { timeout 300 apt-get update -q && "${fetch[@]}"; }
  ) </dev/null || stop "could not download: $*"
  libraries=$(missing_libraries "$folder"/packages/*.deb | xargs)
  # shellcheck disable=SC2086  # a list of words
  [[ -z $libraries ]] || install_by_apt $libraries
  for package in "$folder"/packages/*.deb; do
    dpkg-deb --fsys-tarfile "$package" | tar -x -C "$folder" --exclude='./usr/share' ||
      stop "could not unpack: $package"
  done
  rm -r "$folder/packages"
  mkdir -p "$folder/dev" "$folder/etc" "$folder/run" "$folder/var"
  install -d -m 1777 "$folder/tmp"
  ln -sfn ../run "$folder/var/run"
  programs=$(find "$folder/usr/sbin" -type f -exec grep -lq '^.ELF' {} \; -print)
  # shellcheck disable=SC2086  # a list of words
  for library in $(ldd $programs | grep -oE '/[^ ]+\.so[^ ]*' | sort -u); do
    mkdir -p "$folder${library%/*}"
    cp -L "$library" "$folder$library"
  done
}

# The libraries that these package files need and that are not installed, as words.
missing_libraries() {
  local file package
  for package in $(for file in "$@"; do dpkg-deb -f "$file" Depends; done |
    tr ',|' '\n' | awk '$1 ~ /^lib/ { print $1 }' | sort -u); do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q ' installed$' || echo "$package"
  done
}
