#!/bin/sh
# FreeRADIUS for the hotspot's tests: installs Debian's packages when it may, says why when it may not, never fails the build.
# The tests that need it skip with a reason; where CI=true a skip is a failure.
PATH=$PATH:/usr/sbin
packages="freeradius freeradius-postgresql freeradius-utils"

if command -v freeradius >/dev/null && command -v radclient >/dev/null && ls /usr/lib*/*/rlm_sql_postgresql.so >/dev/null 2>&1; then
    exit 0
fi
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null || [ ! -e /etc/debian_version ]; then
    echo "FreeRADIUS is not installed, so its tests are skipped. On Debian, as root: apt-get install $packages" >&2
    exit 0
fi

# Debian starts a service as soon as it is installed, unless this program forbids it.
policy=/usr/sbin/policy-rc.d
log=$(mktemp)
trap 'rm -f "$log" ${ours:+"$policy"}' EXIT
if [ ! -e "$policy" ]; then
    ours=1
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"
fi

export DEBIAN_FRONTEND=noninteractive
# Without an update the lists may name versions that the servers no longer have.
if ! { apt-get update && apt-get install -y --no-install-recommends $packages; } </dev/null >"$log" 2>&1; then
    echo "FreeRADIUS could not be installed, so its tests are skipped:" >&2
    tail -n 5 "$log" >&2
fi
exit 0
