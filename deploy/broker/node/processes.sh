# shellcheck shell=bash
# The processes of a private node: started apart from the caller, and stopped only if they are ours.
#
# Each carries PRIVATE_NODE=NODE_HOME in its environment, leads a group of its own, and has its
# process id in NODE_HOME/NAME.pid. A process without that mark is never signalled.

readonly stop_seconds=30

# A process has no environment to read in the moment it becomes another program, hence three looks.
# In a trap a bare return gives the status from before the trap, hence return 0.
is_ours() {
    local look
    for look in 1 2 3; do
        if [ -e /proc/self/environ ]; then
            grep -qzxF "PRIVATE_NODE=$2" "/proc/$1/environ" 2>/dev/null && return 0
        else
            ps eww -o command= -p "$1" 2>/dev/null | grep -F "PRIVATE_NODE=$2" >/dev/null && return 0
        fi
        kill -0 "$1" 2>/dev/null || return 1
        [ "$look" = 3 ] || sleep 0.02
    done
    return 1
}

# Prints the process id of one of the node's processes, if it is alive.
pid_of() {
    local pid
    pid=$(cat "$1/$2.pid" 2>/dev/null) || return 1
    is_ours "$pid" "$1" && echo "$pid"
}

# A dead process that nobody has reaped still answers signal 0.
is_alive() {
    kill -0 "$1" 2>/dev/null && ! grep -qs ') Z ' "/proc/$1/stat"
}

# Starts a process in a group of its own, so that Ctrl-C does not reach it,
# and without our standard output, so that no reader waits for it.
launch() {
    local home=$1 name=$2 pid
    shift 2
    set -m
    (exec env PRIVATE_NODE="$home" "$@") </dev/null >>"$home/log/$name.console" 2>&1 &
    set +m
    pid=$!
    echo "$pid" >"$home/$name.pid"
    disown
    # Until the new process has its environment, it is not recognisable as ours.
    while is_alive "$pid" && ! is_ours "$pid" "$home"; do :; done
}

# Ends one of the node's processes: asks with the signal, waits, then kills it and what it started.
end_process() {
    local home=$1 name=$2 signal=$3 pid deadline
    if pid=$(pid_of "$home" "$name"); then
        deadline=$((SECONDS + stop_seconds))
        [ "$signal" = KILL ] || kill -s "$signal" "$pid" 2>/dev/null || true
        while is_ours "$pid" "$home"; do
            if [ "$signal" = KILL ] || [ "$SECONDS" -ge "$deadline" ]; then
                kill -s KILL -- "-$pid" 2>/dev/null || true
            fi
            sleep 0.05
        done
    fi
    rm -f "$home/$name.pid"
}
