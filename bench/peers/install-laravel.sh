#!/bin/sh
# Laravel's queue for the bench: installs Debian's packages when it may, says why when it may not, never fails the bench.
packages="php-cli php-pgsql php-illuminate-queue php-illuminate-events"

if [ -e /usr/share/php/Illuminate/Queue/autoload.php ] && [ -e /usr/share/php/Illuminate/Events/autoload.php ] && command -v php >/dev/null; then
    exit 0
fi
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null || [ ! -e /etc/debian_version ]; then
    echo "Laravel's queue is not installed, so it is left out. On Debian, as root: apt-get install $packages" >&2
    exit 0
fi
log=$(mktemp)
trap 'rm -f "$log"' EXIT
export DEBIAN_FRONTEND=noninteractive
# Without an update the lists may name versions that the servers no longer have.
if ! { apt-get update && apt-get install -y --no-install-recommends $packages; } </dev/null >"$log" 2>&1; then
    echo "Laravel's queue could not be installed, so it is left out:" >&2
    tail -n 5 "$log" >&2
fi
exit 0
